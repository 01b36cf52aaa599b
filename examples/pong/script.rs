//! A paddle that follows the ball: the game's own opponent.

use bevy::prelude::*;
use bevy_ludus::prelude::*;

use super::{HALF_PADDLE, Paddle, PaddleSenses, Slide};
use bevy_ludus::agent::AgentRows;

/// Slides the paddles that are left to the game: towards a ball that comes, and towards the middle while it goes.
pub fn slide(
    clock: Res<StepClock>,
    rows: Res<AgentRows<Paddle>>,
    mut paddles: Query<(&PaddleSenses, &Controller, &mut Slide), With<Paddle>>,
) {
    if !clock.is_first_tick() {
        return;
    }
    for (senses, controller, mut slide) in &mut paddles {
        if *controller == Controller::Scripted || rows.game_decides() {
            let comes = senses.velocity.x < 0.0;
            *slide = towards(senses.own, if comes { senses.ball.y } else { 0.0 });
        }
    }
}

fn towards(own: f32, goal: f32) -> Slide {
    match goal - own {
        way if way > HALF_PADDLE / 2.0 => Slide::Up,
        way if way < -HALF_PADDLE / 2.0 => Slide::Down,
        _ => Slide::Stay,
    }
}
