//! Runs: agents that follow each other both in a table and in the rows.

use core::ops::Range;

use crate::Slot;

/// Agents that follow each other both in their table and in the rows.
pub(crate) struct RowRun {
    /// Their indices in the table.
    pub agents: Range<usize>,
    /// The row of the first.
    pub first_row: usize,
}

/// Splits a table into runs. As long as no agent was despawned, a table is one run.
///
/// Within a run, components and rows are slices of equal length that are walked side by side: no index is looked up
/// and no bound checked per agent.
pub(crate) fn runs(slots: &[Slot]) -> impl Iterator<Item = RowRun> {
    let mut start = 0;
    core::iter::from_fn(move || {
        let first_row = slots.get(start)?.index();
        let agents = start..start + run_length(&slots[start..], first_row);
        start = agents.end;
        Some(RowRun { agents, first_row })
    })
}

fn run_length(slots: &[Slot], first_row: usize) -> usize {
    let follows = |(place, slot): (usize, &Slot)| slot.index() == first_row + place;
    // Without an early exit the whole table is compared several slots at a time.
    if slots.iter().enumerate().fold(true, |all, slot| all & follows(slot)) {
        return slots.len();
    }
    slots.iter().enumerate().take_while(|&slot| follows(slot)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(slots: &[u32], expected: &[(Range<usize>, usize)]) {
        let slots: Vec<_> = slots.iter().map(|&slot| Slot::new(slot)).collect();
        let found: Vec<_> = runs(&slots).map(|run| (run.agents, run.first_row)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn neighbours_are_one_run() {
        check(&[], &[]);
        check(&[4, 5, 6], &[(0..3, 4)]);
        check(&[0, 1, 3, 2, 7, 8], &[(0..2, 0), (2..3, 3), (3..4, 2), (4..6, 7)]);
    }
}
