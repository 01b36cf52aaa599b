//! Worlds with physics whose arenas a function builds.

use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::{AgentPlugin, Arena, Arenas};
use ludus_rapier::{ArenaPhysics, ArenaPhysicsPlugin};

/// Builds an arena: the arena's entity, its index, and its place.
pub type Build = fn(&mut Commands, Entity, &Arena, Transform);

/// Returns a world that is not finished. Each of its updates is one tick.
pub fn unfinished(physics: ArenaPhysics, arenas: u32, build: Build) -> App {
    let mut app = App::new();
    app.add_plugins((TaskPoolPlugin::default(), TimePlugin, TransformPlugin, AgentPlugin));
    app.add_plugins(ArenaPhysicsPlugin { arenas: physics });
    app.insert_resource(TimeUpdateStrategy::FixedTimesteps(1)).insert_resource(Arenas(0..arenas));
    app.add_observer(
        move |on: On<Add, Arena>, arenas: Query<(&Arena, &Transform)>, mut commands: Commands| -> Result {
            let (arena, centre) = arenas.get(on.entity)?;
            build(&mut commands, on.entity, arena, *centre);
            Ok(())
        },
    );
    app
}

/// Finishes a world, up to its first tick.
pub fn finished(mut app: App) -> App {
    app.finish();
    // Bevy's first update starts the clocks and has no tick yet.
    app.update();
    app
}
