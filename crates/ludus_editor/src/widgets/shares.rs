//! Shares of a whole, as a bar and as a list.

use crate::egui::{Align, Color32, Rect, Sense, TextStyle, Ui, pos2, vec2};

use super::{Cell, line_in, name_in, percent, split};

/// Height of the bar [points].
const BAR_HEIGHT: f32 = 14.0;
/// Number of shares in a line of the list, and the width that such a line needs [points].
const PER_LINE: usize = 2;
const LINE_WIDTH: f32 = 260.0;
/// Side of the square that shows a share's colour [points].
const SWATCH: f32 = 9.0;

/// A share of the whole.
pub(crate) struct Share<'a> {
    pub name: &'a str,
    pub color: Color32,
    /// The share, from 0 to 1.
    pub part: f64,
    /// The text that is shown while the pointer is on it.
    pub detail: String,
}

/// Draws a bar of all shares, and below it a list with their names and percentages.
pub(crate) fn shares_ui(ui: &mut Ui, shares: &[Share<'_>]) {
    bar_ui(ui, shares);
    let per_line = if ui.available_width() < LINE_WIDTH { 1 } else { PER_LINE };
    for line in shares.chunks(per_line) {
        let height = ui.text_style_height(&TextStyle::Body);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        let places = if per_line == 1 { [rect; PER_LINE] } else { split(rect, [0.5; PER_LINE]) };
        for (place, share) in places.into_iter().zip(line) {
            entry_ui(ui, place, share);
        }
    }
}

fn bar_ui(ui: &mut Ui, shares: &[Share<'_>]) {
    let (bar, response) = ui.allocate_exact_size(vec2(ui.available_width(), BAR_HEIGHT), Sense::hover());
    ui.painter().rect_filled(bar, 2.0, ui.visuals().extreme_bg_color);
    let pointer = response.hover_pos();
    let mut left = bar.left();
    for share in shares.iter().filter(|share| share.part.is_finite()) {
        let right = (left + share.part as f32 * bar.width()).clamp(left, bar.right());
        let part = Rect::from_min_max(pos2(left, bar.top()), pos2(right, bar.bottom()));
        ui.painter().rect_filled(part, 0.0, share.color);
        if pointer.is_some_and(|pointer| part.contains(pointer)) {
            response.clone().on_hover_text(described(share));
        }
        left = right;
    }
}

fn entry_ui(ui: &Ui, place: Rect, share: &Share<'_>) {
    let [name, number] = split(place, [0.64, 0.36]);
    let swatch = Rect::from_center_size(pos2(name.left() + 0.5 * SWATCH, name.center().y), vec2(SWATCH, SWATCH));
    ui.painter().rect_filled(swatch, 1.0, share.color);
    let name = Rect::from_min_max(pos2(swatch.right() + 5.0, name.top()), name.max);
    let color = ui.visuals().text_color();
    let font = TextStyle::Body.resolve(ui.style());
    name_in(ui.painter(), name, Cell { text: share.name, font, color, align: Align::Min });
    let font = TextStyle::Monospace.resolve(ui.style());
    line_in(ui.painter(), number, Cell { text: &percent(share.part), font, color, align: Align::Max });
}

fn described(share: &Share<'_>) -> String {
    format!("{} {}\n{}", share.name, percent(share.part), share.detail)
}
