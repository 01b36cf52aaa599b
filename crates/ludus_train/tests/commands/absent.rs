//! Variants of the game in which agents are absent, or nothing can be learned from them.

use bevy::ecs::entity_disabling::Disabled;
use bevy::prelude::*;
use ludus_agent::{AgentAppExt, Arena, Controller, InArena, ScoreAgents, SenseAgents};

use super::game::{Reader, Sight, arrows, score, sense};

/// Ticks after which agents go or come.
const LATER: u32 = 100;

/// All agents are despawned, and none is spawned.
pub fn gone(app: &mut App) {
    arrows(app);
    app.add_systems(
        FixedUpdate,
        |readers: Query<Entity, With<Reader>>, mut commands: Commands, mut tick: Local<u32>| {
            *tick += 1;
            if *tick == LATER {
                readers.iter().for_each(|reader| commands.entity(reader).despawn());
            }
        },
    );
}

/// All agents have an external controller.
pub fn driven(app: &mut App) {
    arrows(app);
    app.add_observer(|on: On<Add, Reader>, mut controllers: Query<&mut Controller>| -> Result {
        *controllers.get_mut(on.entity)? = Controller::External;
        Ok(())
    });
}

/// All agents are disabled.
pub fn disabled(app: &mut App) {
    arrows(app);
    app.add_systems(
        FixedUpdate,
        |readers: Query<Entity, With<Reader>>, mut commands: Commands, mut tick: Local<u32>| {
            *tick += 1;
            if *tick == LATER {
                readers.iter().for_each(|reader| {
                    commands.entity(reader).insert(Disabled);
                });
            }
        },
    );
}

/// Every observation is NaN.
pub fn senseless(app: &mut App) {
    arrows(app);
    let spoil = |mut sights: Query<&mut Sight>| sights.iter_mut().for_each(|mut sight| sight.arrow = f32::NAN);
    app.add_systems(SenseAgents, spoil.after(sense));
}

/// Three more agents are spawned in every arena later.
pub fn waves(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, |arenas: Query<Entity, With<Arena>>, mut commands: Commands, mut tick: Local<u32>| {
        *tick += 1;
        if *tick == LATER {
            let agents = arenas.iter().flat_map(|arena| [arena; 3]);
            agents.for_each(|arena| {
                commands.spawn((Reader, InArena(arena)));
            });
        }
    });
}

/// One agent, which is in no arena.
pub fn lone(app: &mut App) {
    app.add_agent::<Reader>();
    app.add_systems(Startup, |mut commands: Commands| {
        commands.spawn(Reader);
    });
    app.add_systems(ScoreAgents, score).add_systems(SenseAgents, sense);
}
