//! Ctrl-C: the first one asks, the second one ends.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a process that Ctrl-C ended exits with, by the custom of shells: 128 + SIGINT.
pub const EXIT_CODE: u8 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static LISTENING: OnceLock<()> = OnceLock::new();

/// Starts to listen; the flag is set as soon as the user, or the system, asks the process to end.
///
/// The second time, the process ends at once. A hang-up that is ignored, as under `nohup`, stays ignored.
pub fn listen() -> &'static AtomicBool {
    LISTENING.get_or_init(|| {
        let on_signal = || {
            if INTERRUPTED.swap(true, Ordering::Relaxed) {
                std::process::exit(EXIT_CODE.into());
            }
        };
        let ignored = hang_up::is_ignored();
        // A program that has a handler of its own keeps it: then it decides what Ctrl-C does.
        let is_set = ctrlc::set_handler(on_signal).is_ok();
        if is_set && ignored {
            hang_up::ignore();
        }
    });
    &INTERRUPTED
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "what becomes of a signal can only be asked and set by unsafe calls")]
mod hang_up {
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

    /// Whether the process was started with its hang-up ignored.
    pub fn is_ignored() -> bool {
        // There is no call that only asks.
        let before = set(SigHandler::SigIgn);
        let Some(before) = before else { return false };
        // SAFETY: it is the action that was there before.
        let restored = unsafe { sigaction(Signal::SIGHUP, &before) };
        restored.is_ok() && matches!(before.handler(), SigHandler::SigIgn)
    }

    /// Ignores it.
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
