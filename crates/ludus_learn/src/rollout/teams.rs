//! The credit of agents whose episode ends while their team goes on.

use ludus_spec::Outcome;

use super::{Rollout, Slab};

/// The values after a step of the members of each team that go on.
#[derive(Default)]
struct TeamValues {
    /// Sums over members `[teams, value heads]`.
    sums: Vec<f32>,
    /// Members `[teams]`.
    members: Vec<u32>,
}

impl Rollout {
    /// Lets the last step of an agent that left its team bootstrap from the team's value. Detail 52.
    ///
    /// A step that terminated an episode becomes one that was truncated, if other members of the team go on, and the
    /// value after it becomes the mean of theirs. Nothing else reads that value: the row restarts or is vacant in the
    /// step after. Rewards that the team gets later reach the agent only through this value. If no member goes on, the
    /// team has ended, and with it the task of all.
    ///
    /// ```text
    /// V(s[t+1]) of a member that left = mean of V(s[t+1]) over the members that go on
    /// ```
    ///
    /// # Source
    ///
    /// Cohen et al. 2022, arXiv:2111.05992, §4, whose critic has one value for the whole team.
    pub(crate) fn credit_leavers(&mut self) {
        let (steps, heads) = (self.shape.steps, self.shape.value_heads);
        if self.shape.has_teams {
            let mut values = TeamValues::default();
            self.slabs_mut().for_each(|slab| slab.credit_leavers(steps, heads, &mut values));
        }
    }
}

impl Slab<'_> {
    fn credit_leavers(self, steps: usize, heads: usize, team_values: &mut TeamValues) {
        let most = self.teams.iter().max().map_or(0, |&last| last as usize + 1);
        for now in (0..steps).map(|step| step * self.rows) {
            let later = now + self.rows;
            let outcomes = &mut self.outcomes[now..later];
            if !outcomes.iter().any(|outcome| has_terminated(*outcome)) {
                continue;
            }
            let teams = &self.teams[now..later];
            let values = &mut self.values[later * heads..][..self.rows * heads];
            team_values.clear(most, heads);
            for ((outcome, &team), values) in outcomes.iter().zip(teams).zip(values.chunks_exact(heads)) {
                if goes_on(*outcome) {
                    team_values.add(team as usize, values);
                }
            }
            for ((outcome, &team), values) in outcomes.iter_mut().zip(teams).zip(values.chunks_exact_mut(heads)) {
                if has_terminated(*outcome) && team_values.write_mean(team as usize, values) {
                    *outcome = if outcome.is_waiting() { Outcome::WaitingTruncated } else { Outcome::Truncated };
                }
            }
        }
    }
}

impl TeamValues {
    fn clear(&mut self, teams: usize, heads: usize) {
        self.sums.clear();
        self.sums.resize(teams * heads, 0.0);
        self.members.clear();
        self.members.resize(teams, 0);
    }

    fn add(&mut self, team: usize, values: &[f32]) {
        self.members[team] += 1;
        for (sum, value) in self.sums[team * values.len()..].iter_mut().zip(values) {
            *sum += value;
        }
    }

    /// Writes the mean over a team's members. Returns false if there are none.
    fn write_mean(&self, team: usize, values: &mut [f32]) -> bool {
        let members = self.members[team];
        let sums = &self.sums[team * values.len()..];
        if members > 0 {
            for (value, sum) in values.iter_mut().zip(sums) {
                *value = sum / members as f32;
            }
        }
        members > 0
    }
}

/// True if the task of the row's agent ended in the step.
const fn has_terminated(outcome: Outcome) -> bool {
    matches!(outcome.as_decided(), Outcome::Terminated)
}

/// True if the task of the row's agent goes on after the step, or would have gone on.
const fn goes_on(outcome: Outcome) -> bool {
    matches!(outcome.as_decided(), Outcome::Running | Outcome::Truncated)
}

#[cfg(test)]
mod tests {
    use Outcome::{Faulty, Restart, Running, Terminated, Truncated, Vacant, Waiting, WaitingTerminated};

    use super::*;
    use crate::{Discount, RolloutShape};

    /// A rollout of `steps.len()` steps of a few rows. Each step has the rows' outcomes, teams, rewards and values; the
    /// last one has the values after it.
    struct Steps<'a, const ROWS: usize> {
        outcomes: &'a [[Outcome; ROWS]],
        teams: [u32; ROWS],
        rewards: &'a [[f32; ROWS]],
        values: &'a [[f32; ROWS]],
    }

    fn rollout<const ROWS: usize>(steps: &Steps<'_, ROWS>) -> Rollout {
        let shape =
            RolloutShape { steps: steps.outcomes.len(), rows: vec![ROWS], has_teams: true, ..RolloutShape::default() };
        let mut rollout = Rollout::new(shape);
        let slab = rollout.slabs_mut().next().unwrap();
        slab.teams.chunks_exact_mut(ROWS).for_each(|teams| teams.copy_from_slice(&steps.teams));
        slab.outcomes[..steps.outcomes.len() * ROWS].copy_from_slice(steps.outcomes.as_flattened());
        slab.rewards[..steps.outcomes.len() * ROWS].copy_from_slice(steps.rewards.as_flattened());
        slab.values.copy_from_slice(steps.values.as_flattened());
        rollout.credit_leavers();
        rollout
    }

    /// Three steps of two members, worked by hand. γ = 0.5, λ = 1. The first dies in step 1, the second goes on to the
    /// end of the team in step 2.
    #[test]
    fn a_member_that_dies_bootstraps_from_the_value_of_the_one_that_remains() {
        let rollout = &mut rollout(&Steps {
            outcomes: &[[Running, Running], [Terminated, Running], [Vacant, Terminated]],
            teams: [0, 0],
            rewards: &[[1.0, 1.0], [0.0, 0.0], [9.0, 4.0]],
            values: &[[2.0, 1.0], [1.0, 3.0], [7.0, 6.0], [8.0, 5.0]],
        });
        rollout.estimate_advantages(&[Discount { gamma: 0.5, lambda: 1.0 }.into()]);
        let samples = rollout.samples();
        // The first: δ1 = 0 + 0.5·6 − 1 = 2, with the second's V(s2) = 6, not its own 7.
        //            δ0 = 1 + 0.5·1 − 2 = −0.5, A0 = −0.5 + 0.5·2 = 0.5.
        // The second: δ2 = 4 − 6 = −2, since the team ends; δ1 = 0.5·6 − 3 = 0, A1 = −1; δ0 = 1 + 0.5·3 − 1 = 1.5, A0 = 1.
        assert_eq!(samples.advantages[..6], [0.5, 1.0, 2.0, -1.0, 0.0, -2.0]);
        assert_eq!(samples.outcomes[..6], [Running, Running, Truncated, Running, Vacant, Terminated]);
    }

    #[test]
    fn a_team_that_ends_ends_for_all() {
        let ended = |outcomes: &[[Outcome; 3]], teams| {
            let (rewards, values) = (vec![[0.0; 3]; outcomes.len()], vec![[1.0, 2.0, 4.0]; outcomes.len() + 1]);
            let rollout = rollout(&Steps { outcomes, teams, rewards: &rewards, values: &values });
            let samples = rollout.samples();
            (samples.outcomes[..3].to_vec(), samples.values[3..6].to_vec())
        };
        let unchanged = vec![1.0, 2.0, 4.0];
        assert_eq!(ended(&[[Terminated; 3]], [0; 3]), (vec![Terminated; 3], unchanged.clone()));
        // Another team, and members of whom nothing is known, do not go on for it.
        let outcomes = [Terminated, Running, Faulty];
        assert_eq!(ended(&[outcomes], [5, 2, 5]), (outcomes.to_vec(), unchanged.clone()));
        let outcomes = [Terminated, Vacant, Restart];
        assert_eq!(ended(&[outcomes], [5; 3]), (outcomes.to_vec(), unchanged));
    }

    #[test]
    fn the_members_that_go_on_are_those_that_run_wait_or_are_cut_off() {
        let outcomes = [[Terminated, Running, Truncated], [WaitingTerminated, Waiting, Terminated]];
        let values = [[0.0; 3], [1.0, 2.0, 4.0], [1.0, 5.0, 4.0]];
        let rollout = rollout(&Steps { outcomes: &outcomes, teams: [1; 3], rewards: &[[0.0; 3]; 2], values: &values });
        let samples = rollout.samples();
        assert_eq!(samples.values[3..], [3.0, 2.0, 4.0, 5.0, 5.0, 5.0]);
        assert_eq!(samples.outcomes[3..6], [Outcome::WaitingTruncated, Waiting, Truncated]);
    }

    #[test]
    fn without_teams_nothing_changes() {
        let shape = RolloutShape { steps: 1, rows: vec![2], ..RolloutShape::default() };
        let mut rollout = Rollout::new(shape);
        rollout.slabs_mut().next().unwrap().outcomes[..2].copy_from_slice(&[Terminated, Running]);
        rollout.credit_leavers();
        assert_eq!(rollout.samples().outcomes[..2], [Terminated, Running]);
    }
}
