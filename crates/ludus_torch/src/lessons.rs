//! Gradient steps that are recorded once and then repeated.

use tch::Tensor;

use crate::graphs::{Recorder, Recording};

/// Recorded gradient steps by the padded size of their minibatch, those last that were taken last.
#[derive(Debug, Default)]
pub(crate) struct Lessons(Vec<(usize, Recorded)>);

/// A gradient step, and where it reads what differs from one to the next.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub recording: Recording,
    pub places: Tensor,
    pub knobs: Tensor,
}

/// An update has two sizes at most; others are those of earlier updates, in which more or fewer agents restarted.
const MOST_RECORDINGS: usize = 4;

/// Parts that the distance between two powers of two is cut into.
const GRAINS: usize = 8;

/// The size that a recorded minibatch of so many samples is brought to.
///
/// How many samples an update has changes with every episode that ends, and so does the size of its minibatches. A recording
/// has one size; so that the same few recordings serve them all, sizes are rounded up, by an eighth at most.
pub(crate) fn padded(samples: usize) -> usize {
    let grain = samples.next_power_of_two() / (2 * GRAINS);
    samples.next_multiple_of(grain.max(1))
}

impl Lessons {
    /// The step for minibatches of this size, with these numbers to read.
    pub fn of(&mut self, samples: usize, places: Tensor, knobs: Tensor, recorder: &Recorder) -> &mut Recorded {
        if !recorder.records() {
            self.0.clear();
        }
        if let Some(index) = self.0.iter().position(|(size, _)| *size == samples) {
            self.0[index..].rotate_left(1);
            let recorded = self.last();
            recorded.places.copy_(&places);
            recorded.knobs.copy_(&knobs);
            return recorded;
        }
        if self.0.len() == MOST_RECORDINGS {
            self.0.remove(0);
        }
        self.0.push((samples, Recorded { recording: Recording::default(), places, knobs }));
        self.last()
    }

    fn last(&mut self) -> &mut Recorded {
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
