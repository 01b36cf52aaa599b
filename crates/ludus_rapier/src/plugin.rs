//! The plugin, and the choice of shared or separate physics.

use bevy::prelude::*;
use bevy::transform::systems::StaticTransformOptimizations;
use bevy_rapier3d::prelude::*;
use ludus_agent::{AgentSystems, ArenaLayout};

use crate::{contexts, entry, placement, reset};

/// Adds rapier to the fixed tick, with room for many arenas.
///
/// Use it in place of `RapierPhysicsPlugin`, which it adds in `FixedPostUpdate`, with the timestep of `Time<Fixed>`.
/// Bodies and colliders of an arena's members ([`InArena`](ludus_agent::InArena)) are added to the arena's physics
/// automatically. Gravity and solver settings are those of the resource `RapierContextInitialization`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArenaPhysicsPlugin {
    /// Shared or separate physics. A resource of this type, inserted before or after the plugin, overrides it.
    pub arenas: ArenaPhysics,
}

impl ArenaPhysicsPlugin {
    /// [`ArenaPhysics::Shared`]: one physics context, arenas `spacing` metres apart.
    pub const fn shared(spacing: f32) -> Self {
        Self { arenas: ArenaPhysics::Shared { spacing } }
    }

    /// [`ArenaPhysics::PerArena`]: a physics context for each arena.
    pub const fn per_arena() -> Self {
        Self { arenas: ArenaPhysics::PerArena }
    }
}

/// The choice of shared or separate physics for arenas. It takes effect when the app is finished.
#[derive(Resource, Reflect, Clone, Copy, Debug, PartialEq)]
#[reflect(Resource, Debug, PartialEq)]
pub enum ArenaPhysics {
    /// All arenas stand in one physics context, on a grid.
    ///
    /// This is the fast choice: a context costs more than the few bodies of an arena. The entities of an arena must
    /// stay within `spacing / 2` of its centre, or they touch its neighbours. Positions are rounded where they are: an
    /// arena 100 m from the origin has steps of 8 µm, one at 1 km of 60 µm. So two arenas that do the same drift apart
    /// in the last bits.
    Shared {
        /// Distance between the centres of neighbouring arenas along x and z, in metres, above 0.
        spacing: f32,
    },
    /// Every arena has a physics context of its own, and stands at the origin.
    ///
    /// An arena then does the same alone and among others, bit for bit. Entities in no arena share the default context
    /// and can't touch those in an arena. The context is on the arena's entity.
    PerArena,
}

impl Plugin for ArenaPhysicsPlugin {
    fn build(&self, app: &mut App) {
        if !app.world().contains_resource::<ArenaPhysics>() {
            app.insert_resource(self.arenas);
        }
        app.register_type::<ArenaPhysics>();
        // Rapier propagates transforms to children in every tick, but does not tell Bevy which trees have changed: a
        // body with children, such as its meshes, would move only once per frame.
        app.insert_resource(StaticTransformOptimizations::Disabled);
        app.init_resource::<ArenaLayout>();
        add_rapier(app);
        app.add_observer(reset::empty_contexts);
        app.init_resource::<placement::RestartBegan>();
        app.add_systems(
            FixedFirst,
            (
                placement::note_restart.before(AgentSystems::Restart),
                placement::place_kinematic_bodies.after(AgentSystems::Restart),
            ),
        );
    }

    /// Places arenas and prepares their contexts. Here and not in `build`, so that a resource inserted later counts.
    ///
    /// # Panics
    ///
    /// If arenas that share a context would not stand apart.
    fn finish(&self, app: &mut App) {
        let spacing = match *app.world().resource::<ArenaPhysics>() {
            ArenaPhysics::Shared { spacing } => {
                assert!(spacing > 0.0, "arenas that share physics need a spacing above 0 m, not {spacing}");
                spacing
            }
            ArenaPhysics::PerArena => {
                contexts::add_observers(app);
                0.0
            }
        };
        app.world_mut().resource_mut::<ArenaLayout>().spacing = spacing;
    }
}

fn add_rapier(app: &mut App) {
    app.insert_resource(TimestepMode::Fixed { dt: 0.0, substeps: 1 })
        .add_plugins(RapierPhysicsPlugin::<NoUserData>::default().in_schedule(FixedPostUpdate))
        .add_systems(FixedPostUpdate, follow_fixed_time.before(PhysicsSet::SyncBackend));
    entry::add_systems(app);
}

/// Sets rapier's own timestep to the game's.
fn follow_fixed_time(time: Res<Time<Fixed>>, mut mode: ResMut<TimestepMode>) {
    if let TimestepMode::Fixed { dt, .. } = &mut *mode {
        *dt = time.timestep().as_secs_f32();
    }
}
