//! Drive to a flag between pillars that are seen by rays. `cargo run --release --example pillars -- train`

mod game;
#[cfg(feature = "editor")]
mod keys;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let pillars = Ludus::new("pillars", game::pillars);
    #[cfg(feature = "editor")]
    let pillars = pillars.visuals(visuals::pillars_visuals);
    pillars.run()
}
