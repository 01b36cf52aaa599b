//! Walk over a board to the goal and around the pit. `cargo run --release --example grid_world -- train`

mod game;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    Ludus::new("grid_world", game::grid_world).run()
}
