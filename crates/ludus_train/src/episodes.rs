//! Results of episodes, and statistics over them.

mod recent;

use smallvec::SmallVec;

pub use recent::{LEAST_EPISODES, RecentEpisodes, RowChange, RowChanges, RowSettings};

/// An episode that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeSummary {
    /// The kind of its agent, by its index among those of the game.
    pub kind: usize,
    /// The row of its agent among those of its kind, within its group of worlds.
    pub row: u32,
    /// The step of its group in which its agent decided first.
    pub began: u64,
    /// True if it began with its world: such an episode may have been cut short (`stagger`).
    pub is_first: bool,
    /// Sum of the weighted rewards.
    pub reward: f32,
    /// Length \[steps\].
    pub steps: u32,
    /// Sum of each term, without its weight, in the order of the spec.
    pub terms: TermSums,
    /// The game's verdict, if it gave one.
    pub success: Option<bool>,
    /// The number of the plan by which the episode's parameters were drawn.
    pub plan: u32,
    /// The episode's parameters, in the order of the game.
    pub parameters: Vec<f32>,
}

/// Sums of terms, without an allocation for a few of them: with short episodes, one for each would be 2 % of a step.
pub type TermSums = SmallVec<[f32; 8]>;

/// The part of the episodes that succeeded; `None` if the game has given no verdict on any. One without a verdict is no
/// success.
pub fn success_rate<'a>(episodes: impl Iterator<Item = &'a EpisodeSummary>) -> Option<f64> {
    let (mut count, mut judged, mut successes) = (0_u64, false, 0_u64);
    for episode in episodes {
        count += 1;
        judged |= episode.success.is_some();
        successes += u64::from(episode.success == Some(true));
    }
    judged.then(|| successes as f64 / count as f64)
}

/// Mean and standard deviation of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean; NaN if there are no numbers.
    pub mean: f64,
    /// The standard deviation, with the count as divisor; NaN if there are no numbers.
    pub std: f64,
}

impl EpisodeSummary {
    /// True if all its sums are finite.
    pub fn is_finite(&self) -> bool {
        self.reward.is_finite() && self.terms.iter().all(|sum| sum.is_finite())
    }
}

impl Spread {
    /// Computes the spread of `numbers`.
    pub fn of(numbers: impl Iterator<Item = f64> + Clone) -> Self {
        let (count, sum) = numbers.clone().fold((0.0, 0.0), |(count, sum), number| (count + 1.0, sum + number));
        let mean = sum / count;
        let squares: f64 = numbers.map(|number| (number - mean).powi(2)).sum();
        Self { mean, std: (squares / count).sqrt() }
    }

    /// `12.30 ± 4.56`; `None` if there are no numbers, or none that are finite.
    pub fn shown(&self) -> Option<String> {
        let Self { mean, std } = self;
        (mean.is_finite() && std.is_finite()).then(|| format!("{mean:.2} ± {std:.2}"))
    }
}
