//! The panel of a replay: its name, its time line and its controls.

use ludus_agent::spec::Outcome;

use crate::egui::{Align, Label, Layout, RichText, Slider, Ui, vec2};
use crate::snapshot::ReplaySnapshot;
use crate::widgets::{count, fixed, returns};
use crate::{Direction, EditorCommand, EditorCommands, theme};

/// Width of the text about the position, which is constant so that nothing moves [points].
const PLACE_WIDTH: f32 = 240.0;

/// Draws the name of the episode, the result of the comparison with its log, and the time line.
pub fn replay_ui(ui: &mut Ui, replay: &ReplaySnapshot, seconds_per_step: f64, commands: &mut EditorCommands) {
    ui.horizontal(|ui| head_ui(ui, replay, commands));
    ui.horizontal(|ui| time_line_ui(ui, replay, seconds_per_step, commands));
}

fn head_ui(ui: &mut Ui, replay: &ReplaySnapshot, commands: &mut EditorCommands) {
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if ui.button("✖ End replay").on_hover_text("Lets the policy decide again.").clicked() {
            commands.send(EditorCommand::EndReplay);
        }
        sameness_ui(ui, replay);
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.label(RichText::new("Replay").strong().color(theme::SELECTED));
            let text = format!(
                "{}: {} in {} steps, {}",
                replay.name,
                returns(&replay.returns),
                count(replay.steps.into()),
                ended(replay.outcome)
            );
            ui.add(Label::new(text.as_str()).truncate()).on_hover_text(text);
        });
    });
}

const fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Terminated => "terminated",
        _ => "truncated",
    }
}

/// Draws the result of the comparison with the log.
fn sameness_ui(ui: &mut Ui, replay: &ReplaySnapshot) {
    match replay.differs_from {
        None => ui
            .colored_label(theme::GOOD, "✔ as logged")
            .on_hover_text("What agents saw, got and came to is the same in every step that was played."),
        Some(step) => {
            ui.colored_label(theme::BAD, format!("⚠ differs from step {} on", count(step.into()))).on_hover_text(
                "It is not the episode that was logged: that depends on more than its seed and its actions, \
                 or this is another game, build or machine.",
            )
        }
    };
}

fn time_line_ui(ui: &mut Ui, replay: &ReplaySnapshot, seconds_per_step: f64, commands: &mut EditorCommands) {
    if ui.button("⏮").on_hover_text("To the start").clicked() {
        commands.send(EditorCommand::SeekReplay(0));
    }
    if ui.button("⏪ Step").on_hover_text("Pause, and go back by one step (shift and ,)").clicked() {
        commands.send(EditorCommand::StepBack);
    }
    for (direction, text, hint) in [
        (Direction::Backwards, "◀ Backwards", "Plays it from here to its start, at the pace above"),
        (Direction::Forwards, "▶ Forwards", "Plays it as it was, at the pace above"),
    ] {
        if ui.selectable_label(replay.direction == direction, text).on_hover_text(hint).clicked() {
            commands.send(EditorCommand::PlayReplay(direction));
        }
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let (step, steps) = (count(replay.step.into()), count(replay.steps.into()));
        let seconds = fixed(f64::from(replay.step) * seconds_per_step);
        let place = RichText::new(format!("step {step} of {steps}  {seconds} s")).monospace();
        let size = vec2(PLACE_WIDTH, ui.available_height());
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            ui.set_min_width(PLACE_WIDTH);
            ui.add(Label::new(place).truncate());
        });
        slider_ui(ui, replay, commands);
    });
}

fn slider_ui(ui: &mut Ui, replay: &ReplaySnapshot, commands: &mut EditorCommands) {
    let mut step = replay.step;
    ui.spacing_mut().slider_width = ui.available_width() - ui.spacing().item_spacing.x;
    let slider = Slider::new(&mut step, 0..=replay.steps).show_value(false).trailing_fill(true);
    if ui.add(slider).changed() {
        commands.send(EditorCommand::SeekReplay(step));
    }
}
