//! The bar of a number within its range.

use crate::egui::{Align, Color32, FontId, Rect, Ui, pos2, vec2};
use crate::theme;

use super::{Cell, axis_mark, line_in, place_of, width_of};

/// Widths of the marks of the value and of the mean [points].
const VALUE_WIDTH: f32 = 3.0;
const MEAN_WIDTH: f32 = 1.0;
/// Space between the bar and the numbers at its ends [points].
const END_GAP: f32 = 3.0;
/// The least width of a bar with numbers at its ends [points].
const SHORTEST: f32 = 28.0;

/// A number with its usual values and its range.
pub(crate) struct RangeBar {
    pub value: f64,
    pub mean: f64,
    pub deviation: f64,
    /// The values at the bar's ends.
    pub ends: [f64; 2],
    /// True if the ends are the range that the game promises, false if they are the least and the greatest value so
    /// far.
    pub is_promised: bool,
    pub color: Color32,
}

/// Draws the range with numbers at its ends, a band of one deviation around the mean, and the value.
pub(crate) fn range_bar(ui: &Ui, place: Rect, bar: &RangeBar) {
    let rect = ends_ui(ui, place, bar);
    let painter = ui.painter();
    painter.rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let x_of = |value: f64| rect.left() + place_of(value, bar.ends) * rect.width();
    let mark = |x: f32, width: f32| {
        let half = 0.5 * width;
        let middle = x.clamp(rect.left() + half, (rect.right() - half).max(rect.left() + half));
        Rect::from_x_y_ranges(middle - half..=middle + half, rect.y_range())
    };
    if bar.mean.is_finite() && bar.deviation.is_finite() {
        let band = [bar.mean - bar.deviation, bar.mean + bar.deviation].map(x_of);
        let band = Rect::from_min_max(pos2(band[0], rect.top()), pos2(band[1], rect.bottom()));
        painter.rect_filled(band.shrink2([0.0, 2.0].into()), 0.0, theme::SELECTED.gamma_multiply(0.28));
        painter.rect_filled(mark(x_of(bar.mean), MEAN_WIDTH), 0.0, theme::SELECTED);
    }
    if !bar.value.is_nan() {
        painter.rect_filled(mark(x_of(bar.value), VALUE_WIDTH), 1.0, bar.color);
    }
}

/// Draws the numbers at the ends, in brackets if they are promised. Returns the space for the bar between them.
fn ends_ui(ui: &Ui, place: Rect, bar: &RangeBar) -> Rect {
    let [low, high] = bar.ends.map(axis_mark);
    let texts = if bar.is_promised { [format!("[{low}"), format!("{high}]")] } else { [low, high] };
    let font = FontId::monospace(theme::SMALL_FONT);
    let widths = texts.each_ref().map(|text| width_of(ui.painter(), text, &font));
    let Some(rect) = between(place, widths) else { return place };
    for (text, align) in texts.iter().zip([Align::Min, Align::Max]) {
        let color = ui.visuals().weak_text_color();
        line_in(ui.painter(), place, Cell { text, font: font.clone(), color, align });
    }
    rect
}

/// Returns the space between two numbers of these widths, in the middle; `None` if it would be too short for a bar.
fn between(place: Rect, widths: [f32; 2]) -> Option<Rect> {
    let rect = place.shrink2(vec2(widths[0].max(widths[1]) + END_GAP, 0.0));
    (rect.width() >= SHORTEST).then_some(rect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_clear_of_the_numbers_at_its_ends() {
        let place = Rect::from_min_size(pos2(10.0, 0.0), vec2(100.0, 14.0));
        assert_eq!(between(place, [20.0, 30.0]).map(|bar| bar.x_range()), Some((43.0..=77.0).into()));
        assert_eq!(between(place, [40.0, 30.0]), None);
    }
}
