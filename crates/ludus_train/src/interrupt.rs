//! Ctrl-C: the first one requests the end of the process, the second one ends it at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The exit code of a process that Ctrl-C ended, as shells define it: 128 + SIGINT.
pub const EXIT_CODE: u8 = 130;

/// The function that is called, in a thread of its own, when the process is requested to end.
type Answer = Box<dyn Fn() + Send>;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static LISTENING: OnceLock<()> = OnceLock::new();
static ANSWER: Mutex<Option<Answer>> = Mutex::new(None);

/// Installs the signal handler and returns its flag, which is set as soon as the user or the system requests the
/// process to end. Then `answer` is called, which can report what happens next.
///
/// The second time, the process ends at once. A hang-up that is ignored, as under `nohup`, stays ignored.
pub fn listen(answer: impl Fn() + Send + 'static) -> &'static AtomicBool {
    *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(answer));
    LISTENING.get_or_init(|| {
        let ignored = hang_up::is_ignored();
        // A program that has a handler of its own keeps it, and the flag is never set.
        let is_set = ctrlc::set_handler(on_signal).is_ok();
        if is_set && ignored {
            hang_up::ignore();
        }
    });
    &INTERRUPTED
}

fn on_signal() {
    if INTERRUPTED.swap(true, Ordering::Relaxed) {
        std::process::exit(EXIT_CODE.into());
    }
    if let Some(answer) = &*ANSWER.lock().unwrap_or_else(PoisonError::into_inner) {
        answer();
    }
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "what becomes of a signal can only be asked and set by unsafe calls")]
mod hang_up {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

    /// True if the process ignores SIGHUP.
    pub fn is_ignored() -> bool {
        // No call reads the action without setting it.
        let before = set(SigHandler::SigIgn);
        let Some(before) = before else { return false };
        // SAFETY: it is the action that was there before.
        let restored = unsafe { sigaction(Signal::SIGHUP, &before) };
        restored.is_ok() && matches!(before.handler(), SigHandler::SigIgn)
    }

    pub fn ignore() {
        let _ = set(SigHandler::SigIgn);
    }

    fn set(handler: SigHandler) -> Option<SigAction> {
        let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: no handler of ours runs: a signal is only ever ignored.
        unsafe { sigaction(Signal::SIGHUP, &action) }.ok()
    }
}

#[cfg(not(unix))]
mod hang_up {
    pub const fn is_ignored() -> bool {
        false
    }

    pub const fn ignore() {}
}
