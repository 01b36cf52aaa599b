//! Output of the command line, to standard output and standard error.

use std::fmt::Display;
use std::io::Write;

use ludus_config::visible;

/// Writes a line to standard output. Characters that can't be seen are replaced by their numbers.
pub(super) fn say(line: impl Display) {
    // If the reader is gone, as with `| head`, the command goes on all the same.
    let _ = writeln!(std::io::stdout().lock(), "{}", visible(&line.to_string()));
}

/// Writes a line to standard error, as [`say`] does.
pub(super) fn note(line: impl Display) {
    // As in `say`, an error does not end the command.
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(&line.to_string()));
}

/// Writes JSON as the last line of standard output.
pub(super) fn say_json(json: &str) {
    // As in `say`, an error does not end the command. Programs read the JSON, so nothing in it is replaced.
    let _ = writeln!(std::io::stdout().lock(), "{json}");
}

/// Writes a warning to standard error, about a problem that does not end the command.
pub(super) fn warn(sentence: &str) {
    note(format_args!("warning: {sentence}"));
}
