//! What can be wrong with a network's shape or its numbers.

use thiserror::Error;

/// Why a layout, an array of parameters or statistics can't be used.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum NetError {
    /// The observation has no columns.
    #[error("the network has 0 inputs; give the observation at least one field")]
    NoInputs,
    /// The action has no fields.
    #[error("the network has 0 heads; give the action at least one field")]
    NoHeads,
    /// A Gaussian head has no dimensions.
    #[error("head {head} is a Gaussian of width 0; give it at least one dimension, or leave it out")]
    EmptyGaussian {
        /// Index of the head.
        head: usize,
    },
    /// A categorical head leaves nothing to choose.
    #[error("head {head} is a categorical of {choices} choices; give it at least 2, or leave it out")]
    TooFewChoices {
        /// Index of the head.
        head: usize,
        /// Its choices.
        choices: usize,
    },
    /// The network's configuration makes no sense by itself.
    #[error("{0}")]
    Config(String),
    /// The parameters would not fit into memory.
    #[error("the network would have {count} parameters, more than {limit}; make its layers narrower or fewer")]
    TooLarge {
        /// Parameters, saturating.
        count: usize,
        /// The most there can be.
        limit: usize,
    },
    /// An array is too short or too long.
    #[error("{what}: {actual} numbers, where the network needs {expected}; were they made for another network?")]
    WrongLength {
        /// What the array holds.
        what: &'static str,
        /// Numbers needed.
        expected: usize,
        /// Numbers given.
        actual: usize,
    },
    /// A named tensor is not there.
    #[error("tensor `{name}` is missing; the network needs {needed}")]
    MissingTensor {
        /// The tensor's name.
        name: String,
        /// All names that are needed.
        needed: String,
    },
    /// A named tensor belongs to nothing.
    #[error("tensor `{name}` is not part of the network, which has {needed}; was it made for another network?")]
    UnknownTensor {
        /// The tensor's name.
        name: String,
        /// All names that are needed.
        needed: String,
    },
    /// A named tensor has another shape.
    #[error("tensor `{name}` has shape {actual:?}, where the network needs {expected:?}; was it made for another one?")]
    WrongShape {
        /// The tensor's name.
        name: String,
        /// The shape needed.
        expected: Vec<usize>,
        /// The shape given.
        actual: Vec<usize>,
    },
    /// There are convolutions and nothing that they could look at.
    #[error("`convolutions` need a grid, and the observation has none; leave them out, or observe a `Grid`")]
    NoGrid,
    /// There are more convolutions than anybody needs.
    #[error("the network would have {count} convolutions over all grids, more than {limit}; leave some out")]
    TooManyConvolutions {
        /// Convolutions, saturating.
        count: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The outputs of a convolution would not fit into memory.
    #[error(
        "a convolution would make {numbers} numbers of a grid, more than {limit}; give it fewer channels, or observe a smaller grid"
    )]
    LargeMap {
        /// Numbers with padding, saturating.
        numbers: usize,
        /// The most there can be.
        limit: usize,
    },
    /// A grid is empty, or it is not where it is said to be.
    #[error(
        "columns {} to {} of {inputs} can't be a grid of {}×{}×{}; list grids in order, each with a cell at least",
        grid.first, grid.first.saturating_add(grid.count()).saturating_sub(1), grid.height, grid.width, grid.channels
    )]
    GridBlock {
        /// The grid.
        grid: crate::GridBlock,
        /// Columns of the observation.
        inputs: usize,
    },
    /// A number is NaN or infinite.
    #[error("{what} holds {value} at index {index}; go back to an older copy")]
    NotFinite {
        /// What the number belongs to.
        what: String,
        /// Where it stands.
        index: usize,
        /// The number.
        value: f64,
    },
    /// Observation statistics contradict themselves.
    #[error("observation statistics: {0}; go back to an older copy")]
    Statistics(String),
}
