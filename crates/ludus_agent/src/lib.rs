//! Agents, rows, episodes, arenas and schedules: what a game and `bevy_ludus` say to each other.
//!
//! Observations, actions and rewards are components; observing, acting and scoring are systems. This is a guide to the
//! words, in the order in which a game needs them.
//!
//! # Agents
//!
//! An agent is an entity that decides. A component makes it one, and says which components hold what it senses, what it
//! does and what it is rewarded for:
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
//! [`add_agent`](AgentAppExt::add_agent) makes it known to the app. From then on spawning a `Mouse` is enough: the rest
//! comes by required components.
//!
//! # Episodes
//!
//! An agent's steps from a start to an end. The game puts things where they begin when [`EpisodeStart`] comes, and ends
//! the episode in the [`Score`] schedule:
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
//! use ludus_agent::{Episode, EpisodeRng, EpisodeScoped, EpisodeStart, Score};
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
//! # app.add_agent::<Mouse>().add_observer(restart).add_systems(Score, score);
//! # app.world_mut().spawn(Mouse);
//! # (0..3).for_each(|_| app.update());
//! # let mut cheeses = app.world_mut().query_filtered::<(), With<Cheese>>();
//! # assert_eq!(cheeses.iter(app.world()).count(), 1);
//! ```
//!
//! - [`terminate`](Episode::terminate): the task is over. [`truncate`](Episode::truncate): it would have gone on, but we
//!   stop looking; what it would have brought is estimated. [`EpisodeLimit`] truncates by itself.
//! - The step after an end is the **restart**: [`EpisodeStart`] has been sent, the agent idles, physics moves things to
//!   where they begin, and nothing is learned from it. The first step of an agent is one too.
//! - The game's systems run in the restart step as in any other, with the idle action: the middle of a range, or the first
//!   choice. Where that moves something, as a push to the left or half speed ahead does, skip agents whose
//!   [`is_running`](Episode::is_running) is false, or the episode begins elsewhere than you put it.
//! - [`EpisodeScope::Arena`] ends and starts all agents of an arena together. The arena gets its own
//!   `EpisodeStart<Arena>`, before its agents get theirs.
//! - [`EpisodeRng`] is seeded anew for every episode, from the run, the world, the arena and the episode's number.
//! - Despawning an agent in mid-episode terminates its episode.
//! - An agent that Bevy's [default query filters](bevy::ecs::entity_disabling) hide, such as one that is `Disabled`,
//!   sleeps: it leaves its row, and its episode is truncated, unless the game has ended it in the same tick. When it
//!   returns, it gets a row and restarts, with the next episode. What a step paid in which it fell asleep is learned
//!   from only if the game has terminated the episode.
//! - A clone of an agent is a new agent, with a row and random numbers of its own.
//!
//! # Arenas
//!
//! An [`Arena`] is one copy of the playing field. A game that is played has one, a world that trains has many: build the
//! field where one appears, and make what is in it a member with [`InArena`].
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
//! Positions are observed relative to the arena, so that no observation depends on where it stands. A game without space
//! needs no [`ArenaLayout`].
//!
//! # A tick
//!
//! [`AgentSystems`] is the order in which things happen in each fixed tick, and the place to order other systems by.
//! [`Sense`] and [`Score`] are schedules, because the library decides how often they run: [`Score`] every tick, [`Sense`]
//! once per step, after physics. A step is one decision and lasts as many ticks as [`StepClock`] says.
//!
//! # Who decides
//!
//! [`Controller`] says who writes an agent's action: the policy, the game (a player's input, a script), or nobody. It may
//! change at any time, and gameplay can't tell. Only a policy's steps are learned from.
//!
//! A whole kind may be left to the game: by a run that says so, or since nobody drives it. A script that decides for its
//! agents then, and only then, has the run condition [`left_to_the_game`].
//!
//! # Rows
//!
//! Who trains or plays sees an app's agents as [`Rows`]: slices of observations, actions, rewards and outcomes with a row
//! per agent, which it keeps in its [`Slot`]. Before a step actions are written, after it the rest is read. It is how to
//! test a game as well:
//!
//! ```
//! # use bevy::prelude::*;
//! # use ludus_agent::{Action, Agent, AgentAppExt, Observation, Reward, Sense};
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
//! app.add_agent::<Mouse>().add_systems(FixedUpdate, run).add_systems(Sense, sense);
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
//! What is not finite gets into no row: it is replaced, reported by [`Rows::drain_faults`], and its step is
//! [`Outcome::Faulty`](spec::Outcome::Faulty).
//!
//! # What is where
//!
//! | word | see |
//! |---|---|
//! | agents | [`Agent`], [`AgentAppExt`], [`Controller`], [`left_to_the_game`] |
//! | what they sense, do and are rewarded for | [`Observation`], [`Action`], [`Reward`] |
//! | boards, maps and images that they see | [`Grid`] |
//! | what they may not do | [`ActionMask`], [`Choices`] |
//! | episodes | [`Episode`], [`EpisodeStart`], [`EpisodeLimit`], [`EpisodeScope`], [`EpisodeScoped`], [`EpisodeRng`] |
//! | arenas | [`Arena`], [`InArena`], [`ArenaLayout`], [`Arenas`] |
//! | the tick | [`AgentSystems`], [`Sense`], [`Score`], [`StepClock`] |
//! | entities that Bevy hides from queries | [`UnfilteredQuery`] |
//! | sensors, for who draws them | [`SensorSketches`] |
//! | whether two runs are the same | [`StateHashAppExt`], [`StateHashes`] |
//! | rows, for who drives a world | [`AgentRows`], [`Rows`], [`Slot`], [`AgentKinds`], [`WorldSeed`], [`StartingArena`] |

extern crate self as ludus_agent;

mod action;
mod agent;
mod arena;
mod controller;
mod episode;
mod mask;
mod observation;
mod restart;
mod reward;
mod rows;
mod runs;
mod schedule;
mod scoring;
mod sketch;
mod slot;
mod state_hash;
mod step;
mod turnover;
mod unfiltered;
mod world_reset;

pub use action::{Action, ContinuousAction, DiscreteAction, DiscreteNumber};
pub use agent::{Agent, AgentAppExt, AgentKind, AgentKinds, AgentPlugin, WrittenAction};
pub use arena::{Arena, ArenaLayout, ArenaMembers, Arenas, InArena};
pub use controller::{Controller, left_to_the_game};
pub use episode::{
    Episode, EpisodeEntities, EpisodeLimit, EpisodeRng, EpisodeScope, EpisodeScoped, EpisodeStart, FirstEpisodes, Home,
    WorldSeed,
};
pub use ludus_spec as spec;
#[doc(hidden)]
pub use ludus_spec::joined;
pub use mask::{ActionMask, Choice, Choices, Mask};
pub use observation::{Grid, Observation};
pub use restart::StartingArena;
pub use reward::Reward;
pub use rows::{AgentRows, Fault, FaultPlace, FinishedEpisode, Rows};
pub use schedule::{AgentSystems, Score, Sense, SenseScoreTime, StepClock};
pub use sketch::{SensorLine, SensorSketch, SensorSketches};
pub use slot::Slot;
pub use state_hash::{StateHash, StateHashAppExt, StateHashes, hash_state_every};
pub use unfiltered::UnfilteredQuery;
pub use world_reset::WorldReset;
