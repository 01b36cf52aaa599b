//! The samples that are learned from, and their order.

use ludus_spec::{Outcome, Seed};
use rand::seq::SliceRandom;

/// The samples of a rollout that are experience, in the order in which they are learned from.
#[derive(Clone, Debug)]
pub struct Experience {
    samples: Vec<u32>,
}

impl Experience {
    /// Makes an empty selection with room for this many samples.
    pub fn with_capacity(samples: usize) -> Self {
        Self { samples: Vec::with_capacity(samples) }
    }

    /// Selects the samples that are experience, in order; there are `u32::MAX` samples at most. Detail 6.
    pub fn select(&mut self, outcomes: &[Outcome]) {
        let experience = |index: &u32| outcomes[*index as usize].is_experience();
        self.samples.clear();
        self.samples.extend((0..outcomes.len() as u32).filter(experience));
    }

    /// Shuffles the samples. The result depends on the seed and on the order before. Detail 8.
    pub fn shuffle(&mut self, seed: Seed) {
        self.samples.shuffle(&mut seed.generator());
    }

    /// Returns the samples' indices.
    pub fn samples(&self) -> &[u32] {
        &self.samples
    }

    /// Splits the samples into `count` parts whose sizes differ by one at most.
    pub fn minibatches(&self, count: usize) -> impl Iterator<Item = &[u32]> {
        let bound = move |part: usize| part * self.samples.len() / count;
        (0..count).map(move |part| &self.samples[bound(part)..bound(part + 1)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experience(count: usize) -> Experience {
        let mut experience = Experience::with_capacity(count);
        experience.select(&vec![Outcome::Running; count]);
        experience
    }

    #[test]
    fn only_experience_is_learned_from() {
        use Outcome::{Faulty, Restart, Running, Terminated, Truncated, Vacant};
        let mut experience = Experience::with_capacity(6);
        experience.select(&[Restart, Running, Terminated, Vacant, Truncated, Faulty]);
        assert_eq!(experience.samples(), [1, 2, 4]);
    }

    #[test]
    fn minibatches_differ_in_size_by_one_at_most() {
        let check = |samples, count, sizes: &[usize]| {
            let experience = experience(samples);
            assert_eq!(experience.minibatches(count).map(<[u32]>::len).collect::<Vec<_>>(), sizes);
            let all: Vec<u32> = experience.minibatches(count).flatten().copied().collect();
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
}
