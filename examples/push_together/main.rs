//! Three pushers, and crates that take one, two or three of them. `cargo run --release --example push_together -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let push_together = Ludus::new("push_together", game::push_together);
    #[cfg(feature = "editor")]
    let push_together = push_together.visuals(visuals::push_together_visuals);
    push_together.run()
}
