//! What the last episodes came to.

use std::collections::VecDeque;

/// An episode that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeSummary {
    /// The row of its agent, within its group of worlds.
    pub row: u32,
    /// Sum of the weighted rewards.
    pub reward: f32,
    /// Steps.
    pub steps: u32,
    /// Sum of each term, without its weight, in the order of the spec.
    pub terms: Vec<f32>,
}

/// The last episodes: as many as the mean is taken over.
#[derive(Clone, Debug)]
pub struct RecentEpisodes {
    episodes: VecDeque<EpisodeSummary>,
    capacity: usize,
    /// How many there were in all.
    total: u64,
}

/// Mean and standard deviation of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean; NaN of none.
    pub mean: f64,
    /// The standard deviation of these very numbers; NaN of none.
    pub std: f64,
}

impl RecentEpisodes {
    /// None yet; remembers the last `capacity`.
    pub fn new(capacity: usize) -> Self {
        Self { episodes: VecDeque::with_capacity(capacity), capacity, total: 0 }
    }

    /// Goes on from those remembered before; `total` is how many there were in all.
    pub fn restore(&mut self, episodes: impl IntoIterator<Item = EpisodeSummary>, total: u64) {
        self.episodes.clear();
        episodes.into_iter().for_each(|episode| self.push(episode));
        self.total = total;
    }

    /// Takes another one.
    pub fn push(&mut self, episode: EpisodeSummary) {
        if self.episodes.len() == self.capacity {
            self.episodes.pop_front();
        }
        self.episodes.push_back(episode);
        self.total += 1;
    }

    /// How many there were in all.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Whether there were as many as the mean is taken over.
    pub fn is_full(&self) -> bool {
        self.episodes.len() == self.capacity
    }

    /// Those remembered, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &EpisodeSummary> + Clone {
        self.episodes.iter()
    }

    /// Their returns.
    pub fn returns(&self) -> Spread {
        Spread::of(self.iter().map(|episode| f64::from(episode.reward)))
    }

    /// Their lengths [steps].
    pub fn lengths(&self) -> Spread {
        Spread::of(self.iter().map(|episode| f64::from(episode.steps)))
    }

    /// Their sums of the term with this index.
    pub fn term(&self, index: usize) -> Spread {
        Spread::of(self.iter().filter_map(|episode| episode.terms.get(index)).map(|&sum| f64::from(sum)))
    }
}

impl Spread {
    /// Of these numbers.
    pub fn of(numbers: impl Iterator<Item = f64> + Clone) -> Self {
        let (count, sum) = numbers.clone().fold((0.0, 0.0), |(count, sum), number| (count + 1.0, sum + number));
        let mean = sum / count;
        let squares: f64 = numbers.map(|number| (number - mean).powi(2)).sum();
        Self { mean, std: (squares / count).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episode(reward: f32, steps: u32) -> EpisodeSummary {
        EpisodeSummary { row: 0, reward, steps, terms: vec![reward, -1.0] }
    }

    #[test]
    fn the_mean_is_of_the_last_ones() {
        let mut recent = RecentEpisodes::new(2);
        assert!(recent.returns().mean.is_nan());
        for reward in [100.0, 1.0, 3.0] {
            assert_eq!(recent.is_full(), recent.total() >= 2);
            recent.push(episode(reward, 10));
        }
        assert_eq!(recent.returns(), Spread { mean: 2.0, std: 1.0 });
        assert_eq!(recent.lengths(), Spread { mean: 10.0, std: 0.0 });
        assert_eq!(recent.term(1).mean, -1.0);
        assert_eq!(recent.total(), 3);
        recent.restore([episode(7.0, 1)], 9);
        assert_eq!((recent.returns().mean, recent.total(), recent.is_full()), (7.0, 9, false));
    }
}
