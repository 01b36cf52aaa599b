//! Balance a pole on a cart. `cargo run --release --example cart_pole -- train`

mod game;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    Ludus::new("cart_pole", game::cart_pole).run()
}
