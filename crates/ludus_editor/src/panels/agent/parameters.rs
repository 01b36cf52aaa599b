//! The part of the agent's panel about the parameters of its episode, which can be set by hand.

use crate::egui::{Align, Button, DragValue, Label, Layout, Response, RichText, Ui};
use crate::snapshot::{ParameterSnapshot, SceneSnapshot};
use crate::widgets::{exact_fixed, fixed, name_for};
use crate::{EditorCommand, EditorCommands};

use super::super::training::heading_ui;

/// Widths of a number that can be changed, and of the button beside it [points].
const NUMBER_WIDTH: f32 = 64.0;
const RESET_WIDTH: f32 = 42.0;

/// Draws the parameters of the selected agent's episodes: those of its arena and those of its kind.
pub(super) fn parameters_ui(
    ui: &mut Ui,
    scene: &SceneSnapshot,
    drafts: &mut Vec<Option<f32>>,
    commands: &mut EditorCommands,
) {
    let Some(agent) = &scene.selected else { return };
    let Some(kind) = scene.kinds.get(agent.id.kind) else { return };
    let is_own = |shown: &ParameterSnapshot| shown.owner == "Arena" || shown.owner == kind.spec.name;
    if !scene.parameters.iter().any(is_own) {
        return;
    }
    heading_ui(ui, "Episode parameters");
    let sentence = if scene.replay.is_some() {
        "A replay has the values of its log."
    } else {
        "A value that you set counts from the next episode on."
    };
    ui.add(Label::new(RichText::new(sentence).weak()).truncate()).on_hover_text(sentence);
    drafts.resize(scene.parameters.len(), None);
    for (index, shown) in scene.parameters.iter().enumerate().filter(|(_, shown)| is_own(shown)) {
        let now = agent.parameters.get(index).copied().unwrap_or(shown.parameter.default);
        let line = Line { shown, now, is_enabled: scene.replay.is_none() };
        let value = match ui.push_id(index, |ui| line_ui(ui, &line, &mut drafts[index])).inner {
            ParameterEdit::None => continue,
            ParameterEdit::Set(value) => Some(value),
            ParameterEdit::Reset => None,
        };
        commands.send(EditorCommand::SetParameter { name: shown.parameter.name.clone(), value });
    }
}

/// A parameter with its value in the present episode.
struct Line<'a> {
    shown: &'a ParameterSnapshot,
    now: f32,
    is_enabled: bool,
}

/// The edit of a parameter by the user.
enum ParameterEdit {
    /// The parameter stays as it is, at least until the input has ended.
    None,
    /// Episodes get this value.
    Set(f32),
    /// Episodes get what the config says.
    Reset,
}

/// Draws a parameter. Returns the edit of the user, once the input has ended.
fn line_ui(ui: &mut Ui, line: &Line<'_>, draft: &mut Option<f32>) -> ParameterEdit {
    let Line { shown, now, is_enabled } = line;
    let mut value = draft.or(shown.by_hand).unwrap_or(*now);
    let height = ui.spacing().interact_size.y;
    let size = [ui.available_width(), height].into();
    let answer = ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        let reset = Button::new("reset").min_size([RESET_WIDTH, height].into());
        let reset = ui.add_enabled(*is_enabled && shown.by_hand.is_some(), reset);
        let number =
            ui.add_enabled_ui(*is_enabled, |ui| ui.add_sized([NUMBER_WIDTH, height], number(&mut value, shown)));
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let name = name_for(ui, &shown.parameter.name, ui.available_width());
            ui.add(Label::new(name).truncate()).on_hover_text(described(shown));
        });
        if reset.on_hover_text("Goes back to what the config says.").clicked() {
            *draft = None;
            return ParameterEdit::Reset;
        }
        settled(&number.inner, value, draft).map_or(ParameterEdit::None, ParameterEdit::Set)
    });
    let next = if shown.by_hand.is_some() { "by hand" } else { &shown.distribution };
    let text = format!("{} in this episode; next {next}", fixed((*now).into()));
    ui.add(Label::new(RichText::new(&text).weak()).truncate()).on_hover_text(text);
    answer.inner
}

fn number<'a>(value: &'a mut f32, shown: &ParameterSnapshot) -> DragValue<'a> {
    let (low, high) = shown.parameter.range.unwrap_or((f32::MIN, f32::MAX));
    let width = if shown.parameter.range.is_some() { high - low } else { value.abs().max(1.0) };
    let number = DragValue::new(value).range(low..=high).speed(f64::from(width) * 0.005);
    number.custom_formatter(|value, _| exact_fixed(value as f32))
}

/// Returns the value to set, once the number is neither dragged nor typed any more.
fn settled(response: &Response, value: f32, draft: &mut Option<f32>) -> Option<f32> {
    if response.changed() {
        *draft = Some(value);
    }
    if response.dragged() || response.has_focus() {
        return None;
    }
    draft.take()
}

fn described(shown: &ParameterSnapshot) -> String {
    let parameter = &shown.parameter;
    let range = parameter.range.map_or(String::new(), |(low, high)| format!("\nfrom {low} to {high}"));
    format!("{}\n{}{range}\nthe next episodes have {}", parameter.name, parameter.doc.trim(), shown.distribution)
}
