//! The observations that the critic of a kind of agents reads.

use serde::{Deserialize, Serialize};

/// The observations that a critic reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CriticView {
    /// Its agent's, with the fields that are for the critic alone.
    #[default]
    Agent,
    /// The same, and those of the other members of the agent's team, in no order. An agent whose episode ends while its
    /// team goes on is credited with the team's value from there on.
    Team,
}

/// The value that an agent's return is compared with, to find out how good its action was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Baseline {
    /// The critic's.
    #[default]
    Value,
    /// That of the step without the agent's own action: a network of its own estimates it, from what the agent observes,
    /// and from what the other members of its team observe and do. For `critic: Team`.
    Counterfactual,
}

/// The width of the layer for each member's observation, unless the config has an encoder for it.
pub(super) const TEAM_POOL: usize = 32;

impl CriticView {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Baseline {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
