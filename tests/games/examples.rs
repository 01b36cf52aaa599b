//! The games of the examples.

#[path = "../../examples/acrobot/game.rs"]
pub mod acrobot;
#[path = "../../examples/balance/game.rs"]
pub mod balance;
#[path = "../../examples/cart_pole/game.rs"]
pub mod cart_pole;
#[path = "../../examples/grid_world/game.rs"]
pub mod grid_world;
#[path = "../../examples/hallway/game.rs"]
pub mod hallway;
#[path = "../../examples/minimal.rs"]
#[expect(dead_code, reason = "its `main` is the example's own")]
pub mod minimal;
#[path = "../../examples/mountain_car/game.rs"]
pub mod mountain_car;
#[path = "../../examples/pendulum/game.rs"]
pub mod pendulum;
#[path = "../../examples/pillars"]
mod pillars_example {
    pub mod game;
    /// Keyboards are a part of Bevy that only the window brings.
    #[cfg(feature = "editor")]
    pub mod keys;
}
pub use pillars_example::game as pillars;
#[cfg(feature = "editor")]
pub use pillars_example::keys as pillars_keys;
#[path = "../../examples/pong/game.rs"]
pub mod pong;
#[path = "../../examples/pursuit/game.rs"]
pub mod pursuit;
#[path = "../../examples/push_together/game.rs"]
pub mod push_together;
#[path = "../../examples/pyramids/game.rs"]
pub mod pyramids;
#[path = "../../examples/soccer/game.rs"]
pub mod soccer;
#[path = "../../examples/sorter/game.rs"]
pub mod sorter;
#[path = "../../examples/wall_jump/game.rs"]
pub mod wall_jump;

#[cfg(feature = "torch")]
#[path = "../../examples/custom_network.rs"]
#[expect(dead_code, reason = "its `main` is the example's own")]
pub mod custom_network;
