//! The state of one simulation in a collection, and its steps.

use ludus_net::AfterStep;
use ludus_spec::Outcome;

use crate::{PhaseTimes, Simulation, Slab, StepLanes};

/// A simulation, its slab of each lane's rollout, and the time spent on it.
#[derive(Debug)]
pub(super) struct Group<'a, 'b, S> {
    pub simulation: &'a mut S,
    pub slabs: &'a mut [Slab<'b>],
    pub times: PhaseTimes,
}

impl<S: Simulation> Group<'_, '_, S> {
    /// Begins the rollouts that are at their first step: writes the current observations into them.
    pub fn observe(&mut self) {
        let Self { simulation, slabs, .. } = self;
        for (lane, slab) in slabs.iter_mut().enumerate().filter(|(_, slab)| slab.step == 0) {
            simulation.observe(lane, slab.sensed_rows(0));
            slab.go_on_with_drivers();
            slab.first_memory.copy_from_slice(slab.memory);
        }
    }

    /// Takes one step of the simulation, with the actions in the slabs.
    pub fn step(&mut self) {
        self.simulation.step(StepLanes(self.slabs));
        self.slabs.iter_mut().for_each(Slab::finish_step);
    }
}

impl Slab<'_> {
    /// Updates memory and drivers after a step, and moves on to the next step.
    fn finish_step(&mut self) {
        self.settle_memory();
        if !self.drivers.is_empty() {
            self.settle_drivers();
        }
        self.step += 1;
    }

    /// Copies the drivers at the end of the rollout before to its start: rows within an episode keep their drivers.
    fn go_on_with_drivers(&mut self) {
        if self.has_begun {
            self.drivers.copy_within(self.drivers.len().saturating_sub(self.rows).., 0);
        }
    }

    /// Sets the memory to zero where an episode begins, and restores the memory from before the step where the agent
    /// did not decide.
    fn settle_memory(&mut self) {
        if self.memory.is_empty() {
            return;
        }
        let width = self.memory.len() / self.rows;
        let now = self.step * self.rows..(self.step + 1) * self.rows;
        let memories = self.memory.chunks_exact_mut(width).zip(self.past_memory.chunks_exact(width));
        // Kept, since faults and drivers may change the outcomes later, and an update repeats these steps.
        let steps = self.outcomes[now.clone()].iter().zip(&mut self.after[now]);
        for ((memory, past), (&outcome, after)) in memories.zip(steps) {
            *after = after_step(outcome);
            match after {
                AfterStep::Keep => {}
                AfterStep::Reset => memory.fill(0.0),
                AfterStep::Restore => memory.copy_from_slice(past),
            }
        }
    }

    /// Lets rows change their driver only where an episode begins. Marks steps that another driver decided as
    /// [`Outcome::Vacant`], so that they are no experience.
    fn settle_drivers(&mut self) {
        let (now, then) = (self.step * self.rows, (self.step + 1) * self.rows);
        for row in 0..self.rows {
            let (driver, outcome) = (self.drivers[now + row], &mut self.outcomes[now + row]);
            if !begins(*outcome) {
                self.drivers[then + row] = driver;
            }
            if driver != 0 && !begins(*outcome) {
                *outcome = Outcome::Vacant;
            }
        }
    }
}

/// Returns what happens to the memory of a row after a step of this outcome.
pub const fn after_step(outcome: Outcome) -> AfterStep {
    if begins(outcome) {
        AfterStep::Reset
    } else if outcome.is_waiting() {
        AfterStep::Restore
    } else {
        AfterStep::Keep
    }
}

/// True if the next step is the first of an episode, in which the agent may decide.
const fn begins(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Restart)
}
