//! Fields that are no numbers.

use ludus_agent::Observation;

#[derive(Observation)]
struct Senses {
    lives: u32,
    name: String,
    eyes: Eyes,
    history: [i32; 4],
}

struct Eyes {
    distance: f32,
}

fn main() {}
