//! Priorities of experience: what surprised most is learned from more often.

use ludus_spec::Seed;

use super::config::PriorityConfig;
use crate::replay::{Replay, SumTree};
use crate::{AlgorithmState, LearnError, StateTensor};

/// The name of the array in a saved state.
const PRIORITIES: &str = "replay.priorities";

/// The error that is added to all errors, so that no experience is never sampled again. Schaul et al. 2016, §3.3.
const SMALLEST_ERROR: f32 = 1e-3;

/// Priorities of a replay's entries.
#[derive(Clone, Debug)]
pub(super) struct Priorities {
    tree: SumTree,
    alpha: f32,
    /// The greatest priority so far: that of experience which was not learned from yet.
    greatest: f64,
}

impl Priorities {
    /// Makes priorities for this replay, as if none of its experience had been learned from.
    pub fn new(replay: &Replay, config: &PriorityConfig) -> Self {
        let mut priorities = Self { tree: SumTree::new(replay.shape().entries()), alpha: config.alpha, greatest: 1.0 };
        priorities.follow(replay, replay.shape().steps);
        priorities
    }

    /// Gives the entries of the newest `steps` steps their first priority, and those without experience none.
    pub fn follow(&mut self, replay: &Replay, steps: usize) {
        let shape = replay.shape();
        // The step before the new ones may have become faulty, and the head has no experience.
        for back in 0..=(steps + 1).min(shape.steps - 1) {
            let step = (replay.head() + shape.steps - back) % shape.steps;
            let is_new = back <= steps;
            for entry in step * shape.rows..(step + 1) * shape.rows {
                let is_experience = replay.outcome(entry).is_experience();
                if !is_experience {
                    self.tree.set(entry, 0.0);
                } else if is_new {
                    self.tree.set(entry, self.greatest);
                }
            }
        }
    }

    /// Draws entries by priority, one from each of `count` equal parts of the sum, and the weights that correct for it:
    /// `(N·P)^−β`, at most 1.
    ///
    /// `count` is above 0, and the replay has experience.
    pub fn draw(&self, replay: &Replay, beta: f32, seed: Seed, drawn: (&mut Vec<usize>, &mut Vec<f32>), count: usize) {
        let (entries, weights) = drawn;
        let total = self.tree.total();
        entries.clear();
        entries.extend((0..count).map(|part| {
            let within = f64::from(seed.derive(part as u64).uniform());
            self.tree.leaf_at((part as f64 + within) / count as f64 * total)
        }));
        let probability = |&entry: &usize| replay.experience() as f64 * self.tree.priority(entry) / total;
        weights.clear();
        weights.extend(entries.iter().map(|entry| probability(entry).powf(-f64::from(beta)) as f32));
        let greatest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        weights.iter_mut().for_each(|weight| *weight /= greatest);
    }

    /// Sets the priorities of entries to their errors to the power of α.
    pub fn update(&mut self, entries: &[usize], errors: &[f32]) {
        for (&entry, error) in entries.iter().zip(errors) {
            let priority = f64::from((error + SMALLEST_ERROR).powf(self.alpha));
            if priority.is_finite() {
                self.greatest = self.greatest.max(priority);
                self.tree.set(entry, priority);
            }
        }
    }

    /// Adds the priorities to a state.
    pub fn save(&self, state: &mut AlgorithmState) {
        let mut numbers = self.tree.priorities().to_vec();
        numbers.push(self.greatest);
        state.tensors.insert(PRIORITIES.to_owned(), StateTensor::Statistics(numbers));
    }

    /// Restores the priorities of a state; leaves them as they are if the state has none.
    ///
    /// # Errors
    ///
    /// If the state has them for another replay, or if one of them is not a number or below 0.
    pub fn restore(&mut self, state: &AlgorithmState, replay: &Replay) -> Result<(), LearnError> {
        if !state.tensors.contains_key(PRIORITIES) {
            return Ok(());
        }
        let numbers = state.statistics(PRIORITIES)?;
        let (was, now) = (numbers.len(), self.tree.priorities().len() + 1);
        let Some((&greatest, saved)) = numbers.split_last().filter(|_| was == now) else {
            return Err(LearnError::Checkpoint { what: "priorities", was, now });
        };
        if let Some(&value) = numbers.iter().find(|number| !(number.is_finite() && **number >= 0.0)) {
            return Err(LearnError::NotFinite { what: "checkpoint's priority", value: value as f32 });
        }
        self.greatest = greatest;
        for (entry, &priority) in saved.iter().enumerate().take(replay.shape().entries()) {
            let is_experience = replay.outcome(entry).is_experience();
            self.tree.set(entry, if is_experience { priority } else { 0.0 });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::test_replay::{counted, replay};

    #[test]
    fn a_greater_error_is_drawn_more_often_and_weighs_less() {
        let (replay, config) = (replay(), PriorityConfig { alpha: 1.0, ..PriorityConfig::default() });
        let mut priorities = Priorities::new(&replay, &config);
        let all: Vec<usize> = (0..18).filter(|&entry| replay.outcome(entry).is_experience()).collect();
        assert_eq!(all.len(), 12);
        // Entry 1 has an error that is nine times that of each of the eleven others.
        let errors: Vec<f32> = all.iter().map(|&entry| if entry == 1 { 0.899 } else { 0.099 }).collect();
        priorities.update(&all, &errors);
        let (mut entries, mut weights) = (Vec::new(), Vec::new());
        priorities.draw(&replay, 1.0, Seed::new(2), (&mut entries, &mut weights), 20_000);
        let counts = counted(&entries);
        assert!((8_900..9_100).contains(&counts[1]), "{counts:?}");
        assert!((900..1_100).contains(&counts[3]) && counts[2] == 0, "{counts:?}");
        let weight_of = |entry| weights[entries.iter().position(|&drawn| drawn == entry).unwrap()];
        assert_eq!(weight_of(3), 1.0);
        assert!((weight_of(1) - 1.0 / 9.0).abs() < 1e-4, "{}", weight_of(1));
    }
}
