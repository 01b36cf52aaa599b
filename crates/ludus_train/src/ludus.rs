//! A game with a command line.

use std::ffi::OsString;

use bevy::app::{App, AppExit};

use crate::command::Program;
use crate::definition::GameDefinition;
use crate::window::Windows;

/// A game, ready to be trained, scored and measured from the command line.
///
/// ```no_run
/// # use bevy::app::{App, AppExit};
/// # use ludus_train::Ludus;
/// # fn balance(_: &mut App) {}
/// fn main() -> AppExit {
///     Ludus::new("balance", balance).run()
/// }
/// ```
///
/// Then `balance train --write-config` writes a config to fill in, `balance train` trains a policy, `balance eval`
/// scores it, `balance export` writes it to where the game ships it, `balance play` plays with it, `balance watch`
/// shows training in a window, `balance bench` measures all of that; `balance help` lists all commands.
pub struct Ludus {
    program: Program,
}

impl Ludus {
    /// A game by its name and the function that adds its plugins, systems and agents to an app.
    ///
    /// The name is that of run folders and of the config, `assets/train/<name>.ron`: letters, digits, `-` and `_`, and
    /// spaces and dots between them. Any other is refused by every command.
    pub fn new(name: &str, game: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        Self { program: Program { definition: GameDefinition::new(name, game), windows: None } }
    }

    /// Sets the function that adds what draws the game: meshes, lights, a camera. It is never called without a window.
    #[must_use]
    pub fn visuals(mut self, visuals: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        self.program.definition = self.program.definition.with_visuals(visuals);
        self
    }

    /// Sets the functions that open windows, for the commands that need one.
    #[must_use]
    pub fn windows(mut self, windows: Windows) -> Self {
        self.program.windows = Some(windows);
        self
    }

    /// Sets a network of the game's own, in place of the perceptron that the config describes. It learns on libtorch.
    ///
    /// `make` gets the spec of the agents and the seed of the initial parameters.
    #[cfg(feature = "torch")]
    #[must_use]
    pub fn network<N: ludus_torch::TorchNetwork + 'static>(
        mut self,
        make: impl Fn(&ludus_spec::AgentSpec, ludus_spec::Seed) -> N + Send + Sync + 'static,
    ) -> Self {
        self.program.definition = self.program.definition.with_network(make);
        self
    }

    /// Runs the command of this process's command line.
    pub fn run(self) -> AppExit {
        self.run_with(std::env::args_os())
    }

    /// Runs the command in `arguments`; the first of them is the program's name.
    pub fn run_with(self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> AppExit {
        AppExit::from_code(self.program.run(arguments.into_iter().map(Into::into)))
    }
}
