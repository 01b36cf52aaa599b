//! A run in threads of its own, with a handle for windows and other programs that show and control it.
//!
//! ```no_run
//! # use ludus_train::{GameDefinition, LearnerChoice};
//! # use ludus_train::config::RunConfig;
//! # use ludus_train::session::{Session, SessionCommand, SessionSetup};
//! # fn balance(_: &mut bevy::app::App) {}
//! # fn main() -> Result<(), ludus_train::TrainError> {
//! let definition = GameDefinition::new("balance", balance);
//! let specs = ludus_train::session::specs_of(&definition.game)?;
//! let config = RunConfig::for_agents(&specs);
//! let (runs, learner) = ("runs".into(), LearnerChoice::default());
//! let setup = SessionSetup { definition, specs, config, learner, threads: 2, runs };
//! let session = Session::start(setup);
//! session.send(SessionCommand::SetLearningRate { kind: 0, rate: 1e-3 });
//! println!("{} iterations so far", session.snapshot().history.len());
//! session.close(); // saves a checkpoint
//! # Ok(())
//! # }
//! ```
//!
//! - A session without commands learns the same as `train` with the same config, bit for bit: they share one loop.
//! - Neither side waits for the other: commands are read between two iterations, and snapshots can be read at any time.
//! - Settings that are changed during the run are written to its `config.ron` and its `changes.csv`.

mod history;
mod mailbox;
mod reporter;
mod snapshot;
mod time_left;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

pub use ludus_learn::{Metric, MetricInfo};
use ludus_spec::AgentSpec;
pub use ludus_worlds::{Game, parameters_of, specs_of};

use crate::blueprint::Blueprint;
use crate::command::{STACK_BYTES, thread_pool};
use crate::config::{ConfigError, ConfigSource, RunConfig};
use crate::control::Order;
use crate::definition::GameDefinition;
use crate::error::TrainError;
use crate::folder::RunFolder;
use crate::learner::LearnerChoice;
use crate::progress::RunSummary;
use crate::record::CurriculumStages;
use crate::resume::{Resumption, RunTarget};
use crate::run;
pub use crate::shown_values::SessionPolicy;
pub use history::{History, IterationRecord, KindIteration};
use mailbox::Mailbox;
use reporter::Reporter;
pub use snapshot::{ArenaReturn, Incident, KindSnapshot, Saved, SessionState, TrainingSnapshot};
pub use time_left::{GoalProgress, TimeLeft};

/// The arguments with which a session is started.
#[derive(Clone)]
pub struct SessionSetup {
    /// The game; its name is that of the run's folder.
    pub definition: GameDefinition,
    /// The kinds of its agents, in its order.
    pub specs: Vec<Arc<AgentSpec>>,
    /// The config of the run. Its number of worlds does not depend on `threads`.
    pub config: RunConfig,
    /// The choice of learner and device.
    pub learner: LearnerChoice,
    /// The number of threads that train; 0 counts as 1. What is learned does not depend on it.
    pub threads: usize,
    /// The folder that contains the runs' folders.
    pub runs: PathBuf,
}

/// The commands to a session. It carries them out between two iterations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SessionCommand {
    /// Pauses the run before the next iteration.
    Pause,
    /// Continues a paused run.
    GoOn,
    /// Saves and ends the run.
    Stop,
    /// Saves a checkpoint and the policy now.
    Save,
    /// Sets Adam's step size, in place of the config's schedule.
    SetLearningRate {
        /// The index of the kind of agents whose policy is learned with it.
        kind: usize,
        /// The step size; at least 0.
        rate: f32,
    },
    /// Sets the weight of a reward term.
    SetWeight {
        /// The index of the kind of agents.
        kind: usize,
        /// The term's index in the spec.
        term: usize,
        /// The new weight; any finite number.
        weight: f32,
    },
}

/// A run that goes on in threads of its own.
///
/// If it is dropped, the run ends with a checkpoint, and the thread waits for that.
pub struct Session {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl Session {
    /// Starts a run and returns at once: worlds are built in the run's own thread.
    ///
    /// If the run can't be started, its state becomes [`SessionState::Failed`], with a sentence.
    pub fn start(setup: SessionSetup) -> Self {
        Self::spawn(setup, None)
    }

    /// Resumes the run of this folder from its newest good checkpoint, as `train --resume` does, and returns at once.
    ///
    /// The run keeps its config. If it has made all its steps, it goes on to the setup's limits (`stop`) if these allow
    /// more steps, else it is over at once. A run that was stopped before its first checkpoint begins anew.
    pub fn resume(setup: SessionSetup, run: impl Into<PathBuf>) -> Self {
        Self::spawn(setup, Some(run.into()))
    }

    fn spawn(setup: SessionSetup, resumed: Option<PathBuf>) -> Self {
        let mailbox = Arc::new(Mailbox::new(snapshot::before(&setup)));
        let run_mailbox = mailbox.clone();
        let builder = thread::Builder::new().name("ludus session".to_owned()).stack_size(STACK_BYTES);
        let thread = match builder.spawn(move || run_to_the_end(setup, resumed, &run_mailbox)) {
            Ok(thread) => Some(thread),
            Err(error) => {
                mailbox.finish(SessionState::Failed(format!("the run's thread can't be started: {error}")));
                None
            }
        };
        Self { mailbox, thread }
    }

    /// Sends a command to the run, without waiting for it.
    pub fn send(&self, command: SessionCommand) {
        match command {
            SessionCommand::Pause => self.mailbox.set_paused(true),
            SessionCommand::GoOn => self.mailbox.set_paused(false),
            SessionCommand::Stop => self.mailbox.end(),
            SessionCommand::Save => self.mailbox.order(Order::Save),
            SessionCommand::SetLearningRate { kind, rate } => self.mailbox.order(Order::LearningRate { kind, rate }),
            SessionCommand::SetWeight { kind, term, weight } => {
                self.mailbox.order(Order::Weight { kind, term, weight });
            }
        }
    }

    /// The newest snapshot of the run. Returns the same `Arc` until something changes; cheap enough for every frame.
    pub fn snapshot(&self) -> Arc<TrainingSnapshot> {
        self.mailbox.snapshot()
    }

    /// The newest copy of the policy of the kind with this name; `None` for a kind whose policy is not learned. A
    /// policy is copied when training starts, with each checkpoint, and after an iteration if a snapshot or a policy
    /// was read since the last copy. Until then, the same `Arc` is returned.
    pub fn policy(&self, kind: &str) -> Option<Arc<SessionPolicy>> {
        self.mailbox.policy(kind)
    }

    /// Ends the run with a checkpoint, waits for that, and returns the last snapshot.
    pub fn close(mut self) -> Arc<TrainingSnapshot> {
        self.end_and_wait();
        self.mailbox.snapshot()
    }

    fn end_and_wait(&mut self) {
        self.mailbox.end();
        if let Some(thread) = self.thread.take() {
            // A panic of the run was caught and reported before, so there is none to handle here.
            let _ = thread.join();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_and_wait();
    }
}

fn run_to_the_end(setup: SessionSetup, resumed: Option<PathBuf>, mailbox: &Mailbox) {
    let outcome = catch_unwind(AssertUnwindSafe(|| train(setup, resumed, mailbox)));
    mailbox.finish(match outcome {
        Ok(Ok(summary)) => SessionState::Ended(summary.reason),
        Ok(Err(error)) => SessionState::Failed(error.to_string()),
        Err(_) => SessionState::Failed("the run panicked; what was saved before is kept".to_owned()),
    });
}

fn train(setup: SessionSetup, resumed: Option<PathBuf>, mailbox: &Mailbox) -> Result<RunSummary, TrainError> {
    let SessionSetup { definition, specs, config, learner, threads, runs } = setup;
    let (config, place) = match resumed {
        None => (config, RunTarget::New(&runs)),
        Some(run) => resume(run, config, &specs, &definition.game)?,
    };
    if let Some(spec) = specs.iter().find(|spec| !config.agents.contains_key(&spec.name)) {
        let message = format!("no section for agent `{}`; write `\"{0}\": (…)`", spec.name);
        return Err(ConfigError::single("agents", message).into());
    }
    let pool = Arc::new(thread_pool(threads.max(1))?);
    let config = config.resolved();
    let blueprint = Blueprint {
        definition,
        specs,
        config,
        pool,
        iteration: 0,
        stages: CurriculumStages::default(),
        hash_every: None,
        learner,
        team_views: Vec::new(),
        // The snapshot shows that the run is starting.
        note: |_| {},
    };
    let mut reporter = Reporter::new(mailbox);
    run::train(blueprint, place, mailbox, &mut |event| reporter.report(&event))
}

/// The config of a run that is resumed, and its folder with the checkpoint.
fn resume(
    run: PathBuf,
    limits: RunConfig,
    specs: &[Arc<AgentSpec>],
    game: &Game,
) -> Result<(RunConfig, RunTarget<'static>), TrainError> {
    let resumption = Resumption::open(RunFolder::open(run), specs)?;
    let file = Some(resumption.folder.config());
    let parameters = parameters_of(game)?;
    let own = RunConfig::load(&ConfigSource { file, parameters, ..ConfigSource::default() }, specs)?;
    let is_over = resumption.steps() >= own.stop.steps.get();
    let stop = if is_over && limits.stop.steps > own.stop.steps { limits.stop } else { own.stop.clone() };
    Ok((RunConfig { stop, ..own }, RunTarget::Old(Box::new(resumption))))
}
