//! Findings: likely mistakes in a game or in its config, each with its remedy.

use serde::Serialize;

/// Something that is most likely a mistake in the game or in the config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The problem that was found.
    pub what: String,
    /// The remedy: a change to the game or to the config.
    pub remedy: String,
}

impl Finding {
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// The same finding with the kind's name in front, if the game has several kinds.
    #[must_use]
    pub(crate) fn of_kind(self, kind: &str, has_several_kinds: bool) -> Self {
        if has_several_kinds { Self { what: format!("of `{kind}`, {}", self.what), ..self } } else { self }
    }

    /// The finding and its remedy in one line.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.what, self.remedy)
    }
}
