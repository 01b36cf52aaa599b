//! What a run has come to, as far as it matters when it goes on.

use serde::{Deserialize, Serialize};

use crate::episodes::EpisodeSummary;

/// What a run has come to so far, besides what was learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Episodes so far.
    pub episodes: u64,
    /// Those that the mean return is taken over, oldest first.
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
        let EpisodeSummary { reward, steps, terms, .. } = episode.clone();
        let is_finite = reward.is_finite() && terms.iter().all(|sum| sum.is_finite());
        is_finite.then_some(Self { reward, steps, terms })
    }
}

impl From<&PastEpisode> for EpisodeSummary {
    fn from(past: &PastEpisode) -> Self {
        let PastEpisode { reward, steps, ref terms } = *past;
        // Its row was another world's.
        Self { row: 0, reward, steps, terms: terms.clone() }
    }
}

impl RunRecord {
    /// The mean return of the recent episodes; NaN of none.
    pub(crate) fn mean_return(&self) -> f64 {
        self.recent.iter().map(|episode| f64::from(episode.reward)).sum::<f64>() / self.recent.len() as f64
    }
}
