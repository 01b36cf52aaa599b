//! A grid of coloured cells.

use crate::egui::{Color32, Mesh, Pos2, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

/// The bounds of the side of a cell with its gap [points]. Within them it is as large as fits.
const SMALLEST: f32 = 5.0;
const LARGEST: f32 = 30.0;

/// The cells of a grid, row by row from the top left.
pub(crate) struct Cells<'a> {
    pub count: usize,
    /// The colour of a cell; `None` leaves it hollow.
    pub color: &'a dyn Fn(usize) -> Option<Color32>,
    /// True if a cell gets a frame.
    pub is_framed: &'a dyn Fn(usize) -> bool,
}

/// Draws cells that fill the available space. Returns the response, and the index of the cell at the pointer.
///
/// There may be hundreds of thousands of cells: only the visible ones are drawn.
pub(crate) fn cells_ui(ui: &mut Ui, cells: &Cells<'_>) -> (Response, Option<usize>) {
    let space = ui.available_size();
    let side = side_of(cells.count, [space.x, space.y]);
    let columns = ((space.x / side) as usize).max(1);
    let rows = cells.count.div_ceil(columns);
    let size = vec2(columns as f32 * side, rows as f32 * side);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let layout = Layout { origin: rect.min, side, columns };
    paint(ui, cells, &layout);
    let pointed =
        response.hover_pos().and_then(|pointer| layout.index_at(pointer)).filter(|&index| index < cells.count);
    (response, pointed)
}

struct Layout {
    origin: Pos2,
    side: f32,
    columns: usize,
}

impl Layout {
    fn cell(&self, index: usize) -> Rect {
        let (column, row) = (index % self.columns, index / self.columns);
        let min = pos2(self.origin.x + column as f32 * self.side, self.origin.y + row as f32 * self.side);
        Rect::from_min_size(min, vec2(self.side - 1.0, self.side - 1.0))
    }

    fn index_at(&self, pointer: Pos2) -> Option<usize> {
        let place = (pointer - self.origin) / self.side;
        let is_inside = place.x >= 0.0 && place.y >= 0.0 && (place.x as usize) < self.columns;
        is_inside.then(|| place.y as usize * self.columns + place.x as usize)
    }
}

fn paint(ui: &Ui, cells: &Cells<'_>, layout: &Layout) {
    let sight = ui.clip_rect();
    let row_at = |y: f32| ((y - layout.origin.y) / layout.side).max(0.0) as usize;
    let first = row_at(sight.top()) * layout.columns;
    let end = ((row_at(sight.bottom()) + 1) * layout.columns).min(cells.count);
    let mut mesh = Mesh::default();
    let hollow = Stroke::new(1.0, ui.visuals().weak_text_color().gamma_multiply(0.5));
    for index in first..end {
        match (cells.color)(index) {
            Some(color) => mesh.add_colored_rect(layout.cell(index), color),
            None => {
                ui.painter().rect_stroke(layout.cell(index), 0.0, hollow, StrokeKind::Inside);
            }
        }
    }
    ui.painter().add(Shape::mesh(mesh));
    let frame = Stroke::new(2.0, ui.visuals().strong_text_color());
    for index in (first..end).filter(|&index| (cells.is_framed)(index)) {
        ui.painter().rect_stroke(layout.cell(index), 0.0, frame, StrokeKind::Outside);
    }
}

/// Returns the largest side with which all cells fit, within bounds.
fn side_of(count: usize, [width, height]: [f32; 2]) -> f32 {
    let fits = |side: f32| ((width / side).floor() * (height / side).floor()) as usize >= count;
    let mut side = LARGEST;
    while side > SMALLEST && !fits(side) {
        side -= 1.0;
    }
    side
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_as_large_as_fits() {
        assert_eq!(side_of(1, [500.0, 200.0]), LARGEST);
        assert_eq!(side_of(1_000_000, [500.0, 200.0]), SMALLEST);
        let side = side_of(1024, [580.0, 150.0]);
        assert!((580.0 / side).floor() * (150.0 / side).floor() >= 1024.0 && side > SMALLEST);
    }

    #[test]
    fn a_cell_is_found_where_it_is_drawn() {
        let layout = Layout { origin: pos2(10.0, 20.0), side: 7.0, columns: 5 };
        for index in 0..23 {
            assert_eq!(layout.index_at(layout.cell(index).center()), Some(index));
        }
        assert_eq!(layout.index_at(pos2(9.0, 21.0)), None);
        assert_eq!(layout.index_at(pos2(60.0, 21.0)), None);
    }
}
