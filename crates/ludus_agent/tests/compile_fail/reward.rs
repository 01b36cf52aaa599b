//! Rewards that can't be weighted and added up.

use ludus_agent::Reward;

#[derive(Reward)]
struct Score {
    progress: f32,
    coins: u32,
    parts: Vec<f32>,
}

#[derive(Reward)]
struct Tuple(f32);

#[derive(Reward)]
struct Empty;

#[derive(Reward)]
enum Prize {
    Gold,
    Silver,
}

fn main() {}
