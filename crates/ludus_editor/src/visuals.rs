//! Whether the game has something to draw.

use bevy::ecs::prelude::*;

/// True if the game has visuals.
#[derive(Resource)]
pub struct HasVisuals(pub bool);
