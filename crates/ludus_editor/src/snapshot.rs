//! Snapshots that panels draw from: plain numbers and names, gathered once per image.
//!
//! No type in this module refers to Bevy's world, so a panel can be tested with a snapshot that is written by hand.

#[cfg(feature = "tune")]
mod search;

use core::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bevy::ecs::resource::Resource;
use ludus_agent::spec::{AgentSpec, EpisodeParameter, Outcome};

use ludus_train::LadderEntry;

use crate::{Direction, RivalPlace};

#[cfg(feature = "tune")]
pub use search::{ChosenTrial, SearchesSnapshot};

/// The identity of an agent on screen: its kind, and its row among the agents of that kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId {
    /// Index of its kind among those of the game.
    pub kind: usize,
    /// Its row among the agents of its kind.
    pub row: usize,
}

/// The game on screen and its agents.
#[derive(Resource, Clone, Debug, Default)]
pub struct SceneSnapshot {
    /// The kinds of agents, in the game's order.
    pub kinds: Vec<SceneKindSnapshot>,
    /// The index of the kind that is shown where there is room for the numbers of one kind only.
    pub shown_kind: usize,
    /// Ticks per second of the game's time \[Hz\].
    pub tick_rate_hz: f64,
    /// Ticks per step of the world: the smallest interval of its kinds.
    pub decision_interval: u32,
    /// The place of second policies; `None` without any.
    pub rivals: Option<RivalPlace>,
    /// The replay, if there is one.
    pub replay: Option<ReplaySnapshot>,
    /// Index of the run's world on screen.
    pub world: u32,
    /// Indices of that world's arenas on screen.
    pub arenas: Range<u32>,
    /// The game's episode parameters, in its order.
    pub parameters: Vec<ParameterSnapshot>,
    /// All agents, sorted by kind and row.
    pub agents: Vec<AgentEntry>,
    /// The selected agent.
    pub selected: Option<AgentSnapshot>,
}

/// A kind of agents on screen.
#[derive(Clone, Debug, Default)]
pub struct SceneKindSnapshot {
    /// The spec of its agents.
    pub spec: Arc<AgentSpec>,
    /// The weight of each term of the reward, in the spec's order.
    pub weights: Vec<f32>,
    /// True if the game's own systems control its agents, and no policy does.
    pub is_external: bool,
    /// The policy that controls the agents; `None` as long as there is none.
    pub policy: Option<PolicyLabel>,
    /// The policy that controls the agents beside them, while two policies are compared; `None` if it is the same
    /// policy.
    pub rival: Option<PolicyLabel>,
    /// The returns of the agents since their arenas were spawned.
    pub score: ScoreSnapshot,
    /// The returns of the agents beside them, in a comparison.
    pub rival_score: ScoreSnapshot,
}

/// An episode parameter of the game on screen.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSnapshot {
    /// Its name, documentation, range and default.
    pub parameter: EpisodeParameter,
    /// The name of what has it: `Arena`, or that of a kind of agents.
    pub owner: String,
    /// The distribution of the values of the next episodes, as a config has it.
    pub distribution: String,
    /// The value that was set by hand; `None` if values are drawn from the config's distribution.
    pub by_hand: Option<f32>,
}

/// The replay of a logged episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplaySnapshot {
    /// The names of the episode and of its run, such as `best of balance-2026-11-24-1`.
    pub name: String,
    /// Number of finished steps at the position that is shown. During a seek, the target.
    pub step: u32,
    /// Number of steps in the episode.
    pub steps: u32,
    /// The direction of the replay.
    pub direction: Direction,
    /// The logged return of each kind of agents, with the kind's name.
    pub returns: Vec<(String, f32)>,
    /// The logged outcome of the episode.
    pub outcome: Outcome,
    /// The first step whose result differs from the log, among those that were played; `None` if all are the same.
    pub differs_from: Option<u32>,
}

/// The returns of a policy on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreSnapshot {
    /// Number of episodes that have ended.
    pub episodes: u32,
    /// Sum of the returns of these episodes, with weighted rewards.
    pub sum: f64,
}

impl ScoreSnapshot {
    /// Adds an episode that has ended, with its weighted return.
    pub fn add(&mut self, episode_return: f32) {
        self.episodes += 1;
        self.sum += f64::from(episode_return);
    }

    /// The mean return of the episodes; `None` before the first has ended.
    pub fn mean_return(&self) -> Option<f64> {
        (self.episodes > 0).then(|| self.sum / f64::from(self.episodes))
    }
}

/// The name and the training steps of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyLabel {
    /// The run's folder or the policy's file, without the path.
    pub name: String,
    /// Number of training steps that the policy has learned from.
    pub steps: u64,
}

/// The policy of a kind of agents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindPolicy {
    /// The index of the kind.
    pub kind: usize,
    /// The name and the training steps of the policy.
    pub label: PolicyLabel,
}

/// An entry in the list of all agents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentEntry {
    /// The agent's kind and row.
    pub id: AgentId,
    /// Its kind and place, such as `Plate 2 · arena 5`.
    pub name: String,
    /// The source of its actions.
    pub driver: Driver,
    /// Number of finished steps in its episode.
    pub steps: u32,
    /// Weighted reward of its episode so far.
    pub episode_return: f32,
}

/// The source of an agent's actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// The shown policy.
    #[default]
    Policy,
    /// The policy with which the shown one is compared.
    Rival,
    /// The user, with keyboard or gamepad.
    Player,
    /// The log of the replayed episode.
    Log,
    /// The game's own systems.
    Game,
    /// No source: the agent idles.
    Nobody,
}

/// The selected agent, with its observation, its decisions and its episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSnapshot {
    /// The agent's kind and row.
    pub id: AgentId,
    /// Its kind and place, as in [`AgentEntry::name`].
    pub name: String,
    /// The source of its actions.
    pub driver: Driver,
    /// Statistics of each column of its observation.
    pub columns: Vec<ColumnSnapshot>,
    /// The policy's distribution for each field of the action, given the observation on which the present action was
    /// chosen.
    ///
    /// Empty without a policy, and in a restart step, in which the agent idles.
    pub heads: Vec<HeadSnapshot>,
    /// The policy's value estimate for that observation; NaN where `heads` are empty, and for a policy that has none.
    pub value: f32,
    /// The source of the value estimates.
    pub value_source: ValueSource,
    /// The numbers that the policy remembered of the episode when it decided; empty for a policy without memory, and where
    /// `heads` are empty.
    pub memory: Vec<f32>,
    /// The policy of `heads` and `value`. In a replay, and for an agent that was taken over, it did not choose the
    /// action.
    pub decided_by: Option<PolicyLabel>,
    /// The policy's distributions for the newest observation: its next decision. Empty in the middle of a step.
    pub next_heads: Vec<HeadSnapshot>,
    /// The policy's value estimate for the newest observation; NaN where `next_heads` are empty, and for a policy that has
    /// none.
    pub next_value: f32,
    /// The action of the present step, one number for each column of the action's row, before it is scaled to the
    /// fields' ranges. Empty in a restart step.
    pub action: Vec<f32>,
    /// The values of the episode parameters in its episode, one for each of [`SceneSnapshot::parameters`].
    pub parameters: Vec<f32>,
    /// Its episode so far.
    pub episode: EpisodeSnapshot,
}

/// The source of a policy's value estimates: of the discounted return from an observation on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueSource {
    /// The policy's own critic, as `ppo` learns it.
    #[default]
    Critic,
    /// The value of the greedy action, which is an output of the policy, as `dqn` and `pqn` learn it.
    Outputs,
    /// The smaller one of both critics' values of the greedy action, as `sac` learns them.
    SmallerCritic,
    /// None: the policy's critics are not at hand.
    Missing,
}

/// Statistics of one column of an agent's observation, over all steps since the arenas were spawned.
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
    /// Number of steps that these statistics are over.
    pub count: u64,
    /// Number of times that the game wrote a number that is not finite; zeros took its place.
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
        /// Probability of each choice; they add up to 1.
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
    /// Number of the episode among those of the agent, from 1.
    pub number: u32,
    /// Number of finished steps.
    pub steps: u32,
    /// The outcome of the last step.
    pub outcome: Outcome,
    /// The step that `values` and `terms` begin with, from 0.
    pub first_step: u32,
    /// The policy's value estimate at each decision; NaN where no policy decided.
    pub values: Vec<f32>,
    /// The weighted terms of each step's reward.
    pub terms: Vec<f32>,
}

/// The runs of the game, on disk and in training.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct RunsSnapshot {
    /// The names of the kinds of agents, in the game's order.
    pub kinds: Vec<String>,
    /// Index of the kind whose curves are shown.
    pub shown_kind: usize,
    /// The runs, newest first.
    pub runs: Vec<RunEntry>,
    /// Number of older runs that were not read, since there are too many.
    pub left_out: usize,
    /// The policies that control the agents on screen, one for each kind that has one.
    pub left: Vec<KindPolicy>,
    /// The policies beside them, while two are compared, or on the other sides of their matches.
    pub right: Vec<KindPolicy>,
    /// The place of the policies in `right`; `None` without any.
    pub rivals: Option<RivalPlace>,
    /// True if training is active in this window.
    pub is_training: bool,
    /// The reason that the last command could not be carried out, as a sentence; `None` if it could.
    pub trouble: Option<String>,
    /// The result of the last command to resume a run.
    pub resumed: Option<ResumeSnapshot>,
}

/// The result of a command to resume a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResumeSnapshot {
    /// The run's folder.
    pub run: PathBuf,
    /// True if the run was resumed, or is about to be.
    pub is_good: bool,
    /// The result as a sentence.
    pub sentence: String,
}

/// A run's folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunEntry {
    /// The folder's name.
    pub name: String,
    /// The path of the folder.
    pub path: PathBuf,
    /// True if the training of this window writes to it.
    pub is_live: bool,
    /// Mean return of each kind of agents over steps, as `[steps, mean return]`.
    pub curves: Vec<Vec<[f64; 2]>>,
    /// Policies that can be loaded, newest first.
    pub checkpoints: Vec<CheckpointEntry>,
    /// Episodes that can be replayed: the best, the worst, then others.
    pub episodes: Vec<EpisodeEntry>,
    /// The players of its matches by their ratings, as the newest checkpoint has them; empty without matches.
    pub ladder: Vec<LadderEntry>,
}

/// An episode in a run's folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeEntry {
    /// The name of the episode: `best`, `worst`, or a number.
    pub name: String,
    /// The path of its file.
    pub path: PathBuf,
    /// Its result; `None` if the file can't be read.
    pub result: Option<EpisodeResult>,
}

/// The returns and the length of an episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeResult {
    /// The return of each kind of agents, with the kind's name.
    pub returns: Vec<(String, f32)>,
    /// Number of its steps.
    pub steps: u32,
}

/// A policy in a run's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointEntry {
    /// The label of the checkpoint: `newest`, `newest of` a kind, `best`, or `step` and its number of steps.
    pub label: String,
    /// The path of its file.
    pub path: PathBuf,
}

impl SceneSnapshot {
    /// Returns the kind that is shown where there is room for the numbers of one kind only.
    pub fn shown(&self) -> Option<&SceneKindSnapshot> {
        self.kinds.get(self.shown_kind)
    }

    /// True if the game has several kinds of agents.
    pub fn has_several_kinds(&self) -> bool {
        self.kinds.len() > 1
    }

    /// True if any kind has a policy.
    pub fn has_policy(&self) -> bool {
        self.kinds.iter().any(|kind| kind.policy.is_some())
    }
}

impl AgentSnapshot {
    /// Returns the sum of each weighted reward term over the steps that are kept.
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
