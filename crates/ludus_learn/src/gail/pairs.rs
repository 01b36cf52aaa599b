//! Pairs of observation and action as rows of numbers.

use std::ops::Range;

use ludus_spec::{ActionField, AgentSpec, Block, Head, ObservationField, ObservationKind};

use crate::Rollout;

/// The columns of an observation that a policy reads, and those of an action: a number for each dimension, and a flag
/// for each choice.
#[derive(Debug)]
pub(super) struct PairColumns {
    observed: Vec<Range<usize>>,
    heads: Vec<Head>,
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
    let acted = |(index, field): (usize, &ActionField)| ObservationField {
        name: format!("action {index}"),
        doc: String::new(),
        block: Block::values(field.parts.clone()),
        range: None,
        kind: ObservationKind::Flag,
        is_critic: false,
    };
    let observation = observed.chain(spec.action.iter().enumerate().map(acted)).collect();
    AgentSpec { observation, ..spec.clone() }
}

impl PairColumns {
    pub fn new(spec: &AgentSpec) -> Self {
        let observed = spec.fields_with_columns().filter(|(field, _)| !field.is_critic);
        let observed: Vec<_> = observed.map(|(_, columns)| columns).collect();
        let parts: usize = spec.action.iter().map(|field| field.parts.len()).sum();
        let width = observed.iter().map(Range::len).sum::<usize>() + parts;
        Self { observed, heads: spec.heads(), width }
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
            self.push_action(&samples.actions[sample * shape.action_width..][..shape.action_width], pairs);
        }
    }

    /// Appends an action: numbers in the range of their fields, and a flag for each choice.
    fn push_action(&self, mut action: &[f32], pairs: &mut Vec<f32>) {
        for &head in &self.heads {
            let (own, rest) = action.split_at(head.action_width());
            action = rest;
            match head {
                Head::Categorical { choices } => {
                    pairs.extend((0..choices).map(|choice| f32::from(own[0] == choice as f32)));
                }
                // The game carries out no number beyond the range.
                _ => pairs.extend(own.iter().map(|number| number.clamp(-1.0, 1.0))),
            }
        }
    }
}
