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
    /// Independent normal distributions, squashed into -1..=1 by a hyperbolic tangent; mean and standard deviation
    /// depend on the observation.
    SquashedGaussian {
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
            Self::Gaussian { width } | Self::SquashedGaussian { width } => width,
            Self::Categorical { .. } => 1,
        }
    }

    /// Columns that the head takes of a mask row: one per choice.
    pub const fn mask_width(self) -> usize {
        match self {
            Self::Gaussian { .. } | Self::SquashedGaussian { .. } => 0,
            Self::Categorical { choices } => choices,
        }
    }

    /// Returns the head with the same actions whose numbers are squashed into -1..=1.
    #[must_use]
    pub const fn squashed(self) -> Self {
        match self {
            Self::Gaussian { width } => Self::SquashedGaussian { width },
            Self::SquashedGaussian { .. } | Self::Categorical { .. } => self,
        }
    }

    /// Outputs of the network that the head reads: one mean per dimension, one logit per choice, or of a squashed head
    /// the means of all dimensions and then a number for the deviation of each.
    pub const fn output_width(self) -> usize {
        match self {
            Self::Gaussian { width } => width,
            Self::SquashedGaussian { width } => width.saturating_mul(2),
            Self::Categorical { choices } => choices,
        }
    }
}
