//! The discounted return of a stream, from its rewards alone.

use ludus_spec::Outcome;

use crate::gae::{Trajectories, estimate_advantages};
use crate::{Discount, Rollout, Sums};

/// A rollout with the rewards of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct RewardedRollout<'a> {
    /// The rollout, for its sizes.
    pub rollout: &'a Rollout,
    /// The reward of each step `[samples]`.
    pub rewards: &'a [f32],
    /// The outcome of each step `[samples]`. They say where returns end.
    pub outcomes: &'a [Outcome],
}

/// Returns the mean discounted return of a rollout's decisions; 0 if there are none.
///
/// ```text
/// G[t] = r[t] + γ·r[t+1] + γ²·r[t+2] + …      up to the end of the episode or of the rollout, whichever comes first
/// ```
///
/// No estimate of the critic has a part in it: what would come after the rollout counts 0. So the returns of its last
/// steps, about `1 / (1 − γ)` of them, are nearer to 0 than those of whole episodes.
/// Waits belong to the decision before them, as in [`estimate_advantages`]: with a critic that estimates 0, and λ = 1,
/// advantages are these returns.
pub(super) fn mean_return(rewarded: RewardedRollout<'_>, gamma: f32) -> f32 {
    let RewardedRollout { rollout, rewards, outcomes } = rewarded;
    let shape = rollout.shape();
    let (mut returns, mut sums) = (Vec::new(), Sums::default());
    for (place, &rows) in rollout.slab_places().zip(&shape.rows) {
        let no_values = vec![0.0; place.len()];
        let steps = place.start..place.end - rows;
        returns.resize(steps.len(), 0.0);
        let (rewards, outcomes) = (&rewards[steps.clone()], &outcomes[steps]);
        let trajectories = Trajectories { rows, rewards, values: &no_values, outcomes };
        estimate_advantages(trajectories, Discount { gamma, lambda: 1.0 }, &mut returns);
        let of_decisions = returns.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_experience());
        of_decisions.for_each(|(&discounted, _)| sums.push(discounted));
    }
    sums.mean() as f32
}

#[cfg(test)]
mod tests {
    use Outcome::{Restart, Running, Terminated, Truncated, Vacant, Waiting};

    use super::*;
    use crate::RolloutShape;

    /// Checks the mean of several simulations with one row each: `(reward, outcome)` per step. γ = 0.5.
    fn check(simulations: &[&[(f32, Outcome)]], expected: f32) {
        let shape =
            RolloutShape { steps: simulations[0].len(), rows: vec![1; simulations.len()], ..Default::default() };
        let mut rollout = Rollout::new(shape);
        // The critic estimates much, and rewards after the last step are not of this rollout.
        rollout.slabs_mut().for_each(|slab| slab.values.fill(100.0));
        let steps = || simulations.iter().flat_map(|steps| steps.iter().copied().chain([(50.0, Vacant)]));
        let (rewards, outcomes): (Vec<f32>, Vec<Outcome>) = steps().unzip();
        let rewarded = RewardedRollout { rollout: &rollout, rewards: &rewards, outcomes: &outcomes };
        assert_eq!(mean_return(rewarded, 0.5), expected);
    }

    #[test]
    fn a_return_has_no_part_of_the_critic() {
        // 4 + 0.5·2 + 0.25·8 = 7,  2 + 0.5·8 = 6,  8
        check(&[&[(4.0, Running), (2.0, Running), (8.0, Running)]], (7.0 + 6.0 + 8.0) / 3.0);
        // A limit ends the return as any end does: 4 + 0.5·2 = 5,  2,  and in the next episode 8
        check(&[&[(4.0, Running), (2.0, Truncated), (9.0, Restart), (8.0, Terminated)]], (5.0 + 2.0 + 8.0) / 3.0);
    }

    #[test]
    fn rewards_of_a_wait_belong_to_the_decision_before_it() {
        // (4 + 2) + 0.5·8 = 10,  8
        check(&[&[(4.0, Running), (2.0, Waiting), (8.0, Running)]], (10.0 + 8.0) / 2.0);
    }

    #[test]
    fn all_simulations_count() {
        // 4 + 0.5·2 = 5,  2,  and in the other 6 + 0.5·0 = 6,  0
        check(
            &[&[(4.0, Running), (2.0, Running)], &[(6.0, Running), (0.0, Terminated)]],
            (5.0 + 2.0 + 6.0 + 0.0) / 4.0,
        );
        check(&[&[(4.0, Restart), (2.0, Vacant)]], 0.0);
    }
}
