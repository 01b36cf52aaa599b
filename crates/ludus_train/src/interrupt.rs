//! Ctrl-C: the first one asks, the second one ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What a process that Ctrl-C ended exits with, by the custom of shells: 128 + SIGINT.
const EXIT_CODE: i32 = 130;

/// What is called, in a thread of its own, when the process is asked to end.
type Answer = Box<dyn Fn() + Send>;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static LISTENING: OnceLock<()> = OnceLock::new();
static ANSWER: Mutex<Option<Answer>> = Mutex::new(None);

/// Starts to listen; the flag is set as soon as the user, or the system, asks the process to end. Then `answer` is called,
/// to say what happens next.
///
/// The second time, the process ends at once.
pub(crate) fn listen(answer: impl Fn() + Send + 'static) -> &'static AtomicBool {
    *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(answer));
    LISTENING.get_or_init(|| {
        // A program that has a handler of its own keeps it: then it decides what Ctrl-C does.
        let _ = ctrlc::set_handler(on_signal);
    });
    &INTERRUPTED
}

fn on_signal() {
    if INTERRUPTED.swap(true, Ordering::Relaxed) {
        std::process::exit(EXIT_CODE);
    }
    if let Some(answer) = &*ANSWER.lock().unwrap_or_else(PoisonError::into_inner) {
        answer();
    }
}
