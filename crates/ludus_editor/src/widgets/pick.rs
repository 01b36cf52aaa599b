//! The choice of one of several names.

use crate::egui::{ComboBox, Label, Ui};

/// Draws a choice of one of several names, or the only name. Returns the index of the name that was picked.
pub(crate) fn pick_name_ui(ui: &mut Ui, id: &str, names: &[&str], shown: usize) -> Option<usize> {
    let name = names.get(shown).copied().unwrap_or_default();
    if names.len() < 2 {
        ui.add(Label::new(name).truncate());
        return None;
    }
    let combo = ComboBox::from_id_salt(id).selected_text(name).width(ui.available_width()).truncate();
    let picked = combo.show_ui(ui, |ui| {
        let choices = names.iter().enumerate();
        choices.filter(|&(index, name)| ui.selectable_label(index == shown, *name).clicked()).last()
    });
    picked.inner.flatten().map(|(index, _)| index)
}
