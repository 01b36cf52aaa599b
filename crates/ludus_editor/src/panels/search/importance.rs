//! The part of the panel with the importance of each key.

use ludus_train::tune::{KeyImportance, SearchRecord};

use crate::egui::{Align, Label, Rect, RichText, Sense, TextStyle, Ui, vec2};
use crate::widgets::{Cell, line_in, name_in, percent, split};

use super::super::training::heading_ui;

/// Parts of a line's width: the name of a key, its share.
const PARTS: [f32; 2] = [0.78, 0.22];

/// Draws the share of each key in the differences between trials, the largest first.
pub(super) fn importance_ui(ui: &mut Ui, record: &SearchRecord) {
    heading_ui(ui, "Importance of the keys");
    let text = if record.importance.is_empty() {
        "It is not known with so few trials."
    } else {
        "The share of each key alone in the variance of the ranks"
    };
    ui.add(Label::new(RichText::new(text).weak().small()).truncate()).on_hover_text(text);
    let mut keys: Vec<_> = record.importance.iter().collect();
    keys.sort_by(|one, other| other.share.total_cmp(&one.share));
    keys.into_iter().for_each(|key| key_ui(ui, key));
}

/// Draws a key on a bar that is as long as its share.
fn key_ui(ui: &mut Ui, key: &KeyImportance) {
    let height = ui.text_style_height(&TextStyle::Body) + 2.0;
    let (line, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let share = if key.share.is_finite() { key.share.clamp(0.0, 1.0) as f32 } else { 0.0 };
    let bar = Rect::from_min_size(line.min, vec2(share * line.width(), line.height()));
    ui.painter().rect_filled(line, 2.0, ui.visuals().extreme_bg_color);
    ui.painter().rect_filled(bar, 2.0, ui.visuals().selection.bg_fill);
    let color = ui.visuals().strong_text_color();
    let font = TextStyle::Body.resolve(ui.style());
    let [name, part] = split(line.shrink2(vec2(6.0, 0.0)), PARTS);
    name_in(ui.painter(), name, Cell { text: &key.key, font: font.clone(), color, align: Align::Min });
    line_in(ui.painter(), part, Cell { text: &percent(key.share), font, color, align: Align::Max });
    response.on_hover_text(format!("{}: {}", key.key, percent(key.share).trim()));
}
