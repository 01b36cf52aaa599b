//! Gradient steps that are recorded once and then replayed.

use tch::Tensor;

use crate::graphs::{Recorder, Recording};

/// Recorded gradient steps by the padded size of their minibatch, the most recently used last.
#[derive(Debug, Default)]
pub(crate) struct StepRecordings(Vec<(usize, RecordedStep)>);

/// A gradient step, and the tensors that hold its changing inputs.
#[derive(Debug)]
pub(crate) struct RecordedStep {
    pub recording: Recording,
    /// The indices of the samples, or the samples themselves.
    pub samples: Tensor,
    pub step_settings: Tensor,
}

/// The maximum number of recordings. An update has two minibatch sizes at most; other sizes are those of earlier
/// updates with more or fewer restart steps.
const MOST_RECORDINGS: usize = 4;

/// The number of padded sizes between two powers of two.
const GRAINS: usize = 8;

/// Returns the padded size of a recorded minibatch of this many samples.
///
/// The number of samples of an update depends on the number of restart steps, and so does the size of its minibatches.
/// A recording has one size. Sizes are rounded up, by an eighth at most, so that a few recordings serve all
/// minibatches.
pub(crate) fn padded(samples: usize) -> usize {
    let grain = samples.next_power_of_two() / (2 * GRAINS);
    samples.next_multiple_of(grain.max(1))
}

impl StepRecordings {
    /// Returns the step for minibatches of this size, with these inputs.
    pub fn of(
        &mut self,
        size: usize,
        samples: Tensor,
        step_settings: Tensor,
        recorder: &Recorder,
    ) -> &mut RecordedStep {
        if !recorder.records() {
            self.0.clear();
        }
        if let Some(index) = self.0.iter().position(|(recorded, _)| *recorded == size) {
            self.0[index..].rotate_left(1);
            let recorded = self.last();
            recorded.samples.copy_(&samples);
            recorded.step_settings.copy_(&step_settings);
            return recorded;
        }
        if self.0.len() == MOST_RECORDINGS {
            self.0.remove(0);
        }
        self.0.push((size, RecordedStep { recording: Recording::default(), samples, step_settings }));
        self.last()
    }

    fn last(&mut self) -> &mut RecordedStep {
        let (_, last) = self.0.last_mut().expect("there is one: it was just put there");
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_sizes_serve_all_minibatches() {
        assert_eq!([1, 2, 15, 16, 17, 31, 32].map(padded), [1, 2, 15, 16, 18, 32, 32]);
        assert_eq!([2048, 2049, 2304, 2305].map(padded), [2048, 2304, 2304, 2560]);
        assert!((1..5000).all(|samples| (samples..=samples + samples / 8).contains(&padded(samples))));
    }
}
