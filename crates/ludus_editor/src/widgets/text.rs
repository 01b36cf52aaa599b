//! Lines of text with a fixed place and width.

use std::borrow::Cow;

use crate::egui::text::{LayoutJob, TextWrapping};
use crate::egui::{Align, Color32, FontId, Painter, Rect, RichText, TextStyle, Ui, pos2, vec2};
use crate::theme;

/// Space between two columns of a line [points].
const COLUMN_GAP: f32 = 6.0;

/// A text with its font, colour and alignment.
pub(crate) struct Cell<'a> {
    pub text: &'a str,
    pub font: FontId,
    pub color: Color32,
    pub align: Align,
}

/// Draws one line within a rectangle. A text that is too long ends with `…`.
pub(crate) fn line_in(painter: &Painter, rect: Rect, cell: Cell<'_>) {
    let mut job = LayoutJob::simple_singleline(cell.text.to_owned(), cell.font, cell.color);
    job.wrap = TextWrapping { break_anywhere: true, ..TextWrapping::truncate_at_width(rect.width().max(0.0)) };
    let galley = painter.layout_job(job);
    let free = (rect.width() - galley.size().x).max(0.0);
    let left = rect.left() + free * cell.align.to_factor();
    painter.galley(pos2(left, rect.center().y - 0.5 * galley.size().y), galley, cell.color);
}

/// Draws a name within a rectangle. A name that is too long keeps its beginning and its end.
pub(crate) fn name_in(painter: &Painter, rect: Rect, cell: Cell<'_>) {
    let shown = name_within(painter, cell.text, &cell.font, rect.width());
    line_in(painter, rect, Cell { text: &shown, ..cell });
}

/// Returns as much of a name as fits, with `…` in its middle: names that begin or end alike can still be told apart.
pub(crate) fn name_within<'a>(painter: &Painter, name: &'a str, font: &FontId, width: f32) -> Cow<'a, str> {
    painter.fonts_mut(|fonts| shortened(name, width, |letter| fonts.glyph_width(font, letter)))
}

/// Returns as much of a name as fits into `width`, in the body font, for widgets that draw it themselves.
pub(crate) fn name_for<'a>(ui: &Ui, name: &'a str, width: f32) -> Cow<'a, str> {
    name_within(ui.painter(), name, &TextStyle::Body.resolve(ui.style()), width)
}

fn shortened(name: &str, width: f32, mut wide: impl FnMut(char) -> f32) -> Cow<'_, str> {
    if name.chars().map(&mut wide).sum::<f32>() <= width {
        return Cow::Borrowed(name);
    }
    let half = (width - wide('…')) / 2.0;
    let mut fits = |left: &mut f32, letter: char| {
        *left -= wide(letter);
        *left >= 0.0
    };
    let mut left = half;
    let start = name.char_indices().take_while(|&(_, letter)| fits(&mut left, letter)).last();
    let mut left = half;
    let end = name.char_indices().rev().take_while(|&(_, letter)| fits(&mut left, letter)).last();
    let start = start.map_or(0, |(index, letter)| index + letter.len_utf8());
    let end = end.map_or(name.len(), |(index, _)| index).max(start);
    Cow::Owned(format!("{}…{}", &name[..start], &name[end..]))
}

/// Splits a line into columns with these parts of its width, and gaps between them.
pub(crate) fn split<const COLUMNS: usize>(line: Rect, parts: [f32; COLUMNS]) -> [Rect; COLUMNS] {
    let space = line.width() - COLUMN_GAP * (COLUMNS as f32 - 1.0);
    let mut left = line.left();
    parts.map(|part| {
        let column = Rect::from_min_size(pos2(left, line.top()), vec2((part * space).max(0.0), line.height()));
        left = column.right() + COLUMN_GAP;
        column
    })
}

/// Draws a line with a name at the left end and its value at the right end, which gets as much room as it needs.
pub(crate) fn fact_ui(ui: &mut Ui, name: &str, value: &str) {
    let height = ui.text_style_height(&TextStyle::Body);
    let (line, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), crate::egui::Sense::hover());
    let (weak, strong) = (ui.visuals().weak_text_color(), ui.visuals().text_color());
    let name_font = TextStyle::Body.resolve(ui.style());
    let room = line.width() - width_of(ui.painter(), name, &name_font).min(0.4 * line.width()) - COLUMN_GAP;
    let fonts = [TextStyle::Monospace.resolve(ui.style()), FontId::proportional(theme::SMALL_FONT)];
    let [wide, narrow] = fonts;
    let font = if width_of(ui.painter(), value, &wide) <= room { wide } else { narrow };
    let value_width = width_of(ui.painter(), value, &font).min(room).max(0.0);
    let (left, right) = line.split_left_right_at_x(line.right() - value_width - 1.0);
    let name_cell = Cell { text: name, font: name_font, color: weak, align: Align::Min };
    name_in(ui.painter(), Rect::from_min_max(left.min, left.max - vec2(COLUMN_GAP, 0.0)), name_cell);
    line_in(ui.painter(), right, Cell { text: value, font, color: strong, align: Align::Max });
    response.on_hover_text(format!("{name}: {value}"));
}

/// Returns the width of a text on one line [points].
pub(crate) fn width_of(painter: &Painter, text: &str, font: &FontId) -> f32 {
    painter.fonts_mut(|fonts| text.chars().map(|letter| fonts.glyph_width(font, letter)).sum())
}

/// Draws a notice in place of contents that are missing.
pub(crate) fn notice_ui(ui: &mut Ui, sentence: &str) {
    ui.add_space(8.0);
    ui.vertical_centered(|ui| ui.label(RichText::new(sentence).weak()));
    ui.add_space(8.0);
}

/// Returns the position of `value` between the ends, from 0 to 1; 0.5 if it has none.
pub(crate) fn place_of(value: f64, [low, high]: [f64; 2]) -> f32 {
    // Halves, so that the difference of the greatest numbers is still finite.
    let place = (0.5 * value - 0.5 * low) / (0.5 * high - 0.5 * low);
    if place.is_nan() { 0.5 } else { place.clamp(0.0, 1.0) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_line() {
        let line = Rect::from_min_size(pos2(10.0, 0.0), vec2(106.0, 10.0));
        let [left, right] = split(line, [0.25, 0.75]);
        assert_eq!((left.left(), left.right(), right.left(), right.right()), (10.0, 35.0, 41.0, 116.0));
        assert!(split(Rect::from_min_size(pos2(0.0, 0.0), vec2(1.0, 1.0)), [0.5, 0.5])[1].width() >= 0.0);
    }

    #[test]
    fn long_names_keep_both_ends() {
        let check = |name: &str, width: f32, expected: &str| assert_eq!(shortened(name, width, |_| 1.0), expected);
        check("ball.x", 6.0, "ball.x");
        check("ball_velocity.x", 9.0, "ball…ty.x");
        check("höhe_über_grund", 7.0, "höh…und");
        check("ball.x", 1.0, "…");
        check("ball.x", -5.0, "…");
        check("", 0.0, "");
    }

    #[test]
    fn places_are_between_the_ends() {
        let check = |value: f64, ends: [f64; 2], expected: f32| assert_eq!(place_of(value, ends), expected);
        check(0.0, [-1.0, 1.0], 0.5);
        check(7.0, [-1.0, 1.0], 1.0);
        check(f64::NAN, [-1.0, 1.0], 0.5);
        check(3.0, [3.0, 3.0], 0.5);
        check(0.0, [f64::MIN, f64::MAX], 0.5);
        check(f64::INFINITY, [0.0, 1.0], 1.0);
    }
}
