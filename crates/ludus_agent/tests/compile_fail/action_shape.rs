//! Items that are no set of decisions.

use bevy::math::Vec2;
use ludus_agent::Action;

#[derive(Action)]
struct Tuple(#[action(continuous)] Vec2);

#[derive(Action)]
struct Empty {}

#[derive(Action)]
enum Command {
    Wait,
    Walk(Vec2),
}

#[derive(Action)]
enum Lonely {
    Only,
}

fn main() {}
