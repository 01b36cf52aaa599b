//! Swing a pendulum up and hold it there. `cargo run --release --example pendulum -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let pendulum = Ludus::new("pendulum", game::pendulum);
    #[cfg(feature = "editor")]
    let pendulum = pendulum.visuals(visuals::pendulum_visuals);
    pendulum.run()
}
