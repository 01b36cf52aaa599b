//! Specs of agents (their observations, actions and rewards), outcomes of steps, and seeds, as plain data.
//!
//! The types that the crates with Bevy (`ludus_agent`, `ludus_worlds`) and those without it
//! (`ludus_net`, `ludus_learn`, `ludus_policy`) share. No Bevy, no files.

mod block;
mod clock;
mod field_text;
mod grid;
mod hash;
mod head;
mod outcome;
mod seed;
mod spec;
mod tick;
mod value;

pub use block::{Block, ObservationColumn, SetShape};
pub use clock::{Clock, stopped_clock};
pub use grid::GridShape;
pub use hash::StableHasher;
pub use head::Head;
pub use outcome::Outcome;
pub use seed::{Generator, Seed};
#[doc(hidden)]
pub use spec::joined;
pub use spec::{ActionField, ActionKind, AgentSpec, ObservationField, ObservationKind, RewardTerm};
pub use tick::{LONGEST_STEP, TICK_RATES_HZ, meant_rate_hz, tick_rate_hz};
pub use value::{ActionValue, stretched};
