//! Two teams of two, one policy that plays against itself. `cargo run --release --example soccer -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let soccer = Ludus::new("soccer", game::soccer);
    #[cfg(feature = "editor")]
    let soccer = soccer.visuals(visuals::soccer_visuals);
    soccer.run()
}
