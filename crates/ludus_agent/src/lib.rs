//! Agents, rows, episodes, arenas and schedules: the interface between a game and `bevy_ludus`.
//!
//! Observations, actions and rewards are components; observing, acting and scoring are systems. This is a guide to the
//! concepts, in the order in which a game needs them.
//!
//! # Agents
//!
//! An agent is an entity that decides. A component makes it one, and names the components that hold its observation,
//! its action and its reward:
//!
//! ```
//! use bevy::prelude::*;
//! use ludus_agent::{Action, Agent, Observation, Reward};
//!
//! /// Looks for cheese.
//! #[derive(Component, Agent, Default)]
//! #[require(Transform)]
//! #[agent(observation = MouseSenses, action = Run, reward = MouseReward)]
//! struct Mouse;
//!
//! #[derive(Component, Observation, Default)]
//! struct MouseSenses {
//!     /// Where the cheese is, seen from the mouse [m].
//!     cheese: Vec2,
//! }
//!
//! #[derive(Component, Action, Default)]
//! struct Run {
//!     /// Along x and y [m/s].
//!     #[action(continuous, range = -3.0..=3.0)]
//!     velocity: Vec2,
//! }
//!
//! #[derive(Component, Reward, Default)]
//! struct MouseReward {
//!     /// 1 for eating the cheese.
//!     fed: f32,
//! }
//!
//! let spec = Mouse::spec();
//! assert_eq!(spec.observation_name(1).as_deref(), Some("cheese.y"));
//! assert_eq!((spec.action_width(), spec.reward[0].name.as_str()), (2, "fed"));
//! ```
//!
//! [`add_agent`](AgentAppExt::add_agent) registers it in the app. Afterwards, every entity with a `Mouse` is an agent:
//! the other components are required ones.
//!
//! # Episodes
//!
//! An episode is an agent's steps from a start to an end. The game puts things in their initial state in an observer of
//! [`EpisodeStart`], and ends the episode in the [`ScoreAgents`] schedule:
//!
//! ```
//! # use bevy::prelude::*;
//! # use ludus_agent::{Action, Agent, AgentAppExt, Observation, Reward};
//! # #[derive(Component, Agent, Default)]
//! # #[require(Transform)]
//! # #[agent(observation = MouseSenses, action = Run, reward = MouseReward)]
//! # struct Mouse;
//! # #[derive(Component, Observation, Default)]
//! # struct MouseSenses { cheese: Vec2 }
//! # #[derive(Component, Action, Default)]
//! # struct Run { #[action(continuous)] velocity: Vec2 }
//! # #[derive(Component, Reward, Default)]
//! # struct MouseReward { fed: f32 }
//! use ludus_agent::{Episode, EpisodeRng, EpisodeScoped, EpisodeStart, ScoreAgents};
//! use rand::RngExt;
//!
//! #[derive(Component)]
//! struct Cheese;
//!
//! fn restart(
//!     start: On<EpisodeStart<Mouse>>,
//!     mut mice: Query<(&mut Transform, &mut EpisodeRng)>,
//!     mut commands: Commands,
//! ) -> Result {
//!     let (mut mouse, mut rng) = mice.get_mut(start.entity)?;
//!     *mouse = Transform::IDENTITY;
//!     let place = Transform::from_xyz(rng.random_range(-5.0..=5.0), rng.random_range(-5.0..=5.0), 0.0);
//!     commands.spawn((Cheese, place, EpisodeScoped(start.entity))); // goes when the next episode starts
//!     Ok(())
//! }
//!
//! fn score(
//!     mut mice: Query<(&Transform, &mut MouseReward, &mut Episode)>,
//!     cheeses: Query<(&Transform, &EpisodeScoped), With<Cheese>>,
//! ) -> Result {
//!     for (cheese, EpisodeScoped(mouse)) in &cheeses {
//!         let (mouse, mut reward, mut episode) = mice.get_mut(*mouse)?;
//!         if mouse.translation.distance(cheese.translation) < 0.5 {
//!             reward.fed = 1.0;
//!             episode.terminate();
//!         }
//!     }
//!     Ok(())
//! }
//! # let mut app = App::new();
//! # app.add_plugins(MinimalPlugins).insert_resource(bevy::time::TimeUpdateStrategy::FixedTimesteps(1));
//! # app.add_agent::<Mouse>().add_observer(restart).add_systems(ScoreAgents, score);
//! # app.world_mut().spawn(Mouse);
//! # (0..3).for_each(|_| app.update());
//! # let mut cheeses = app.world_mut().query_filtered::<(), With<Cheese>>();
//! # assert_eq!(cheeses.iter(app.world()).count(), 1);
//! ```
//!
//! - [`terminate`](Episode::terminate): the task is over. [`truncate`](Episode::truncate): it would have gone on, but
//!   is cut off; learning estimates the return of the rest. [`EpisodeLimit`] truncates by itself.
//! - The step after an end is the **restart**: [`EpisodeStart`] has been sent, the agent idles, physics processes the
//!   initial state, and nothing is learned from it. The first step of an agent is a restart too.
//! - The game's systems run in the restart step as in any other, with the idle action: the middle of a range, or the
//!   first choice. If that moves something, as a push to the left or half speed ahead does, skip agents whose
//!   [`is_running`](Episode::is_running) is false. Otherwise the episode begins elsewhere than you put it.
//! - [`EpisodeScope::Arena`] ends and starts the episodes of an arena's agents together. An `EpisodeStart<Arena>` is
//!   sent to the arena, before its agents get theirs.
//! - [`EpisodeRng`] is seeded anew for every episode, from the run, the world, the arena and the episode's number.
//! - Despawning an agent in mid-episode terminates its episode.
//! - An agent that Bevy's [default query filters](bevy::ecs::entity_disabling) hide, such as one that is `Disabled`,
//!   sleeps: it leaves its row, and its episode is truncated, unless the game has ended it in the same tick. When it
//!   returns, it gets a row and restarts, with the next episode. The reward of the step in which it fell asleep is
//!   learned from only if the game has terminated the episode.
//! - A clone of an agent is a new agent, with a row and random numbers of its own.
//! - An agent of a saved game continues its episode: [`save_agent`] returns a [`SavedAgent`], to insert into an agent.
//!
//! # Arenas
//!
//! An [`Arena`] is one copy of the playing field. A game that is played has one, a world that trains has many. Build
//! the field in an observer of `On<Add, Arena>`, and make its entities members with [`InArena`].
//!
//! ```
//! # use bevy::prelude::*;
//! # #[derive(Component)]
//! # struct Mouse;
//! use ludus_agent::{Arena, ArenaLayout, InArena};
//!
//! fn build_arena(arena: On<Add, Arena>, places: Query<&Transform>, mut commands: Commands) -> Result {
//!     let centre = *places.get(arena.entity)?; // there is one because of the `ArenaLayout`
//!     commands.spawn((Mouse, centre, InArena(arena.entity)));
//!     Ok(())
//! }
//!
//! let mut app = App::new();
//! app.insert_resource(ArenaLayout { spacing: 20.0 }).add_observer(build_arena);
//! # app.world_mut().spawn((Arena { index: 3 }, Transform::from_xyz(20.0, 0.0, 0.0)));
//! # let mut mice = app.world_mut().query_filtered::<&Transform, With<Mouse>>();
//! # assert_eq!(mice.single(app.world()).unwrap().translation.x, 20.0);
//! ```
//!
//! Observe positions relative to the arena, so that no observation depends on the arena's place. A game without space
//! needs no [`ArenaLayout`].
//!
//! # Episode parameters
//!
//! Numbers by which episodes differ, such as the height of a wall, are the fields of a component that derives
//! [`EpisodeParameters`]. [`add_episode_parameters`](AgentAppExt::add_episode_parameters) registers it for arenas or for
//! a kind of agents. A run's config says which values episodes have: constants, distributions, or curricula that go on
//! as the agents learn. Games that are played use the component's default, or set values in the [`ParameterPlan`].
//!
//! [`Episode::succeed`] and [`Episode::fail`] end an episode with a verdict; the success rate is in all outputs of a
//! run, and a curriculum can go by it.
//!
//! # Matches
//!
//! Agents that play against each other have a [`Team`]: a unit enum that is a component of each agent, named as
//! `#[agent(…, team = Side)]`. The agents of an arena then share its episode, and the game says who has won in the
//! arena's [`MatchResult`], which ends it. A run can then let the policy play against earlier versions of itself.
//!
//! # A tick
//!
//! [`AgentSystems`] are the phases of each fixed tick, in their order; other systems can be ordered by them.
//! [`SenseAgents`] and [`ScoreAgents`] are schedules, because the library decides how often they run: [`ScoreAgents`]
//! in every tick, [`SenseAgents`] once per step, after physics. A step is one decision; [`StepClock`] has its count of
//! ticks.
//!
//! # Controllers
//!
//! [`Controller`] is the source of an agent's action: the policy, the game (a player's input, a script), or none. It
//! may change at any time, and systems that read actions don't depend on it. Only steps of a policy are learned from.
//!
//! A whole kind may be left to the game: by the settings of a run, or because the world has no driver. A script that
//! decides for its agents only then has the run condition [`left_to_the_game`].
//!
//! # Rows
//!
//! The driver of a world, such as a training, a policy or a test, accesses the agents as [`Rows`]: slices of
//! observations, actions, rewards and outcomes with a row per agent. An agent's row is in its [`Slot`]. The driver
//! writes actions before a step and reads the rest after it, here in a test:
//!
//! ```
//! # use bevy::prelude::*;
//! # use ludus_agent::{Action, Agent, AgentAppExt, Observation, Reward, SenseAgents};
//! # #[derive(Component, Agent, Default)]
//! # #[require(Transform)]
//! # #[agent(observation = MouseSenses, action = Run, reward = MouseReward)]
//! # struct Mouse;
//! # #[derive(Component, Observation, Default)]
//! # struct MouseSenses { cheese: Vec2 }
//! # #[derive(Component, Action, Default)]
//! # struct Run { #[action(continuous, range = -3.0..=3.0)] velocity: Vec2 }
//! # #[derive(Component, Reward, Default)]
//! # struct MouseReward { fed: f32 }
//! # fn run(time: Res<Time>, mut mice: Query<(&mut Transform, &Run)>) {
//! #     mice.iter_mut().for_each(|(mut mouse, run)| mouse.translation += run.velocity.extend(0.0) * time.delta_secs());
//! # }
//! # fn sense(mut mice: Query<(&Transform, &mut MouseSenses)>) {
//! #     mice.iter_mut().for_each(|(mouse, mut senses)| senses.cheese = Vec2::ONE - mouse.translation.xy());
//! # }
//! use bevy::time::TimeUpdateStrategy;
//! use ludus_agent::{AgentRows, spec::Outcome};
//!
//! let mut app = App::new();
//! app.add_plugins(MinimalPlugins).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
//! app.add_agent::<Mouse>().add_systems(FixedUpdate, run).add_systems(SenseAgents, sense);
//! app.world_mut().spawn(Mouse);
//!
//! app.update(); // Bevy's first update has no fixed tick
//! app.update(); // the restart step
//! let mut rows = app.world_mut().resource_mut::<AgentRows<Mouse>>();
//! assert_eq!((rows.observations(), rows.outcomes()), (&[1.0, 1.0][..], &[Outcome::Restart][..]));
//!
//! rows.actions_mut().copy_from_slice(&[1.0, 0.0]); // 3 m/s along x, for 1/64 s
//! app.update();
//! let rows = app.world().resource::<AgentRows<Mouse>>();
//! assert_eq!((rows.observations(), rows.outcomes()), (&[1.0 - 3.0 / 64.0, 1.0][..], &[Outcome::Running][..]));
//! ```
//!
//! Rows are always finite: a number that is not is replaced and reported by [`Rows::drain_faults`], and its step is
//! [`Outcome::Faulty`](spec::Outcome::Faulty).
//!
//! # Types by topic
//!
//! | topic | types |
//! |---|---|
//! | agents | [`Agent`], [`AgentAppExt`], [`Controller`], [`left_to_the_game`] |
//! | observations, actions, rewards | [`Observation`], [`Action`], [`Reward`] |
//! | boards, maps and images in observations | [`Grid`] |
//! | any number of things in observations | [`SetOf`] |
//! | masks of actions | [`ActionMask`], [`Choices`] |
//! | episodes | [`Episode`], [`EpisodeStart`], [`EpisodeLimit`], [`EpisodeScope`], [`EpisodeScoped`], [`EpisodeRng`] |
//! | episode parameters | [`EpisodeParameters`], [`ParameterPlan`], [`ParameterValue`], [`HasEpisodes`] |
//! | matches of teams | [`Team`], [`MatchResult`] |
//! | arenas | [`Arena`], [`InArena`], [`ArenaLayout`], [`Arenas`] |
//! | the tick | [`AgentSystems`], [`SenseAgents`], [`ScoreAgents`], [`StepClock`] |
//! | entities that Bevy hides from queries | [`UnfilteredQuery`] |
//! | sensors, to draw them | [`SensorSketches`] |
//! | comparing two runs | [`StateHashAppExt`], [`StateHashes`] |
//! | rows, for the driver of a world | [`AgentRows`], [`Rows`], [`Slot`], [`AgentKinds`], [`WorldSeed`], [`StartingArena`] |

extern crate self as ludus_agent;

mod action;
mod action_mask;
mod add_agent;
mod agent;
mod arena;
mod choices;
mod controller;
mod disturbance;
mod episode;
mod kinds;
mod mask;
mod matches;
mod observation;
mod parameters;
mod restart;
mod resume;
mod reward;
mod rows;
mod runs;
mod saved;
mod schedule;
mod scoring;
mod scripts;
mod shared_rewards;
mod sketch;
mod slot;
mod state_hash;
mod step;
mod team;
mod turnover;
mod unfiltered;
mod world_reset;

/// The derives alone, without the traits of the same names.
pub mod derives {
    pub use ludus_derive::{Action, Agent, EpisodeParameters, Observation, Reward, Team};
}

pub use action::{Action, ContinuousAction, DiscreteAction, DiscreteNumber};
pub use action_mask::ActionMask;
pub use add_agent::{AgentAppExt, AgentPlugin};
pub use agent::Agent;
pub use arena::{Arena, ArenaCounts, ArenaLayout, ArenaMembers, Arenas, InArena};
pub use choices::{Choice, Choices};
pub use controller::Controller;
pub use episode::{
    Episode, EpisodeEntities, EpisodeLimit, EpisodeRng, EpisodeScope, EpisodeScoped, EpisodeStart, FirstEpisodes, Home,
    WorldSeed,
};
pub use kinds::{AgentKind, AgentKinds, WrittenAction};
pub use ludus_spec as spec;
#[doc(hidden)]
pub use ludus_spec::joined;
pub use mask::Mask;
pub use matches::{MatchRestart, MatchRestarts, MatchResult};
pub use observation::{Grid, Observation, SetOf};
pub use parameters::{EpisodeParameters, HasEpisodes, ParameterPlan, ParameterSet, ParameterValue, UnknownParameter};
pub use restart::StartingArena;
pub use reward::Reward;
pub use rows::{AgentRows, EpisodeNumbers, Fault, FaultPlace, FinishedEpisode, Rows};
pub use saved::{SavedAgent, save_agent};
pub use schedule::{AgentSystems, ScoreAgents, SenseAgents, SenseScoreTime, StepClock};
pub use scripts::left_to_the_game;
pub use shared_rewards::TermAgreement;
pub use sketch::{SensorLine, SensorSketch, SensorSketches};
pub use slot::Slot;
pub use state_hash::{StateHash, StateHashAppExt, StateHashes, hash_state_every};
pub use team::{MOST_TEAMS, NoTeam, RowTeam, Team};
pub use unfiltered::UnfilteredQuery;
pub use world_reset::WorldReset;
