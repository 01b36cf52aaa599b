//! Drive a weak car out of a valley. `cargo run --release --example mountain_car -- train`
//!
//! With the option `--continuous` before the command, the driver doses the force, and pays for it:
//! `cargo run --release --example mountain_car -- --continuous train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let option = arguments.iter().position(|argument| argument == "--continuous");
    // Each variant of the game has a config, runs and a policy of its own, so it has a name of its own.
    let mountain_car = match option {
        Some(option) => {
            arguments.remove(option);
            Ludus::new("mountain_car_continuous", game::continuous::mountain_car_continuous)
        }
        None => Ludus::new("mountain_car", game::mountain_car),
    };
    #[cfg(feature = "editor")]
    let mountain_car = mountain_car.visuals(visuals::mountain_car_visuals);
    mountain_car.run_with(arguments)
}
