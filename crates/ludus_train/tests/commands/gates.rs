//! A game in which not everything is always allowed: walk through the dearest gate that is open, eight times.

use bevy::prelude::*;
use ludus_agent::{
    Action, ActionMask, Agent, AgentAppExt, Arena, Episode, EpisodeRng, InArena, Observation, Reward, Score, Sense,
};
use rand::RngExt;

/// Gates in an episode.
const GATES: u32 = 8;

#[derive(Component, Agent, Default)]
#[require(ActionMask<Gate>, Doors)]
#[agent(observation = Nothing, action = Gate, reward = Toll)]
pub struct Walker;

/// Which gates are open. Before the first draw all are.
#[derive(Component)]
struct Doors([bool; 3]);

impl Default for Doors {
    fn default() -> Self {
        Self([true; 3])
    }
}

/// The masks say it all.
#[derive(Component, Observation, Default)]
pub struct Nothing {
    pub nothing: f32,
}

#[derive(Component, Action, Default, Clone, Copy, PartialEq, Debug)]
pub enum Gate {
    #[default]
    Iron,
    Silver,
    Gold,
}

impl Gate {
    const ALL: [Self; 3] = [Self::Iron, Self::Silver, Self::Gold];
}

#[derive(Component, Reward, Default)]
pub struct Toll {
    /// 1 for the dearest gate that was open.
    pub dearest: f32,
}

/// The game as it should be: it panics where a policy walks through a shut gate.
pub fn gates(app: &mut App) {
    app.add_agent::<Walker>()
        .add_observer(|on: On<Add, Arena>, mut commands: Commands| {
            commands.spawn((Walker, InArena(on.entity)));
        })
        .add_systems(Score, score)
        .add_systems(Sense, sense);
}

/// Now and then the mask allows nothing.
pub fn walls(app: &mut App) {
    gates(app);
    app.add_systems(Sense, wall_up.after(sense));
}

fn score(mut walkers: Query<(&Doors, &Gate, &mut Toll, &mut Episode)>) {
    for (doors, gate, mut toll, mut episode) in &mut walkers {
        if !episode.is_running() {
            continue;
        }
        assert!(doors.0[*gate as usize], "{gate:?} was shut");
        let dearest = doors.0.iter().rposition(|is_open| *is_open);
        toll.dearest = f32::from(dearest == Some(*gate as usize));
        if episode.steps() + 1 >= GATES {
            episode.terminate();
        }
    }
}

fn sense(mut walkers: Query<(&mut Doors, &mut ActionMask<Gate>, &mut EpisodeRng)>) {
    for (mut doors, mut mask, mut rng) in &mut walkers {
        doors.0 = core::array::from_fn(|_| rng.random());
        doors.0[rng.random_range(0..3)] = true;
        mask.allow_only(Gate::ALL.into_iter().filter(|gate| doors.0[*gate as usize]));
    }
}

/// Behind a wall all gates count as open.
fn wall_up(mut walkers: Query<(&mut Doors, &mut ActionMask<Gate>)>, mut steps: Local<u32>) {
    *steps += 1;
    if steps.is_multiple_of(40)
        && let Some((mut doors, mut mask)) = walkers.iter_mut().next()
    {
        doors.0 = [true; 3];
        mask.allow_only([]);
    }
}
