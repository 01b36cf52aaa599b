//! Fields whose types can't be decided as their attributes say.

use bevy::math::Vec2;
use ludus_agent::Action;

#[derive(Action)]
struct Drive {
    #[action(discrete)]
    steer: f32,
    #[action(discrete)]
    lane: u8,
    #[action(discrete = 3)]
    speed: Vec2,
    #[action(continuous)]
    horn: bool,
    #[action(nested)]
    turret: Turret,
}

struct Turret;

fn main() {}
