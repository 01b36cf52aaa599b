//! What can go wrong in a world.

use std::any::Any;

/// Why a world can't be built.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorldError {
    /// The game has nothing to train.
    #[error("the game has no agents: call `app.add_agent::<YourAgent>()` in it")]
    NoAgents,
    /// Training several kinds at once is not supported.
    #[error("the game has {} kinds of agents ({}), but a run trains one: add only the one to train", .0.len(), .0.join(", "))]
    SeveralKinds(Vec<String>),
    /// No agent was there after the first step.
    #[error(
        "world {world} has no `{agent}` after its first step: spawn one in an observer of `On<Add, Arena>` or in `Startup`"
    )]
    NobodyCame {
        /// The world's index.
        world: u32,
        /// The kind of agent.
        agent: String,
    },
    /// There are more or fewer weights than terms.
    #[error("`{agent}` has {terms} reward terms, but {weights} weights were given: give one for each term")]
    WrongWeights {
        /// The kind of agent.
        agent: String,
        /// Terms of its reward.
        terms: usize,
        /// Weights that were given.
        weights: usize,
    },
    /// The game panicked while it was built.
    #[error(transparent)]
    Panicked(#[from] WorldPanic),
}

/// A game panicked.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("the game panicked in world {world}{} at tick {tick} (world seed {seed:#018x}): {message}", place(*arena))]
pub struct WorldPanic {
    /// The world's index.
    pub world: u32,
    /// The arena it was in, where that can be known: the only one of its world, or the one whose episode was starting.
    pub arena: Option<u32>,
    /// Ticks since the world was built.
    pub tick: u64,
    /// The world's own seed.
    pub seed: u64,
    /// What the panic said.
    pub message: String,
}

fn place(arena: Option<u32>) -> String {
    arena.map_or_else(String::new, |arena| format!(", arena {arena},"))
}

/// The text of a caught panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "(no message)".to_owned())
}
