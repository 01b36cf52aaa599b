//! What a run has come to, as far as it matters when it goes on.

use serde::{Deserialize, Serialize};

use crate::episodes::{EpisodeSummary, LEAST_EPISODES, Spread};
use crate::group::FIRST_KIND;

/// What a run has come to so far, besides what was learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Episodes so far.
    pub episodes: u64,
    /// Those that the mean return is taken over, in the order in which they began.
    pub recent: Vec<PastEpisode>,
    /// Time of training so far \[s\].
    pub seconds: f64,
    /// What the run's folder says in its file `id`; empty for runs of versions that had none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run: String,
}

/// An episode that counts in the mean return.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastEpisode {
    /// Sum of the weighted rewards.
    pub reward: f32,
    /// Steps.
    pub steps: u32,
    /// Sum of each term, without its weight, in the order of the spec.
    pub terms: Vec<f32>,
}

impl PastEpisode {
    /// What is kept of an episode; nothing of one whose sums are not finite, which JSON has no numbers for.
    pub(crate) fn of(episode: &EpisodeSummary) -> Option<Self> {
        let is_finite = episode.is_finite();
        let EpisodeSummary { reward, steps, terms, .. } = episode.clone();
        is_finite.then_some(Self { reward, steps, terms })
    }
}

impl From<&PastEpisode> for EpisodeSummary {
    fn from(past: &PastEpisode) -> Self {
        let PastEpisode { reward, steps, ref terms } = *past;
        // Its row and its steps were another world's.
        Self { kind: FIRST_KIND, row: 0, began: 0, is_first: false, reward, steps, terms: terms.clone() }
    }
}

/// How good a run was, to find its best checkpoint.
///
/// A mean of 100 episodes or more is better than any of fewer, which may be luck.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Score {
    is_sound: bool,
    mean_return: f64,
}

impl RunRecord {
    /// How good the run was; `None` before there is a mean return.
    pub(crate) fn score(&self) -> Option<Score> {
        let is_sound = self.recent.len() >= LEAST_EPISODES;
        self.mean_return().map(|mean_return| Score { is_sound, mean_return })
    }

    /// The mean return of the last episodes; `None` before there is one.
    pub(crate) fn mean_return(&self) -> Option<f64> {
        let returns = Spread::of(self.recent.iter().map(|episode| f64::from(episode.reward)));
        Some(returns.mean).filter(|mean| mean.is_finite())
    }
}
