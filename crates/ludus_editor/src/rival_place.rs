//! The place of second policies on screen.

/// The place of second policies on screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RivalPlace {
    /// In arenas of their own, beside those of the shown policies.
    #[default]
    Beside,
    /// In the same matches, on all sides but the first.
    OtherSides,
}
