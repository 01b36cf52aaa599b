//! Reward scaling by the deviation of the discounted return.

use ludus_spec::Outcome;

use crate::rollout::RewardedSteps;
use crate::statistics::{Moments, Sums};

/// The largest absolute value of a scaled reward.
const LIMIT: f32 = 10.0;

/// Divides rewards by the running deviation of the discounted return. Detail 15.
///
/// ```text
/// G[t] = r[t] + γ·G[t−1], from 0 at the start of every episode;   r[t] ← clamp(r[t] / √(Var G + 1e-8), −10, 10)
/// ```
///
/// # Source
///
/// Engstrom et al. 2020, arXiv:2005.12729, §3, algorithm 1; Huang et al. 2022, continuous details 8 and 9.
#[derive(Clone, Debug)]
pub struct RewardScale {
    returns: Vec<f32>,
    moments: Moments,
}

impl RewardScale {
    /// Makes a scale without statistics, for this many rows.
    pub fn new(rows: usize) -> Self {
        Self { returns: vec![0.0; rows], moments: Moments::default() }
    }

    /// Returns the statistics of the discounted returns.
    pub const fn moments(&self) -> Moments {
        self.moments
    }

    /// Restores saved statistics. Every row must be at the start of an episode.
    pub fn restore(&mut self, moments: Moments) {
        self.moments = moments;
        self.returns.fill(0.0);
    }

    /// Merges the discounted returns of a rollout into the statistics, slab by slab in order of time, then scales the
    /// rewards.
    pub fn scale(&mut self, steps: RewardedSteps<'_>, gamma: f32) {
        let returns = self.follow(&steps, gamma);
        self.moments.merge(&returns);
        let scale = (1.0 / (self.moments.variance + 1e-8).sqrt()) as f32;
        steps.rewards.iter_mut().for_each(|reward| *reward = (*reward * scale).clamp(-LIMIT, LIMIT));
    }

    /// Updates every row's discounted return over the rollout. Returns the sums of these returns.
    fn follow(&mut self, steps: &RewardedSteps<'_>, gamma: f32) -> Sums {
        let RewardedSteps { shape, rewards, outcomes } = steps;
        let (mut sums, mut first_row) = (Sums::default(), 0);
        for (place, &rows) in shape.slab_places().zip(&shape.rows) {
            let (rewards, outcomes) = (&rewards[place.clone()], &outcomes[place]);
            let totals = &mut self.returns[first_row..][..rows];
            first_row += rows;
            for sample in 0..shape.steps * rows {
                let (outcome, total) = (outcomes[sample], &mut totals[sample % rows]);
                if outcome.is_experience() {
                    *total = rewards[sample] + gamma * *total;
                    sums.push(*total);
                } else if outcome.is_waiting() {
                    // The reward belongs to the last decision.
                    *total += rewards[sample];
                }
                if outcome.as_decided() != Outcome::Running {
                    *total = 0.0;
                }
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Outcome::{Restart, Running, Terminated};

    use super::*;
    use crate::rollout::{Rollout, RolloutShape};

    /// One row over four steps, γ = 0.5, by hand: returns 2, 2 (= 1 + 0.5·2), then a new episode: 6.
    #[test]
    fn rewards_are_divided_by_the_deviation_of_the_returns() {
        let shape = RolloutShape { steps: 4, rows: vec![1], ..RolloutShape::default() };
        let mut rollout = Rollout::new(shape);
        let slab = rollout.slabs_mut().next().unwrap();
        slab.rewards[..4].copy_from_slice(&[2.0, 1.0, f32::NAN, 6.0]);
        slab.outcomes[..4].copy_from_slice(&[Running, Terminated, Restart, Running]);
        let mut scale = RewardScale::new(1);
        scale.scale(rollout.rewarded_steps(), 0.5);
        let moments = scale.moments();
        assert_eq!(moments.count, 3.0);
        assert!((moments.mean - 10.0 / 3.0).abs() < 1e-12);
        assert!((moments.variance - 32.0 / 9.0).abs() < 1e-12);
        assert!((rollout.samples().rewards[0] - 2.0 / (32.0_f32 / 9.0).sqrt()).abs() < 1e-6);
        // The row's return is kept for the next rollout.
        assert_eq!(scale.returns, [6.0]);
    }

    #[test]
    fn a_scaled_reward_is_limited() {
        let shape = RolloutShape { steps: 1, rows: vec![1], ..RolloutShape::default() };
        let mut rollout = Rollout::new(shape);
        let slab = rollout.slabs_mut().next().unwrap();
        (slab.rewards[0], slab.outcomes[0]) = (-3.0, Running);
        RewardScale::new(1).scale(rollout.rewarded_steps(), 0.5);
        assert_eq!(rollout.samples().rewards[0], -10.0, "a single return has no deviation");
    }

    /// Rewards of a wait belong to the last decision: the returns are 2, 2 + 1 = 3, then 0.5·3 + 4 = 5.5.
    #[test]
    fn rewards_of_waiting_steps_add_up_without_a_discount() {
        let shape = RolloutShape { steps: 3, rows: vec![1], ..RolloutShape::default() };
        let mut rollout = Rollout::new(shape);
        let slab = rollout.slabs_mut().next().unwrap();
        slab.rewards[..3].copy_from_slice(&[2.0, 1.0, 4.0]);
        slab.outcomes[..3].copy_from_slice(&[Running, Outcome::Waiting, Running]);
        let mut scale = RewardScale::new(1);
        scale.scale(rollout.rewarded_steps(), 0.5);
        assert_eq!((scale.returns[0], scale.moments().count), (5.5, 2.0));
    }
}
