//! Successive halving: a trial ends early if earlier ones were better after as many steps.
//!
//! A trial is compared at a few points, the rungs. It goes on past a rung if its mean return there is among the better
//! half of all trials that have come as far. The least return that it needs is worked out before it starts, from the
//! trials that have ended by then. So a trial's process needs no answer while it runs, and what it does can be repeated
//! without the others.
//!
//! # Source
//!
//! Li et al. 2020, "A System for Massively Parallel Hyperparameter Tuning", arXiv:1810.05934, algorithm 2, in the
//! variant that ends trials instead of pausing them. With a third instead of the half, as there, runs with other seeds
//! differ too much: on `cart_pole`, values that were among the best were pruned.

use serde::{Deserialize, Serialize};

/// The steps of a rung in those of the next.
const FACTOR: u64 = 3;

/// One in so many trials goes on past a rung.
const GOING_ON: usize = 2;

/// Rungs of a trial: after a ninth and a third of its steps.
const RUNGS: u32 = 2;

/// Trials that must have come to a rung before others are pruned there.
const LEAST_TRIALS: usize = 4;

/// A point at which a trial is compared with earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rung {
    /// Steps of each run.
    pub steps: u64,
    /// The least mean return with which the trial goes on; `None` if every trial does.
    pub least: Option<f64>,
}

/// The steps of the rungs of runs of so many steps, in their order.
pub(crate) fn rung_steps(steps: u64) -> Vec<u64> {
    (1..=RUNGS).rev().map(|power| steps / FACTOR.pow(power)).filter(|&steps| steps > 0).collect()
}

/// The least mean return with which a trial goes on past a rung at which earlier trials had these mean returns.
pub(crate) fn least(earlier: &mut [f64]) -> Option<f64> {
    if earlier.len() < LEAST_TRIALS {
        return None;
    }
    earlier.sort_unstable_by(|one, other| other.total_cmp(one));
    // The trial itself counts among those at the rung.
    let going_on = (earlier.len() + 1).div_ceil(GOING_ON);
    Some(earlier[going_on - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_a_ninth_and_a_third_of_the_steps() {
        assert_eq!(rung_steps(90_000), [10_000, 30_000]);
        assert_eq!(rung_steps(5), [1], "a rung without steps is none");
    }

    #[test]
    fn the_better_half_goes_on() {
        assert_eq!(least(&mut [1.0, 2.0, 3.0]), None, "too few to compare with");
        // Five at the rung, of which three go on: the trial has to be as good as the third best of the others.
        assert_eq!(least(&mut [1.0, 4.0, 2.0, 3.0]), Some(2.0));
        assert_eq!(least(&mut [1.0, 2.0, 3.0, 4.0, 5.0]), Some(3.0));
    }
}
