//! The direction in which a replay plays.

/// The direction of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From its start to its end.
    #[default]
    Forwards,
    /// From its end to its start.
    Backwards,
}
