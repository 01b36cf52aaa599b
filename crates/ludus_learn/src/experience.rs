//! The samples that are learned from, and their order.

use ludus_spec::{Outcome, Seed};
use rand::seq::SliceRandom;

use crate::{LearnError, RolloutShape};

/// The samples of a rollout that are experience, in the order in which they are learned from.
///
/// They are shuffled one by one. Where the policy has a memory, whole rows are shuffled instead, because a row's steps
/// are recomputed together.
#[derive(Clone, Debug)]
pub struct Experience {
    samples: Vec<u32>,
    /// All rows of the rollout if they are shuffled as a whole, else none.
    all_rows: Vec<RowSteps>,
    /// The rows that have experience.
    rows: Vec<ExperienceRow>,
    /// The samples, row by row in the order of the rollout.
    by_row: Vec<u32>,
    /// Steps of a row.
    steps: usize,
}

/// The place of a row's steps among the samples of a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSteps {
    /// The index of the row among all rows of the rollout.
    pub row: u32,
    /// The sample of the row's first step.
    pub first: u32,
    /// The distance between samples of neighbouring steps.
    pub stride: u32,
}

/// A row with experience, and the count of its samples that are experience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExperienceRow {
    /// The row's steps, experience or not.
    pub steps: RowSteps,
    /// Samples that are experience.
    pub samples: u32,
    /// The place of these samples among those of all rows.
    start: u32,
}

/// The units of one gradient step.
#[derive(Clone, Copy, Debug)]
pub struct Minibatch<'a> {
    /// Indices of samples, all of them experience. With `rows`, one row's samples follow the other's.
    pub samples: &'a [u32],
    /// The rows whose steps are recomputed from the first to the last, if the policy has a memory; else empty.
    pub rows: &'a [ExperienceRow],
}

impl RowSteps {
    /// Returns the sample of a step.
    pub const fn sample(self, step: usize) -> usize {
        self.first as usize + step * self.stride as usize
    }
}

impl Experience {
    /// Makes an empty selection of a rollout's samples, with room for all of them.
    pub fn new(shape: &RolloutShape) -> Self {
        Self::with_rows(shape, Vec::new())
    }

    /// As [`new`](Self::new), for a policy with memory: whole rows are shuffled.
    pub fn of_rows(shape: &RolloutShape) -> Self {
        Self::with_rows(shape, all_rows(shape))
    }

    fn with_rows(shape: &RolloutShape, all_rows: Vec<RowSteps>) -> Self {
        let samples = shape.total_samples();
        let by_row = Vec::with_capacity(if all_rows.is_empty() { 0 } else { samples });
        let rows = Vec::with_capacity(all_rows.len());
        Self { samples: Vec::with_capacity(samples), all_rows, rows, by_row, steps: shape.steps }
    }

    /// Selects the samples that are experience, in order; there are `u32::MAX` samples at most. Detail 6.
    pub fn select(&mut self, outcomes: &[Outcome]) {
        let experience = |index: &u32| outcomes[*index as usize].is_experience();
        self.samples.clear();
        self.samples.extend((0..outcomes.len() as u32).filter(experience));
        self.rows.clear();
        self.by_row.clear();
        for &steps in &self.all_rows {
            let start = self.by_row.len() as u32;
            let samples = (0..self.steps).map(|step| steps.sample(step) as u32);
            self.by_row.extend(samples.filter(experience));
            let samples = self.by_row.len() as u32 - start;
            if samples > 0 {
                self.rows.push(ExperienceRow { steps, samples, start });
            }
        }
    }

    /// Shuffles the samples, or the rows. The result depends on the seed and on the order before. Detail 8.
    pub fn shuffle(&mut self, seed: Seed) {
        if self.all_rows.is_empty() {
            self.samples.shuffle(&mut seed.generator());
            return;
        }
        self.rows.shuffle(&mut seed.generator());
        self.samples.clear();
        for row in &self.rows {
            self.samples.extend_from_slice(&self.by_row[row.start as usize..][..row.samples as usize]);
        }
    }

    /// Returns the samples' indices.
    pub fn samples(&self) -> &[u32] {
        &self.samples
    }

    /// Splits the samples, or the rows, into `count` parts whose sizes differ by one at most. There are no more parts
    /// than rows.
    pub fn minibatches(&self, count: usize) -> impl Iterator<Item = Minibatch<'_>> {
        let units = if self.all_rows.is_empty() { self.samples.len() } else { self.rows.len() };
        let count = count.min(units);
        let mut rest = &self.samples[..];
        (0..count).map(move |part| {
            let units = part * units / count..(part + 1) * units / count;
            let rows = if self.all_rows.is_empty() { &[] } else { &self.rows[units.clone()] };
            let samples = if rows.is_empty() { units.len() } else { rows.iter().map(|row| row.samples as usize).sum() };
            let own;
            (own, rest) = rest.split_at(samples);
            Minibatch { samples: own, rows }
        })
    }
}

/// Returns an error if there are too many samples for indices of 32 bits. These halve the memory that is shuffled.
pub(crate) fn check_samples(shape: &RolloutShape) -> Result<(), LearnError> {
    match shape.total_samples() {
        samples if u32::try_from(samples).is_err() => Err(LearnError::TooManySamples { samples }),
        _ => Ok(()),
    }
}

/// Returns the number of minibatches of about this size of so many samples, so that their size comes closest to it.
pub(crate) const fn minibatch_count(samples: usize, minibatch: usize) -> usize {
    let rounded = (samples + minibatch / 2) / minibatch;
    if rounded == 0 { 1 } else { rounded }
}

/// Returns all rows of a rollout, in order.
fn all_rows(shape: &RolloutShape) -> Vec<RowSteps> {
    let mut all = Vec::with_capacity(shape.total_rows());
    let mut slab = 0;
    for &rows in &shape.rows {
        for row in 0..rows {
            all.push(RowSteps { row: all.len() as u32, first: (slab + row) as u32, stride: rows as u32 });
        }
        slab += rows * (shape.steps + 1);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experience(count: usize) -> Experience {
        let mut experience = Experience::new(&RolloutShape::default());
        experience.select(&vec![Outcome::Running; count]);
        experience
    }

    #[test]
    fn only_experience_is_learned_from() {
        use Outcome::{Faulty, Restart, Running, Terminated, Truncated, Vacant};
        let mut experience = Experience::new(&RolloutShape::default());
        experience.select(&[Restart, Running, Terminated, Vacant, Truncated, Faulty]);
        assert_eq!(experience.samples(), [1, 2, 4]);
    }

    #[test]
    fn minibatches_differ_in_size_by_one_at_most() {
        let check = |samples, count, sizes: &[usize]| {
            let experience = experience(samples);
            let minibatches = || experience.minibatches(count).map(|minibatch| minibatch.samples);
            assert_eq!(minibatches().map(<[u32]>::len).collect::<Vec<_>>(), sizes);
            let all: Vec<u32> = minibatches().flatten().copied().collect();
            assert_eq!(all, experience.samples());
        };
        check(10, 3, &[3, 3, 4]);
        check(8, 4, &[2, 2, 2, 2]);
        check(5, 1, &[5]);
    }

    #[test]
    fn a_shuffle_keeps_every_sample_and_follows_its_seed() {
        let shuffled = |seed| {
            let mut experience = experience(1000);
            experience.shuffle(Seed::new(seed));
            experience.samples
        };
        let mut sorted = shuffled(1);
        assert_ne!(sorted, experience(1000).samples);
        assert_eq!(sorted, shuffled(1));
        assert_ne!(sorted, shuffled(2));
        sorted.sort_unstable();
        assert_eq!(sorted, experience(1000).samples);
    }

    /// Two simulations with 2 and 1 rows, of 2 steps and the step after the last.
    #[test]
    fn rows_with_memory_stay_whole() {
        use Outcome::{Restart, Running, Terminated, Vacant};
        let shape = RolloutShape { steps: 2, rows: vec![2, 1], ..RolloutShape::default() };
        let mut experience = Experience::of_rows(&shape);
        experience.select(&[Running, Restart, Terminated, Running, Vacant, Vacant, Vacant, Vacant, Vacant]);
        assert_eq!(experience.samples(), [0, 2, 3]);
        experience.shuffle(Seed::new(1));
        let rows: Vec<_> = experience.minibatches(5).map(|part| (part.rows[0].steps, part.samples.to_vec())).collect();
        let first = (RowSteps { row: 0, first: 0, stride: 2 }, vec![0, 2]);
        let second = (RowSteps { row: 1, first: 1, stride: 2 }, vec![3]);
        assert!(rows == [first.clone(), second.clone()] || rows == [second, first], "{rows:?}");
        experience.select(&[Vacant, Vacant, Vacant, Vacant, Vacant, Vacant, Vacant, Running, Vacant]);
        experience.shuffle(Seed::new(1));
        let minibatch = experience.minibatches(1).next().unwrap();
        assert_eq!(minibatch.rows[0].steps, RowSteps { row: 2, first: 6, stride: 1 });
        assert_eq!((minibatch.samples, minibatch.rows[0].steps.sample(1)), (&[7][..], 7));
    }
}
