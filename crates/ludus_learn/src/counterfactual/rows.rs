//! The rows that a counterfactual baseline reads.

use std::ops::Range;

use ludus_net::{Encoder, InputBlock, Layout, NetError, NetworkConfig};
use ludus_spec::{AgentSpec, Block, Head, ObservationField, ObservationKind, Outcome, SetShape, TEAM_VIEW};

use crate::action_columns::ActionColumns;
use crate::{Rollout, Samples};

/// The rows of a rollout as a baseline reads them: an agent's own observation, then those of the other members of its team,
/// each with its action, then their count. An agent's own action is nowhere in its row.
///
/// The other members are those that decide in the step, or wait in it: then their last action holds.
#[derive(Debug)]
pub(super) struct CounterfactualRows {
    columns: RowColumns,
    /// `[samples, width]`.
    numbers: Vec<f32>,
}

/// The columns of a row.
#[derive(Debug)]
struct RowColumns {
    /// Columns of an agent's own observation.
    own_width: usize,
    /// Most other members.
    members: usize,
    action: ActionColumns,
    /// Columns of the whole row.
    width: usize,
}

/// A step of a simulation's rows.
#[derive(Clone, Copy)]
struct TeamStep<'a> {
    /// Columns of an observation in the rollout: the agent's own, then the critic's view of the team.
    observation_width: usize,
    /// `[rows, observation width]`.
    observations: &'a [f32],
    teams: &'a [u32],
    /// The actions that hold in the step, as numbers `[rows, columns of an action]`.
    actions: &'a [f32],
    /// Team and row of each agent that acts in the step, in order.
    acting: &'a [(u32, u32)],
}

/// Returns the spec of agents that observe such rows, from that of the rows of a critic that sees its team; `None` if the
/// critic does not see its team.
pub(super) fn counterfactual_spec(spec: &AgentSpec) -> Option<AgentSpec> {
    let view = spec.team_view()?;
    let element = view.element.iter().cloned().chain(ActionColumns::fields(spec)).collect();
    let members = ObservationField {
        name: TEAM_VIEW.to_owned(),
        doc: String::new(),
        block: Block::Set(SetShape { capacity: view.capacity, element }),
        range: None,
        kind: ObservationKind::Number,
        is_critic: false,
    };
    let own = spec.without_team_view().observation.into_iter();
    let own = own.map(|field| ObservationField { is_critic: false, ..field });
    Some(AgentSpec { observation: own.chain([members]).collect(), ..spec.clone() })
}

/// Lays out the network of a baseline, as that of the policy without memory. `spec` is that of the rows.
pub(super) fn layout(spec: &AgentSpec, network: &NetworkConfig) -> Result<Layout, NetError> {
    let NetworkConfig { encoders, hidden, activation, layer_norm, .. } = network;
    let encoders = encoders.iter().filter(|(_, encoder)| !matches!(encoder, Encoder::Stack(_)));
    let config = NetworkConfig {
        encoders: encoders.map(|(name, encoder)| (name.clone(), encoder.clone())).collect(),
        hidden: hidden.clone(),
        activation: *activation,
        layer_norm: *layer_norm,
        // The policy is not used: on a common trunk it costs next to nothing.
        shared: true,
        ..NetworkConfig::default()
    };
    let heads = [Head::Categorical { choices: 2 }];
    Layout::with_blocks(spec.observation_width(), &InputBlock::of_agent(spec), &heads, &config)
}

impl CounterfactualRows {
    /// Makes room for rows, from the spec of the rows of a critic that sees its team, and that of what the baseline reads.
    pub fn new(spec: &AgentSpec, read: &AgentSpec) -> Self {
        let columns = RowColumns {
            own_width: spec.without_team_view().observation_width(),
            members: spec.team_view().map_or(0, |view| view.capacity),
            action: ActionColumns::new(spec),
            width: read.observation_width(),
        };
        Self { columns, numbers: Vec::new() }
    }

    /// Returns the row of a sample.
    pub fn row(&self, sample: usize) -> &[f32] {
        self.range(sample..sample + 1)
    }

    /// Returns the rows of neighbouring samples.
    pub fn range(&self, samples: Range<usize>) -> &[f32] {
        let width = self.columns.width;
        &self.numbers[samples.start * width..samples.end * width]
    }

    /// Writes the rows of a rollout's experience; all others are zeros.
    pub fn gather(&mut self, rollout: &Rollout) {
        let Self { columns, numbers } = self;
        let (samples, shape) = (rollout.samples(), rollout.shape());
        let width = shape.observation_width;
        numbers.clear();
        numbers.resize(samples.outcomes.len() * columns.width, 0.0);
        let (mut actions, mut acting) = (Vec::new(), Vec::new());
        for (place, &rows) in rollout.slab_places().zip(&shape.rows) {
            actions.clear();
            actions.resize(rows * columns.action.width(), 0.0);
            for now in (0..shape.steps).map(|step| place.start + step * rows..place.start + (step + 1) * rows) {
                columns.hold_actions(samples, now.clone(), &mut actions);
                list_acting(samples, now.clone(), &mut acting);
                let step = TeamStep {
                    observation_width: width,
                    observations: &samples.observations[now.start * width..now.end * width],
                    teams: &samples.teams[now.clone()],
                    actions: &actions,
                    acting: &acting,
                };
                let written = numbers[now.start * columns.width..].chunks_exact_mut(columns.width);
                for (row, (written, outcome)) in written.zip(&samples.outcomes[now]).enumerate() {
                    if outcome.is_experience() {
                        columns.write(step, row, written);
                    }
                }
            }
        }
    }
}

impl RowColumns {
    /// Updates the actions that hold in a step, as numbers. Of an agent that waits, it is that of its last decision.
    fn hold_actions(&self, samples: Samples<'_>, now: Range<usize>, actions: &mut [f32]) {
        let action_width = samples.actions.len() / samples.outcomes.len();
        let held = actions.chunks_exact_mut(self.action.width());
        for (held, sample) in held.zip(now) {
            match samples.outcomes[sample] {
                outcome if outcome.is_experience() => {
                    self.action.write(&samples.actions[sample * action_width..][..action_width], held);
                }
                outcome if outcome.is_waiting() => {}
                _ => held.fill(0.0),
            }
        }
    }

    /// Writes the row of an agent.
    fn write(&self, step: TeamStep<'_>, row: usize, written: &mut [f32]) {
        let observation = |row: usize| &step.observations[row * step.observation_width..][..self.own_width];
        let element_width = self.own_width + self.action.width();
        let (own, others) = written.split_at_mut(self.own_width);
        own.copy_from_slice(observation(row));
        let (elements, count) = others.split_at_mut(self.members * element_width);
        let mut present = 0;
        for (element, member) in elements.chunks_exact_mut(element_width).zip(step.others(row)) {
            let (observed, acted) = element.split_at_mut(self.own_width);
            observed.copy_from_slice(observation(member));
            acted.copy_from_slice(&step.actions[member * acted.len()..][..acted.len()]);
            present += 1;
        }
        count[0] = present as f32;
    }
}

impl TeamStep<'_> {
    /// Returns the rows of the other members of a row's team that act.
    fn others(&self, row: usize) -> impl Iterator<Item = usize> {
        let team = self.teams[row];
        let first = self.acting.partition_point(|&(other, _)| other < team);
        let members = self.acting[first..].iter().take_while(move |(other, _)| *other == team);
        members.map(|&(_, member)| member as usize).filter(move |&member| member != row)
    }
}

/// Lists the agents that act in a step.
fn list_acting(samples: Samples<'_>, now: Range<usize>, acting: &mut Vec<(u32, u32)>) {
    let is_acting = |outcome: Outcome| outcome.is_experience() || outcome.is_waiting();
    let rows = samples.teams[now.clone()].iter().zip(&samples.outcomes[now]).zip(0..);
    acting.clear();
    acting.extend(rows.filter(|((_, outcome), _)| is_acting(**outcome)).map(|((&team, _), row)| (team, row)));
    acting.sort_unstable();
}

#[cfg(test)]
mod tests {
    use Outcome::{Restart, Running, Terminated, Vacant, Waiting};

    use super::super::tests::spec;
    use super::*;
    use crate::RolloutShape;

    /// Three steps of a team of three, and of an agent that is a team of its own. They observe 1, 2, 3 and 4 in step 0, and
    /// ten more in each step; their choices are 1, 0, 1, 1, then 0, 1, 0, 0, then 1, 1, 1, 1.
    fn rollout(outcomes: [[Outcome; 4]; 3]) -> Rollout {
        let observation_width = spec().with_team_view(2).observation_width();
        let shape = RolloutShape { steps: 3, rows: vec![4], observation_width, action_width: 1, ..Default::default() };
        let mut rollout = Rollout::new(RolloutShape { has_teams: true, ..shape });
        let slab = rollout.slabs_mut().next().unwrap();
        slab.outcomes[..12].copy_from_slice(outcomes.as_flattened());
        slab.teams.chunks_exact_mut(4).for_each(|teams| teams.copy_from_slice(&[6, 6, 6, 7]));
        for (sample, observation) in slab.observations.chunks_exact_mut(observation_width).enumerate() {
            observation.fill(f32::NAN);
            observation[0] = (1 + sample % 4 + 10 * (sample / 4)) as f32;
        }
        slab.actions[..12].copy_from_slice(&[1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
        rollout
    }

    #[test]
    fn a_row_has_the_actions_of_the_other_members_and_not_its_own() {
        let read = counterfactual_spec(&spec().with_team_view(2)).unwrap();
        let mut rows = CounterfactualRows::new(&spec().with_team_view(2), &read);
        rows.gather(&rollout([
            [Running; 4],
            [Terminated, Running, Waiting, Running],
            [Vacant, Running, Restart, Running],
        ]));
        // An agent's own number; then of each other member its number, and a flag for each choice; then the count.
        assert_eq!(rows.row(0), [1.0, 2.0, 1.0, 0.0, 3.0, 0.0, 1.0, 2.0]);
        assert_eq!(rows.row(1), [2.0, 1.0, 0.0, 1.0, 3.0, 0.0, 1.0, 2.0]);
        assert_eq!(rows.row(2), [3.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 2.0]);
        assert_eq!(rows.row(3), [4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], "it is alone");
        // The third waits: its action of step 0 holds. The first, whose last step it is, acts.
        assert_eq!(rows.row(4), [11.0, 12.0, 0.0, 1.0, 13.0, 0.0, 1.0, 2.0]);
        assert_eq!(rows.row(5), [12.0, 11.0, 1.0, 0.0, 13.0, 0.0, 1.0, 2.0]);
        assert_eq!(rows.row(6), [0.0; 8], "a step without a decision is no experience");
        // The first has left, and the third restarts.
        assert_eq!(rows.row(9), [22.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(rows.range(12..16), [0.0; 32], "nobody acts after the last step");
    }

    #[test]
    fn a_critic_that_does_not_see_its_team_has_no_such_rows() {
        assert_eq!(counterfactual_spec(&spec()), None);
        let read = counterfactual_spec(&spec().with_team_view(2)).unwrap();
        assert_eq!(read.observation_width(), 1 + 2 * (1 + 2) + 1);
        assert_eq!(read.normalized_columns(), [true, true, false, false, true, false, false, false]);
        let network =
            NetworkConfig { encoders: [(TEAM_VIEW.to_owned(), Encoder::Pool(4))].into(), ..Default::default() };
        assert_eq!(layout(&read, &network).unwrap().inputs(), read.observation_width());
    }
}
