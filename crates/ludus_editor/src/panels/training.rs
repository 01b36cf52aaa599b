//! The panel of a run: its state, its curves and its settings.

mod charts;
mod settings;
mod status;

use ludus_agent::spec::RewardTerm;
use ludus_train::session::{
    IterationRecord, KindIteration, KindSnapshot, SessionCommand, SessionState, TrainingSnapshot,
};

use super::kinds::pick_kind_ui;
use crate::egui::{Button, Label, RichText, ScrollArea, Ui};
use crate::widgets::{Share, fixed, notice_ui, shares_ui};
use crate::{EditorCommand, EditorCommands, theme};
use charts::{Chart, charts_ui};
use settings::{Settings, settings_ui};
use status::{incidents_ui, progress_ui, state_ui};

/// Width that the text of a button needs [points].
const BUTTON_WIDTH: f32 = 66.0;

/// The state of the panel's inputs.
#[derive(Debug, Default)]
pub struct TrainingUiState {
    chart: Chart,
    /// The inputs of settings, for each kind of agents.
    settings: Vec<Settings>,
}

/// Draws the panel: state and buttons, numbers, curves, time by phase, settings, warnings and errors.
///
/// Numbers, curves and settings are those of the kind of agents with the index `shown`.
pub fn training_ui(
    ui: &mut Ui,
    training: &TrainingSnapshot,
    shown: usize,
    state: &mut TrainingUiState,
    commands: &mut EditorCommands,
) {
    state_ui(ui, training);
    buttons_ui(ui, &training.state, commands);
    ui.separator();
    ScrollArea::vertical().id_salt("training").auto_shrink(false).show(ui, |ui| {
        if training.state == SessionState::Idle {
            return notice_ui(ui, "Nothing is trained here yet: press Start, or open a run in Runs.");
        }
        pick_kind_ui(ui, training.kinds.iter().map(|kind| &*kind.spec.name), shown, commands);
        state.settings.resize_with(training.kinds.len(), Settings::default);
        let kind = ShownKind { training, index: shown };
        progress_ui(ui, kind);
        // The zoom and the inputs are kept for each kind.
        ui.push_id(shown, |ui| charts_ui(ui, kind, &mut state.chart));
        phases_ui(ui, training);
        if let Some(settings) = state.settings.get_mut(shown) {
            ui.push_id(shown, |ui| settings_ui(ui, kind, settings, commands));
        }
        incidents_ui(ui, training);
    });
}

/// A kind of agents in a run.
#[derive(Clone, Copy)]
struct ShownKind<'a> {
    training: &'a TrainingSnapshot,
    index: usize,
}

impl<'a> ShownKind<'a> {
    /// The snapshot of the kind; `None` as long as no kind is known.
    fn snapshot(self) -> Option<&'a KindSnapshot> {
        self.training.kinds.get(self.index)
    }

    /// The numbers of the kind in an iteration.
    fn of(self, record: &IterationRecord) -> Option<&KindIteration> {
        record.kinds.get(self.index)
    }

    /// Its numbers in the newest iteration.
    fn last(self) -> Option<&'a KindIteration> {
        self.training.history.last().and_then(|record| record.kinds.get(self.index))
    }

    fn terms(self) -> &'a [RewardTerm] {
        self.snapshot().map_or(&[], |kind| &kind.spec.reward)
    }
}

/// Draws the four buttons. They are always the same, so that none is where another one was.
fn buttons_ui(ui: &mut Ui, state: &SessionState, commands: &mut EditorCommands) {
    let (is_live, is_paused) = (state.is_live(), *state == SessionState::Paused);
    let (pause, pause_command) =
        if is_paused { ("▶ Go on", SessionCommand::GoOn) } else { ("⏸ Pause", SessionCommand::Pause) };
    let buttons = [
        ("▶ Start", !is_live, EditorCommand::StartTraining, "Starts a new run."),
        (pause, is_live, EditorCommand::Training(pause_command), "Between two iterations."),
        ("⏹ Stop", is_live, EditorCommand::Training(SessionCommand::Stop), "Saves a checkpoint and ends the run."),
        ("💾 Save", is_live, EditorCommand::Training(SessionCommand::Save), "Saves a checkpoint now."),
    ];
    let per_line = if ui.available_width() < buttons.len() as f32 * BUTTON_WIDTH { 2 } else { buttons.len() };
    let mut buttons = buttons.into_iter().peekable();
    while buttons.peek().is_some() {
        ui.columns(per_line, |columns| {
            for (ui, (label, is_enabled, command, hint)) in columns.iter_mut().zip(&mut buttons) {
                let button = Button::new(label).min_size([ui.available_width(), 0.0].into()).truncate();
                if ui.add_enabled(is_enabled, button).on_hover_text(hint).clicked() {
                    commands.send(command);
                }
            }
        });
    }
}

fn phases_ui(ui: &mut Ui, training: &TrainingSnapshot) {
    heading_ui(ui, "Time by phase");
    let total = training.phases.total() as f64;
    let names = training.phases.named().map(|(name, time)| (name.replace('_', " + "), time));
    let shares = names.iter().enumerate().map(|(index, (name, time))| Share {
        name,
        color: theme::series(index),
        part: *time as f64 / total,
        detail: format!("{} s since training started", fixed(*time as f64 * 1e-9)),
    });
    shares_ui(ui, &shares.collect::<Vec<_>>());
}

/// Draws the hint about zooming plots. Call it once in a panel.
pub(super) fn zoom_hint_ui(ui: &mut Ui) {
    ui.add(Label::new(RichText::new("Ctrl + wheel zooms, double click shows all").weak().small()).truncate())
        .on_hover_text("Dragging moves, dragging with the right button zooms in on a part.");
}

/// Draws the title of a part of a panel.
pub(super) fn heading_ui(ui: &mut Ui, title: &str) {
    ui.add_space(6.0);
    ui.strong(title);
}
