//! Returns of episodes, read from rollouts.

use std::collections::VecDeque;

use ludus_learn::Rollout;

/// Episodes that a mean is taken over.
const EPISODES: usize = 100;

/// The returns of the last episodes that ended.
pub struct Returns {
    /// The return of each row's episode so far.
    open: Vec<f32>,
    last: VecDeque<f32>,
    /// Episodes that ended in each row.
    pub ended: Vec<Vec<f32>>,
}

impl Returns {
    pub fn new(rows: usize) -> Self {
        Self { open: vec![0.0; rows], last: VecDeque::new(), ended: vec![Vec::new(); rows] }
    }

    /// Adds the steps of a rollout of one simulation.
    pub fn add(&mut self, rollout: &Rollout) {
        let samples = rollout.samples();
        for (sample, &outcome) in samples.outcomes.iter().enumerate() {
            let row = sample % self.open.len();
            if outcome.is_experience() {
                self.open[row] += samples.rewards[sample];
            }
            if outcome.is_end() {
                self.end(row);
            }
        }
    }

    fn end(&mut self, row: usize) {
        let sum = std::mem::take(&mut self.open[row]);
        self.ended[row].push(sum);
        if self.last.len() == EPISODES {
            self.last.pop_front();
        }
        self.last.push_back(sum);
    }

    pub fn is_full(&self) -> bool {
        self.last.len() == EPISODES
    }

    pub fn mean(&self) -> f32 {
        self.last.iter().sum::<f32>() / self.last.len() as f32
    }
}
