//! Checks of settings: sentences about those that are out of range.

use crate::{LearningRate, Schedule};

/// The kinds of ranges that a field's numbers may have.
#[derive(Clone, Copy)]
pub(crate) enum Range {
    Positive,
    NotNegative,
    Fraction,
    /// Above 0 and at most 1.
    Share,
    Clip,
    Finite,
}

impl Range {
    /// True if the value is in the range. NaN is in no range.
    fn contains(self, value: f32) -> bool {
        match self {
            Self::Positive => value > 0.0 && value.is_finite(),
            Self::NotNegative => value >= 0.0 && value.is_finite(),
            Self::Fraction => (0.0..=1.0).contains(&value),
            Self::Share => value > 0.0 && value <= 1.0,
            Self::Clip => value > 0.0 && value < 1.0,
            Self::Finite => value.is_finite(),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Positive => "above 0",
            Self::NotNegative => "at least 0",
            Self::Fraction => "from 0 to 1",
            Self::Share => "above 0 and at most 1",
            Self::Clip => "above 0 and below 1",
            Self::Finite => "finite",
        }
    }
}

/// The settings that are out of range: each field's name, and a sentence with its value and the valid range.
#[derive(Default)]
pub(crate) struct Problems(pub Vec<(&'static str, String)>);

impl Problems {
    pub fn count(&mut self, field: &'static str, value: usize) -> &mut Self {
        if value == 0 {
            self.0.push((field, format!("`{field}` is 0; it must be at least 1")));
        }
        self
    }

    pub fn learning_rate(&mut self, rate: LearningRate) -> &mut Self {
        match rate {
            LearningRate::Scheduled(schedule) => self.schedule("learning_rate", schedule, Range::NotNegative),
            LearningRate::Adaptive { kl, from } => self.numbers("learning_rate", &[kl, from], Range::Positive),
        }
    }

    pub fn schedule(&mut self, field: &'static str, schedule: Schedule, range: Range) -> &mut Self {
        self.numbers(field, &schedule.ends(), range)
    }

    /// Adds one sentence per field, about the first of its numbers that is out of range.
    pub fn numbers(&mut self, field: &'static str, values: &[f32], range: Range) -> &mut Self {
        if let Some(value) = values.iter().find(|&&value| !range.contains(value)) {
            self.0.push((field, format!("`{field}` is {value}; it must be {}", range.text())));
        }
        self
    }

    /// Adds a sentence about the first hidden layer without a width.
    pub fn hidden(&mut self, hidden: &[usize]) -> &mut Self {
        if let Some(layer) = hidden.iter().position(|&width| width == 0) {
            let sentence = format!("`hidden[{layer}]` is 0; give the layer a width of at least 1, or leave it out");
            self.0.push(("hidden", sentence));
        }
        self
    }

    /// Adds a sentence if a replay of this many steps never holds the steps after which learning starts. A replay of 0
    /// has a sentence of its own.
    pub fn learning_starts(&mut self, learning_starts: usize, replay: usize) -> &mut Self {
        if replay > 0 && learning_starts > replay {
            let sentence = format!(
                "`learning_starts` is {learning_starts}, which a `replay` of {replay} never holds; give it {replay} at most"
            );
            self.0.push(("learning_starts", sentence));
        }
        self
    }
}

/// Returns a sentence if a replay of this many steps keeps fewer than `needed` steps of each of this many rows. A replay
/// of 0 is a problem without any rows.
pub(crate) fn replay_problem(replay: usize, rows: usize, needed: usize) -> Option<String> {
    let steps = replay / rows.max(1);
    (replay > 0 && steps < needed).then(|| {
        let least = needed.saturating_mul(rows);
        format!(
            "a `replay` of {replay} keeps {steps} steps of each of {rows} agents, and `n_step` and `rollout_steps` need \
             {needed}; give it {least} at least"
        )
    })
}
