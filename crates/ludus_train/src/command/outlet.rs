//! Where the command line's words go.

use std::fmt::Display;
use std::io::Write;

use crate::text::visible;

/// Writes a line to standard output, with characters that can't be seen by their numbers.
pub(super) fn say(line: impl Display) {
    // Nobody is left to tell if the reader has gone, as with `| head`: what was asked for is done all the same.
    let _ = writeln!(std::io::stdout().lock(), "{}", visible(&line.to_string()));
}

/// Writes a line to standard error, as [`say`] does.
pub(super) fn note(line: impl Display) {
    // As above.
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(&line.to_string()));
}

/// Writes JSON as the last line of standard output.
pub(super) fn say_json(json: &str) {
    // As above. A program reads it: it stays as it is.
    let _ = writeln!(std::io::stdout().lock(), "{json}");
}

/// Tells of something that went wrong without ending the command.
pub(super) fn warn(sentence: &str) {
    note(format_args!("warning: {sentence}"));
}
