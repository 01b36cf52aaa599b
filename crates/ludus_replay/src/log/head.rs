//! The head of an episode's file.

use std::num::NonZeroU32;

use ludus_spec::{AgentSpec, Head, LONGEST_STEP, Outcome, Seed};
use serde::{Deserialize, Serialize};

use super::width;

/// Limit on the arenas of an episode's world.
const MOST_ARENAS: u32 = 1 << 16;
/// Limit on the decisions by which actions take effect later.
const LONGEST_DELAY: u32 = 1000;
/// Limit on the kinds of agents in an episode.
const MOST_KINDS: usize = 256;

/// The identity of the episode that a log is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeHead {
    /// The name of the game.
    pub program: String,
    /// The version of the library that played it.
    pub library: String,
    /// The world's index.
    pub world: u32,
    /// The world's own seed.
    pub seed: Seed,
    /// The arena's index; without one, the episode is of the whole world.
    pub arena: Option<u32>,
    /// The number of arenas in the world.
    pub arenas: u32,
    /// The number of the episode for each member of the arena, from 0, the arena itself. Agents that the game decides
    /// for are members too.
    pub numbers: Vec<u32>,
    /// The number of the world's step in which the agents restarted: by it, kinds that do not decide in every step
    /// decide in the same steps again.
    pub restart_step: u64,
    /// The parameters of the episode, if the game has any.
    #[serde(default, skip_serializing_if = "EpisodeValues::is_empty")]
    pub parameters: EpisodeValues,
    /// The kinds of agents that the game does not decide for, in the game's order.
    pub kinds: Vec<EpisodeKind>,
    /// The length of the episode \[steps of the world\].
    pub steps: u32,
    /// The outcome of its last step.
    pub outcome: Outcome,
    /// The iteration in which it ended.
    pub iteration: u64,
}

/// The values of the parameters of an episode.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeValues {
    /// The names of all parameters of the game, in its order.
    pub names: Vec<String>,
    /// The value of each, for each member of the arena, from 0, the arena itself.
    pub members: Vec<Vec<f32>>,
}

impl EpisodeValues {
    /// True if the game has no parameters.
    pub const fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    fn check(&self) -> Result<(), String> {
        let is_whole =
            |values: &Vec<f32>| values.len() == self.names.len() && values.iter().all(|value| value.is_finite());
        if self.members.iter().all(is_whole) {
            return Ok(());
        }
        Err("it has episode parameters that are not finite, or not as many as their names".to_owned())
    }
}

/// A kind of agents in an episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeKind {
    /// The kind's name. Empty in a file of the first version, which had one kind and no name for it.
    pub name: String,
    /// [`AgentSpec::row_hash`] in 16 hexadecimal digits.
    pub layout_hash: String,
    /// Choices of each column of an action row; 0 for a number.
    pub choices: Vec<u32>,
    /// Ticks from one decision to the next.
    pub decision_interval: NonZeroU32,
    /// The weight of each term of the reward.
    pub weights: Vec<f32>,
    /// The episode limit of the run \[steps\].
    pub episode_limit: Option<NonZeroU32>,
    /// True if the limit cut each agent's first episode at a point of its own.
    pub stagger: bool,
    /// The deviation of the noise on each column of the observation; empty without noise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observation_noise: Vec<f32>,
    /// Decisions by which actions took effect later.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub action_delay: u32,
    /// The number of the kind's agents in the episode.
    pub rows: u32,
    /// Sum of the weighted rewards: its mean over the kind's agents whose episode ended; over all of them, as far as
    /// they had come, if none of the kind's did.
    pub reward: f32,
}

impl EpisodeHead {
    /// Ticks per step of the world: the smallest interval of its kinds.
    pub fn ticks_per_step(&self) -> NonZeroU32 {
        self.kinds.iter().map(|kind| kind.decision_interval).min().unwrap_or(NonZeroU32::MIN)
    }

    /// The choices of all columns of a step's actions, in their order.
    pub(super) fn columns(&self) -> impl Iterator<Item = u32> + Clone {
        self.kinds.iter().flat_map(EpisodeKind::columns)
    }

    /// Checks that the episode can be played and that the head describes exactly `content` bytes.
    pub(super) fn check(&self, content: usize) -> Result<(), String> {
        if self.kinds.len() > MOST_KINDS {
            return Err(format!("it has {} kinds of agents, there may be {MOST_KINDS}", self.kinds.len()));
        }
        if self.bytes() != Some(content as u64) {
            return Err(format!("it has {content} bytes of actions and hashes, which is not what its head says"));
        }
        if self.kinds.iter().all(|kind| kind.rows == 0) {
            return Err("it has no agents".to_owned());
        }
        if self.arenas > MOST_ARENAS {
            return Err(format!("its world has {} arenas, there may be {MOST_ARENAS}", self.arenas));
        }
        if self.restart_step.checked_add(self.steps.into()).is_none() {
            return Err(format!("its world had made {} steps, and no world makes as many", self.restart_step));
        }
        self.parameters.check()?;
        for (index, kind) in self.kinds.iter().enumerate() {
            kind.check()?;
            if self.kinds[..index].iter().any(|other| other.name == kind.name) {
                return Err(format!("it has the kind of agents `{}` twice", kind.name));
            }
        }
        Ok(())
    }

    /// Bytes of the actions and the hashes in a file; `None` if there are too many to be counted.
    fn bytes(&self) -> Option<u64> {
        let per_step = |sum: u64, kind: &EpisodeKind| sum.checked_add(kind.bytes_per_step()?);
        let per_step = self.kinds.iter().try_fold(0, per_step)?;
        let hashes = (u64::from(self.steps) + 1) * size_of::<u32>() as u64;
        per_step.checked_mul(self.steps.into())?.checked_add(hashes)
    }
}

impl EpisodeKind {
    /// Describes a kind without agents in the episode.
    pub fn of_agent(spec: &AgentSpec) -> Self {
        Self {
            name: spec.name.clone(),
            layout_hash: written_layout(spec),
            choices: choices_of(spec),
            decision_interval: NonZeroU32::MIN,
            weights: Vec::new(),
            episode_limit: None,
            stagger: false,
            observation_noise: Vec::new(),
            action_delay: 0,
            rows: 0,
            reward: 0.0,
        }
    }

    fn columns(&self) -> impl Iterator<Item = u32> + Clone {
        std::iter::repeat_n(&self.choices, self.rows as usize).flatten().copied()
    }

    /// The number of columns of all its agents' actions.
    pub(super) fn actions_per_step(&self) -> usize {
        self.rows as usize * self.choices.len()
    }

    fn bytes_per_step(&self) -> Option<u64> {
        let row = self.choices.iter().map(|&choices| width(choices) as u64).sum();
        u64::from(self.rows).checked_mul(row)
    }

    fn check(&self) -> Result<(), String> {
        if self.decision_interval.get() > LONGEST_STEP {
            return Err(format!("its steps have {} ticks, there may be {LONGEST_STEP}", self.decision_interval));
        }
        if self.choices.is_empty() {
            return Err("it has agents that do nothing".to_owned());
        }
        if self.action_delay > LONGEST_DELAY {
            return Err(format!("its actions are {} decisions late, there may be {LONGEST_DELAY}", self.action_delay));
        }
        let numbers = self.weights.iter().chain(&self.observation_noise);
        let is_finite = self.reward.is_finite() && numbers.into_iter().all(|number| number.is_finite());
        if is_finite { Ok(()) } else { Err("its weights or its returns are not finite".to_owned()) }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The choices of each column of an action row, 0 for numbers.
pub(in super::super) fn choices_of(spec: &AgentSpec) -> Vec<u32> {
    let columns = |head: &Head| match *head {
        Head::Gaussian { width } | Head::SquashedGaussian { width } => vec![0; width],
        Head::Categorical { choices } => vec![u32::try_from(choices).unwrap_or(u32::MAX)],
    };
    spec.heads().iter().flat_map(columns).collect()
}

/// The hash of a layout as text.
pub(in super::super) fn written_layout(spec: &AgentSpec) -> String {
    format!("{:016x}", spec.row_hash())
}
