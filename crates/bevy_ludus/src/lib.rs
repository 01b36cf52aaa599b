//! Reinforcement learning for Bevy: entities become agents, and a game trains them in many headless copies of itself.
//!
//! **Observations, actions and rewards are components. Observing, acting and scoring are ordinary systems.**
//! Gameplay writes an observation to a component and reads an action from a component.
//! It never calls a policy, never waits, and can't tell whether a network, a player or a script wrote the action.
//! So the same game function serves for playing, for training and for tests.
//!
//! This is a whole game with the feature `train`:
//!
#![cfg_attr(feature = "train", doc = "```no_run")]
#![cfg_attr(not(feature = "train"), doc = "```ignore")]
//! use bevy::prelude::*;
//! use bevy_ludus::{Ludus, prelude::*};
//!
//! /// Walks along a line to a target at 0.
//! #[derive(Component, Agent)]
//! #[require(Transform)]
//! #[agent(observation = Sight, action = Walk, reward = Success)]
//! struct Seeker;
//!
//! #[derive(Component, Observation, Default)]
//! struct Sight { target: f32 }
//!
//! #[derive(Component, Action, Default)]
//! struct Walk { #[action(continuous)] velocity: f32 }
//!
//! #[derive(Component, Reward, Default)]
//! struct Success { arrived: f32, distance: f32 }
//!
//! fn seek(app: &mut App) {
//!     app.add_agent::<Seeker>().add_observer(build_arena).add_observer(restart);
//!     app.add_systems(FixedUpdate, walk).add_systems(ScoreAgents, score).add_systems(SenseAgents, sense);
//! }
//!
//! fn build_arena(arena: On<Add, Arena>, mut commands: Commands) {
//!     commands.spawn((Seeker, InArena(arena.entity)));
//! }
//!
//! /// Episodes start on the left and on the right in turn.
//! fn restart(start: On<EpisodeStart<Seeker>>, mut seekers: Query<(&mut Transform, &Episode)>) -> Result {
//!     let (mut place, episode) = seekers.get_mut(start.entity)?;
//!     place.translation.x = if episode.number() % 2 == 0 { 1.0 } else { -1.0 };
//!     Ok(())
//! }
//!
//! fn walk(time: Res<Time>, mut seekers: Query<(&mut Transform, &Walk)>) {
//!     seekers.iter_mut().for_each(|(mut place, walk)| place.translation.x += walk.velocity * time.delta_secs());
//! }
//!
//! fn score(mut seekers: Query<(&Transform, &mut Success, &mut Episode)>) {
//!     for (place, mut success, mut episode) in &mut seekers {
//!         success.distance = place.translation.x.abs();
//!         if success.distance < 0.05 {
//!             success.arrived = 1.0;
//!             episode.terminate();
//!         }
//!     }
//! }
//!
//! fn sense(mut seekers: Query<(&Transform, &mut Sight)>) {
//!     seekers.iter_mut().for_each(|(place, mut sight)| sight.target = -place.translation.x);
//! }
//!
//! fn main() -> AppExit {
//!     Ludus::new("seek", seek).run()
//! }
//! ```
//!
//! The game now has a command line of ten commands.
//! `cargo run --release -- train --write-config` writes a config, in which you fill in the weights of the reward terms.
//! `cargo run --release -- train` trains a policy, and `eval` in place of `train` scores it.
//! `help` also lists `watch`, `play`, `export`, `bench`, `check`, `replay`, `diff-hash` and `doctor`.
//!
//! # The game in a test
//!
//! A test needs neither a config nor the feature `train`: it writes the action itself.
//! Here a "player" walks right for a second:
//!
//! ```
//! # use bevy::prelude::*;
//! # use bevy_ludus::prelude::*;
//! # #[derive(Component, Agent)]
//! # #[require(Transform)]
//! # #[agent(observation = Sight, action = Walk, reward = Success)]
//! # struct Seeker;
//! # #[derive(Component, Observation, Default)]
//! # struct Sight { target: f32 }
//! # #[derive(Component, Action, Default)]
//! # struct Walk { #[action(continuous)] velocity: f32 }
//! # #[derive(Component, Reward, Default)]
//! # struct Success { distance: f32 }
//! # fn seek(app: &mut App) {
//! #     app.add_agent::<Seeker>().add_observer(build_arena);
//! #     app.add_systems(FixedUpdate, walk).add_systems(ScoreAgents, score).add_systems(SenseAgents, sense);
//! # }
//! # fn build_arena(arena: On<Add, Arena>, mut commands: Commands) {
//! #     commands.spawn((Seeker, InArena(arena.entity)));
//! # }
//! # fn walk(time: Res<Time>, mut seekers: Query<(&mut Transform, &Walk)>) {
//! #     seekers.iter_mut().for_each(|(mut place, walk)| place.translation.x += walk.velocity * time.delta_secs());
//! # }
//! # fn score(mut seekers: Query<(&Transform, &mut Success)>) {
//! #     seekers.iter_mut().for_each(|(place, mut success)| success.distance = place.translation.x.abs());
//! # }
//! # fn sense(mut seekers: Query<(&Transform, &mut Sight)>) {
//! #     seekers.iter_mut().for_each(|(place, mut sight)| sight.target = -place.translation.x);
//! # }
//! use bevy::time::TimeUpdateStrategy;
//!
//! let mut app = App::new();
//! app.add_plugins(MinimalPlugins).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
//! seek(&mut app);
//! app.update(); // Bevy's first update has no fixed tick;
//! app.update(); // the first tick brings the arena, and is the restart.
//! let mut seekers = app.world_mut().query::<(&mut Controller, &mut Walk)>();
//! let (mut controller, mut walk) = seekers.single_mut(app.world_mut())?;
//! (*controller, walk.velocity) = (Controller::External, 1.0);
//! (0..64).for_each(|_| app.update());
//! let mut sights = app.world_mut().query::<&Sight>();
//! assert!((sights.single(app.world())?.target + 1.0).abs() < 1e-5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A game with its policy
//!
//! A trained policy is a file among the game's assets.
//! [`PolicyPlugin`](play::PolicyPlugin) loads it.
//! The component [`PolicyRunner`](play::PolicyRunner) gives it to an agent.
//! The game function is the one that was trained:
//!
//! ```
//! # use bevy_ludus::prelude::*;
//! # #[derive(Component, Agent)]
//! # #[agent(observation = Sight, action = Walk, reward = Success)]
//! # struct Seeker;
//! # #[derive(Component, Observation, Default)]
//! # struct Sight { target: f32 }
//! # #[derive(Component, Action, Default)]
//! # struct Walk { #[action(continuous)] velocity: f32 }
//! # #[derive(Component, Reward, Default)]
//! # struct Success { distance: f32 }
//! # #[derive(Resource, Default)]
//! # struct Fastest(f32);
//! # fn seek(app: &mut App) {
//! #     app.add_agent::<Seeker>().init_resource::<Fastest>();
//! #     app.insert_resource(bevy::time::TimeUpdateStrategy::FixedTimesteps(1));
//! #     app.add_systems(Startup, |mut commands: Commands| { commands.spawn(Seeker); });
//! #     app.add_systems(SenseAgents, |mut sights: Query<&mut Sight>| sights.iter_mut().for_each(|mut sight| sight.target = 0.5));
//! #     app.add_systems(FixedUpdate, |walks: Query<&Walk>, mut fastest: ResMut<Fastest>| {
//! #         walks.iter().for_each(|walk| fastest.0 = fastest.0.max(walk.velocity));
//! #     });
//! # }
//! # use bevy_ludus::{net::{Layout, Network, NetworkConfig}, policy::{Origin, PolicyFile}, spec::Seed};
//! # let folder = std::env::temp_dir().join(format!("bevy_ludus_doc_{}", std::process::id()));
//! # std::fs::create_dir_all(folder.join("policies"))?;
//! # let network = NetworkConfig { hidden: vec![], ..NetworkConfig::default() };
//! # let layout = Layout::new(1, &Seeker::spec().heads(), &network)?;
//! # let mut parameters = Network::new(layout.clone(), Seed::new(1)).parameters().to_vec();
//! # let weight = layout.tensors().find(|tensor| tensor.name == "actor.0.weight").unwrap().position(0);
//! # parameters[weight] = 1.0;
//! # let file = PolicyFile {
//! #     spec: Seeker::spec(), network: network.into(), parameters, normalizer: None, tick_rate_hz: 64.0,
//! #     decision_interval: core::num::NonZeroU32::new(8).unwrap(), origin: Origin::default(),
//! # };
//! # file.write(&folder.join("policies/seek.safetensors"))?;
//! # let file_path = folder.to_string_lossy().into_owned();
//! # let plugins = (MinimalPlugins, AssetPlugin { file_path, ..AssetPlugin::default() });
//! use bevy::prelude::*;
//! use bevy_ludus::prelude::{PolicyPlugin, PolicyProblem, PolicyRunner};
//!
//! fn give_policy(seeker: On<Add, Seeker>, assets: Res<AssetServer>, mut commands: Commands) {
//!     let policy = assets.load("policies/seek.safetensors");
//!     commands.entity(seeker.entity).insert(PolicyRunner::new(policy));
//! }
//!
//! /// Says why a policy can't be used, in a game without a log too.
//! fn show_problems(mut problems: MessageReader<PolicyProblem>) {
//!     for problem in problems.read() {
//!         eprintln!("{}", problem.sentence);
//!     }
//! }
//!
//! let mut app = App::new();
//! app.add_plugins((plugins, seek, PolicyPlugin)); // `DefaultPlugins`, in a game with a window
//! app.add_observer(give_policy).add_systems(Update, show_problems);
//! # while app.world().resource::<Fastest>().0 < 0.4 { app.update(); }
//! # assert_eq!(app.world().resource::<Fastest>().0, 0.5);
//! # std::fs::remove_dir_all(folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The command `export` writes that file from a run.
//! [`play`] lists the guarantees: the same steps and ticks as in training, one batch for all agents of a policy, and a
//! message if a policy doesn't fit.
//! [`Controller`](agent::Controller) gives an agent to a player and back to the policy.
//!
//! # The ideas
//!
//! - An **agent** is an entity that decides once per **step**. A step lasts `decision_interval` **ticks** of Bevy's fixed
//!   timestep. A **policy** maps the agent's observation to its action.
//! - An **episode** is an agent's steps from a start to an end. It is *terminated* if the task is over, and *truncated*
//!   if it is stopped before that. The difference matters: a truncated episode also counts the return that is expected
//!   after its end.
//! - The game puts things in their first place when [`EpisodeStart`](prelude::EpisodeStart) is sent. The step in which
//!   it is sent is the **restart**: the agent idles, and nothing is learned from it. The game's systems run in the
//!   restart too. If the idle action (the middle of a range, the first choice) moves something, they must skip agents
//!   whose [`Episode::is_running`](agent::Episode::is_running) is false.
//! - The **terms** of a reward are written by the game. Their weights are in the run's config.
//! - An **arena** is one copy of the playing field. A game that is played has one arena. A **world** that trains has
//!   many arenas, and a run has many worlds. Build the field in an observer of `On<Add, Arena>`.
//! - [`EpisodeRng`](prelude::EpisodeRng) is the only source of random numbers that a game needs. With it the same seed
//!   gives the same policy, bit for bit, with any number of threads.
//!
//! [`agent`] is the guide to these words, each with its code.
//!
//! # What to look at
//!
//! | to | see |
//! |---|---|
//! | make an entity an agent | [`Agent`](agent::Agent), [`add_agent`](agent::AgentAppExt::add_agent) |
//! | say what it senses | [`Observation`](agent::Observation) and its [derive](macro@agent::Observation), [`SenseAgents`](agent::SenseAgents) |
//! | say what it does | [`Action`](agent::Action) and its [derive](macro@agent::Action) |
//! | forbid choices that make no sense | [`ActionMask`](agent::ActionMask) |
//! | say what is good | [`Reward`](agent::Reward), [`ScoreAgents`](agent::ScoreAgents) |
//! | start and end episodes | [`EpisodeStart`](agent::EpisodeStart), [`Episode`](agent::Episode), [`EpisodeLimit`](agent::EpisodeLimit), [`EpisodeScoped`](agent::EpisodeScoped) |
//! | let several agents play together | [`EpisodeScope::Arena`](agent::EpisodeScope), [`InArena`](agent::InArena) |
//! | have several kinds of agents, learned, shared, frozen or scripted | `add_agent` for each, a section of the config for each: `bevy_ludus::train::config::PolicySource` |
//! | let a player or a script decide | [`Controller`](agent::Controller) |
//! | let agents take turns | [`Controller::wait`](agent::Controller::wait) |
//! | order systems around the library's | [`AgentSystems`](agent::AgentSystems) |
//! | use physics, cast rays, sense what is near | `bevy_ludus::rapier` |
//! | train, score and measure | `bevy_ludus::Ludus`; its config is `bevy_ludus::train::config::RunConfig` |
//! | choose how it learns | `bevy_ludus::learn::PpoConfig`, `PqnConfig`, `DqnConfig` or `SacConfig`, [`NetworkConfig`](net::NetworkConfig) |
//! | let a trained policy play | [`PolicyPlugin`](play::PolicyPlugin), [`PolicyRunner`](play::PolicyRunner) |
//! | use a trained policy without Bevy | [`Policy`](policy::Policy) |
//! | watch in a window, add a panel to it | `bevy_ludus::Ludus::visuals`, `bevy_ludus::editor` |
//! | step worlds with something else | `bevy_ludus::worlds::PooledWorld` |
//! | port a game that has keys, states or a `Single` | [`guide::porting`] |
//! | find out why a reward does not teach | [`guide::rewards`] |
//! | show agents how: record, clone, imitate | [`guide::demonstrations`] |
//! | ship, save and test a policy | [`guide::shipping`] |
//! | choose the algorithm | [`guide::algorithms`] |
//! | choose the network: grids, sets, memory, observations for the critic alone | [`guide::networks`] |
//! | let agents play against each other | [`guide::self_play`] |
//! | let agents cooperate: team rewards, a critic of the team | [`guide::teams`] |
//! | find better values for the config | [`guide::tuning`] |
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | none | everything that a shipped game needs: [`agent`], [`net`], [`policy`], [`play`] |
//! | `train` | `Ludus` and its commands: worlds, PPO on the CPU, metrics, checkpoints. No libtorch, no Python |
//! | `torch` | the learners on libtorch: GPUs, networks of your own. `cargo xtask libtorch` downloads libtorch |
//! | `tune` | the command `tune`, which searches for better values of the config |
//! | `rapier` | arenas with physics and ray sensors on `bevy_rapier3d` |
//! | `editor` | `watch`: a window that shows the game, its agents' observations and actions, and the training. Brings a renderer |
//! | `gamepad` | a gamepad to take over agents in that window. Needs libudev on Linux |
//! | `hot_reload` | policy files are loaded again if they change while the game runs |
//!
//! # Why is nothing happening?
//!
//! **The run doesn't start.**
//! *No config*: `train --write-config` writes `assets/train/<name>.ron`, with the name of `Ludus::new`; start the program
//! in the folder that has `assets`, or name the file with `--config`.
//! *No agents*: call `app.add_agent::<A>()` in the game's function.
//! *No agents after the first step*: spawn one in an observer of `On<Add, Arena>`, or in `Startup`.
//!
//! **It panics because a resource or a plugin is missing.**
//! A world that trains has task pools, time, transforms and states, but no window, renderer, input or assets.
//! Put everything that draws into its own function, and keep code that reads input out of the game's function;
//! `DefaultPlugins` belong into neither.
//! With Bevy's feature `debug`, messages name systems and components.
//!
//! **A plugin was already added.**
//! The library adds `StatesPlugin` to a world that trains if the game uses states, and `DefaultPlugins` add it to a game
//! that is played.
//! So leave it out of the game's function, or write
//! `if !app.is_plugin_added::<StatesPlugin>() { app.add_plugins(StatesPlugin); }`.
//!
//! **Agents don't move.**
//! Read the action in `FixedUpdate`, not in `Update`: a world that trains updates once per step, not once per tick.
//! Without `TimePlugin`, as in an empty `App`, there are no ticks at all.
//! In an app without training, an agent needs a [`PolicyRunner`](play::PolicyRunner) and the
//! [`PolicyPlugin`](play::PolicyPlugin); without them its action stays at the middle of its range, or at the first choice.
//! If the policy can't be loaded or was refused, the library sends a [`PolicyProblem`](play::PolicyProblem); the log has
//! it too, if the app has Bevy's `LogPlugin`.
//!
//! **They decide too seldom or too often.**
//! `decision_interval` counts ticks; there are 64 ticks a second unless the game inserts another `Time::<Fixed>`.
//!
//! **Observations stay at their defaults.**
//! Write them in [`SenseAgents`](agent::SenseAgents).
//! Check that the system's query matches: Bevy reports no missing component.
//!
//! **The reward is always 0.**
//! Write it in [`ScoreAgents`](agent::ScoreAgents) in every tick, because terms are read and emptied after each tick.
//! Check the term's weight in the config, and `reward/<term>` in `metrics.csv`.
//!
//! **"No episode has ended yet."**
//! Call [`Episode::terminate`](agent::Episode::terminate), or set `episode_limit` in the config.
//!
//! **All arenas are in one place, or an arena has no `Transform`.**
//! Arenas have a place if the world has an [`ArenaLayout`](agent::ArenaLayout); the physics of the feature `rapier`
//! inserts one.
//! Place and observe things relative to the arena's `Transform`.
//!
//! **The return doesn't rise.**
//! Check that the task is possible with these observations: try it by hand, with
//! [`Controller::External`](agent::Controller).
//! Check that the reward comes soon enough: with γ 0.99 a reward counts for about 100 steps back.
//! Then read `metrics.csv`: `losses/explained_variance` should rise towards 1, `losses/entropy` should sink slowly, and
//! `losses/approx_kl` should stay below about 0.05.
//! If they don't, lower `learning_rate`.
//! More arenas make every estimate less noisy.
//!
//! **Two runs with one seed differ.**
//! A system reads another clock, or another generator than [`EpisodeRng`](agent::EpisodeRng), or iterates over a
//! `HashMap` in an order that changes.

#[cfg(feature = "train")]
mod game;
#[cfg(any(doc, doctest))]
pub mod guide;

#[cfg(feature = "train")]
pub use game::Ludus;
pub use ludus_agent as agent;
pub use ludus_agent::spec;
pub use ludus_net as net;
pub use ludus_play as play;
pub use ludus_policy as policy;

#[cfg(feature = "editor")]
pub use ludus_editor as editor;
#[cfg(feature = "train")]
pub use ludus_learn as learn;
#[cfg(feature = "rapier")]
pub use ludus_rapier as rapier;
#[cfg(feature = "torch")]
pub use ludus_torch as torch;
#[cfg(feature = "train")]
pub use ludus_train as train;
#[cfg(feature = "train")]
pub use ludus_worlds as worlds;

/// Everything that a game names: derives, components, events and schedules, and the traits whose methods it calls.
///
/// The traits `Action`, `Agent`, `Observation` and `Reward` come without a name, so that a game may have its own types of
/// these names beside the derives. Code that names a trait imports it from [`bevy_ludus::agent`](crate::agent).
pub mod prelude {
    pub use ludus_agent::derives::{Action, Agent, EpisodeParameters, Observation, Reward, Team};
    pub use ludus_agent::{Action as _, Agent as _, EpisodeParameters as _, Observation as _, Reward as _, Team as _};
    pub use ludus_agent::{
        ActionMask, AgentAppExt, AgentSystems, Arena, Controller, Episode, EpisodeLimit, EpisodeRng, EpisodeScope,
        EpisodeScoped, EpisodeStart, Grid, InArena, MatchResult, ParameterPlan, SavedAgent, ScoreAgents, SenseAgents,
        SetOf, StateHashAppExt, StepClock, save_agent,
    };
    pub use ludus_play::{PolicyAsset, PolicyPlugin, PolicyProblem, PolicyRunner, PolicyState};
}
