//! Attributes of a reward's terms that say nothing.

use ludus_agent::Reward;

#[derive(Reward)]
struct Valued {
    #[reward(team = true)]
    delivered: f32,
}

#[derive(Reward)]
struct Unknown {
    #[reward(shared)]
    delivered: f32,
}

#[derive(Reward)]
struct Twice {
    #[reward(team, team)]
    delivered: f32,
}

fn main() {}
