//! Visit numbered tiles in ascending order. `cargo run --release --example sorter -- train`
//!
//! Each episode has 1 to 20 tiles. With the option `--tiles 10` before the command, all have 10:
//! `cargo run --release --example sorter -- --tiles 10 eval`

mod game;
#[cfg(feature = "editor")]
mod visuals;

use bevy::app::{App, AppExit};
use bevy_ludus::Ludus;
use game::{TILES, TileCounts};

fn main() -> AppExit {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let mut counts = TileCounts::default();
    if let Some(option) = arguments.iter().position(|argument| argument == "--tiles") {
        let count = arguments.get(option + 1).and_then(|count| count.to_str()?.parse().ok());
        let Some(count) = count.filter(|count| counts.0.contains(count)) else {
            return refused();
        };
        counts = TileCounts(count..=count);
        arguments.drain(option..=option + 1);
    }
    let sorter = Ludus::new("sorter", move |app: &mut App| {
        app.insert_resource(counts.clone());
        game::sorter(app);
    });
    #[cfg(feature = "editor")]
    let sorter = sorter.visuals(visuals::sorter_visuals);
    sorter.run_with(arguments)
}

#[expect(clippy::print_stderr, reason = "this is a command line")]
fn refused() -> AppExit {
    eprintln!("error: `--tiles` needs a number from 1 to {TILES}, as in `--tiles 10 eval`");
    AppExit::from_code(2)
}
