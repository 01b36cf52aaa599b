//! What defines a game, in one value.

use std::sync::Arc;

use bevy::app::App;
#[cfg(feature = "torch")]
use ludus_spec::{AgentSpec, Seed};
#[cfg(feature = "torch")]
use ludus_torch::TorchNetwork;
use ludus_worlds::Game;

#[cfg(feature = "torch")]
use crate::learner::NetworkMaker;

/// A game: its name, what adds it to an app, what draws it, and the network of its own if it has one.
///
/// All commands, windows and sessions get it whole, so that none of them trains or plays another game than the others.
#[derive(Clone)]
pub struct GameDefinition {
    /// Its name: that of run folders and of the config, `assets/train/<name>.ron`.
    pub name: String,
    /// Adds its plugins, systems and agents to an app.
    pub game: Game,
    /// Adds what draws it, if anything does.
    pub visuals: Option<Game>,
    /// Makes the network of its own, if it has one.
    #[cfg(feature = "torch")]
    pub(crate) networks: Option<NetworkMaker>,
}

impl GameDefinition {
    /// A game that nothing draws, with the networks that configs describe.
    pub fn new(name: &str, game: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        Self {
            name: name.to_owned(),
            game: Arc::new(game),
            visuals: None,
            #[cfg(feature = "torch")]
            networks: None,
        }
    }

    /// The same with what draws it.
    #[must_use]
    pub fn with_visuals(self, visuals: impl Fn(&mut App) + Send + Sync + 'static) -> Self {
        Self { visuals: Some(Arc::new(visuals)), ..self }
    }

    /// The same with a network of its own.
    ///
    /// `make` gets what the agents sense and do, and the seed of the parameters that training starts from.
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
