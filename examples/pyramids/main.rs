//! Press a far switch, and find the pyramid that it raises. `cargo run --release --example pyramids -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let pyramids = Ludus::new("pyramids", game::pyramids);
    #[cfg(feature = "editor")]
    let pyramids = pyramids.visuals(visuals::pyramids_visuals);
    pyramids.run()
}
