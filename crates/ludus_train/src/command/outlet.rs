//! Where the command line's words go.

use std::fmt::Display;
use std::io::Write;

/// Writes a line to standard output.
pub(super) fn say(line: impl Display) {
    // Nobody is left to tell if the reader has gone, as with `| head`: what was asked for is done all the same.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line to standard error.
pub(super) fn note(line: impl Display) {
    // As above.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Tells of something that went wrong without ending the command.
pub(super) fn warn(sentence: &str) {
    note(format_args!("warning: {sentence}"));
}
