//! Get over a wall, and push a block to it where it is too high. `cargo run --release --example wall_jump -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let wall_jump = Ludus::new("wall_jump", game::wall_jump);
    #[cfg(feature = "editor")]
    let wall_jump = wall_jump.visuals(visuals::wall_jump_visuals);
    wall_jump.run()
}
