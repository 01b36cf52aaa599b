//! Tilt a plate so that the ball on it stays there. `cargo run --release --example balance -- train`

mod game;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    Ludus::new("balance", game::balance).run()
}
