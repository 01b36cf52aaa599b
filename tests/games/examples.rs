//! The games of the examples.

#[path = "../../examples/balance/game.rs"]
pub mod balance;
#[path = "../../examples/cart_pole/game.rs"]
pub mod cart_pole;
#[path = "../../examples/grid_world/game.rs"]
pub mod grid_world;
#[path = "../../examples/hallway/game.rs"]
pub mod hallway;
#[path = "../../examples/pillars/game.rs"]
pub mod pillars;
#[path = "../../examples/pursuit/game.rs"]
pub mod pursuit;
#[path = "../../examples/sorter/game.rs"]
pub mod sorter;
