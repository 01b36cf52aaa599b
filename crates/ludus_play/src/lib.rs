//! Trained policies in a game: an asset, a component, a plugin.
//!
//! A game that is played is the game that was trained, with a policy file among its assets. [`PolicyPlugin`] loads it,
//! and [`PolicyRunner`] gives it to an agent:
//!
//! ```no_run
//! # use ludus_agent::{Action, Agent, AgentAppExt, Observation, Reward};
//! # #[derive(Component, Agent, Default)]
//! # #[agent(observation = PlateSenses, action = Tilt, reward = PlateReward)]
//! # struct Plate;
//! # #[derive(Component, Observation, Default)]
//! # struct PlateSenses { tilt: Vec2 }
//! # #[derive(Component, Action, Default)]
//! # struct Tilt { #[action(continuous)] rate: Vec2 }
//! # #[derive(Component, Reward, Default)]
//! # struct PlateReward { balanced: f32 }
//! # fn balance(app: &mut App) { app.add_agent::<Plate>(); }
//! # let plugins = (MinimalPlugins, AssetPlugin::default());
//! use bevy::prelude::*;
//! use ludus_play::{PolicyPlugin, PolicyProblem, PolicyRunner};
//!
//! fn give_policy(plate: On<Add, Plate>, assets: Res<AssetServer>, mut commands: Commands) {
//!     let policy = assets.load("policies/balance.safetensors");
//!     commands.entity(plate.entity).insert(PolicyRunner::new(policy));
//! }
//!
//! /// Says why a policy can't be used, in a game without a log too.
//! fn show_problems(mut problems: MessageReader<PolicyProblem>) {
//!     for problem in problems.read() {
//!         eprintln!("{}", problem.sentence);
//!     }
//! }
//!
//! # let _: () = {
//! App::new()
//!     .add_plugins((plugins, balance, PolicyPlugin))
//!     .add_observer(give_policy)
//!     .add_systems(Update, show_problems)
//!     .run();
//! # };
//! ```
//!
//! - **The same steps as in training.** Ticks per step come from the file, and ticks per second are checked against it.
//!   Decisions are made in fixed ticks, so the trajectory does not depend on frames: it is that of a world that trains.
//! - **One batch per policy.** All agents of a policy are decided for in one forward pass per step, and nothing
//!   allocates once there are no more of them than before.
//! - **A policy is one of several sources of actions.** [`Controller`](ludus_agent::Controller) gives an agent to a
//!   player or a script and back, at any time.
//! - **Problems are reported, and the game goes on.** A policy for another layout, other steps or other ticks is
//!   refused with the first difference; its agents idle. If a reloaded file is corrupt, the game keeps the old policy.
//!   Both are reported by the message [`PolicyProblem`] and in the log. An app without `LogPlugin`, which
//!   `DefaultPlugins` have only with Bevy's feature `bevy_log`, shows nothing unless it reads the message.
//! - **Files may change while the game runs.** With Bevy's feature `file_watcher`, or ours, `hot_reload`, a new file
//!   takes over at the next decision, in the middle of an episode.
//!
//! # Loading before the first step
//!
//! Loading takes a few frames, in which agents idle. To avoid that, load the policy before the level, as you do with
//! meshes: the first tick after it is loaded is the first one of its first step.

mod asset;
mod batch;
mod decide;
mod demonstrations;
mod error;
mod fit;
mod plugin;
mod runner;

pub use asset::PolicyAsset;
pub use demonstrations::{
    DemonstrationFilesPlugin, DemonstrationFinished, DemonstrationPlugin, DemonstrationRecorder, ExternalSource,
    KeptDemonstrations,
};
pub use error::{PlayError, PolicyProblem};
pub use fit::{Steps, check_steps};
pub use ludus_demonstrations;
pub use ludus_policy::ActionChoice;
pub use plugin::{PolicyPlugin, PolicySystems};
pub use runner::{PolicyRunner, PolicyState, give_runner};
