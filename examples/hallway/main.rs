//! Remember a sign, and walk to the goal of its colour. `cargo run --release --example hallway -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let hallway = Ludus::new("hallway", game::hallway);
    #[cfg(feature = "editor")]
    let hallway = hallway.visuals(visuals::hallway_visuals);
    hallway.run()
}
