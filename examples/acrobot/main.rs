//! Swing two links up by the joint between them. `cargo run --release --example acrobot -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let acrobot = Ludus::new("acrobot", game::acrobot);
    #[cfg(feature = "editor")]
    let acrobot = acrobot.visuals(visuals::acrobot_visuals);
    acrobot.run()
}
