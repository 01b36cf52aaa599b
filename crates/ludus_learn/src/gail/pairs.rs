//! Pairs of observation and action as rows of numbers.

use std::ops::Range;

use ludus_spec::{ActionField, AgentSpec, Block, Head, ObservationField, ObservationKind, Outcome};

use crate::Rollout;

/// The columns of an observation that a policy reads, and those of an action: a number for each dimension, and a flag
/// for each choice. A last column is 1 for an end.
#[derive(Debug)]
pub(super) struct PairColumns {
    observed: Vec<Range<usize>>,
    heads: Vec<Head>,
}

/// The pairs of some experience, and its ends.
///
/// A step that terminated its episode has two rows: its pair, and the same with the flag of an end, which stands for all
/// that would come after it.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// `[rows, width]`.
    pub numbers: Vec<f32>,
    /// `[rows]`.
    pub places: Vec<PairPlace>,
}

/// The origin of a row of [`Pairs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PairPlace {
    /// The sample of the rollout.
    pub sample: usize,
    /// True if the row is that of an end.
    pub is_end: bool,
}

/// Returns the spec of agents that observe pairs: what the policy reads, then the action, then the flag of an end.
pub(super) fn pair_spec(spec: &AgentSpec) -> AgentSpec {
    let values = |field: &ObservationField, block| ObservationField { block, range: None, ..field.clone() };
    // Sets are read as plain numbers: the elements of a set share no statistics here.
    let plain = |field: &ObservationField| match field.block {
        Block::Values { .. } | Block::Grid(_) => field.clone(),
        Block::Set(_) => values(field, Block::values((0..field.width()).map(|column| column.to_string()))),
    };
    let observed = spec.observation.iter().filter(|field| !field.is_critic).map(plain);
    let flags = |name: String, parts: Vec<String>| ObservationField {
        name,
        doc: String::new(),
        block: Block::values(parts),
        range: None,
        kind: ObservationKind::Flag,
        is_critic: false,
    };
    let acted = |(index, field): (usize, &ActionField)| flags(format!("action {index}"), field.parts.clone());
    let acted = spec.action.iter().enumerate().map(acted);
    let end = flags("end".to_owned(), vec![String::new()]);
    AgentSpec { observation: observed.chain(acted).chain([end]).collect(), ..spec.clone() }
}

impl PairColumns {
    pub fn new(spec: &AgentSpec) -> Self {
        let observed = spec.fields_with_columns().filter(|(field, _)| !field.is_critic);
        Self { observed: observed.map(|(_, columns)| columns).collect(), heads: spec.heads() }
    }

    /// True if a sample is experience, and all of its numbers are finite.
    fn is_pair(&self, rollout: &Rollout, sample: usize) -> bool {
        let (samples, shape) = (rollout.samples(), rollout.shape());
        let observation = &samples.observations[sample * shape.observation_width..][..shape.observation_width];
        samples.outcomes[sample].is_experience()
            && self.observed.iter().all(|range| observation[range.clone()].iter().all(|number| number.is_finite()))
    }

    /// Collects the pairs of a rollout's experience, in order.
    pub fn gather(&self, rollout: &Rollout, pairs: &mut Pairs) {
        pairs.numbers.clear();
        pairs.places.clear();
        for (place, &rows) in rollout.slab_places().zip(&rollout.shape().rows) {
            let outcomes = &rollout.samples().outcomes[place.clone()];
            for step in 0..outcomes.len() {
                let sample = place.start + step;
                if !self.is_pair(rollout, sample) {
                    continue;
                }
                self.push(rollout, PairPlace { sample, is_end: false }, pairs);
                if outcome_of_decision(outcomes, rows, step) == Outcome::Terminated {
                    self.push(rollout, PairPlace { sample, is_end: true }, pairs);
                }
            }
        }
    }

    fn push(&self, rollout: &Rollout, place: PairPlace, pairs: &mut Pairs) {
        let (samples, shape, sample) = (rollout.samples(), rollout.shape(), place.sample);
        let observation = &samples.observations[sample * shape.observation_width..][..shape.observation_width];
        let numbers = &mut pairs.numbers;
        self.observed.iter().for_each(|range| numbers.extend_from_slice(&observation[range.clone()]));
        self.push_action(&samples.actions[sample * shape.action_width..][..shape.action_width], numbers);
        numbers.push(f32::from(place.is_end));
        pairs.places.push(place);
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

/// Returns the outcome of the decision in a step of a slab with so many rows: that of its last wait, if it has any.
fn outcome_of_decision(outcomes: &[Outcome], rows: usize, step: usize) -> Outcome {
    let mut later = outcomes[step..].iter().step_by(rows.max(1)).copied();
    let own = later.next().unwrap_or(Outcome::Running);
    if own != Outcome::Running {
        return own;
    }
    let mut waits = later.take_while(|outcome| outcome.is_waiting());
    waits.find(|outcome| outcome.as_decided() != Outcome::Running).map_or(own, Outcome::as_decided)
}

#[cfg(test)]
mod tests {
    use Outcome::{Restart, Running, Terminated, Truncated, Vacant, Waiting, WaitingTerminated, WaitingTruncated};

    use super::*;

    #[test]
    fn the_outcome_of_a_decision_is_that_of_its_last_wait() {
        // Two rows, side by side.
        let outcomes = [
            [Running, Running],
            [Waiting, Waiting],
            [WaitingTerminated, Waiting],
            [Restart, WaitingTruncated],
            [Running, Restart],
            [Terminated, Truncated],
            [Restart, Running],
            [Running, Waiting],
            [Vacant, Vacant],
        ];
        let outcomes = outcomes.as_flattened();
        let found = |step: usize, row: usize| outcome_of_decision(outcomes, 2, 2 * step + row);
        assert_eq!([found(0, 0), found(4, 0), found(5, 0), found(7, 0)], [Terminated, Running, Terminated, Running]);
        assert_eq!([found(0, 1), found(5, 1), found(6, 1)], [Truncated, Truncated, Running]);
    }
}
