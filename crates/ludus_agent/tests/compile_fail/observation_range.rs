//! Ranges that turn out wrong only once they are known.

use ludus_agent::Observation;

const NEAR: f32 = 3.0;
const FAR: f32 = 2.0;

#[derive(Observation)]
struct Senses {
    #[observation(range = NEAR..=FAR)]
    distance: f32,
}

#[derive(Observation)]
struct Endless {
    #[observation(range = NEAR..=f32::INFINITY)]
    distance: f32,
}

fn main() {
    let _ = [0.0; Endless::WIDTH];
    let _ = [0.0; Senses::WIDTH];
}
