//! One simulation in a collection.

use ludus_spec::Outcome;

use crate::{PhaseTimes, Simulation, Slab, StepLanes};

/// A simulation, its slab of each lane's rollout, and how long it took.
#[derive(Debug)]
pub(super) struct Group<'a, 'b, S> {
    pub simulation: &'a mut S,
    pub slabs: &'a mut [Slab<'b>],
    pub times: PhaseTimes,
}

impl<S: Simulation> Group<'_, '_, S> {
    /// Begins the rollouts that are at their first step: takes what the rows observe.
    pub fn observe(&mut self) {
        let Self { simulation, slabs, .. } = self;
        for (lane, slab) in slabs.iter_mut().enumerate().filter(|(_, slab)| slab.step == 0) {
            simulation.observe(lane, slab.sensed_rows(0));
            slab.go_on_with_drivers();
            slab.first_memory.copy_from_slice(slab.memory);
        }
    }

    /// Takes one step of the simulation, with the actions that stand in the slabs.
    pub fn step(&mut self) {
        self.simulation.step(StepLanes(self.slabs));
        self.slabs.iter_mut().for_each(Slab::finish_step);
    }
}

impl Slab<'_> {
    /// Settles what a step led to, and goes on to the next one.
    fn finish_step(&mut self) {
        self.settle_memory();
        if !self.drivers.is_empty() {
            self.settle_drivers();
        }
        self.step += 1;
    }

    /// Rows whose episode goes on from the rollout before keep the drivers that they had at its end.
    fn go_on_with_drivers(&mut self) {
        if self.has_begun {
            self.drivers.copy_within(self.drivers.len().saturating_sub(self.rows).., 0);
        }
    }

    /// An episode begins without memory; and what was remembered in a step in which the agent did not decide is taken back.
    fn settle_memory(&mut self) {
        if self.memory.is_empty() {
            return;
        }
        let width = self.memory.len() / self.rows;
        let outcomes = &self.outcomes[self.step * self.rows..][..self.rows];
        let memories = self.memory.chunks_exact_mut(width).zip(self.past_memory.chunks_exact(width));
        for ((memory, past), &outcome) in memories.zip(outcomes) {
            if begins(outcome) {
                memory.fill(0.0);
            } else if outcome.is_waiting() {
                memory.copy_from_slice(past);
            }
        }
    }

    /// Lets rows change their driver where an episode begins, and nowhere else. What another driver decided is no
    /// experience.
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

/// True if the step after this one is the first that is decided in an episode.
const fn begins(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Restart)
}
