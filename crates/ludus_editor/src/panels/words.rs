//! Words about a run that several panels show.

use ludus_train::StopReason;
use ludus_train::session::{SessionState, TimeLeft, TrainingSnapshot};

use crate::egui::Color32;
use crate::theme;
use crate::widgets::duration;

/// Returns the colour of a state, and its sign with a word.
pub(super) fn state_words(state: &SessionState) -> (Color32, String) {
    match state {
        SessionState::Idle => (theme::WEAK, "⏹ no run".to_owned()),
        SessionState::Building => (theme::WARN, "⏳ building worlds".to_owned()),
        SessionState::Running => (theme::GOOD, "▶ training".to_owned()),
        SessionState::Paused => (theme::WARN, "⏸ paused".to_owned()),
        SessionState::Ended(reason) => (theme::SELECTED, format!("⏹ {}", over(*reason))),
        SessionState::Failed(_) => (theme::BAD, "⚠ failed".to_owned()),
    }
}

const fn over(reason: StopReason) -> &'static str {
    match reason {
        StopReason::MeanReturn => "reached the mean return",
        StopReason::Success => "reached the success rate",
        StopReason::Steps => "made all steps",
        StopReason::Seconds => "time is up",
        _ => "stopped and saved",
    }
}

/// Returns the text of the time left: `about 12:34`, `at most 1:02:03`, `unknown`, or `–` without an active run.
pub(super) fn time_left_text(training: &TrainingSnapshot) -> String {
    match training.time_left() {
        _ if !training.state.is_live() => "–".to_owned(),
        TimeLeft::About(seconds) => format!("about {}", duration(seconds)),
        TimeLeft::AtMost(seconds) => format!("at most {}", duration(seconds)),
        TimeLeft::Unknown => "unknown".to_owned(),
    }
}
