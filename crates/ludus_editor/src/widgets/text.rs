//! Lines of text that stay where they belong.

use std::borrow::Cow;

use crate::egui::text::{LayoutJob, TextWrapping};
use crate::egui::{Align, Color32, FontId, Painter, Rect, RichText, TextStyle, Ui, pos2, vec2};

/// Between two columns of a line [points].
const COLUMN_GAP: f32 = 6.0;

/// A text and how it is set.
pub(crate) struct Cell<'a> {
    pub text: &'a str,
    pub font: FontId,
    pub color: Color32,
    pub align: Align,
}

/// Draws one line within a rectangle; what is too long ends with `…`.
pub(crate) fn line_in(painter: &Painter, rect: Rect, cell: Cell<'_>) {
    let mut job = LayoutJob::simple_singleline(cell.text.to_owned(), cell.font, cell.color);
    job.wrap = TextWrapping { break_anywhere: true, ..TextWrapping::truncate_at_width(rect.width().max(0.0)) };
    let galley = painter.layout_job(job);
    let free = (rect.width() - galley.size().x).max(0.0);
    let left = rect.left() + free * cell.align.to_factor();
    painter.galley(pos2(left, rect.center().y - 0.5 * galley.size().y), galley, cell.color);
}

/// As much of the end of a name as fits: many names begin alike, and their ends tell them apart.
pub(crate) fn ending<'a>(painter: &Painter, name: &'a str, font: &FontId, width: f32) -> Cow<'a, str> {
    painter.fonts_mut(|fonts| {
        let mut wide = |letter| fonts.glyph_width(font, letter);
        if name.chars().map(&mut wide).sum::<f32>() <= width {
            return Cow::Borrowed(name);
        }
        let mut left = width - wide('…');
        let fits = |&(_, letter): &(usize, char)| {
            left -= wide(letter);
            left >= 0.0
        };
        let start = name.char_indices().rev().take_while(fits).last().map_or(name.len(), |(start, _)| start);
        Cow::Owned(format!("…{}", &name[start..]))
    })
}

/// Letters of a name that fit into the legend: the end of a run's name tells it from others.
pub(crate) fn short(name: &str) -> String {
    const LONGEST: usize = 28;
    let letters = name.chars().count();
    if letters <= LONGEST {
        return name.to_owned();
    }
    let end = name.chars().skip(letters + 1 - LONGEST);
    std::iter::once('…').chain(end).collect()
}

/// Splits a line into columns of these parts of its width, with gaps between.
pub(crate) fn split<const COLUMNS: usize>(line: Rect, parts: [f32; COLUMNS]) -> [Rect; COLUMNS] {
    let space = line.width() - COLUMN_GAP * (COLUMNS as f32 - 1.0);
    let mut left = line.left();
    parts.map(|part| {
        let column = Rect::from_min_size(pos2(left, line.top()), vec2((part * space).max(0.0), line.height()));
        left = column.right() + COLUMN_GAP;
        column
    })
}

/// A line of a table of facts: what it is, and the number at the right end.
pub(crate) fn fact_ui(ui: &mut Ui, name: &str, value: &str) {
    let height = ui.text_style_height(&TextStyle::Body);
    let (line, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), crate::egui::Sense::hover());
    let [left, right] = split(line, [0.32, 0.68]);
    let (weak, strong) = (ui.visuals().weak_text_color(), ui.visuals().text_color());
    let name_cell = Cell { text: name, font: TextStyle::Body.resolve(ui.style()), color: weak, align: Align::Min };
    line_in(ui.painter(), left, name_cell);
    let font = TextStyle::Monospace.resolve(ui.style());
    line_in(ui.painter(), right, Cell { text: value, font, color: strong, align: Align::Max });
    response.on_hover_text(format!("{name}: {value}"));
}

/// Says what to do where there is nothing to see.
pub(crate) fn notice_ui(ui: &mut Ui, sentence: &str) {
    ui.add_space(8.0);
    ui.vertical_centered(|ui| ui.label(RichText::new(sentence).weak()));
    ui.add_space(8.0);
}

/// Where `value` lies between the ends, from 0 to 1; the middle where that makes no sense.
pub(crate) fn place_of(value: f64, [low, high]: [f64; 2]) -> f32 {
    // Halves, so that the greatest numbers' difference is still a number.
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
