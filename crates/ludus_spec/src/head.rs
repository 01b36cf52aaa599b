//! Heads: the distributions that a policy's output describes.

use serde::{Deserialize, Serialize};

/// One distribution over a part of an agent's action.
///
/// An action has one or several: several make it hybrid (continuous and discrete) or multi-branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Head {
    /// Independent normal distributions, one per dimension; the standard deviation does not depend on the observation.
    Gaussian {
        /// The count of dimensions.
        width: usize,
    },
    /// One of several choices.
    Categorical {
        /// The count of choices, at least 2.
        choices: usize,
    },
}

impl Head {
    /// Columns that the head takes of an action row: one per dimension, or one that holds the choice's index.
    pub const fn action_width(self) -> usize {
        match self {
            Self::Gaussian { width } => width,
            Self::Categorical { .. } => 1,
        }
    }

    /// Columns that the head takes of a mask row: one per choice.
    pub const fn mask_width(self) -> usize {
        match self {
            Self::Gaussian { .. } => 0,
            Self::Categorical { choices } => choices,
        }
    }

    /// Outputs of the network that the head reads: one mean per dimension, or one logit per choice.
    pub const fn output_width(self) -> usize {
        match self {
            Self::Gaussian { width } => width,
            Self::Categorical { choices } => choices,
        }
    }
}
