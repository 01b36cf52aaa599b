//! The errors of a network's shape and numbers.

use thiserror::Error;

/// The reasons that a layout, an array of parameters or statistics can't be used.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum NetError {
    /// The observation has no columns.
    #[error("the network has 0 inputs; give the observation at least one field that is not for the critic alone")]
    NoInputs,
    /// The action has no fields.
    #[error("the network has 0 heads; give the action at least one field")]
    NoHeads,
    /// The critic has no values.
    #[error("the network has 0 value heads; give it at least one")]
    NoValues,
    /// A Gaussian head has no dimensions.
    #[error("head {head} is a Gaussian of width 0; give it at least one dimension, or leave it out")]
    EmptyGaussian {
        /// Index of the head.
        head: usize,
    },
    /// A categorical head has fewer than 2 choices.
    #[error("head {head} is a categorical of {choices} choices; give it at least 2, or leave it out")]
    TooFewChoices {
        /// Index of the head.
        head: usize,
        /// The head's number of choices.
        choices: usize,
    },
    /// The network's configuration has an invalid value.
    #[error("{0}")]
    Config(String),
    /// The parameters would not fit into memory.
    #[error("the network would have {count} parameters, more than {limit}; make its layers narrower or fewer")]
    TooLarge {
        /// The number of parameters, saturating.
        count: usize,
        /// The maximum.
        limit: usize,
    },
    /// An array is too short or too long.
    #[error("{what}: {actual} numbers, where the network needs {expected}; were they made for another network?")]
    WrongLength {
        /// The content of the array.
        what: &'static str,
        /// The required count.
        expected: usize,
        /// The given count.
        actual: usize,
    },
    /// A tensor is missing.
    #[error("tensor `{name}` is missing; the network needs {needed}")]
    MissingTensor {
        /// The tensor's name.
        name: String,
        /// The names of all tensors of the network.
        needed: String,
    },
    /// A tensor is not part of the network.
    #[error("tensor `{name}` is not part of the network, which has {needed}; was it made for another network?")]
    UnknownTensor {
        /// The tensor's name.
        name: String,
        /// The names of all tensors of the network.
        needed: String,
    },
    /// A tensor has another shape than the network's.
    #[error("tensor `{name}` has shape {actual:?}, where the network needs {expected:?}; was it made for another one?")]
    WrongShape {
        /// The tensor's name.
        name: String,
        /// The required shape.
        expected: Vec<usize>,
        /// The given shape.
        actual: Vec<usize>,
    },
    /// An encoder is for a field that the observation doesn't have, or that it can't read.
    #[error("`encoders` has `{field}`, which is no field of the observation that its encoder reads; leave it out")]
    NoBlock {
        /// The name of the field.
        field: String,
    },
    /// The encoders have too many layers.
    #[error("the network's encoders would have {count} layers, more than {limit}; leave some out")]
    TooManyLayers {
        /// The number of layers, saturating.
        count: usize,
        /// The maximum.
        limit: usize,
    },
    /// The outputs of encoders would not fit into memory.
    #[error(
        "the encoders would make {numbers} numbers of a row, more than {limit}; make them narrower, or observe smaller grids and sets"
    )]
    LargeMap {
        /// The count of numbers of a row with padding, saturating.
        numbers: usize,
        /// The maximum.
        limit: usize,
    },
    /// A block is empty, out of order, or beyond the observation's columns.
    #[error(
        "columns {} to {} of {inputs} can't be `{}`; list blocks in order, each with a column at least",
        block.columns.range().start, block.columns.range().end.saturating_sub(1), block.field
    )]
    InputBlock {
        /// The block.
        block: crate::InputBlock,
        /// Columns of the observation.
        inputs: usize,
    },
    /// A number is NaN or infinite.
    #[error("{what} holds {value} at index {index}; go back to an older copy")]
    NotFinite {
        /// The array or tensor that holds the number.
        what: String,
        /// Its index.
        index: usize,
        /// The number.
        value: f64,
    },
    /// Observation statistics contradict themselves.
    #[error("observation statistics: {0}; go back to an older copy")]
    Statistics(String),
}
