//! Generalised advantage estimation.

use ludus_spec::Outcome;

/// How the future counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discount {
    /// What a reward is worth one step later (γ).
    pub gamma: f32,
    /// How far advantages look past the value estimate (λ).
    pub lambda: f32,
}

/// What happened to some rows in a rollout.
///
/// # Shapes
///
/// Every slice is time-major `[steps, rows]`, but for `values`, which has the values after the last step too:
/// `[steps + 1, rows]`.
#[derive(Clone, Copy, Debug)]
pub struct Trajectories<'a> {
    /// How many rows.
    pub rows: usize,
    /// What each step was worth (r).
    pub rewards: &'a [f32],
    /// The critic's estimate before each step, and after the last (V).
    pub values: &'a [f32],
    /// What each step led to.
    pub outcomes: &'a [Outcome],
}

/// Generalised advantage estimates of one rollout, written to `advantages`.
///
/// ```text
/// δ[t] = r[t] + γ·V(s[t+1])·live[t] − V(s[t])      live[t] = 0 if step t terminated, else 1
/// A[t] = δ[t] + γ·λ·open[t]·A[t+1]                 open[t] = 0 if step t ended the episode, else 1
/// ```
///
/// A truncated step closes the trace but still bootstraps: the world would have gone on, only we stopped looking.
/// A step that is no experience (a restart, a vacant row, a faulty one) has the advantage 0 whatever its numbers are,
/// NaN included, and so closes the trace of the step before it.
///
/// # Shapes
///
/// `advantages` is time-major `[steps, rows]`.
///
/// # Source
///
/// Schulman et al. 2016, arXiv:1506.02438, eq. 16; truncation as in Pardo et al. 2018, arXiv:1712.00378.
pub fn estimate_advantages(trajectories: Trajectories<'_>, discount: Discount, advantages: &mut [f32]) {
    let Trajectories { rows, rewards, values, outcomes } = trajectories;
    for now in (0..rewards.len()).rev() {
        let later = now + rows;
        advantages[now] = if outcomes[now].is_experience() {
            let (bootstrap, trace) = weights(outcomes[now], discount);
            let error = rewards[now] + or_zero(bootstrap, values[later]) - values[now];
            error + or_zero(trace, advantages.get(later).copied().unwrap_or(0.0))
        } else {
            0.0
        };
    }
}

/// What the next value and the next advantage count for: `γ·live` and `γ·λ·open`. Details 5 and 6.
#[inline]
fn weights(outcome: Outcome, discount: Discount) -> (f32, f32) {
    match outcome {
        Outcome::Running => (discount.gamma, discount.gamma * discount.lambda),
        Outcome::Truncated => (discount.gamma, 0.0),
        Outcome::Terminated | Outcome::Restart | Outcome::Vacant | Outcome::Faulty => (0.0, 0.0),
    }
}

/// `weight · value`, and 0 for a weight of 0 even where the value is not finite.
#[inline]
fn or_zero(weight: f32, value: f32) -> f32 {
    if weight == 0.0 { 0.0 } else { weight * value }
}

#[cfg(test)]
mod tests {
    use Outcome::{Faulty, Restart, Running, Terminated, Truncated, Vacant};
    use rand::RngExt;

    use super::*;

    /// One row: `(reward, value, outcome)` per step and the value after the last.
    fn check(discount: (f32, f32), steps: &[(f32, f32, Outcome)], last_value: f32, expected: &[f32]) {
        let rewards: Vec<f32> = steps.iter().map(|step| step.0).collect();
        let values: Vec<f32> = steps.iter().map(|step| step.1).chain([last_value]).collect();
        let outcomes: Vec<Outcome> = steps.iter().map(|step| step.2).collect();
        let trajectories = Trajectories { rows: 1, rewards: &rewards, values: &values, outcomes: &outcomes };
        let mut advantages = vec![f32::NAN; steps.len()];
        estimate_advantages(trajectories, Discount { gamma: discount.0, lambda: discount.1 }, &mut advantages);
        assert_eq!(advantages, expected);
    }

    /// Two steps, the second cut by the time limit. γ = 0.5, λ = 1, worked by hand.
    #[test]
    fn a_truncated_step_bootstraps() {
        // δ1 = 1 + 0.5·4 − 2 = 1      (live: V(s2) = 4 counts)
        // δ0 = 1 + 0.5·2 − 2 = 0      A0 = δ0 + 0.5·1·δ1 = 0.5
        check((0.5, 1.0), &[(1.0, 2.0, Running), (1.0, 2.0, Truncated)], 4.0, &[0.5, 1.0]);
    }

    /// The same, but the task ended. γ = 0.5, λ = 1, worked by hand.
    #[test]
    fn a_terminated_step_does_not() {
        // δ1 = 1 − 2 = −1             (not live: V(s2) = 4 counts for nothing)
        // δ0 = 1 + 0.5·2 − 2 = 0      A0 = 0 + 0.5·(−1) = −0.5
        check((0.5, 1.0), &[(1.0, 2.0, Running), (1.0, 2.0, Terminated)], 4.0, &[-0.5, -1.0]);
    }

    /// An episode is cut, restarts, and goes on; nothing crosses the restart step. γ = λ = 0.5.
    #[test]
    fn the_restart_step_is_masked() {
        // δ2 = 1 + 0.5·8 − 3 = 2      the new episode's first step
        // step 1 is the restart       A1 = 0 though its reward is 100
        // δ0 = 2 + 0.5·6 − 1 = 4      bootstraps from V(s1) = 6, the final observation's value
        check((0.5, 0.5), &[(2.0, 1.0, Truncated), (100.0, 6.0, Restart), (1.0, 3.0, Running)], 8.0, &[4.0, 0.0, 2.0]);
    }

    /// A step whose numbers are not finite. γ = λ = 0.5, worked by hand.
    #[test]
    fn a_faulty_step_closes_the_trace() {
        // δ2 = 1 + 0.5·2 − 1 = 1      learned from as ever
        // step 1 is faulty            A1 = 0
        // δ0 = 1 + 0.5·4 − 2 = 1      A0 = δ0 + 0.25·0
        let steps = [(1.0, 2.0, Running), (f32::NAN, 4.0, Faulty), (1.0, 1.0, Running)];
        check((0.5, 0.5), &steps, 2.0, &[1.0, 0.0, 1.0]);
    }

    #[test]
    fn numbers_that_do_not_count_may_be_anything() {
        let steps = [(1.0, 2.0, Terminated), (f32::INFINITY, f32::NAN, Restart), (f32::NAN, f32::NAN, Vacant)];
        check((0.5, 1.0), &steps, f32::NAN, &[-1.0, 0.0, 0.0]);
    }

    #[test]
    fn no_rows_have_no_advantages() {
        let trajectories = Trajectories { rows: 0, rewards: &[], values: &[], outcomes: &[] };
        estimate_advantages(trajectories, Discount { gamma: 0.9, lambda: 0.9 }, &mut []);
    }

    /// `A[t] = Σ_k (γλ)^k δ[t+k]` up to and with the first step that ends the episode or before one that is masked.
    fn definition(trajectories: Trajectories<'_>, discount: Discount, step: usize, row: usize) -> f64 {
        let at = |step: usize| step * trajectories.rows + row;
        let steps = trajectories.rewards.len() / trajectories.rows;
        let mut sum = 0.0;
        for later in step..steps {
            let outcome = trajectories.outcomes[at(later)];
            if !outcome.is_experience() {
                break;
            }
            let next = if outcome == Terminated { 0.0 } else { f64::from(trajectories.values[at(later + 1)]) };
            let target = f64::from(trajectories.rewards[at(later)]) + f64::from(discount.gamma) * next;
            let weight = (f64::from(discount.gamma) * f64::from(discount.lambda)).powi((later - step) as i32);
            sum += weight * (target - f64::from(trajectories.values[at(later)]));
            if outcome.is_end() {
                break;
            }
        }
        sum
    }

    #[test]
    fn advantages_are_what_their_definition_says() {
        let mut rng = ludus_spec::Seed::new(5).generator();
        let kinds = [Running, Running, Running, Running, Terminated, Truncated, Restart, Vacant, Faulty];
        for (steps, rows) in [(1, 1), (7, 3), (40, 5), (64, 17)] {
            let numbers = |count: usize, rng: &mut ludus_spec::Generator| -> Vec<f32> {
                (0..count).map(|_| rng.random_range(-2.0..2.0)).collect()
            };
            let rewards = numbers(steps * rows, &mut rng);
            let values = numbers((steps + 1) * rows, &mut rng);
            let outcomes: Vec<Outcome> = (0..steps * rows).map(|_| kinds[rng.random_range(0..kinds.len())]).collect();
            let trajectories = Trajectories { rows, rewards: &rewards, values: &values, outcomes: &outcomes };
            let discount = Discount { gamma: 0.97, lambda: 0.9 };
            let mut advantages = vec![0.0; steps * rows];
            estimate_advantages(trajectories, discount, &mut advantages);
            for (index, &advantage) in advantages.iter().enumerate() {
                let expected = definition(trajectories, discount, index / rows, index % rows);
                assert!((f64::from(advantage) - expected).abs() < 1e-4, "{steps}×{rows} at {index}");
            }
        }
    }
}
