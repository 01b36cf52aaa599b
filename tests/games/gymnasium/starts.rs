//! Episodes begin where Gymnasium's `reset` begins them: each number is drawn uniformly, and nothing moves in the
//! restart step.

use core::f32::consts::PI;
use core::ops::Range;

use bevy_ludus::spec::Outcome;
use bevy_ludus::worlds::PooledWorld;

use super::{ACROBOT, CART_POLE, Game, MOUNTAIN_CAR, MOUNTAIN_CAR_CONTINUOUS, PENDULUM};

const ARENAS: u32 = 256;

/// Returns the observations of the rows that restart in this step.
fn starts(world: &PooledWorld) -> Vec<Vec<f32>> {
    let (rows, width) = (world.rows(0), world.spec(0).observation_width());
    let restarts = rows.outcomes().iter().zip(rows.observations().chunks_exact(width));
    restarts.filter(|(outcome, _)| **outcome == Outcome::Restart).map(|(_, row)| row.to_vec()).collect()
}

/// Checks that numbers are drawn uniformly from a range. One that is empty has a single number.
fn assert_uniform(numbers: &[f32], range: &Range<f32>) {
    let (low, width) = (range.start, range.end - range.start);
    let parts = || numbers.iter().map(|number| number - low);
    // A cosine turns the last bits.
    let is_inside = |part: f32| (-1e-6..=width + 1e-6).contains(&part);
    assert!(parts().all(is_inside), "{numbers:?} in {range:?}");
    let (least, most) = (parts().fold(f32::MAX, f32::min), parts().fold(f32::MIN, f32::max));
    assert!(least <= 0.05 * width && most >= 0.95 * width, "from {least} to {most} above {low}");
    // The mean of 256 has a deviation of 0.018 of the width.
    let mean = parts().sum::<f32>() / numbers.len() as f32;
    assert!((mean - width / 2.0).abs() <= 0.08 * width, "the mean of {numbers:?} in {range:?}");
}

/// Checks the first episodes and later ones. `state` returns the numbers of an observation that are drawn.
fn check<const DRAWN: usize>(game: Game, state: fn(&[f32]) -> [f32; DRAWN], ranges: [Range<f32>; DRAWN]) {
    let assert_starts = |starts: &[Vec<f32>]| {
        for (column, range) in ranges.iter().enumerate() {
            let numbers: Vec<f32> = starts.iter().map(|start| state(start)[column]).collect();
            assert_uniform(&numbers, range);
        }
    };
    let mut world = game.world(ARENAS);
    assert_starts(&starts(&world));
    let mut later = Vec::new();
    // Some games end by their limit only: all rows at once.
    while later.len() < ARENAS as usize {
        world.rows_mut(0).actions_mut().fill(1.0);
        world.step().expect("the game doesn't panic");
        later.extend(starts(&world));
    }
    assert_starts(&later);
}

#[test]
fn games_start_where_gymnasium_s_do() {
    let four = |reach: f32| [(); 4].map(|()| -reach..reach);
    check(CART_POLE, |seen| seen.try_into().expect("four numbers"), four(0.05));
    check(ACROBOT, |seen| [seen[1].atan2(seen[0]), seen[3].atan2(seen[2]), seen[4], seen[5]], four(0.1));
    check(PENDULUM, |seen| [seen[1].atan2(seen[0]), seen[2]], [-PI..PI, -1.0..1.0]);
    let car: fn(&[f32]) -> [f32; 2] = |seen| [seen[0], seen[1]];
    check(MOUNTAIN_CAR, car, [-0.6..-0.4, 0.0..0.0]);
    check(MOUNTAIN_CAR_CONTINUOUS, car, [-0.6..-0.4, 0.0..0.0]);
}
