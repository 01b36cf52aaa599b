//! Mistakes in `#[action(…)]`, all of them reported at once.

use ludus_agent::Action;

#[derive(Action)]
struct Drive {
    undecided: f32,
    #[action(range = 0.0..=1.0)]
    only_a_range: f32,
    #[action(continuous, discrete)]
    both: f32,
    #[action(continous)]
    misspelt: f32,
    #[action(continuous = 3)]
    counted: f32,
    #[action(continuous, range = 2.0..=0.0)]
    reversed: f32,
    #[action(continuous, range)]
    missing: f32,
    #[action(discrete, range = 0.0..=1.0)]
    ranged: bool,
    #[action(discrete = 1)]
    no_choice: u8,
    #[action(nested = 2)]
    valued: bool,
}

fn main() {}
