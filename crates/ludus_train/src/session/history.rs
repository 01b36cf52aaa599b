//! The numbers of all iterations so far.

use std::sync::Arc;

use ludus_learn::Metric;

use crate::episodes::Spread;
use crate::phases::Phases;

/// The number of iterations in a chunk, which snapshots share.
const CHUNK: usize = 256;

/// The results of one iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct IterationRecord {
    /// Steps of experience after it.
    pub steps: u64,
    /// Time of training after it, pauses left out \[s\].
    pub seconds: f64,
    /// The numbers of each kind of agents, in the game's order.
    pub kinds: Vec<KindIteration>,
    /// Its time by phase.
    pub phases: Phases,
}

/// The numbers of a kind of agents in an iteration.
#[derive(Clone, Debug, PartialEq)]
pub struct KindIteration {
    /// Episodes that had ended after it.
    pub episodes: u64,
    /// Returns of the recent episodes; NaN before the first.
    pub returns: Spread,
    /// Mean length of the recent episodes \[steps\]; NaN before the first.
    pub length: f64,
    /// Mean sum of each term of the reward over the recent episodes, unweighted, in the spec's order.
    pub terms: Vec<f64>,
    /// The weight of each term at the end of the iteration, in the spec's order.
    pub weights: Arc<[f32]>,
    /// The metrics that the algorithm of its policy reported; none for a kind whose policy is not learned, or is
    /// another kind's.
    pub metrics: Vec<Metric>,
}

impl Default for KindIteration {
    /// The numbers before the first episode.
    fn default() -> Self {
        Self {
            episodes: 0,
            returns: Spread { mean: f64::NAN, std: f64::NAN },
            length: f64::NAN,
            terms: Vec::new(),
            weights: Arc::from([]),
            metrics: Vec::new(),
        }
    }
}

/// The numbers of all iterations so far, oldest first.
///
/// A clone shares all but the last few: a snapshot of a long run costs as little as one of a short run.
#[derive(Clone, Debug, Default)]
pub struct History {
    chunks: Vec<Arc<[IterationRecord]>>,
    last: Vec<IterationRecord>,
}

impl History {
    /// The number of iterations.
    pub fn len(&self) -> usize {
        self.chunks.len() * CHUNK + self.last.len()
    }

    /// True if there is no iteration yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The iteration with this number, from 0.
    pub fn get(&self, index: usize) -> Option<&IterationRecord> {
        match self.chunks.get(index / CHUNK) {
            Some(chunk) => chunk.get(index % CHUNK),
            None => self.last.get(index - self.chunks.len() * CHUNK),
        }
    }

    /// The newest iteration; `None` if there is none yet.
    pub fn last(&self) -> Option<&IterationRecord> {
        self.len().checked_sub(1).and_then(|index| self.get(index))
    }

    /// All iterations, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &IterationRecord> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).chain(&self.last)
    }

    /// Adds an iteration at the end.
    pub fn push(&mut self, record: IterationRecord) {
        self.last.push(record);
        if self.last.len() == CHUNK {
            self.chunks.push(std::mem::take(&mut self.last).into());
        }
    }
}

impl Extend<IterationRecord> for History {
    fn extend<T: IntoIterator<Item = IterationRecord>>(&mut self, records: T) {
        records.into_iter().for_each(|record| self.push(record));
    }
}

impl FromIterator<IterationRecord> for History {
    fn from_iter<T: IntoIterator<Item = IterationRecord>>(records: T) -> Self {
        let mut history = Self::default();
        history.extend(records);
        history
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(steps: u64) -> IterationRecord {
        IterationRecord { steps, seconds: 0.0, kinds: Vec::new(), phases: Phases::default() }
    }

    #[test]
    fn iterations_stay_in_order_and_are_shared() {
        let mut history = History::default();
        assert!(history.is_empty() && history.last().is_none());
        for count in 0..1000_u64 {
            assert_eq!(history.len() as u64, count);
            history.push(record(count));
            assert_eq!(history.last().map(|record| record.steps), Some(count));
        }
        assert!(history.iter().map(|record| record.steps).eq(0..1000));
        assert!((0..1000).all(|index| history.get(index).is_some_and(|record| record.steps == index as u64)));
        assert_eq!(history.get(1000), None);
        let copy = history.clone();
        assert!(Arc::ptr_eq(&copy.chunks[2], &history.chunks[2]) && copy.last.len() < CHUNK);
    }
}
