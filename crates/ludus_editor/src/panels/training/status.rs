//! The part of the training panel with the state and the progress of the run.

use ludus_train::session::{History, SessionState, TrainingSnapshot};

use crate::egui::{Label, ProgressBar, RichText, ScrollArea, Ui};
use crate::theme;
use crate::widgets::{count, counted, duration, fact_ui, fixed};

use super::super::words::{state_words, time_left_text};
use super::{ShownKind, heading_ui};

/// Time over which the present speed is measured [s].
const SPEED_SECONDS: f64 = 2.0;
/// Height of the list of warnings and errors [points].
const INCIDENTS_HEIGHT: f32 = 110.0;

/// Draws the state and the name of the run, always in one line. Warnings are listed below.
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

/// Draws the progress of the run.
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

/// Returns the number of steps per second over the last [`SPEED_SECONDS`].
fn speed(history: &History) -> f64 {
    let Some(last) = history.last() else { return 0.0 };
    let is_earlier = |seconds: f64| last.seconds - seconds >= SPEED_SECONDS;
    let before = history.iter().rev().find(|record| is_earlier(record.seconds));
    let (steps, seconds) = before.map_or((0, 0.0), |before| (before.steps, before.seconds));
    let elapsed = last.seconds - seconds;
    if elapsed > 0.0 { last.steps.saturating_sub(steps) as f64 / elapsed } else { 0.0 }
}

/// Draws the errors and the warnings of the run, the newest first.
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
