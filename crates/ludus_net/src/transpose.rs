//! Turning a matrix round for the backward pass.

use crate::panels::{LANES, Panels};

/// Writes the transpose of a `[depth, width]` matrix as a `[width, depth]` matrix, both in panels.
///
/// The columns past `depth` of the result are not touched.
pub(crate) fn transpose(from: &[f32], panels: Panels, to: &mut [f32]) {
    let turned = Panels { depth: panels.width, width: panels.depth };
    for first_row in (0..panels.depth).step_by(LANES) {
        for first_column in (0..panels.width).step_by(LANES) {
            let row_count = LANES.min(panels.depth - first_row);
            for column in first_column..panels.width.min(first_column + LANES) {
                let start = turned.index(column, first_row);
                let stride = panels.panel_width(first_column - first_column % crate::panels::PANEL);
                let source = from[panels.index(first_row, column)..].iter().step_by(stride);
                to[start..start + row_count].iter_mut().zip(source).for_each(|(to, from)| *to = *from);
            }
        }
    }
}
