//! The transposition of matrices for the backward pass.

use crate::panels::{LANES, Panels};

/// Writes the transpose of a `[depth, width]` matrix as a `[width, depth]` matrix, both in panels.
///
/// The padding of the result is left as it is.
pub(crate) fn transpose(from: &[f32], panels: Panels, to: &mut [f32]) {
    let turned = Panels { depth: panels.width, width: panels.depth };
    // Each pass takes as many rows as make a cache line of the result.
    for first_row in (0..panels.depth).step_by(LANES) {
        let row_count = LANES.min(panels.depth - first_row);
        for column in 0..panels.width {
            let column_of_from = from[panels.index(first_row, column)..].iter().step_by(panels.stride(column));
            let row_of_to = &mut to[turned.index(column, first_row)..][..row_count];
            row_of_to.iter_mut().zip(column_of_from).for_each(|(to, from)| *to = *from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        for (depth, width) in [(1, 1), (5, 70), (100, 17), (64, 64)] {
            let (panels, turned) = (Panels { depth, width }, Panels { depth: width, width: depth });
            let from: Vec<_> = (0..panels.len()).map(|index| index as f32).collect();
            let mut to = vec![0.0; turned.len()];
            transpose(&from, panels, &mut to);
            for row in 0..depth {
                for column in 0..width {
                    assert_eq!(to[turned.index(column, row)], from[panels.index(row, column)], "{depth}×{width}");
                }
            }
        }
    }
}
