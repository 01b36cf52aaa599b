//! What whoever watches a session sees of it: plain data.

use std::path::PathBuf;
use std::sync::Arc;

use ludus_spec::AgentSpec;

use super::{History, SessionSetup};
use crate::changes::Change;
use crate::config::{RunConfig, StopConfig};
use crate::phases::Phases;
use crate::progress::StopReason;

/// How a run goes. Without a run, that of [`SessionState::Idle`].
#[derive(Clone, Debug, Default)]
pub struct TrainingSnapshot {
    /// What the run does now.
    pub state: SessionState,
    /// What the agents sense, do and are rewarded for.
    pub spec: Arc<AgentSpec>,
    /// The run's folder, once there is one.
    pub run_dir: Option<PathBuf>,
    /// Worlds.
    pub worlds: u32,
    /// Arenas of each world.
    pub arenas: u32,
    /// Agents that learn at once; 0 until the worlds are built.
    pub rows: usize,
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
    /// Adam's step size, as it was last used or is to be used next.
    pub learning_rate: f32,
    /// The weight of each term of the reward, in the spec's order.
    pub weights: Vec<f32>,
    /// The last episodes of each arena, world by world.
    pub returns: Arc<[ArenaReturn]>,
    /// The least and the greatest that `returns` ever had in this run; `None` until an episode has ended.
    pub return_range: Option<[f32; 2]>,
    /// What went wrong without ending the run: the newest, oldest of them first.
    pub incidents: Vec<Incident>,
    /// What was changed while the run went on, oldest first.
    pub changes: Vec<Change>,
    /// The newest checkpoint.
    pub saved: Option<Saved>,
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

    /// Shows what the config says. A run that goes on has one of its own.
    pub(super) fn take_config(&mut self, config: &RunConfig) {
        let agent = config.agents.get(&self.spec.name);
        self.worlds = config.worlds.resolve().get();
        self.arenas = config.arenas.get();
        self.stop = config.stop.clone();
        let progress = self.steps() as f64 / config.stop.steps.get() as f64;
        self.learning_rate = agent.map_or(0.0, |agent| agent.ppo.learning_rate.at(progress as f32));
        self.weights = agent.map_or_else(Vec::new, |agent| agent.weights(&self.spec));
    }
}

/// What is known before a run starts.
pub(super) fn before(setup: &SessionSetup) -> TrainingSnapshot {
    let mut snapshot = TrainingSnapshot {
        state: SessionState::Building,
        spec: setup.spec.clone(),
        threads: setup.threads,
        ..TrainingSnapshot::default()
    };
    snapshot.take_config(&setup.config);
    snapshot
}
