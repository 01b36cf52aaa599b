//! What a run does, in words and numbers.

use ludus_train::StopReason;
use ludus_train::session::{History, SessionState, TrainingSnapshot};

use crate::egui::{Color32, Label, ProgressBar, RichText, ScrollArea, Ui};
use crate::theme;
use crate::widgets::{count, counted, duration, fact_ui, fixed};

use super::super::strip::time_left_text;
use super::{ShownKind, heading_ui};

/// Time that the present speed is taken over [s].
const SPEED_SECONDS: f64 = 2.0;
/// Height of the list of what went wrong [points].
const INCIDENTS_HEIGHT: f32 = 110.0;

/// What the run does, and its name. Always one line: what went wrong is told below.
pub(super) fn state_ui(ui: &mut Ui, training: &TrainingSnapshot) {
    let (color, mut text) = state_words(&training.state);
    if let SessionState::Failed(sentence) = &training.state {
        text = format!("{text}: {sentence}");
    }
    ui.horizontal(|ui| {
        ui.add(Label::new(RichText::new(&text).color(color).strong()).truncate()).on_hover_text(text);
        let is_named = !matches!(training.state, SessionState::Failed(_));
        if let Some(folder) = training.run_dir.as_ref().filter(|_| is_named) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            ui.add(Label::new(RichText::new(name).weak()).truncate()).on_hover_text(folder.display().to_string());
        }
    });
}

/// A colour for each state, a sign and a word.
pub(in super::super) fn state_words(state: &SessionState) -> (Color32, String) {
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
        StopReason::Steps => "made all steps",
        StopReason::Seconds => "time is up",
        _ => "stopped and saved",
    }
}

/// How far the run has come.
pub(super) fn progress_ui(ui: &mut Ui, kind: ShownKind<'_>) {
    let ShownKind { training, .. } = kind;
    let (steps, goal) = (training.steps(), training.stop.steps.get());
    ui.add(ProgressBar::new(training.progress().nearest() as f32).desired_height(6.0));
    fact_ui(ui, "steps", &format!("{} / {}", count(steps), count(goal)));
    let last = kind.last();
    let returns = last.filter(|last| last.returns.mean.is_finite()).map(|last| last.returns);
    let has_ended = last.is_some_and(|last| last.episodes > 0);
    let none = if has_ended { "none yet, the first episodes go on" } else { "no episode has ended yet" };
    let text = returns.map_or(none.to_owned(), |returns| format!("{} ± {}", fixed(returns.mean), fixed(returns.std)));
    fact_ui(ui, "return", &text);
    fact_ui(ui, "episodes", &count(last.map_or(0, |last| last.episodes)));
    fact_ui(ui, "speed", &format!("{} steps/s", count(speed(&training.history) as u64)));
    fact_ui(ui, "time", &duration(training.history.last().map_or(0.0, |last| last.seconds)));
    fact_ui(ui, "time left", &time_left_text(training));
    let (worlds, threads) = (counted(training.worlds.into(), "world"), counted(training.threads as u64, "thread"));
    let agents = kind.snapshot().map_or(0, |kind| kind.rows);
    let agents = format!("{} in {worlds}, {threads}", count(agents as u64));
    fact_ui(ui, "agents", &agents);
    let saved = training.saved.as_ref().map_or("not yet".to_owned(), |saved| format!("at step {}", count(saved.step)));
    fact_ui(ui, "saved", &saved);
}

/// Steps per second over the last moments.
fn speed(history: &History) -> f64 {
    let Some(last) = history.last() else { return 0.0 };
    let is_earlier = |seconds: f64| last.seconds - seconds >= SPEED_SECONDS;
    let before = history.iter().rev().find(|record| is_earlier(record.seconds));
    let (steps, seconds) = before.map_or((0, 0.0), |before| (before.steps, before.seconds));
    let elapsed = last.seconds - seconds;
    if elapsed > 0.0 { last.steps.saturating_sub(steps) as f64 / elapsed } else { 0.0 }
}

/// What went wrong, the newest first.
pub(super) fn incidents_ui(ui: &mut Ui, training: &TrainingSnapshot) {
    let failed = match &training.state {
        SessionState::Failed(sentence) => Some(sentence),
        _ => None,
    };
    if failed.is_none() && training.incidents.is_empty() {
        return;
    }
    heading_ui(ui, "What went wrong");
    ScrollArea::vertical().id_salt("incidents").max_height(INCIDENTS_HEIGHT).show(ui, |ui| {
        if let Some(sentence) = failed {
            ui.colored_label(theme::BAD, format!("⚠ {sentence}"));
        }
        for incident in training.incidents.iter().rev() {
            ui.colored_label(theme::WARN, format!("⚠ step {}: {}", count(incident.step), incident.sentence));
        }
    });
}
