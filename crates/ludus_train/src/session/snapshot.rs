//! The snapshot of a session, as plain data.

use std::path::PathBuf;
use std::sync::Arc;

use ludus_spec::AgentSpec;

use super::{History, SessionSetup};
use crate::changes::Change;
use crate::config::{PolicySource, RunConfig, StopConfig};
use crate::phases::Phases;
use crate::progress::StopReason;

/// The state of a run. The default is that without a run, [`SessionState::Idle`].
#[derive(Clone, Debug, Default)]
pub struct TrainingSnapshot {
    /// The state of the session.
    pub state: SessionState,
    /// The kinds of agents, in the game's order.
    pub kinds: Vec<KindSnapshot>,
    /// The run's folder, once there is one.
    pub run_dir: Option<PathBuf>,
    /// The number of worlds.
    pub worlds: u32,
    /// Arenas of each world.
    pub arenas: u32,
    /// The number of threads that train.
    pub threads: usize,
    /// Time to build the worlds \[s\].
    pub build_seconds: f64,
    /// The conditions that end the run.
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
    /// The source of the policy that its agents follow.
    pub policy: PolicySource,
    /// Rows of all worlds: agents that a policy decides for at once; 0 until the worlds are built.
    pub rows: usize,
    /// Adam's step size, as it was last used or is to be used next; 0 where nothing is learned.
    pub learning_rate: f32,
    /// The weight of each term of the reward, in the spec's order.
    pub weights: Vec<f32>,
    /// The last episodes of each arena, world by world.
    pub returns: Arc<[ArenaReturn]>,
    /// The least and the greatest return that `returns` has had in this run; `None` until an episode has ended.
    pub return_range: Option<[f32; 2]>,
}

/// The states of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionState {
    /// There is no run.
    #[default]
    Idle,
    /// The worlds are being built.
    Building,
    /// The run learns.
    Running,
    /// The run is paused.
    Paused,
    /// The run is over, and saved.
    Ended(StopReason),
    /// The run can't start, or can't go on; the sentence has the reason.
    Failed(String),
}

/// The return of the last episodes in an arena.
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
    /// The incident and its consequence.
    pub sentence: String,
}

/// A checkpoint that the run has saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Steps of experience in it.
    pub step: u64,
    /// The time at which it was saved, on the clock of [`crate::clock::seconds`] \[s\].
    pub clock_seconds: f64,
    /// The file of the checkpoint.
    pub path: PathBuf,
}

impl SessionState {
    /// True if the run is not over: it is being built, learns or is paused.
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

    /// Copies the settings of the config into the snapshot. A resumed run has a config of its own.
    pub(super) fn take_config(&mut self, config: &RunConfig) {
        self.worlds = config.worlds.resolve().get();
        self.arenas = config.arenas.get();
        self.stop = config.stop.clone();
        let progress = self.steps() as f64 / config.stop.steps.get() as f64;
        for kind in &mut self.kinds {
            let Some(agent) = config.agents.get(&kind.spec.name) else { continue };
            kind.policy = agent.policy.clone();
            let learns = agent.policy == PolicySource::Learned;
            kind.learning_rate = if learns { agent.algorithm().learning_rate().at(progress as f32) } else { 0.0 };
            kind.weights = agent.weights(&kind.spec);
        }
    }
}

/// The snapshot of a run that has not started yet.
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
