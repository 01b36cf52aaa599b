//! What panels draw from: plain numbers and names, gathered once per drawn image.
//!
//! No type here knows Bevy's world, so a panel is tested with a snapshot that was written by hand.

use core::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bevy::ecs::resource::Resource;
use ludus_agent::spec::{AgentSpec, Outcome};

use crate::Direction;

/// An agent on screen: its kind, and its row among the agents of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId {
    /// The index of its kind among those of the game.
    pub kind: usize,
    /// Its row.
    pub row: usize,
}

/// The game on screen and its agents.
#[derive(Resource, Clone, Debug, Default)]
pub struct SceneSnapshot {
    /// The kinds of agents, in the game's order.
    pub kinds: Vec<SceneKindSnapshot>,
    /// The index of the kind whose numbers are shown where there is room for one kind's.
    pub shown_kind: usize,
    /// Ticks per second of the game's time.
    pub tick_rate_hz: f64,
    /// Ticks per step of the world: the smallest interval of its kinds.
    pub decision_interval: u32,
    /// True if two policies of any kind are compared.
    pub is_comparing: bool,
    /// The episode that is played again, if one is.
    pub replay: Option<ReplaySnapshot>,
    /// Which of the run's worlds is shown.
    pub world: u32,
    /// Which of that world's arenas are shown.
    pub arenas: Range<u32>,
    /// All agents, by kind and row.
    pub agents: Vec<AgentEntry>,
    /// The one that was picked.
    pub selected: Option<AgentSnapshot>,
}

/// A kind of agents on screen.
#[derive(Clone, Debug, Default)]
pub struct SceneKindSnapshot {
    /// The spec of its agents.
    pub spec: Arc<AgentSpec>,
    /// The weight of each term of the reward, in the spec's order.
    pub weights: Vec<f32>,
    /// True if the game decides for its agents, and no policy.
    pub is_external: bool,
    /// The policy that drives the agents; `None` as long as there is none.
    pub policy: Option<PolicyLabel>,
    /// The policy that drives those beside them, while two policies are compared; `None` if it is the same policy.
    pub rival: Option<PolicyLabel>,
    /// The returns of the agents since their arenas came.
    pub score: ScoreSnapshot,
    /// The returns of those beside them.
    pub rival_score: ScoreSnapshot,
}

/// An episode that is played again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplaySnapshot {
    /// Its name and its run's, such as `best of balance-2026-11-24-1`.
    pub name: String,
    /// Steps that are over, of what is shown.
    pub step: u32,
    /// Steps of the episode.
    pub steps: u32,
    /// Which way it plays.
    pub direction: Direction,
    /// The return that was logged, of each kind of agents by its name.
    pub returns: Vec<(String, f32)>,
    /// How it ended.
    pub outcome: Outcome,
    /// The first step after which it is not what was logged, as far as it was played.
    pub differs_from: Option<u32>,
}

/// How a policy on screen has done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreSnapshot {
    /// Episodes that have ended.
    pub episodes: u32,
    /// The sum of their weighted rewards.
    pub sum: f64,
}

impl ScoreSnapshot {
    /// Adds an episode.
    pub fn add(&mut self, episode_return: f32) {
        self.episodes += 1;
        self.sum += f64::from(episode_return);
    }

    /// Their mean return; none before the first has ended.
    pub fn mean_return(&self) -> Option<f64> {
        (self.episodes > 0).then(|| self.sum / f64::from(self.episodes))
    }
}

/// The name of the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyLabel {
    /// The run's folder or the policy's file, without the path.
    pub name: String,
    /// Steps that it has learned from.
    pub steps: u64,
}

/// The policy of a kind of agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindPolicy {
    /// The index of the kind.
    pub kind: usize,
    /// The name of the policy.
    pub label: PolicyLabel,
}

/// An agent in the list of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentEntry {
    /// The agent's kind and row.
    pub id: AgentId,
    /// Its kind and place, such as `Plate 2 · arena 5`.
    pub name: String,
    /// Who decides for it.
    pub driver: Driver,
    /// Finished steps of its episode.
    pub steps: u32,
    /// Weighted reward of its episode so far.
    pub episode_return: f32,
}

/// Who decides for an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// The policy that is shown.
    #[default]
    Policy,
    /// The policy that it is compared with.
    Rival,
    /// Whoever sits in front of the window.
    Player,
    /// The log of the episode that is played again.
    Log,
    /// The game's own systems.
    Game,
    /// Nobody: it idles.
    Nobody,
}

/// The agent that was picked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSnapshot {
    /// The agent's kind and row.
    pub id: AgentId,
    /// As in the list.
    pub name: String,
    /// Who decides for it.
    pub driver: Driver,
    /// What it senses, one for each column of the observation.
    pub columns: Vec<ColumnSnapshot>,
    /// What its policy made of what it had seen when the present action was chosen, one for each field of the action.
    ///
    /// Empty without a policy, and in a restart step, in which the agent idles.
    pub heads: Vec<HeadSnapshot>,
    /// What that policy expected of the rest of the episode then; NaN where `heads` are empty.
    pub value: f32,
    /// Which policy that was. In a replay, and for an agent that was taken over, it did not choose the action.
    pub decided_by: Option<PolicyLabel>,
    /// What its policy makes of what it sees now: its next decision. Empty in the middle of a step.
    pub next_heads: Vec<HeadSnapshot>,
    /// What that policy expects of the rest of the episode from here on; NaN where `next_heads` are empty.
    pub next_value: f32,
    /// The action of the present step, one number for each column of the action's row, as the policy gave it. Empty in
    /// a restart step.
    pub action: Vec<f32>,
    /// Its episode so far.
    pub episode: EpisodeSnapshot,
}

/// A column of an agent's observation, now and over all steps since it came.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ColumnSnapshot {
    /// The newest value.
    pub value: f32,
    /// The mean so far.
    pub mean: f32,
    /// The standard deviation so far.
    pub deviation: f32,
    /// The least value so far.
    pub least: f32,
    /// The greatest value so far.
    pub greatest: f32,
    /// Steps that these numbers are over.
    pub count: u64,
    /// Times that the game wrote something that is not finite; zeros took its place.
    pub faults: u64,
}

/// The distribution of one field of the action.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadSnapshot {
    /// Independent normal distributions, one for each dimension, before they are stretched to the field's range.
    Gaussian {
        /// Means; -1..=1 is the field's range.
        mean: Vec<f32>,
        /// Standard deviations.
        deviation: Vec<f32>,
    },
    /// One of several choices.
    Categorical {
        /// Of each choice; they add up to 1.
        probabilities: Vec<f32>,
    },
}

/// An episode so far.
///
/// # Shapes
///
/// `values [steps]`, `terms [steps, terms]`, both from `first_step` on: long episodes are cut at their beginning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeSnapshot {
    /// Which of the agent's episodes it is, from 1.
    pub number: u32,
    /// Finished steps.
    pub steps: u32,
    /// What the last step led to.
    pub outcome: Outcome,
    /// The step that `values` and `terms` begin with, from 0.
    pub first_step: u32,
    /// What the policy expected of the rest of the episode, at each decision; NaN where no policy decided.
    pub values: Vec<f32>,
    /// The weighted terms of each step's reward.
    pub terms: Vec<f32>,
}

/// The runs of the game, on disk and live.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct RunsSnapshot {
    /// The names of the kinds of agents, in the game's order.
    pub kinds: Vec<String>,
    /// The index of the kind whose curves are shown.
    pub shown_kind: usize,
    /// The runs, newest first.
    pub runs: Vec<RunEntry>,
    /// Older runs that were not looked into, since there are too many.
    pub left_out: usize,
    /// The policies that drive the scene, one for each kind that has one.
    pub left: Vec<KindPolicy>,
    /// The policies beside them, while two are compared.
    pub right: Vec<KindPolicy>,
    /// Whether training is under way in this window.
    pub is_training: bool,
    /// Why the last thing that was asked for could not be done.
    pub trouble: Option<String>,
    /// What came of the run that was last asked to go on.
    pub resumed: Option<ResumeSnapshot>,
}

/// What came of a run that was asked to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResumeSnapshot {
    /// The run's folder.
    pub run: PathBuf,
    /// Whether it goes on, or went on.
    pub is_good: bool,
    /// What happened.
    pub sentence: String,
}

/// A run's folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunEntry {
    /// The folder's name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether this window's training writes it.
    pub is_live: bool,
    /// Mean return of each kind of agents over steps, as `[steps, mean return]`.
    pub curves: Vec<Vec<[f64; 2]>>,
    /// Policies to load, newest first.
    pub checkpoints: Vec<CheckpointEntry>,
    /// Episodes to play again: the best, the worst, then others.
    pub episodes: Vec<EpisodeEntry>,
}

/// An episode in a run's folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeEntry {
    /// `best`, `worst`, or a number.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Its returns; `None` if the file can't be read.
    pub result: Option<EpisodeResult>,
}

/// The returns and the end of an episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeResult {
    /// The return of each kind of agents by its name.
    pub returns: Vec<(String, f32)>,
    /// Its steps.
    pub steps: u32,
}

/// A policy in a run's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointEntry {
    /// `newest`, `best`, or its steps.
    pub label: String,
    /// Its file.
    pub path: PathBuf,
}

impl SceneSnapshot {
    /// The kind whose numbers are shown where there is room for one kind's.
    pub fn shown(&self) -> Option<&SceneKindSnapshot> {
        self.kinds.get(self.shown_kind)
    }

    /// True if agents have to be told apart by their kinds.
    pub fn has_several_kinds(&self) -> bool {
        self.kinds.len() > 1
    }

    /// True if any kind has a policy.
    pub fn has_policy(&self) -> bool {
        self.kinds.iter().any(|kind| kind.policy.is_some())
    }
}

impl AgentSnapshot {
    /// The sum of each weighted term over the steps that are there.
    pub fn term_sums(&self, terms: usize) -> Vec<f32> {
        let mut sums = vec![0.0; terms];
        for step in self.episode.terms.chunks_exact(terms.max(1)) {
            sums.iter_mut().zip(step).for_each(|(sum, term)| *sum += term);
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_add_up_by_themselves() {
        let episode = EpisodeSnapshot { terms: vec![1.0, -1.0, 0.5, 0.0], ..EpisodeSnapshot::default() };
        let agent = AgentSnapshot { episode, ..AgentSnapshot::default() };
        assert_eq!(agent.term_sums(2), [1.5, -1.0]);
        assert!(AgentSnapshot::default().term_sums(0).is_empty());
    }
}
