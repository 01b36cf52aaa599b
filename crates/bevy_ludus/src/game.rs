//! A game with a command line, and with windows where they are built in.

use std::ffi::OsString;

use bevy::app::{App, AppExit};

/// A game, ready to be trained, scored and measured from the command line, and to be watched.
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
/// Then `balance train --write-config` writes a config to fill in, `balance train` trains a policy, `balance eval` scores it, `balance export` writes it to where the game ships it,
/// `balance play` plays with it, and, with the feature `editor`, `balance watch` shows what it learns. `balance help` says
/// more.
pub struct Ludus(ludus_train::Ludus);

impl Ludus {
    /// A game by its name and the function that adds its plugins, systems and agents to an app.
    ///
    /// The name is that of run folders and of the config, `assets/train/<name>.ron`: letters, digits, `-` and `_`, and
    /// spaces and dots between them. Any other is refused by every command.
    pub fn new(name: &str, game: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        let ludus = ludus_train::Ludus::new(name, game);
        #[cfg(feature = "editor")]
        let ludus = ludus.windows(ludus_editor::WINDOWS);
        Self(ludus)
    }

    /// What draws the game: meshes, lights, a camera. Never called where there is no window.
    #[must_use]
    pub fn visuals(self, visuals: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        Self(self.0.visuals(visuals))
    }

    /// A network of the game's own, in place of the perceptron that the config describes. It learns on libtorch.
    ///
    /// `make` is told what the agents sense and do, and the seed of the parameters that training starts from.
    #[cfg(feature = "torch")]
    #[must_use]
    pub fn network<N: ludus_torch::TorchNetwork + 'static>(
        self,
        make: impl Fn(&ludus_agent::spec::AgentSpec, ludus_agent::spec::Seed) -> N + Send + Sync + 'static,
    ) -> Self {
        Self(self.0.network(make))
    }

    /// Does what this process's command line asks for.
    pub fn run(self) -> AppExit {
        self.0.run()
    }

    /// Does what `arguments` ask for; the first of them is the program's name.
    pub fn run_with(self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> AppExit {
        self.0.run_with(arguments)
    }
}
