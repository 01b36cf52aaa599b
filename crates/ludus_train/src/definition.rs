//! The definition of a game, in one value.

use std::sync::Arc;

use bevy::app::App;
#[cfg(feature = "torch")]
use ludus_spec::{AgentSpec, Seed};
#[cfg(feature = "torch")]
use ludus_torch::TorchNetwork;
use ludus_worlds::Game;

#[cfg(feature = "torch")]
use crate::learner::NetworkMaker;

/// A game: its name, the functions that add it and its visuals to an app, and its own network if it has one.
///
/// All commands, windows and sessions take this one value, so that they all train and play the same game.
#[derive(Clone)]
pub struct GameDefinition {
    /// The name of the game, of its run folders and of the config, `assets/train/<name>.ron`.
    pub name: String,
    /// Adds the plugins, systems and agents of the game to an app.
    pub game: Game,
    /// Adds the visuals of the game to an app, if it has any.
    pub visuals: Option<Game>,
    /// Makes the game's own network, if it has one.
    #[cfg(feature = "torch")]
    pub(crate) networks: Option<NetworkMaker>,
}

impl GameDefinition {
    /// A game without visuals, with the networks that configs describe.
    pub fn new(name: &str, game: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        Self {
            name: name.to_owned(),
            game: Arc::new(game),
            visuals: None,
            #[cfg(feature = "torch")]
            networks: None,
        }
    }

    /// The same game with visuals, which `visuals` adds to an app.
    #[must_use]
    pub fn with_visuals(self, visuals: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        Self { visuals: Some(Arc::new(visuals)), ..self }
    }

    /// The same game with its own network.
    ///
    /// `make` gets the spec of the agents, and the seed of the parameters that training starts from.
    #[cfg(feature = "torch")]
    #[must_use]
    pub fn with_network<N: TorchNetwork + 'static>(
        self,
        make: impl Fn(&AgentSpec, Seed) -> N + Send + Sync + 'static,
    ) -> Self {
        Self { networks: Some(Arc::new(move |spec, seed| Box::new(make(spec, seed)))), ..self }
    }

    /// True if it has a network of its own.
    pub(crate) fn has_own_network(&self) -> bool {
        #[cfg(feature = "torch")]
        let has = self.networks.is_some();
        #[cfg(not(feature = "torch"))]
        let has = false;
        has
    }
}
