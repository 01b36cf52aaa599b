//! What whoever watches a session sees of it: plain data.

use std::path::PathBuf;
use std::sync::Arc;

use ludus_spec::AgentSpec;

use super::{History, SessionSetup};
use crate::changes::Change;
use crate::config::{PolicySource, RunConfig, StopConfig};
use crate::phases::Phases;
use crate::progress::StopReason;

/// How a run goes. Without a run, that of [`SessionState::Idle`].
#[derive(Clone, Debug, Default)]
pub struct TrainingSnapshot {
    /// What the run does now.
    pub state: SessionState,
    /// The kinds of agents, in the game's order.
    pub kinds: Vec<KindSnapshot>,
    /// The run's folder, once there is one.
    pub run_dir: Option<PathBuf>,
    /// Worlds.
    pub worlds: u32,
    /// Arenas of each world.
    pub arenas: u32,
    /// Threads.
    pub threads: usize,
    /// How long building the worlds took \[s\].
    pub build_seconds: f64,
    /// When the run ends.
    pub stop: StopConfig,
    /// Steps that were over when the run was resumed: those that the history does not have.
    pub steps_before: u64,
    /// The numbers of every iteration.
    pub history: History,
    /// Time by phase since training started.
    pub phases: Phases,
    /// Incidents that did not end the run: the newest, oldest of them first.
    pub incidents: Vec<Incident>,
    /// Settings that were changed while the run went on, oldest first.
    pub changes: Vec<Change>,
    /// The newest checkpoint.
    pub saved: Option<Saved>,
}

/// A kind of agents in a run.
#[derive(Clone, Debug, Default)]
pub struct KindSnapshot {
    /// The spec of its agents.
    pub spec: Arc<AgentSpec>,
    /// Whose policy it follows.
    pub policy: PolicySource,
    /// Rows of all worlds: agents that a policy decides for at once; 0 until the worlds are built.
    pub rows: usize,
    /// Adam's step size, as it was last used or is to be used next; 0 where nothing is learned.
    pub learning_rate: f32,
    /// The weight of each term of the reward, in the spec's order.
    pub weights: Vec<f32>,
    /// The last episodes of each arena, world by world.
    pub returns: Arc<[ArenaReturn]>,
    /// The least and the greatest that `returns` ever had in this run; `None` until an episode has ended.
    pub return_range: Option<[f32; 2]>,
}

/// What a session does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionState {
    /// There is no run.
    #[default]
    Idle,
    /// The worlds are being built.
    Building,
    /// It learns.
    Running,
    /// It waits.
    Paused,
    /// It is over, and saved.
    Ended(StopReason),
    /// It can't start, or can't go on; the sentence says why.
    Failed(String),
}

/// How the last episodes in an arena went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArenaReturn {
    /// The arena's world.
    pub world: u32,
    /// Its index in the world.
    pub arena: u32,
    /// Mean return of its agents' last episodes; NaN until one has ended.
    pub last: f32,
}

/// Something that went wrong without ending the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Steps of experience until then.
    pub step: u64,
    /// What happened, and what follows from it.
    pub sentence: String,
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Steps of experience in it.
    pub step: u64,
    /// When it was saved, on the clock of [`crate::clock::seconds`] \[s\].
    pub clock_seconds: f64,
    /// Its file.
    pub path: PathBuf,
}

impl SessionState {
    /// Whether the run is under way: being built, learning or waiting.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Building | Self::Running | Self::Paused)
    }
}

impl TrainingSnapshot {
    /// Steps of experience so far.
    pub fn steps(&self) -> u64 {
        self.history.last().map_or(self.steps_before, |record| record.steps)
    }

    /// Agents that a policy decides for at once, of all kinds; 0 until the worlds are built.
    pub fn rows(&self) -> usize {
        self.kinds.iter().map(|kind| kind.rows).sum()
    }

    /// The goal of each kind that has one: its index, and the mean return at which it is reached.
    pub fn goals(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        let goal = |(index, kind): (usize, &KindSnapshot)| Some((index, self.stop.goal(&kind.spec.name)?));
        self.kinds.iter().enumerate().filter_map(goal)
    }

    /// Shows what the config says. A run that goes on has one of its own.
    pub(super) fn take_config(&mut self, config: &RunConfig) {
        self.worlds = config.worlds.resolve().get();
        self.arenas = config.arenas.get();
        self.stop = config.stop.clone();
        let progress = self.steps() as f64 / config.stop.steps.get() as f64;
        for kind in &mut self.kinds {
            let Some(agent) = config.agents.get(&kind.spec.name) else { continue };
            kind.policy = agent.policy.clone();
            let learns = agent.policy == PolicySource::Learned;
            kind.learning_rate = if learns { agent.ppo.learning_rate.at(progress as f32) } else { 0.0 };
            kind.weights = agent.weights(&kind.spec);
        }
    }
}

/// What is known before a run starts.
pub(super) fn before(setup: &SessionSetup) -> TrainingSnapshot {
    let mut snapshot = TrainingSnapshot {
        state: SessionState::Building,
        kinds: setup.specs.iter().map(|spec| KindSnapshot { spec: spec.clone(), ..KindSnapshot::default() }).collect(),
        threads: setup.threads,
        ..TrainingSnapshot::default()
    };
    snapshot.take_config(&setup.config);
    snapshot
}
