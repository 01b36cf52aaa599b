//! Generalised advantage estimation.

use ludus_spec::Outcome;

/// The discounting of future rewards: γ and λ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discount {
    /// The discount factor per decision (γ), in `0.0..=1.0`.
    pub gamma: f32,
    /// The decay of later temporal-difference errors (λ), in `0.0..=1.0`.
    pub lambda: f32,
}

/// Rewards, values and outcomes of some rows in a rollout.
///
/// # Shapes
///
/// Every slice is time-major `[steps, rows]`, but for `values`, which has the values after the last step too:
/// `[steps + 1, rows]`.
#[derive(Clone, Copy, Debug)]
pub struct Trajectories<'a> {
    /// The number of rows.
    pub rows: usize,
    /// The reward of each step (r).
    pub rewards: &'a [f32],
    /// The critic's estimate before each step, and after the last (V).
    pub values: &'a [f32],
    /// The outcome of each step.
    pub outcomes: &'a [Outcome],
}

/// Generalised advantage estimates of one rollout, written to `advantages`.
///
/// ```text
/// δ[t] = r[t] + γ·V(s[t+1])·live[t] − V(s[t])      live[t] = 0 if step t terminated, else 1
/// A[t] = δ[t] + γ·λ·open[t]·A[t+1]                 open[t] = 0 if step t ended the episode, else 1
/// ```
///
/// A truncated step closes the trace but still bootstraps, since the task would have continued beyond the limit.
/// A step that is no experience (a restart, a vacant row, a faulty one) has the advantage 0 for any numbers, NaN
/// included, and so closes the trace of the step before it.
///
/// # Waiting
///
/// The steps after a decision in which the agent waits ([`Outcome::Waiting`]) belong to that decision: `r[t]` is the
/// sum of the rewards of step `t` and of the waiting steps after it, and `t+1` stands for the first step after those.
/// An end in a waiting step, which is the last of them, is the end of step `t`. A waiting step itself has the advantage
/// 0.
///
/// The discount counts decisions, not steps: γ applies once for each decision, however long the agent waits after it,
/// and rewards during a wait are not discounted. So a γ and a λ mean the same to a policy whether it is called in every
/// step or in every fourth, as with repeated actions (Mnih et al. 2015, doi:10.1038/nature14236); in a game of turns
/// the length of the others' turns does not devalue a win. A semi-Markov process of decisions that last would take γ to
/// the power of the steps (Sutton et al. 1999, doi:10.1016/S0004-3702(99)00052-1).
///
/// If the agent still waits after the rollout's last step, the value after that step stands for the rest. Rewards in
/// the rest of the wait, at the start of the next rollout, belong to no decision there and are left out.
///
/// # Shapes
///
/// `advantages` is time-major `[steps, rows]`.
///
/// # Source
///
/// Schulman et al. 2016, arXiv:1506.02438, eq. 16; truncation as in Pardo et al. 2018, arXiv:1712.00378.
pub fn estimate_advantages(trajectories: Trajectories<'_>, discount: Discount, advantages: &mut [f32]) {
    let Trajectories { rewards, values, outcomes, .. } = trajectories;
    for now in (0..rewards.len()).rev() {
        advantages[now] = if outcomes[now].is_experience() {
            let DecidedStep { reward, outcome, later } = decided_step(&trajectories, now);
            let (bootstrap, trace) = weights(outcome, discount);
            let error = reward + or_zero(bootstrap, values[later]) - values[now];
            error + or_zero(trace, advantages.get(later).copied().unwrap_or(0.0))
        } else {
            0.0
        };
    }
}

/// A step in which an agent decided, merged with the steps after it in which it waited.
struct DecidedStep {
    reward: f32,
    outcome: Outcome,
    /// The index of the row's first step after the wait.
    later: usize,
}

/// Merges the step `now` with the waiting steps after it. Each waiting step is read once, for the decision before it.
#[inline]
fn decided_step(trajectories: &Trajectories<'_>, now: usize) -> DecidedStep {
    let &Trajectories { rows, rewards, outcomes, .. } = trajectories;
    let mut decided_step = DecidedStep { reward: rewards[now], outcome: outcomes[now], later: now + rows };
    while decided_step.outcome == Outcome::Running
        && let Some(outcome) = outcomes.get(decided_step.later).filter(|outcome| outcome.is_waiting())
    {
        decided_step.reward += rewards[decided_step.later];
        decided_step.outcome = outcome.as_decided();
        decided_step.later += rows;
    }
    decided_step
}

/// Returns the weights of the next value and the next advantage: `γ·live` and `γ·λ·open`. Details 5 and 6.
#[inline]
fn weights(outcome: Outcome, discount: Discount) -> (f32, f32) {
    match outcome {
        Outcome::Running => (discount.gamma, discount.gamma * discount.lambda),
        Outcome::Truncated => (discount.gamma, 0.0),
        _ => (0.0, 0.0),
    }
}

/// Returns `weight · value`, and 0 for a weight of 0 even if the value is not finite.
#[inline]
fn or_zero(weight: f32, value: f32) -> f32 {
    if weight == 0.0 { 0.0 } else { weight * value }
}

#[cfg(test)]
mod tests {
    use Outcome::{
        Faulty, Restart, Running, Terminated, Truncated, Vacant, Waiting, WaitingTerminated, WaitingTruncated,
    };
    use rand::RngExt;

    use super::*;

    /// Checks one row: `(reward, value, outcome)` per step and the value after the last.
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

    /// A decision, two steps in which the agent waits, and the next decision. γ = λ = 0.5, worked by hand.
    #[test]
    fn a_wait_belongs_to_the_decision_before_it() {
        // δ3 = 1 + 0.5·4 − 2 = 1
        // steps 1 and 2 wait                A1 = A2 = 0 whatever their values are
        // δ0 = (1 + 2 + 3) + 0.5·2 − 3 = 4  bootstraps from V(s3) = 2, once with γ
        // A0 = 4 + 0.25·1 = 4.25
        let waits = [(2.0, f32::NAN, Waiting), (3.0, f32::NAN, Waiting)];
        let steps = [(1.0, 3.0, Running), waits[0], waits[1], (1.0, 2.0, Running)];
        check((0.5, 0.5), &steps, 4.0, &[4.25, 0.0, 0.0, 1.0]);
    }

    /// The task ends while the agent waits; the next episode has no influence. γ = λ = 0.5, worked by hand.
    #[test]
    fn an_end_in_a_wait_is_that_of_the_decision_before_it() {
        // δ0 = (1 + 2) − 2 = 1              V(s2) = 100 is not used
        // δ3 = 1 + 0.5·2 − 1 = 1            the new episode
        let end = |outcome| [(1.0, 2.0, Running), (2.0, f32::NAN, outcome), (9.0, 100.0, Restart), (1.0, 1.0, Running)];
        check((0.5, 0.5), &end(WaitingTerminated), 2.0, &[1.0, 0.0, 0.0, 1.0]);
        // δ0 = (1 + 2) + 0.5·100 − 2 = 51   bootstraps from the final observation's value, and the trace is closed
        check((0.5, 0.5), &end(WaitingTruncated), 2.0, &[51.0, 0.0, 0.0, 1.0]);
    }

    /// The rollout ends while the agent waits. γ = λ = 0.5, worked by hand.
    #[test]
    fn a_wait_at_the_rollouts_end_bootstraps_from_what_is_seen_there() {
        // δ0 = (1 + 2) + 0.5·4 − 2 = 3
        check((0.5, 0.5), &[(1.0, 2.0, Running), (2.0, f32::NAN, Waiting)], 4.0, &[3.0, 0.0]);
        // δ0 = (1 + 2) − 2 = 1
        check((0.5, 0.5), &[(1.0, 2.0, Running), (2.0, f32::NAN, WaitingTerminated)], f32::NAN, &[1.0, 0.0]);
    }

    /// A rollout that begins with the rest of a wait, and an agent that waits before it first decides.
    #[test]
    fn a_wait_without_a_decision_counts_for_nothing() {
        // δ1 = 1 + 0.5·2 − 1 = 1
        check((0.5, 0.5), &[(9.0, 3.0, Waiting), (1.0, 1.0, Running)], 2.0, &[0.0, 1.0]);
        // δ2 = 1 + 0.5·2 − 1 = 1
        let steps = [(9.0, 3.0, Restart), (9.0, 3.0, Waiting), (1.0, 1.0, Running)];
        check((0.5, 0.5), &steps, 2.0, &[0.0, 0.0, 1.0]);
        check((0.5, 0.5), &[(9.0, 3.0, WaitingTerminated), (1.0, 1.0, Restart)], 2.0, &[0.0, 0.0]);
    }

    /// A wait that is interrupted: rewards until then count, and the value there stands for the rest. γ = λ = 0.5.
    #[test]
    fn a_wait_that_breaks_off_bootstraps_from_what_is_seen_there() {
        // δ0 = (1 + 2) + 0.5·4 − 2 = 3
        for gap in [Vacant, Faulty] {
            let steps = [(1.0, 2.0, Running), (2.0, f32::NAN, Waiting), (f32::NAN, 4.0, gap), (9.0, 1.0, Waiting)];
            check((0.5, 0.5), &steps, 2.0, &[3.0, 0.0, 0.0, 0.0]);
        }
    }

    #[test]
    fn numbers_that_do_not_count_may_be_anything() {
        let steps = [(1.0, 2.0, Terminated), (f32::INFINITY, f32::NAN, Restart), (f32::NAN, f32::NAN, Vacant)];
        check((0.5, 1.0), &steps, f32::NAN, &[-1.0, 0.0, 0.0]);
    }

    #[test]
    fn no_rows_have_no_advantages() {
        let trajectories = Trajectories { rows: 0, rewards: &[], values: &[], outcomes: &[] };
        let mut beyond = [7.0];
        estimate_advantages(trajectories, Discount { gamma: 0.9, lambda: 0.9 }, &mut beyond);
        assert_eq!(beyond, [7.0], "a rollout without rows writes nothing");
    }

    /// Computes `A[t] = Σ_k (γλ)^k δ[k decisions later]` up to the first step that ends the episode or precedes a
    /// masked one.
    fn definition(trajectories: Trajectories<'_>, discount: Discount, step: usize, row: usize) -> f64 {
        let at = |step: usize| step * trajectories.rows + row;
        let steps = trajectories.rewards.len() / trajectories.rows;
        let mut sum = 0.0;
        let (mut now, mut decisions) = (step, 0);
        while now < steps && trajectories.outcomes[at(now)].is_experience() {
            let is_wait = |&later: &usize| trajectories.outcomes[at(later)].is_waiting();
            let goes_on = |&later: &usize| trajectories.outcomes[at(later)] == Waiting;
            let waits = if trajectories.outcomes[at(now)] == Running {
                let whole = (now + 1..steps).take_while(goes_on).count();
                whole + (now + 1 + whole..steps).take(1).filter(is_wait).count()
            } else {
                0
            };
            let reward: f64 = (now..=now + waits).map(|step| f64::from(trajectories.rewards[at(step)])).sum();
            let outcome = trajectories.outcomes[at(now + waits)].as_decided();
            let value = |step| f64::from(trajectories.values[at(step)]);
            let next = if outcome == Terminated { 0.0 } else { value(now + waits + 1) };
            let weight = (f64::from(discount.gamma) * f64::from(discount.lambda)).powi(decisions);
            sum += weight * (reward + f64::from(discount.gamma) * next - value(now));
            if outcome.is_end() {
                break;
            }
            (now, decisions) = (now + waits + 1, decisions + 1);
        }
        sum
    }

    #[test]
    fn advantages_are_what_their_definition_says() {
        let mut rng = ludus_spec::Seed::new(5).generator();
        let ends = [Terminated, Truncated, WaitingTerminated, WaitingTruncated];
        let kinds = [[Running; 4], [Waiting; 4], ends, [Restart, Vacant, Faulty, Running]].concat();
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
