//! The picker of the kind of agents that panels show, where a game has several.

use crate::egui::Ui;
use crate::{EditorCommand, EditorCommands};

/// Draws the names of the kinds, with the shown one highlighted; nothing if there is only one. A click shows another
/// kind.
pub(super) fn pick_kind_ui<'a>(
    ui: &mut Ui,
    kinds: impl ExactSizeIterator<Item = &'a str>,
    shown: usize,
    commands: &mut EditorCommands,
) {
    if kinds.len() < 2 {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for (kind, name) in kinds.enumerate() {
            let button = crate::egui::Button::selectable(kind == shown, name).truncate();
            let hint = format!("Shows the curves, numbers and settings of {name}.");
            if ui.add(button).on_hover_text(hint).clicked() {
                commands.send(EditorCommand::ShowKind(kind));
            }
        }
    });
}
