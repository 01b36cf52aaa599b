//! The colour map of numbers, and its legend.

use crate::egui::{Align, Color32, Mesh, Rect, Sense, Shape, TextStyle, Ui, pos2, vec2};

use super::{Cell, axis_mark, line_in};

/// The colour map viridis at nine points.
///
/// Its lightness grows evenly, so it can be read by people with any kind of colour blindness, and without colour.
/// Van der Walt and Smith 2015, for Matplotlib; released as CC0.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 45, 123],
    [59, 82, 139],
    [44, 114, 142],
    [33, 145, 140],
    [40, 174, 128],
    [94, 201, 98],
    [173, 220, 48],
    [253, 231, 37],
];

/// The largest size of the legend's strip of colours [points].
const STRIP_WIDTH: f32 = 160.0;
const STRIP_HEIGHT: f32 = 10.0;
/// Width of a number beside it [points].
const NUMBER_WIDTH: f32 = 56.0;

/// Returns the colour of a number between 0 and 1.
pub(crate) fn viridis(part: f32) -> Color32 {
    let place = part.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f32;
    let below = (place as usize).min(VIRIDIS.len() - 2);
    let along = place - below as f32;
    let mixed = |channel: usize| {
        let [from, to] = [below, below + 1].map(|index| f32::from(VIRIDIS[index][channel]));
        (from + (to - from) * along).round() as u8
    };
    Color32::from_rgb(mixed(0), mixed(1), mixed(2))
}

/// Draws a strip of all colours with the numbers at its ends; `–` if `ends` is `None`.
pub(crate) fn legend_ui(ui: &mut Ui, ends: Option<[f64; 2]>) {
    let height = ui.text_style_height(&TextStyle::Monospace);
    let width = ui.available_width().min(STRIP_WIDTH + 2.0 * NUMBER_WIDTH);
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let strip = Rect::from_center_size(rect.center(), vec2((width - 2.0 * NUMBER_WIDTH).max(0.0), STRIP_HEIGHT));
    paint_strip(ui, strip);
    let (font, color) = (TextStyle::Monospace.resolve(ui.style()), ui.visuals().text_color());
    let [left, right] = [
        Rect::from_min_max(rect.min, pos2(strip.left() - 6.0, rect.bottom())),
        Rect::from_min_max(pos2(strip.right() + 6.0, rect.top()), rect.max),
    ];
    let [low, high] = ends.map_or(["–".to_owned(), "–".to_owned()], |ends| ends.map(axis_mark));
    line_in(ui.painter(), left, Cell { text: &low, font: font.clone(), color, align: Align::Max });
    line_in(ui.painter(), right, Cell { text: &high, font, color, align: Align::Min });
}

/// Draws all colours in a rectangle, from left to right.
pub(super) fn paint_strip(ui: &Ui, strip: Rect) {
    let mut mesh = Mesh::default();
    for index in 0..VIRIDIS.len() {
        let part = index as f32 / (VIRIDIS.len() - 1) as f32;
        let x = strip.left() + part * strip.width();
        mesh.colored_vertex(pos2(x, strip.top()), viridis(part));
        mesh.colored_vertex(pos2(x, strip.bottom()), viridis(part));
        if index > 0 {
            let corner = 2 * index as u32;
            mesh.add_triangle(corner - 2, corner - 1, corner);
            mesh.add_triangle(corner - 1, corner, corner + 1);
        }
    }
    ui.painter().add(Shape::mesh(mesh));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_lighter() {
        let light = |part: f32| {
            let [red, green, blue, _] = viridis(part).to_array().map(f32::from);
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        assert!((1..=100).all(|step| light(step as f32 / 100.0) > light((step - 1) as f32 / 100.0)));
        assert_eq!(viridis(-1.0), Color32::from_rgb(68, 1, 84));
        assert_eq!(viridis(2.0), Color32::from_rgb(253, 231, 37));
    }
}
