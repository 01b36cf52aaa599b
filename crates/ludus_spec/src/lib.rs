//! Specs of agents (their observations, actions and rewards), outcomes of steps, and seeds, as plain data.
//!
//! The types that the crates with Bevy (`ludus_agent`, `ludus_worlds`) and those without it
//! (`ludus_net`, `ludus_learn`, `ludus_policy`) share. No Bevy, no files.

mod clock;
mod column;
mod grid;
mod hash;
mod head;
mod observation;
mod outcome;
mod parameters;
mod path;
mod seed;
mod spec;
mod team_view;
mod tick;
mod value;

pub use clock::{Clock, stopped_clock};
pub use column::ObservationColumn;
pub use grid::GridShape;
pub use hash::StableHasher;
pub use head::Head;
pub use observation::{Block, ObservationField, ObservationKind, SetShape};
pub use outcome::Outcome;
pub use parameters::{Distribution, EpisodeParameter};
#[doc(hidden)]
pub use path::joined;
pub use seed::{Generator, Seed};
pub use spec::{ActionField, ActionKind, AgentSpec, RewardTerm};
pub use team_view::TEAM_VIEW;
pub use tick::{LONGEST_STEP, TICK_RATES_HZ, meant_rate_hz, tick_rate_hz};
pub use value::{ActionValue, stretched};
