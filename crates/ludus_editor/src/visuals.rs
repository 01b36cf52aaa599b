//! The resource that says if the game has visuals.

use bevy::ecs::prelude::*;

/// True if the game has visuals.
#[derive(Resource)]
pub struct HasVisuals(pub bool);
