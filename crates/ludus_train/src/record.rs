//! The progress of a run, as far as a resumed run needs it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::episodes::{EpisodeSummary, LEAST_EPISODES, Spread, TermSums};
use crate::self_play::SelfPlayRecord;

/// The progress of a run, without the parameters and the state of its algorithms.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The episodes of each kind of agents, by its name.
    pub kinds: BTreeMap<String, KindRecord>,
    /// Iterations that are over.
    pub iteration: u64,
    /// Steps of each world; `None` in a checkpoint of a version that did not count them.
    pub world_steps: Option<u64>,
    /// Time of training so far \[s\].
    pub seconds: f64,
    /// The stages of the curricula, if there are any.
    #[serde(default, skip_serializing_if = "CurriculumStages::is_empty")]
    pub curricula: CurriculumStages,
    /// The players and results of matches, if policies play against themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_play: Option<SelfPlayRecord>,
    /// The identity of the run, as its folder's file `id` says; empty for runs of versions that had none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub run: String,
}

/// The present stages of a run's curricula.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurriculumStages {
    /// The index of the stage of each parameter that has a curriculum, by its name. A parameter that is not listed is in
    /// its first stage.
    pub stages: BTreeMap<String, usize>,
    /// Changes of stages so far. Episodes that began with another number do not count in the present stage.
    pub number: u32,
}

impl CurriculumStages {
    /// True if all curricula are in their first stage and have always been.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty() && self.number == 0
    }

    /// The index of the stage of the parameter with this name.
    pub fn of(&self, parameter: &str) -> usize {
        self.stages.get(parameter).copied().unwrap_or(0)
    }
}

/// The episodes of a kind of agents in a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRecord {
    /// The number of episodes that have ended so far.
    pub episodes: u64,
    /// The episodes that the mean return is taken over, in the order in which they began.
    pub recent: Vec<PastEpisode>,
    /// The mean return of the most probable actions, if the checkpoint was evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated: Option<f64>,
}

/// The record of a run in a checkpoint of a version that knew one kind of agents.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneKindRecord {
    episodes: u64,
    recent: Vec<PastEpisode>,
    seconds: f64,
    #[serde(default)]
    run: String,
}

impl OneKindRecord {
    /// The record of a run with this kind of agents after so many iterations.
    pub fn of_kind(self, kind: &str, iteration: u64) -> RunRecord {
        let Self { episodes, recent, seconds, run } = self;
        let kinds = BTreeMap::from([(kind.to_owned(), KindRecord { episodes, recent, evaluated: None })]);
        RunRecord {
            kinds,
            iteration,
            world_steps: None,
            seconds,
            curricula: CurriculumStages::default(),
            self_play: None,
            run,
        }
    }
}

/// An episode that counts in the mean return.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastEpisode {
    /// Sum of the weighted rewards.
    pub reward: f32,
    /// The length of the episode \[steps\].
    pub steps: u32,
    /// Sum of each term, without its weight, in the order of the spec.
    pub terms: Vec<f32>,
    /// The game's verdict, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
}

impl PastEpisode {
    /// The part of an episode that is kept; `None` if its sums are not finite, since JSON has no such numbers.
    pub(crate) fn of(episode: &EpisodeSummary) -> Option<Self> {
        let is_finite = episode.is_finite();
        let EpisodeSummary { reward, steps, terms, success, .. } = episode.clone();
        is_finite.then_some(Self { reward, steps, terms: terms.into_vec(), success })
    }

    /// Converts it to an episode of this kind.
    pub(crate) fn of_kind(&self, kind: usize) -> EpisodeSummary {
        let Self { reward, steps, ref terms, success } = *self;
        // Its row, its start and its parameters were those of another world.
        EpisodeSummary {
            kind,
            row: 0,
            began: 0,
            is_first: false,
            reward,
            steps,
            terms: TermSums::from_slice(terms),
            success,
            plan: 0,
            parameters: Vec::new(),
        }
    }
}

/// The score of a checkpoint, by which the best one of a run is found.
///
/// An evaluation is better than any return of training. Of these, a mean of 100 episodes or more is better than any of
/// fewer, which may be luck.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct CheckpointScore {
    is_evaluated: bool,
    is_sound: bool,
    mean_return: f64,
}

impl KindRecord {
    /// The score of the run; `None` before there is a mean return.
    pub(crate) fn score(&self) -> Option<CheckpointScore> {
        let is_evaluated = self.evaluated.is_some();
        let is_sound = is_evaluated || self.recent.len() >= LEAST_EPISODES;
        let score = |mean_return| CheckpointScore { is_evaluated, is_sound, mean_return };
        self.evaluated.or_else(|| self.mean_return()).map(score)
    }

    /// The mean return of the last episodes; `None` before there is one.
    pub(crate) fn mean_return(&self) -> Option<f64> {
        let returns = Spread::of(self.recent.iter().map(|episode| f64::from(episode.reward)));
        Some(returns.mean).filter(|mean| mean.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(episodes: usize, reward: f32, evaluated: Option<f64>) -> Option<CheckpointScore> {
        let recent = vec![PastEpisode { reward, steps: 1, terms: Vec::new(), success: None }; episodes];
        KindRecord { episodes: episodes as u64, recent, evaluated }.score()
    }

    #[test]
    fn an_evaluation_is_better_than_any_return_of_training() {
        assert_eq!(score(0, 0.0, None), None);
        let by_rank = [
            score(0, 0.0, None),
            score(LEAST_EPISODES - 1, 9.0, None),
            score(LEAST_EPISODES, 1.0, None),
            score(LEAST_EPISODES, 2.0, None),
            score(0, 0.0, Some(-3.0)),
            score(0, 0.0, Some(-2.0)),
            // How many episodes of training there are is no part of an evaluation.
            score(LEAST_EPISODES, 9.0, Some(-1.0)),
            score(0, 0.0, Some(0.0)),
        ];
        assert!(by_rank.is_sorted_by(|one, other| one < other), "{by_rank:?}");
    }
}
