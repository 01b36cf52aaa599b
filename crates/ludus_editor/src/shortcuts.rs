//! Keyboard shortcuts of the window. None of these keys controls an agent.

use bevy::prelude::*;
use bevy_egui::EguiContexts;

use crate::takeover::TakeOver;
use crate::timeline::{Pace, Timeline};
use crate::{EditorCommand, selection::Selection};

/// Sends the commands of the keys space, `.`, `,` with shift and without, T and Esc.
pub fn shortcuts(
    keyboard: Res<ButtonInput<KeyCode>>,
    mut contexts: EguiContexts,
    timeline: Res<Timeline>,
    selection: Res<Selection>,
    taken: Res<TakeOver>,
    mut commands: MessageWriter<EditorCommand>,
) {
    if contexts.ctx_mut().is_ok_and(|context| context.egui_wants_keyboard_input()) {
        return;
    }
    if keyboard.just_pressed(KeyCode::Space) {
        let pace = if timeline.pace() == Pace::Paused { timeline.resumed() } else { Pace::Paused };
        commands.write(EditorCommand::SetPace(pace));
    }
    if keyboard.just_pressed(KeyCode::Period) {
        commands.write(EditorCommand::StepTick);
    }
    if keyboard.just_pressed(KeyCode::Comma) {
        let is_shifted = keyboard.any_pressed([KeyCode::ShiftLeft, KeyCode::ShiftRight]);
        commands.write(if is_shifted { EditorCommand::StepBack } else { EditorCommand::StepDecision });
    }
    if keyboard.just_pressed(KeyCode::KeyT) && selection.agent().is_some() {
        commands.write(EditorCommand::TakeOver);
    }
    if keyboard.just_pressed(KeyCode::Escape) {
        commands.write(if taken.agent().is_some() { EditorCommand::LetGo } else { EditorCommand::Deselect });
    }
}
