//! A circle in which some choices are forbidden, on plain arrays.

use ludus_learn::{LaneShape, SensedRows, Simulation, StepLanes};
use ludus_spec::Outcome;

/// Choices of an action, and cells of the circle.
pub const CHOICES: usize = 3;

/// Agents that walk a circle of three cells for ever. In each cell, one choice is forbidden and would be paid 1000; the
/// choice after it is paid 1, the other 0.
pub struct Carousel {
    cells: Vec<usize>,
    has_begun: bool,
    /// Forbidden choices so far.
    pub forbidden: usize,
}

impl Carousel {
    fn write(&self, next: SensedRows<'_>) {
        next.masks.fill(true);
        for (row, &cell) in self.cells.iter().enumerate() {
            next.observations[row * CHOICES..(row + 1) * CHOICES].fill(0.0);
            next.observations[row * CHOICES + cell] = 1.0;
            next.masks[row * CHOICES + cell] = false;
        }
    }
}

impl Simulation for Carousel {
    fn lane(&self, _: usize) -> LaneShape {
        let rows = self.cells.len();
        LaneShape { rows, observation_width: CHOICES, action_width: 1, mask_width: CHOICES, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.write(now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        for (row, cell) in self.cells.iter_mut().enumerate() {
            let distance = (rows.actions[row] as usize + CHOICES - *cell) % CHOICES;
            self.forbidden += usize::from(distance == 0);
            rows.rewards[row] = [1000.0, 1.0, 0.0][distance];
            rows.outcomes[row] = if is_first { Outcome::Restart } else { Outcome::Running };
            *cell = (*cell + 1) % CHOICES;
        }
        self.write(rows.next);
    }
}

/// Makes twelve agents.
pub fn carousel() -> Carousel {
    Carousel { cells: (0..12).map(|row| row % CHOICES).collect(), has_begun: false, forbidden: 0 }
}
