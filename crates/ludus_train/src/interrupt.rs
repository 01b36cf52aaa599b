//! Ctrl-C: the first one asks, the second one ends.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a process that Ctrl-C ended exits with, by the custom of shells: 128 + SIGINT.
const EXIT_CODE: i32 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static LISTENING: OnceLock<()> = OnceLock::new();

/// Starts to listen; the flag is set as soon as the user, or the system, asks the process to end.
///
/// The second time, the process ends at once.
pub(crate) fn listen() -> &'static AtomicBool {
    LISTENING.get_or_init(|| {
        let on_signal = || {
            if INTERRUPTED.swap(true, Ordering::Relaxed) {
                std::process::exit(EXIT_CODE);
            }
        };
        // A program that has a handler of its own keeps it: then it decides what Ctrl-C does.
        let _ = ctrlc::set_handler(on_signal);
    });
    &INTERRUPTED
}
