//! A game with a command line, and with windows where they are built in.

use std::ffi::OsString;

use bevy::app::{App, AppExit};

/// A game with a command line that trains, scores, measures and shows it.
///
/// ```no_run
/// use bevy::prelude::*;
/// use bevy_ludus::Ludus;
///
/// # fn balance(_: &mut App) {}
/// # fn balance_visuals(_: &mut App) {}
/// fn main() -> AppExit {
///     Ludus::new("balance", balance).visuals(balance_visuals).run()
/// }
/// ```
///
/// Then `balance train --write-config` writes a config to fill in, `balance train` trains a policy, `balance eval`
/// scores it, `balance export` writes it to the file that the game ships, `balance play` plays with it and, with the
/// feature `editor`, `balance watch` shows how it learns. `balance help` lists all commands.
pub struct Ludus(ludus_train::Ludus);

impl Ludus {
    /// Creates a game from its name and the function that adds its plugins, systems and agents to an app.
    ///
    /// The name is that of run folders and of the config, `assets/train/<name>.ron`: letters, digits, `-` and `_`, and
    /// spaces and dots between them. Every command refuses any other name.
    pub fn new(name: &str, game: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        let ludus = ludus_train::Ludus::new(name, game);
        #[cfg(feature = "editor")]
        let ludus = ludus.windows(ludus_editor::WINDOWS);
        Self(ludus)
    }

    /// Sets the function that draws the game: it adds meshes, lights and a camera. It is called only where there is a
    /// window.
    #[must_use]
    pub fn visuals(self, visuals: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        Self(self.0.visuals(visuals))
    }

    /// Sets a network of the game's own, in place of the perceptron that the config describes. It learns on libtorch.
    ///
    /// `make` gets the spec of the agents and the seed of the parameters that training starts from.
    #[cfg(feature = "torch")]
    #[must_use]
    pub fn network<N: ludus_torch::TorchNetwork + 'static>(
        self,
        make: impl Fn(&ludus_agent::spec::AgentSpec, ludus_agent::spec::Seed) -> N + Send + Sync + 'static,
    ) -> Self {
        Self(self.0.network(make))
    }

    /// Runs the command that this process's command line names.
    pub fn run(self) -> AppExit {
        self.0.run()
    }

    /// Runs the command that `arguments` name; the first of them is the program's name.
    pub fn run_with(self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> AppExit {
        self.0.run_with(arguments)
    }
}
