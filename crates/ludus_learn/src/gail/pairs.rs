//! Pairs of observation and action as rows of numbers.

use std::ops::Range;

use ludus_spec::{AgentSpec, Block, ObservationField};

use crate::Rollout;
use crate::action_columns::ActionColumns;

/// The columns of an observation that a policy reads, and those of an action: a number for each dimension, and a flag
/// for each choice.
#[derive(Debug)]
pub(super) struct PairColumns {
    observed: Vec<Range<usize>>,
    action: ActionColumns,
    width: usize,
}

/// Returns the spec of agents that observe pairs: what the policy reads, then the action.
pub(super) fn pair_spec(spec: &AgentSpec) -> AgentSpec {
    let values = |field: &ObservationField, block| ObservationField { block, range: None, ..field.clone() };
    // Sets are read as plain numbers: the elements of a set share no statistics here.
    let plain = |field: &ObservationField| match field.block {
        Block::Values { .. } | Block::Grid(_) => field.clone(),
        Block::Set(_) => values(field, Block::values((0..field.width()).map(|column| column.to_string()))),
    };
    let observed = spec.observation.iter().filter(|field| !field.is_critic).map(plain);
    let observation = observed.chain(ActionColumns::fields(spec)).collect();
    AgentSpec { observation, ..spec.clone() }
}

impl PairColumns {
    pub fn new(spec: &AgentSpec) -> Self {
        let observed = spec.fields_with_columns().filter(|(field, _)| !field.is_critic);
        let observed: Vec<_> = observed.map(|(_, columns)| columns).collect();
        let action = ActionColumns::new(spec);
        let width = observed.iter().map(Range::len).sum::<usize>() + action.width();
        Self { observed, action, width }
    }

    /// Returns the count of columns of a pair.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// True if a sample is experience, and all of its numbers are finite.
    pub fn is_pair(&self, rollout: &Rollout, sample: usize) -> bool {
        let (samples, shape) = (rollout.samples(), rollout.shape());
        let observation = &samples.observations[sample * shape.observation_width..][..shape.observation_width];
        samples.outcomes[sample].is_experience()
            && self.observed.iter().all(|range| observation[range.clone()].iter().all(|number| number.is_finite()))
    }

    /// Writes the pairs of a rollout's experience `[pairs, width]`.
    pub fn gather(&self, rollout: &Rollout, pairs: &mut Vec<f32>) {
        let (samples, shape) = (rollout.samples(), rollout.shape());
        pairs.clear();
        for sample in (0..samples.outcomes.len()).filter(|&sample| self.is_pair(rollout, sample)) {
            let observation = &samples.observations[sample * shape.observation_width..][..shape.observation_width];
            self.observed.iter().for_each(|range| pairs.extend_from_slice(&observation[range.clone()]));
            let action = &samples.actions[sample * shape.action_width..][..shape.action_width];
            let start = pairs.len();
            pairs.resize(start + self.action.width(), 0.0);
            self.action.write(action, &mut pairs[start..]);
        }
    }
}
