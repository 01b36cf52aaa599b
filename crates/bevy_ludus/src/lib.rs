//! Reinforcement learning for Bevy: entities become agents, games become training grounds.

pub use ludus_agent as agent;
pub use ludus_agent::spec;
pub use ludus_net as net;
pub use ludus_policy as policy;

#[cfg(feature = "train")]
pub use ludus_learn as learn;
#[cfg(feature = "rapier")]
pub use ludus_rapier as rapier;
#[cfg(feature = "train")]
pub use ludus_train::{self as train, Ludus};
#[cfg(feature = "train")]
pub use ludus_worlds as worlds;

/// What a game needs: traits and their derives, components, events, schedules.
pub mod prelude {
    pub use ludus_agent::{
        Action, Agent, AgentAppExt, AgentSystems, Arena, Controller, Episode, EpisodeLimit, EpisodeRng, EpisodeScope,
        EpisodeScoped, EpisodeStart, InArena, Observation, Reward, Score, Sense,
    };
}
