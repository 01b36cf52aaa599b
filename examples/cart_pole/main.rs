//! Balance a pole on a cart. `cargo run --release --example cart_pole -- train`
//!
//! With the option `--hide-velocities` before the command, the agent sees positions only, and needs a memory to tell
//! where they lead: `cargo run --release --example cart_pole -- --hide-velocities train`

mod game;
mod hidden;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let option = arguments.iter().position(|argument| argument == "--hide-velocities");
    // Each variant of the game has a config, runs and a policy of its own, so it has a name of its own.
    let cart_pole = match option {
        Some(option) => {
            arguments.remove(option);
            Ludus::new("cart_pole_hidden", hidden::cart_pole_hidden)
        }
        None => Ludus::new("cart_pole", game::cart_pole),
    };
    #[cfg(feature = "editor")]
    let cart_pole = cart_pole.visuals(visuals::cart_pole_visuals);
    cart_pole.run_with(arguments)
}
