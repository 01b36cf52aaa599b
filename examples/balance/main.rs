//! Tilt a plate so that the ball on it stays there. `cargo run --release --example balance -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let balance = Ludus::new("balance", game::balance);
    #[cfg(feature = "editor")]
    let balance = balance.visuals(visuals::balance_visuals);
    balance.run()
}
