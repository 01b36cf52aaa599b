//! A plot in parallel coordinates: an axis for each quantity, and a line through all axes for each thing.
//!
//! Axes lie below each other, so that each has the whole width for its name and its marks.
//!
//! Inselberg 1985, "The plane with parallel coordinates", doi:10.1007/BF01898350.

use crate::egui::{Align, Color32, FontId, Painter, Pos2, Rect, Response, Sense, Stroke, Ui, pos2, vec2};
use crate::theme;

use super::viridis::paint_strip;
use super::{Cell, line_in, name_in, width_of};

/// Height of an axis with its name and its marks [points].
const ROW: f32 = 42.0;
/// Distance of an axis from the top of its row, which has the name [points].
const AXIS: f32 = 21.0;
/// Height of a name or a mark [points].
const TEXT: f32 = 14.0;
/// The largest width of the marks at both ends of an axis [points], and as a part of the plot's width.
const END_WIDTH: f32 = 56.0;
const END_PART: f32 = 0.24;
/// Space between an axis and the marks at its ends [points].
const END_GAP: f32 = 6.0;
/// Space between two marks below an axis [points].
const MARK_GAP: f32 = 8.0;
/// Half of the height of a strip of colours [points].
const HALF_STRIP: f32 = 2.5;
/// The largest distance of the pointer from a line that it points at [points].
const REACH: f32 = 6.0;
/// Width that a line has more while it is pointed at [points].
const POINTED: f32 = 1.5;
/// Opacity of the ground behind names and marks.
const GROUND: f32 = 0.75;

/// An axis.
pub(crate) struct ParallelAxis<'a> {
    pub name: &'a str,
    /// Places along the axis, in `0.0..=1.0` and in their order, with the values there. The first and the last one stand
    /// beside the axis, the others below it.
    pub marks: Vec<(f64, &'a str)>,
    /// True if the axis is a strip of the colours of `viridis`.
    pub is_colored: bool,
}

/// A line with its place on each axis, in `0.0..=1.0`.
pub(crate) struct ParallelLine {
    pub places: Vec<f64>,
    pub stroke: Stroke,
}

/// Draws the axes and the lines, the last line on top; one without places is not drawn. Returns the index of the line
/// at the pointer.
pub(crate) fn parallel_ui(ui: &mut Ui, axes: &[ParallelAxis<'_>], lines: &[ParallelLine]) -> (Response, Option<usize>) {
    let size = vec2(ui.available_width(), ROW * axes.len() as f32);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let plot = Plot { painter: ui.painter().with_clip_rect(rect.intersect(ui.clip_rect())), rect };
    let paths: Vec<Vec<Pos2>> = lines.iter().map(|line| plot.path(&line.places)).collect();
    let pointed = response.hover_pos().and_then(|pointer| nearest(&paths, pointer));
    (0..axes.len()).for_each(|row| plot.axis(ui, row, &axes[row]));
    for (path, line) in paths.iter().zip(lines).filter(|(path, _)| path.len() > 1) {
        plot.painter.line(path.clone(), line.stroke);
    }
    if let Some(index) = pointed {
        let stroke = lines[index].stroke;
        let color = if stroke.color.is_opaque() { stroke.color } else { ui.visuals().text_color() };
        plot.painter.line(paths[index].clone(), Stroke::new(stroke.width + POINTED, color));
    }
    (0..axes.len()).for_each(|row| plot.words(ui, row, &axes[row]));
    (response, pointed)
}

/// The area of a plot.
struct Plot {
    painter: Painter,
    rect: Rect,
}

impl Plot {
    /// Returns the space beside the axes, which has the marks at their ends.
    fn end_width(&self) -> f32 {
        END_WIDTH.min(END_PART * self.rect.width())
    }

    /// Returns the ends of an axis.
    fn ends(&self, row: usize) -> [Pos2; 2] {
        let y = self.rect.top() + ROW * row as f32 + AXIS;
        let margin = self.end_width() + END_GAP;
        [pos2(self.rect.left() + margin, y), pos2(self.rect.right() - margin, y)]
    }

    fn point(&self, row: usize, place: f64) -> Pos2 {
        let [left, right] = self.ends(row);
        let place = if place.is_finite() { place.clamp(0.0, 1.0) as f32 } else { 0.5 };
        left.lerp(right, place)
    }

    fn path(&self, places: &[f64]) -> Vec<Pos2> {
        places.iter().enumerate().map(|(row, &place)| self.point(row, place)).collect()
    }

    /// Draws an axis and its ticks.
    fn axis(&self, ui: &Ui, row: usize, axis: &ParallelAxis<'_>) {
        let [left, right] = self.ends(row);
        if axis.is_colored {
            paint_strip(ui, Rect::from_min_max(left - vec2(0.0, HALF_STRIP), right + vec2(0.0, HALF_STRIP)));
            return;
        }
        let stroke = Stroke::new(1.0, theme::WEAK.gamma_multiply(0.6));
        self.painter.hline(left.x..=right.x, left.y, stroke);
        for (place, _) in &axis.marks {
            let x = self.point(row, *place).x;
            self.painter.vline(x, left.y - 3.0..=left.y + 3.0, stroke);
        }
    }

    /// Draws the name above an axis, and its marks.
    fn words(&self, ui: &Ui, row: usize, axis: &ParallelAxis<'_>) {
        let [left, right] = self.ends(row);
        let font = FontId::proportional(theme::SMALL_FONT);
        let (text, weak) = (ui.visuals().text_color(), ui.visuals().weak_text_color());
        let width = width_of(&self.painter, axis.name, &font).min(self.rect.width());
        let middle = left.x.midpoint(right.x);
        let name = Rect::from_center_size(pos2(middle, left.y - AXIS + 0.5 * TEXT + 1.0), vec2(width + 1.0, TEXT));
        self.word(ui, name, Cell { text: axis.name, font: font.clone(), color: text, align: Align::Center });
        let [first, between @ .., last] = &axis.marks[..] else { return };
        let half = 0.5 * TEXT;
        let beside = [
            Rect::from_x_y_ranges(self.rect.left()..=left.x - END_GAP, left.y - half..=left.y + half),
            Rect::from_x_y_ranges(right.x + END_GAP..=self.rect.right(), left.y - half..=left.y + half),
        ];
        for ((place, (_, mark)), align) in beside.into_iter().zip([first, last]).zip([Align::Max, Align::Min]) {
            name_in(&self.painter, place, Cell { text: mark, font: font.clone(), color: weak, align });
        }
        let mut free = left.x;
        for (place, mark) in between {
            let size = vec2(width_of(&self.painter, mark, &font) + 1.0, TEXT);
            let below = Rect::from_center_size(pos2(self.point(row, *place).x, left.y + 4.0 + half), size);
            if below.left() >= free && below.right() <= right.x {
                self.word(ui, below, Cell { text: mark, font: font.clone(), color: weak, align: Align::Center });
                free = below.right() + MARK_GAP;
            }
        }
    }

    /// Draws a word that can be read although lines pass behind it.
    fn word(&self, ui: &Ui, place: Rect, cell: Cell<'_>) {
        self.painter.rect_filled(place.expand2(vec2(2.0, -1.0)), 2.0, ground(ui));
        if cell.align == Align::Center && place.width() >= width_of(&self.painter, cell.text, &cell.font) {
            return line_in(&self.painter, place, cell);
        }
        name_in(&self.painter, place, cell);
    }
}

fn ground(ui: &Ui) -> Color32 {
    ui.visuals().panel_fill.gamma_multiply(GROUND)
}

/// Returns the index of the path that is nearest to a point, if it is within [`REACH`]; of several, the last.
fn nearest(paths: &[Vec<Pos2>], point: Pos2) -> Option<usize> {
    let near = paths.iter().map(|path| distance(path, point)).enumerate().filter(|(_, distance)| *distance <= REACH);
    near.min_by(|(index, one), (other_index, other)| one.total_cmp(other).then(other_index.cmp(index)))
        .map(|(index, _)| index)
}

/// Returns the distance of a point from a path; infinite for a path without segments.
fn distance(path: &[Pos2], point: Pos2) -> f32 {
    let of_segment = |ends: &[Pos2]| {
        let (along, from) = (ends[1] - ends[0], point - ends[0]);
        let part = (from.dot(along) / along.length_sq().max(f32::MIN_POSITIVE)).clamp(0.0, 1.0);
        (from - part * along).length()
    };
    path.windows(2).map(of_segment).fold(f32::INFINITY, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_line_is_pointed_at() {
        let path = |xs: [f32; 3]| xs.iter().zip([0.0, 10.0, 20.0]).map(|(&x, y)| pos2(x, y)).collect::<Vec<_>>();
        let paths = [path([0.0, 0.0, 0.0]), Vec::new(), path([100.0, 100.0, 0.0]), path([100.0, 100.0, 50.0])];
        let check = |x: f32, y: f32, expected: Option<usize>| assert_eq!(nearest(&paths, pos2(x, y)), expected);
        check(3.0, 5.0, Some(0));
        check(50.0, 5.0, None);
        check(97.0, 5.0, Some(3));
        check(55.0, 20.0, Some(3));
        check(50.0, 15.0, Some(2));
    }

    #[test]
    fn a_point_has_a_distance_from_each_part_of_a_path() {
        let path = [pos2(0.0, 0.0), pos2(0.0, 10.0), pos2(10.0, 10.0)];
        let check = |x: f32, y: f32, expected: f32| assert_eq!(distance(&path, pos2(x, y)), expected);
        check(3.0, 5.0, 3.0);
        check(0.0, -4.0, 4.0);
        check(13.0, 14.0, 5.0);
        assert_eq!(distance(&path[..1], pos2(0.0, 0.0)), f32::INFINITY);
    }
}
