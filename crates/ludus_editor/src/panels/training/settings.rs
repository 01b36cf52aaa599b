//! The part of the training panel with the settings that can be changed during a run.

use ludus_train::config::PolicySource;
use ludus_train::session::{KindSnapshot, SessionCommand, TrainingSnapshot};

use crate::egui::{Align, DragValue, Label, Layout, Response, RichText, Ui};
use crate::widgets::{count, exact, exact_fixed, name_for, rounded, scientific};
use crate::{EditorCommand, EditorCommands};

use super::{ShownKind, heading_ui};

/// Width of a number that can be changed [points].
const NUMBER_WIDTH: f32 = 88.0;
/// Significant digits of the learning rate: a schedule changes the others in every iteration.
const RATE_DIGITS: usize = 3;
/// Number of changes that are listed.
const CHANGES_SHOWN: usize = 5;

/// The inputs of all settings.
#[derive(Debug, Default)]
pub(super) struct Settings {
    learning_rate: Edit,
    weights: Vec<Edit>,
}

/// The input of a number.
#[derive(Clone, Copy, Debug, Default)]
struct Edit {
    /// The value while it is dragged or typed.
    draft: Option<f32>,
    /// The value that was sent, and the run's number of messages at that time: the run applies the value with its next
    /// iteration.
    sent: Option<(f32, usize)>,
}

/// A number that can be changed, with its present value.
struct Line<'a> {
    name: &'a str,
    hint: &'a str,
    kind: Kind,
    now: f32,
    /// The run's number of messages: changes that were made, and incidents.
    told: usize,
    is_live: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    LearningRate,
    Weight,
}

/// Draws the learning rate, the weights, and the last changes.
pub(super) fn settings_ui(ui: &mut Ui, kind: ShownKind<'_>, settings: &mut Settings, commands: &mut EditorCommands) {
    let ShownKind { training, index } = kind;
    heading_ui(ui, "Settings");
    let Some(KindSnapshot { policy, learning_rate, weights, .. }) = kind.snapshot() else { return };
    ui.weak("Changes count from the next iteration on.");
    let (told, is_live) = (training.changes.len() + training.incidents.len(), training.state.is_live());
    if let Some(sentence) = unlearned(policy) {
        ui.add(Label::new(RichText::new(&sentence).weak()).truncate()).on_hover_text(sentence);
    } else {
        let (kind, hint) = (Kind::LearningRate, "Adam's step size; replaces the config's schedule");
        let now = rounded(*learning_rate, RATE_DIGITS);
        let line = Line { name: "learning rate", hint, kind, now, told, is_live };
        if let Some(rate) = line_ui(ui, &line, &mut settings.learning_rate) {
            commands.send(EditorCommand::Training(SessionCommand::SetLearningRate { kind: index, rate }));
        }
    }
    settings.weights.resize_with(kind.terms().len(), Edit::default);
    let is_live = is_live && *policy != PolicySource::External;
    for (term, (spec, edit)) in kind.terms().iter().zip(&mut settings.weights).enumerate() {
        let now = weights.get(term).copied().unwrap_or(1.0);
        let name = format!("weight of {}", spec.name);
        let line = Line { name: &name, hint: spec.doc.trim(), kind: Kind::Weight, now, told, is_live };
        if let Some(weight) = line_ui(ui, &line, edit) {
            commands.send(EditorCommand::Training(SessionCommand::SetWeight { kind: index, term, weight }));
        }
    }
    changes_ui(ui, training);
}

/// Returns the reason that there is no learning rate to change for a kind with this policy; `None` if there is one.
fn unlearned(policy: &PolicySource) -> Option<String> {
    match policy {
        PolicySource::Learned => None,
        PolicySource::SameAs(owner) => Some(format!("It shares the policy of {owner}, and its learning rate.")),
        PolicySource::Frozen(path) => Some(format!("Its policy stays as it is: {}", path.display())),
        PolicySource::External => Some("The game decides for it: no policy is learned.".to_owned()),
    }
}

/// Draws a line with a number. Returns the new value once the input has ended.
fn line_ui(ui: &mut Ui, line: &Line<'_>, edit: &mut Edit) -> Option<f32> {
    let mut value = edit.shown(line);
    let height = ui.spacing().interact_size.y;
    let response =
        ui.allocate_ui_with_layout([ui.available_width(), height].into(), Layout::right_to_left(Align::Center), |ui| {
            let number = number(&mut value, line.kind);
            let response = ui.add_enabled_ui(line.is_live, |ui| ui.add_sized([NUMBER_WIDTH, height], number)).inner;
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let name = name_for(ui, line.name, ui.available_width());
                ui.add(Label::new(name).truncate()).on_hover_text(format!("{}\n{}", line.name, line.hint));
            });
            response
        });
    edit.settle(&response.inner, value, line)
}

fn number(value: &mut f32, kind: Kind) -> DragValue<'_> {
    let speed = f64::from(value.abs().max(1e-6)) * 0.01;
    match kind {
        Kind::LearningRate => DragValue::new(value).range(0.0..=1.0).speed(speed).custom_formatter(|value, _| {
            let value = value as f32;
            exact(value, scientific(value.into()), format!("{value:e}"))
        }),
        Kind::Weight => {
            DragValue::new(value).speed(speed.max(0.001)).custom_formatter(|value, _| exact_fixed(value as f32))
        }
    }
}

impl Edit {
    /// Returns the number to show: the one that is being typed, else the one that was sent, else the present one.
    fn shown(&mut self, line: &Line<'_>) -> f32 {
        if self.sent.is_some_and(|(_, before)| before != line.told) || !line.is_live {
            self.sent = None;
        }
        self.draft.or(self.sent.map(|(value, _)| value)).unwrap_or(line.now)
    }

    /// Returns the value to send, once the number is neither dragged nor typed any more.
    fn settle(&mut self, response: &Response, value: f32, line: &Line<'_>) -> Option<f32> {
        if response.changed() {
            self.draft = Some(value);
        }
        if response.dragged() || response.has_focus() {
            return None;
        }
        let settled = self.draft.take().filter(|&draft| draft != line.now)?;
        self.sent = Some((settled, line.told));
        Some(settled)
    }
}

/// Draws the last changes, the newest first.
fn changes_ui(ui: &mut Ui, training: &TrainingSnapshot) {
    for change in training.changes.iter().rev().take(CHANGES_SHOWN) {
        ui.weak(format!("step {}: {} from {} to {}", count(change.step), change.setting, change.was, change.now));
    }
}
