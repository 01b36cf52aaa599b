//! Items that have no names for their columns.

use bevy::math::Vec3;
use ludus_agent::Observation;

#[derive(Observation)]
struct Tuple(f32, Vec3);

#[derive(Observation)]
struct Empty;

#[derive(Observation)]
enum Ground {
    Grass,
    Water(f32),
    Ice { thickness: f32 },
}

#[derive(Observation)]
enum Lonely {
    Only,
}

#[derive(Observation)]
union Either {
    number: f32,
    bits: u32,
}

fn main() {}
