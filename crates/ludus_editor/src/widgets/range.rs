//! A number within its range.

use crate::egui::{Align, Color32, FontId, Rect, Ui, pos2};
use crate::theme;

use super::{Cell, axis_mark, line_in, place_of, width_of};

/// Width of the mark of a value, and of that of a mean [points].
const VALUE_WIDTH: f32 = 3.0;
const MEAN_WIDTH: f32 = 1.0;
/// Between the bar's ends and the numbers there, and between both numbers [points].
const END_MARGIN: f32 = 3.0;
const END_GAP: f32 = 8.0;

/// A number, and what it is usually like.
pub(crate) struct RangeBar {
    pub value: f64,
    pub mean: f64,
    pub deviation: f64,
    /// What the bar's ends stand for.
    pub ends: [f64; 2],
    /// Whether the game promises the range, rather than that nothing else was seen.
    pub is_promised: bool,
    pub color: Color32,
}

/// Draws the range, a band of one deviation around the mean, and the value.
pub(crate) fn range_bar(ui: &Ui, rect: Rect, bar: &RangeBar) {
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
    ends(ui, rect, bar);
    if !bar.value.is_nan() {
        painter.rect_filled(mark(x_of(bar.value), VALUE_WIDTH), 1.0, bar.color);
    }
}

/// The ends: in brackets if they are promised. Where there is no room for both, the bar is left alone.
fn ends(ui: &Ui, rect: Rect, bar: &RangeBar) {
    let [low, high] = bar.ends.map(axis_mark);
    let texts = if bar.is_promised { [format!("[{low}"), format!("{high}]")] } else { [low, high] };
    let font = FontId::monospace(theme::SMALL_FONT);
    let width: f32 = texts.iter().map(|text| width_of(ui.painter(), text, &font)).sum();
    if width + END_GAP + 2.0 * END_MARGIN > rect.width() {
        return;
    }
    let halves = rect.shrink2([END_MARGIN, 0.0].into());
    for (text, align) in texts.iter().zip([Align::Min, Align::Max]) {
        let color = ui.visuals().weak_text_color();
        line_in(ui.painter(), halves, Cell { text, font: font.clone(), color, align });
    }
}
