//! Two paddles, one policy that plays against itself. `cargo run --release --example pong -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let pong = Ludus::new("pong", game::pong);
    #[cfg(feature = "editor")]
    let pong = pong.visuals(visuals::pong_visuals);
    pong.run()
}
