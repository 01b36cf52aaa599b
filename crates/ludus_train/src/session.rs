//! A run in threads of its own, with a handle: for windows, and for whoever else shows or steers one.
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
//! - A session that nobody steers learns what `train` learns with the same config, bit for bit: they share one loop.
//! - Neither side waits for the other: commands are read between two iterations, and news are left for whoever looks.
//! - What is changed while it runs is written into the run: its `config.ron` and its `changes.csv`.

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
use ludus_policy::PolicyFile;
use ludus_spec::AgentSpec;
pub use ludus_worlds::{Game, specs_of};

use crate::blueprint::Blueprint;
use crate::command::{STACK_BYTES, thread_pool};
use crate::config::{ConfigError, ConfigSource, RunConfig};
use crate::control::Order;
use crate::definition::GameDefinition;
use crate::error::TrainError;
use crate::folder::RunFolder;
use crate::learner::LearnerChoice;
use crate::progress::RunSummary;
use crate::resume::{Place, Resumption};
use crate::run;
pub use history::{History, IterationRecord, KindIteration};
use mailbox::Mailbox;
use reporter::Reporter;
pub use snapshot::{ArenaReturn, Incident, KindSnapshot, Saved, SessionState, TrainingSnapshot};
pub use time_left::{GoalProgress, TimeLeft};

/// What a session is started with.
#[derive(Clone)]
pub struct SessionSetup {
    /// The game; its name is that of the run's folder.
    pub definition: GameDefinition,
    /// The kinds of its agents, in its order.
    pub specs: Vec<Arc<AgentSpec>>,
    /// What decides the run; if its number of worlds is not settled, there is one per thread.
    pub config: RunConfig,
    /// The learner that was asked for.
    pub learner: LearnerChoice,
    /// Threads that train; at least 1. What is learned does not depend on them.
    pub threads: usize,
    /// Where runs have their folders.
    pub runs: PathBuf,
}

/// What a session can be told. It follows between two iterations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SessionCommand {
    /// Waits before the next iteration.
    Pause,
    /// Goes on.
    GoOn,
    /// Saves and ends the run.
    Stop,
    /// Saves a checkpoint and the policy now.
    Save,
    /// Takes this step size of Adam in place of the config's schedule.
    SetLearningRate {
        /// The kind of agents whose policy is learned so, by its index.
        kind: usize,
        /// At least 0.
        rate: f32,
    },
    /// Weighs a term of the reward anew.
    SetWeight {
        /// The kind of agents, by its index.
        kind: usize,
        /// The term's index in the spec.
        term: usize,
        /// Any finite number.
        weight: f32,
    },
}

/// A run that goes on in threads of its own.
///
/// Dropping it ends the run with a checkpoint, and waits for that.
pub struct Session {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl Session {
    /// Starts a run and returns at once: worlds are built in the run's own thread.
    ///
    /// What can't be started is [`SessionState::Failed`], with a sentence.
    pub fn start(setup: SessionSetup) -> Self {
        Self::spawn(setup, None)
    }

    /// Goes on with the run of this folder from its newest good checkpoint, as `train --resume` does, and returns at once.
    ///
    /// The run has the config that it had. One that has made all its steps goes on to the setup's limits (`stop`), if
    /// those are further away, and else is over at once. One that was stopped before its first checkpoint begins anew.
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

    /// Tells the run something. Never waits.
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

    /// How the run goes. The same `Arc` until there is news; cheap enough to ask for on every frame.
    pub fn snapshot(&self) -> Arc<TrainingSnapshot> {
        self.mailbox.snapshot()
    }

    /// The newest policy of the kind with this name that was asked for in time; the same `Arc` until there is a newer one.
    /// None for a kind whose policy is not learned.
    pub fn policy(&self, kind: &str) -> Option<Arc<PolicyFile>> {
        self.mailbox.policy(kind)
    }

    /// Ends the run with a checkpoint, waits for that, and says how it ended.
    pub fn close(mut self) -> Arc<TrainingSnapshot> {
        self.end_and_wait();
        self.mailbox.snapshot()
    }

    fn end_and_wait(&mut self) {
        self.mailbox.end();
        if let Some(thread) = self.thread.take() {
            // A panic of the run was caught and told; there is none left to hear of here.
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
        None => (config, Place::New(&runs)),
        Some(run) => resume(run, config, &specs)?,
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
        hash_every: None,
        learner,
        // Whoever looks at the snapshot sees that it is starting.
        note: |_| {},
    };
    let mut reporter = Reporter::new(mailbox);
    run::train(blueprint, place, mailbox, &mut |event| reporter.report(&event))
}

/// The config of a run that goes on, and where it stopped.
fn resume(
    run: PathBuf,
    limits: RunConfig,
    specs: &[Arc<AgentSpec>],
) -> Result<(RunConfig, Place<'static>), TrainError> {
    let resumption = Resumption::open(RunFolder::open(run), specs)?;
    let file = Some(resumption.folder.config());
    let own = RunConfig::load(&ConfigSource { file, ..ConfigSource::default() }, specs)?;
    let is_over = resumption.steps() >= own.stop.steps.get();
    let stop = if is_over && limits.stop.steps > own.stop.steps { limits.stop } else { own.stop.clone() };
    Ok((RunConfig { stop, ..own }, Place::Old(Box::new(resumption))))
}
