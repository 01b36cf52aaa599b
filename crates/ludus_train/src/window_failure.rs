//! The errors of the window.

/// The reasons that a window failed, each with a sentence that names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum WindowFailure {
    /// The window was not opened: something is missing, or the policy, episode or script to show can't be used.
    #[error("{0}")]
    NotOpened(String),
    /// The window was open, but something failed in it.
    #[error("{0}")]
    CutShort(String),
}
