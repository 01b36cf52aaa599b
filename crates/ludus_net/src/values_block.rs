//! Values among the columns of an observation.

/// Columns of an observation that are the values of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValuesBlock {
    /// The first column.
    pub first: usize,
    /// The count of columns.
    pub width: usize,
}
