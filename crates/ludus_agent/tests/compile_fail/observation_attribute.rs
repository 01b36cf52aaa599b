//! Mistakes in `#[observation(…)]`, all of them reported at once.

use ludus_agent::Observation;

#[derive(Observation)]
struct Senses {
    #[observation(rang = 0.0..=1.0)]
    unknown: f32,
    #[observation(range = 1.0..=-1.0)]
    reversed: f32,
    #[observation(range = 0.5..=0.5)]
    empty: f32,
    #[observation(range = 0.0..1.0)]
    half_open: f32,
    #[observation(range = 0.0..)]
    endless: f32,
    #[observation(range)]
    missing: f32,
    #[observation(range = 0.0..=1.0, range = 0.0..=2.0)]
    twice: f32,
    #[observation]
    bare: f32,
}

fn main() {}
