//! Episodes are truncated after as many steps as Gymnasium's `TimeLimit` allows.

use bevy_ludus::spec::Outcome;

use super::{ACROBOT, Game, MOUNTAIN_CAR, MOUNTAIN_CAR_CONTINUOUS, PENDULUM};

/// Plays with an action that solves nothing, until the episode ends.
#[test]
fn an_episode_lasts_as_long_as_gymnasium_s() {
    let check = |game: Game, idle: f32, expected: usize| {
        let mut world = game.world(1);
        let mut step = || {
            world.rows_mut(0).actions_mut().fill(idle);
            world.step().expect("the game doesn't panic");
            world.rows(0).outcomes()[0]
        };
        let steps = (1..).find(|_| step() == Outcome::Truncated);
        assert_eq!(steps, Some(expected), "{}", game.name);
    };
    check(ACROBOT, 1.0, 500);
    check(PENDULUM, 0.0, 200);
    check(MOUNTAIN_CAR, 1.0, 200);
    check(MOUNTAIN_CAR_CONTINUOUS, 0.0, 999);
}
