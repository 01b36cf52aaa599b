//! Transitions over several steps.

use ludus_spec::Outcome;

use super::Replay;

/// A decision, what came of it within n decisions, and where the rest is to be estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Transition {
    /// The entry of the decision.
    pub entry: usize,
    /// The sum of the rewards, each discounted by the decisions before it: `r[0] + γ·r[1] + …`.
    pub reward: f32,
    /// The weight of the value of what follows: γ to the power of the decisions, or 0 after a terminated step.
    pub bootstrap: f32,
    /// The entry whose observation follows.
    pub next: usize,
}

impl Transition {
    /// Returns the transition that begins with the decision in this entry, over `n` decisions, or fewer where the episode
    /// ends or where nothing more is known. `None` if the entry is no experience.
    ///
    /// A terminated step ends it without a bootstrap, a truncated one with the value of its true final observation. The
    /// restart step after them is in no transition. Steps in which the agent waited belong to the decision before them.
    ///
    /// # Source
    ///
    /// Sutton 1988, doi:10.1007/BF00115009; Hessel et al. 2018, arXiv:1710.02298, for n-step targets from a replay.
    pub fn new(replay: &Replay, entry: usize, n: usize, gamma: f32) -> Option<Self> {
        if !replay.outcome(entry).is_experience() {
            return None;
        }
        let mut transition = Self { entry, reward: 0.0, bootstrap: 1.0, next: entry };
        for _ in 0..n {
            if !replay.outcome(transition.next).is_experience() {
                break;
            }
            match transition.add_decision(replay, gamma) {
                Outcome::Running => {}
                Outcome::Terminated => {
                    transition.bootstrap = 0.0;
                    break;
                }
                _ => break,
            }
        }
        Some(transition)
    }

    /// Adds the decision in the next entry, and the waiting steps after it. Returns the outcome of them together.
    fn add_decision(&mut self, replay: &Replay, gamma: f32) -> Outcome {
        let (mut reward, mut outcome) = (replay.reward(self.next), replay.outcome(self.next));
        self.next = replay.next(self.next);
        while outcome == Outcome::Running && replay.outcome(self.next).is_waiting() {
            reward += replay.reward(self.next);
            outcome = replay.outcome(self.next).as_decided();
            self.next = replay.next(self.next);
        }
        self.reward += self.bootstrap * reward;
        self.bootstrap *= gamma;
        outcome
    }
}

#[cfg(test)]
mod tests {
    use Outcome::{Faulty, Restart, Running, Terminated, Truncated, Vacant, Waiting, WaitingTerminated};

    use super::super::ReplayShape;
    use super::*;
    use crate::{Rollout, RolloutShape};

    /// A row with these rewards and outcomes, that observes its steps.
    fn replay(steps: &[(f32, Outcome)]) -> Replay {
        let rows = vec![1];
        let shape = RolloutShape { steps: steps.len(), rows, observation_width: 1, ..RolloutShape::default() };
        let mut rollout = Rollout::new(shape);
        let slab = rollout.slabs_mut().next().unwrap();
        for (step, &(reward, outcome)) in steps.iter().enumerate() {
            (slab.rewards[step], slab.outcomes[step], slab.observations[step]) = (reward, outcome, step as f32);
        }
        slab.observations[steps.len()] = steps.len() as f32;
        let mut replay = Replay::new(ReplayShape::of_rollout(rollout.shape(), 100));
        replay.append(&rollout);
        replay
    }

    /// Checks the transition from step 0, with γ = 0.5: its reward, the weight of what follows, and its step.
    #[track_caller]
    fn check(n: usize, steps: &[(f32, Outcome)], expected: Option<(f32, f32, usize)>) {
        let found = Transition::new(&replay(steps), 0, n, 0.5);
        assert_eq!(found.map(|found| (found.reward, found.bootstrap, found.next)), expected);
    }

    #[test]
    fn targets_worked_by_hand() {
        let going = [(1.0, Running), (2.0, Running), (4.0, Running), (8.0, Running)];
        check(1, &going, Some((1.0, 0.5, 1)));
        check(3, &going, Some((1.0 + 1.0 + 1.0, 0.125, 3)));
        // Nothing more is known than four steps.
        check(9, &going, Some((4.0, 0.0625, 4)));
        // A termination doesn't bootstrap, a truncation does, from the observation after it. The restart step's reward
        // is in no transition.
        check(3, &[(1.0, Running), (2.0, Terminated), (100.0, Restart), (8.0, Running)], Some((2.0, 0.0, 2)));
        check(3, &[(1.0, Running), (2.0, Truncated), (100.0, Restart), (8.0, Running)], Some((2.0, 0.25, 2)));
        check(1, &[(1.0, Truncated), (100.0, Restart)], Some((1.0, 0.5, 1)));
        check(1, &[(1.0, Terminated), (100.0, Restart)], Some((1.0, 0.0, 1)));
        // What is no experience begins no transition, and ends one with what is seen before it.
        check(2, &[(1.0, Restart), (2.0, Running)], None);
        check(2, &[(1.0, Vacant), (2.0, Running)], None);
        check(2, &[(1.0, Running), (f32::NAN, Faulty), (4.0, Running)], Some((1.0, 0.5, 1)));
    }

    #[test]
    fn a_wait_belongs_to_the_decision_before_it() {
        let waits = [(1.0, Running), (2.0, Waiting), (4.0, Waiting), (8.0, Running), (16.0, Running)];
        check(1, &waits, Some((7.0, 0.5, 3)));
        check(2, &waits, Some((7.0 + 4.0, 0.25, 4)));
        check(2, &[(1.0, Running), (2.0, WaitingTerminated), (9.0, Restart)], Some((3.0, 0.0, 2)));
        check(2, &[(1.0, Waiting), (2.0, Running)], None);
    }
}
