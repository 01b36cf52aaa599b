//! The legend of a plot: names and colours of curves, above the plot and never on it.

use std::collections::BTreeSet;

use crate::egui::{Align, Color32, CursorIcon, Rect, Sense, StrokeKind, TextStyle, Ui, pos2, vec2};

use super::{Cell, name_in, split};

/// Side of the square that shows a curve's colour [points].
const SWATCH: f32 = 9.0;
/// Number of entries in a line.
const PER_LINE: usize = 2;

/// A line through points.
pub(crate) struct Curve {
    pub name: String,
    pub color: Color32,
    pub points: Vec<[f64; 2]>,
}

/// Draws the legend, in which a click hides a curve or shows it again. Returns the curves that are shown.
pub(crate) fn shown_curves_ui(ui: &mut Ui, plot: &str, curves: Vec<Curve>) -> Vec<Curve> {
    let id = ui.id().with(("hidden curves", plot));
    let mut hidden = ui.data(|data| data.get_temp::<BTreeSet<String>>(id)).unwrap_or_default();
    for (index, line) in curves.chunks(PER_LINE).enumerate() {
        let height = ui.text_style_height(&TextStyle::Body);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        for (column, (place, curve)) in split(rect, [0.5; PER_LINE]).into_iter().zip(line).enumerate() {
            let entry = Entry { index: PER_LINE * index + column, curve, is_hidden: hidden.contains(&curve.name) };
            if entry_ui(ui, place, &entry) && !hidden.remove(&curve.name) {
                hidden.insert(curve.name.clone());
            }
        }
    }
    let shown = curves.into_iter().filter(|curve| !hidden.contains(&curve.name)).collect();
    ui.data_mut(|data| data.insert_temp(id, hidden));
    shown
}

/// A curve's name in the legend.
struct Entry<'a> {
    index: usize,
    curve: &'a Curve,
    is_hidden: bool,
}

/// Draws an entry. Returns true if it was clicked.
fn entry_ui(ui: &mut Ui, place: Rect, entry: &Entry<'_>) -> bool {
    let Entry { index, curve, is_hidden } = *entry;
    let response = ui.interact(place, ui.id().with(("curve", index)), Sense::click());
    let swatch = Rect::from_center_size(pos2(place.left() + 0.5 * SWATCH, place.center().y), vec2(SWATCH, SWATCH));
    let color = if is_hidden { ui.visuals().weak_text_color() } else { ui.visuals().text_color() };
    if is_hidden {
        ui.painter().rect_stroke(swatch, 1.0, (1.0, color), StrokeKind::Inside);
    } else {
        ui.painter().rect_filled(swatch, 1.0, curve.color);
    }
    let name = Rect::from_min_max(pos2(swatch.right() + 5.0, place.top()), place.max);
    let font = TextStyle::Body.resolve(ui.style());
    name_in(ui.painter(), name, Cell { text: &curve.name, font, color, align: Align::Min });
    let hint = format!("{}\nclick to {} its curve", curve.name, if is_hidden { "show" } else { "hide" });
    response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(hint).clicked()
}
