//! Physics arenas, ray sensors and proximity sensors on [`bevy_rapier3d`].
//!
//! One plugin adds rapier, steps it once per fixed tick and keeps arenas from touching each other:
//!
//! ```
//! use bevy::prelude::*;
//! use bevy_rapier3d::prelude::*;
//! use ludus_agent::{AgentPlugin, Arena, InArena};
//! use ludus_rapier::ArenaPhysicsPlugin;
//!
//! fn game(app: &mut App) {
//!     app.insert_resource(Time::<Fixed>::from_hz(50.0))
//!         .add_plugins((AgentPlugin, ArenaPhysicsPlugin::shared(12.0)))
//!         .add_observer(build_arena);
//! }
//!
//! /// A ball, 4 m above the middle of every arena.
//! fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
//!     let centre = arenas.get(on.entity)?.translation;
//!     let place = Transform::from_translation(centre + 4.0 * Vec3::Y);
//!     commands.spawn((RigidBody::Dynamic, Collider::ball(0.5), Velocity::zero(), place, InArena(on.entity)));
//!     Ok(())
//! }
//!
//! let mut app = App::new();
//! app.add_plugins((bevy::time::TimePlugin, TransformPlugin));
//! game(&mut app);
//! app.finish();
//! app.update();
//! ```
//!
//! | to | use |
//! |---|---|
//! | choose whether arenas share a physics context | [`ArenaPhysics`] |
//! | sense distances | [`RaySensor`], [`RayCaster`] and, as a field of the observation, [`Rays`] |
//! | sense what is near, as a set | [`ProximitySensor`], [`ProximityQuery`] and, as a field of the observation, [`SetOf`](ludus_agent::SetOf) |
//!
//! # A tick
//!
//! Physics runs in `FixedPostUpdate`: after the game's systems in `FixedUpdate`, and before `ScoreAgents` and
//! `SenseAgents`, which see the new positions. It advances by the timestep of `Time<Fixed>`.
//!
//! # Restarting
//!
//! An observer of `EpisodeStart` writes a [`Transform`](bevy::prelude::Transform), and the body is at that place at
//! once. That holds for kinematic bodies too: rapier by itself would sweep them to the new place and push
//! what is in between. Write [`Velocity`](bevy_rapier3d::prelude::Velocity) as well, or a dynamic body keeps the one it
//! had. With the same draws an episode is then the same, bit for bit, whatever came before it.
//!
//! # Entities that are `Disabled`
//!
//! Rapier still simulates the bodies and colliders of entities that Bevy hides from queries: other bodies collide with
//! them, and rays of their own arena hit them. A game that disables agents moves them out of the way first.
//!
//! # Resetting a world
//!
//! A [`WorldReset`](ludus_agent::WorldReset) empties all contexts, so that physics continues as in a new world.
//!
//! # The same bits in every app
//!
//! Rapier's results depend on the order in which bodies, colliders and joints are added to it. That order depends on
//! the game alone: an app with other plugins, such as a window, computes the same bits.

mod contexts;
mod entry;
mod error;
mod placement;
mod plugin;
mod proximity;
mod rays;
mod reset;
mod surroundings;

pub use error::SensorError;
pub use plugin::{ArenaPhysics, ArenaPhysicsPlugin};
pub use proximity::{Near, ProximityQuery, ProximitySensor};
pub use rays::{RayCaster, RaySensor, Rays};
