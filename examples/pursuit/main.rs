//! Chasers and runners learn against each other. `cargo run --release --example pursuit -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let pursuit = Ludus::new("pursuit", game::pursuit);
    #[cfg(feature = "editor")]
    let pursuit = pursuit.visuals(visuals::pursuit_visuals);
    pursuit.run()
}
