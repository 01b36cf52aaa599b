//! Counts that turn out wrong only once they are known.

use ludus_agent::Action;

const ONE: usize = 1;

#[derive(Action)]
struct TooFew {
    #[action(discrete = ONE)]
    lane: u8,
}

#[derive(Action)]
struct TooMany {
    #[action(discrete = 257)]
    lane: u8,
}

fn main() {
    let _ = [0.0; TooFew::WIDTH];
    let _ = [0.0; TooMany::WIDTH];
}
