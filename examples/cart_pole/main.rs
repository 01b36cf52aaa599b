//! Balance a pole on a cart. `cargo run --release --example cart_pole -- train`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::AppExit;
use bevy_ludus::Ludus;

fn main() -> AppExit {
    let cart_pole = Ludus::new("cart_pole", game::cart_pole);
    #[cfg(feature = "editor")]
    let cart_pole = cart_pole.visuals(visuals::cart_pole_visuals);
    cart_pole.run()
}
