//! Agents, rows, episodes, arenas and schedules: what a game and `bevy_ludus` say to each other.

extern crate self as ludus_agent;

mod action;
mod agent;
mod arena;
mod controller;
mod episode;
mod observation;
mod restart;
mod reward;
mod rows;
mod runs;
mod schedule;
mod scoring;
mod slot;
mod step;

pub use action::{Action, ContinuousAction, DiscreteAction, DiscreteNumber};
pub use agent::{Agent, AgentAppExt, AgentKind, AgentKinds, AgentPlugin};
pub use arena::{Arena, ArenaLayout, ArenaMembers, Arenas, InArena};
pub use controller::Controller;
pub use episode::{
    Episode, EpisodeEntities, EpisodeLimit, EpisodeRng, EpisodeScope, EpisodeScoped, EpisodeStart, WorldSeed,
};
pub use ludus_spec as spec;
pub use observation::Observation;
#[doc(hidden)]
pub use observation::joined;
pub use reward::Reward;
pub use rows::{AgentRows, Fault, FaultPlace, FinishedEpisode, Rows};
pub use schedule::{AgentSystems, Score, Sense, SenseScoreTime, StepClock};
pub use slot::Slot;
