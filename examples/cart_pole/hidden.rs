//! The game for an agent that observes positions only.

use bevy::prelude::*;
use bevy_ludus::prelude::*;

use crate::game::{CartPoleSenses, cart_pole, sense};

/// The whole game, with velocities that are always observed as 0.
pub fn cart_pole_hidden(app: &mut App) {
    cart_pole(app);
    app.add_systems(SenseAgents, hide_velocities.after(sense));
}

fn hide_velocities(mut carts: Query<&mut CartPoleSenses>) {
    for mut senses in &mut carts {
        (senses.velocity, senses.angular_velocity) = (0.0, 0.0);
    }
}
