//! The memory layout of a matrix, in panels that a kernel reads sequentially.

use std::ops::Range;

/// Numbers in the widest supported vector (AVX-512). All padding is to multiples of it.
///
/// It does not depend on the machine, so that parameter arrays have the same layout everywhere.
pub(crate) const LANES: usize = 16;

/// Columns of a panel: four of the widest vectors, as many as a register tile takes at once.
pub(crate) const PANEL: usize = 4 * LANES;

/// A `[depth, width]` matrix, cut into panels of up to [`PANEL`] columns.
///
/// A panel is a row-major `[depth, panel width]` matrix; panels follow each other. Columns are padded to a multiple of
/// [`LANES`] with zeros, so the last panel may be narrower than the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panels {
    pub depth: usize,
    pub width: usize,
}

impl Panels {
    pub fn padded_width(self) -> usize {
        padded(self.width)
    }

    /// Returns the count of numbers in memory, padding included.
    pub fn len(self) -> usize {
        self.depth.saturating_mul(self.padded_width())
    }

    /// Returns the index of an element.
    pub fn index(self, row: usize, column: usize) -> usize {
        let first = column - column % PANEL;
        first * self.depth + row * self.stride(column) + column % PANEL
    }

    /// Returns the distance between neighbouring rows of a column.
    pub fn stride(self, column: usize) -> usize {
        self.panel_width(column - column % PANEL)
    }

    /// Returns the padded width of the panel that starts at column `first`.
    pub fn panel_width(self, first: usize) -> usize {
        PANEL.min(self.padded_width() - first)
    }

    /// Returns the range of the panel that starts at column `first`.
    pub fn panel(self, first: usize) -> Range<usize> {
        first * self.depth..(first + self.panel_width(first)) * self.depth
    }

    /// Sets the columns past the width of a matrix to 0: else they would change the results of the next layer.
    pub fn clear_padding(self, matrix: &mut [f32]) {
        for column in self.width..self.padded_width() {
            for row in 0..self.depth {
                matrix[self.index(row, column)] = 0.0;
            }
        }
    }

    /// Returns the first columns of all panels.
    pub fn firsts(self) -> impl Iterator<Item = usize> {
        (0..self.padded_width()).step_by(PANEL)
    }
}

/// Returns the next multiple of [`LANES`].
pub(crate) fn padded(width: usize) -> usize {
    width.checked_next_multiple_of(LANES).unwrap_or(usize::MAX)
}

/// Returns the distance between rows of activations of this width, padding included.
///
/// A stride that is a large power of two would put all rows into the same few cache sets.
pub(crate) fn row_stride(width: usize) -> usize {
    let padded = padded(width);
    if padded.is_multiple_of(8 * LANES) { padded + LANES } else { padded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_has_its_own_place() {
        for (depth, width) in [(1, 1), (3, 16), (5, 70), (64, 64), (2, 200)] {
            let panels = Panels { depth, width };
            let mut seen = vec![false; panels.len()];
            for row in 0..depth {
                for column in 0..panels.padded_width() {
                    assert!(!std::mem::replace(&mut seen[panels.index(row, column)], true));
                }
            }
            assert!(seen.into_iter().all(|taken| taken), "{depth}×{width}");
        }
    }

    #[test]
    fn a_panel_is_contiguous() {
        let panels = Panels { depth: 3, width: 70 };
        assert_eq!(panels.panel(64), 192..240);
        assert_eq!(panels.index(1, 65), 192 + 16 + 1);
    }
}
