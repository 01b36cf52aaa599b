//! The columns of observations that curiosity reads.

use std::ops::Range;

use ludus_spec::{AgentSpec, ObservationField};

use crate::Rollout;

/// The columns of some fields of an observation, and what a rollout has in them.
#[derive(Debug)]
pub(super) struct ObservedColumns {
    ranges: Vec<Range<usize>>,
    width: usize,
    /// `[samples, width]`.
    numbers: Vec<f32>,
}

impl ObservedColumns {
    /// Makes the columns of these fields; of all fields if there are none.
    pub fn new(spec: &AgentSpec, fields: &[String]) -> Self {
        let chosen = spec.fields_with_columns().filter(|(field, _)| is_chosen(field, fields));
        let ranges: Vec<_> = chosen.map(|(_, columns)| columns).collect();
        Self { width: ranges.iter().map(Range::len).sum(), ranges, numbers: Vec::new() }
    }

    /// Copies the columns of a rollout's observations.
    pub fn gather(&mut self, rollout: &Rollout) {
        let observations = rollout.samples().observations.chunks_exact(rollout.shape().observation_width);
        self.numbers.clear();
        for observation in observations {
            for range in &self.ranges {
                self.numbers.extend_from_slice(&observation[range.clone()]);
            }
        }
    }

    /// Returns the count of columns.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Returns the columns of a sample.
    pub fn row(&self, sample: usize) -> &[f32] {
        self.rows(sample..sample + 1)
    }

    /// Returns the columns of neighbouring samples.
    pub fn rows(&self, samples: Range<usize>) -> &[f32] {
        &self.numbers[samples.start * self.width..samples.end * self.width]
    }

    /// True if all numbers of a sample are finite.
    pub fn is_finite(&self, sample: usize) -> bool {
        self.row(sample).iter().all(|number| number.is_finite())
    }
}

/// Returns the spec of agents that observe these fields alone; all fields if there are none.
pub(super) fn chosen_spec(spec: &AgentSpec, fields: &[String]) -> AgentSpec {
    let chosen = spec.observation.iter().filter(|field| is_chosen(field, fields));
    AgentSpec { observation: chosen.cloned().collect(), ..spec.clone() }
}

/// Without a choice, all fields are chosen that the policy reads.
fn is_chosen(field: &ObservationField, fields: &[String]) -> bool {
    if fields.is_empty() { !field.is_critic } else { fields.contains(&field.name) }
}
