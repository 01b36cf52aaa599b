//! The part of one thread in a collection: policies decide for the rows of a simulation.

use std::any::Any;

use super::group::Group;
use super::{Collection, LaneSettings};
use crate::{DecisionRows, GroupDecider, PhaseTimer, RowSeeds, Simulation, Slab};

/// The working memory of one thread.
#[derive(Default)]
pub(super) struct RolloutWorker {
    lanes: Vec<LaneWorker>,
}

/// Working memory for one lane.
#[derive(Default)]
struct LaneWorker {
    /// The working memory of each policy, by driver.
    scratches: Vec<Option<Box<dyn Any + Send>>>,
    gathered: GatheredRows,
}

/// The rows of one driver, side by side.
#[derive(Debug, Default)]
struct GatheredRows {
    /// The rows' indices in the simulation.
    rows: Vec<u32>,
    observations: Vec<f32>,
    masks: Vec<bool>,
    inputs: Vec<f32>,
    memory: Vec<f32>,
    actions: Vec<f32>,
    log_probs: Vec<f32>,
    values: Vec<f32>,
}

impl std::fmt::Debug for RolloutWorker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RolloutWorker").field("lanes", &self.lanes.len()).finish_non_exhaustive()
    }
}

impl RolloutWorker {
    /// Takes all steps of a simulation whose policies all decide in this thread. Details 7 and 18.
    pub fn play<S: Simulation>(&mut self, collection: Collection<'_>, group: &mut Group<'_, '_, S>) {
        let mut timer = PhaseTimer::start(collection.clock);
        group.observe();
        timer.simulated();
        for _ in 0..collection.steps {
            self.decide(collection.lanes, group.slabs, &mut timer);
            group.step();
            timer.simulated();
        }
        self.evaluate(collection.lanes, group.slabs, &mut timer);
        group.times.add(timer.times());
    }

    /// Calls the policies that decide in this thread, for all lanes of a simulation.
    pub fn decide(&mut self, lanes: &[LaneSettings<'_>], slabs: &mut [Slab<'_>], timer: &mut PhaseTimer) {
        self.make_room(lanes.len());
        for ((lane, slab), worker) in lanes.iter().zip(slabs).zip(&mut self.lanes) {
            slab.past_memory.copy_from_slice(slab.memory);
            worker.decide(lane, slab, timer);
        }
    }

    /// Estimates the values of the observations after the last step, in the lanes whose rollout is full. Detail 5.
    pub fn evaluate(&mut self, lanes: &[LaneSettings<'_>], slabs: &mut [Slab<'_>], timer: &mut PhaseTimer) {
        self.make_room(lanes.len());
        for ((lane, slab), worker) in lanes.iter().zip(slabs).zip(&mut self.lanes) {
            if let Some(decider) = lane.decider.filter(|_| slab.step == lane.steps) {
                worker.prepare(0, decider);
                let rows = slab.evaluation_rows(lane.seeds(slab));
                decider.evaluate(worker.scratches[0].as_deref_mut().expect("it was just made"), rows, timer);
            }
        }
    }

    fn make_room(&mut self, lanes: usize) {
        if self.lanes.len() < lanes {
            self.lanes.resize_with(lanes, LaneWorker::default);
        }
    }
}

impl LaneWorker {
    fn decide(&mut self, lane: &LaneSettings<'_>, slab: &mut Slab<'_>, timer: &mut PhaseTimer) {
        let now = slab.step * slab.rows;
        let drivers = slab.drivers.get(now..now + slab.rows).unwrap_or_default();
        if drivers.iter().all(|&driver| driver == 0) {
            if let Some(decider) = lane.decider {
                self.decide_whole(decider, lane, slab, timer);
            }
            return;
        }
        let first = lane.decider.into_iter().map(|decider| (0, decider));
        let others = (1..).zip(lane.others).map(|(driver, other)| (driver, *other));
        let strangers = drivers.iter().filter(|&&driver| usize::from(driver) > lane.others.len());
        assert_eq!(strangers.count(), 0, "a simulation names a driver only if there is a policy for it");
        for (driver, decider) in first.chain(others) {
            self.decide_gathered(decider, driver, lane, slab, timer);
        }
    }

    /// Decides for all rows in place.
    fn decide_whole(
        &mut self,
        decider: &dyn GroupDecider,
        lane: &LaneSettings<'_>,
        slab: &mut Slab<'_>,
        timer: &mut PhaseTimer,
    ) {
        let seeds = lane.seeds(slab);
        self.prepare(0, decider);
        let scratch = self.scratches[0].as_deref_mut().expect("it was just made");
        decider.decide(scratch, slab.decision_rows(seeds), timer);
    }

    /// Decides for the rows of one driver: gathers the rows, then scatters the decisions back.
    fn decide_gathered(
        &mut self,
        decider: &dyn GroupDecider,
        driver: u8,
        lane: &LaneSettings<'_>,
        slab: &mut Slab<'_>,
        timer: &mut PhaseTimer,
    ) {
        self.gathered.choose(slab, driver);
        if self.gathered.rows.is_empty() {
            return;
        }
        let seeds = lane.seeds(slab);
        let mut all = slab.decision_rows(seeds);
        self.gathered.take(&all, decider.memory_width());
        timer.copied();
        self.prepare(usize::from(driver), decider);
        let scratch = self.scratches[usize::from(driver)].as_deref_mut().expect("it was just made");
        decider.decide(scratch, self.gathered.decision_rows(seeds), timer);
        self.gathered.give_back(&mut all);
        timer.copied();
    }

    fn prepare(&mut self, driver: usize, decider: &dyn GroupDecider) {
        if self.scratches.len() <= driver {
            self.scratches.resize_with(driver + 1, || None);
        }
        self.scratches[driver].get_or_insert_with(|| decider.scratch());
    }
}

impl LaneSettings<'_> {
    pub(super) fn seeds(&self, slab: &Slab<'_>) -> RowSeeds<'static> {
        RowSeeds { step: self.seed.derive(slab.step as u64), first_row: slab.first_row, rows: &[] }
    }
}

impl Slab<'_> {
    /// Returns the rows of the coming step, to decide for.
    fn decision_rows<'a>(&'a mut self, seeds: RowSeeds<'a>) -> DecisionRows<'a> {
        let [observations, inputs, masks, actions, log_probs, values] = [
            self.observations.len(),
            self.inputs.len(),
            self.masks.len(),
            self.actions.len(),
            self.log_probs.len(),
            self.values.len(),
        ]
        .map(|length| self.place(self.step, length));
        DecisionRows {
            observations: &self.observations[observations],
            masks: &self.masks[masks],
            seeds,
            inputs: &mut self.inputs[inputs],
            memory: self.memory,
            actions: &mut self.actions[actions],
            log_probs: &mut self.log_probs[log_probs],
            values: &mut self.values[values],
        }
    }

    /// Returns the rows after the last step, whose values are estimated.
    fn evaluation_rows<'a>(&'a mut self, seeds: RowSeeds<'a>) -> DecisionRows<'a> {
        DecisionRows { actions: &mut [], log_probs: &mut [], ..self.decision_rows(seeds) }
    }
}

impl GatheredRows {
    /// Collects the indices of a driver's rows in the coming step.
    fn choose(&mut self, slab: &Slab<'_>, driver: u8) {
        let drivers = &slab.drivers[slab.step * slab.rows..][..slab.rows];
        let of_driver = (0..).zip(drivers).filter(|(_, own)| **own == driver).map(|(row, _)| row);
        self.rows.clear();
        self.rows.extend(of_driver);
    }

    /// Copies the rows that were chosen. Of the memory only the first columns, if `memory_width` says so.
    fn take(&mut self, all: &DecisionRows<'_>, memory_width: Option<usize>) {
        let Self { rows, observations, masks, inputs, memory, actions, log_probs, values } = self;
        let width = |length: usize| length / all.log_probs.len();
        gather(rows, all.observations, [width(all.observations.len()); 2], observations);
        gather(rows, all.masks, [width(all.masks.len()); 2], masks);
        let of_row = width(all.memory.len());
        gather(rows, all.memory, [of_row, memory_width.unwrap_or(of_row)], memory);
        for (column, whole) in [(inputs, &*all.inputs), (actions, &*all.actions), (values, &*all.values)] {
            column.resize(rows.len() * (whole.len() / all.log_probs.len()), 0.0);
        }
        log_probs.resize(rows.len(), 0.0);
    }

    fn decision_rows<'a>(&'a mut self, seeds: RowSeeds<'a>) -> DecisionRows<'a> {
        DecisionRows {
            observations: &self.observations,
            masks: &self.masks,
            seeds: RowSeeds { rows: &self.rows, ..seeds },
            inputs: &mut self.inputs,
            memory: &mut self.memory,
            actions: &mut self.actions,
            log_probs: &mut self.log_probs,
            values: &mut self.values,
        }
    }

    fn give_back(&self, all: &mut DecisionRows<'_>) {
        let count = all.log_probs.len();
        scatter(&self.rows, &self.inputs, all.inputs, count);
        scatter(&self.rows, &self.memory, all.memory, count);
        scatter(&self.rows, &self.actions, all.actions, count);
        scatter(&self.rows, &self.log_probs, all.log_probs, count);
        scatter(&self.rows, &self.values, all.values, count);
    }
}

/// Copies these rows of `from` side by side: of each row's columns, the first ones.
fn gather<T: Copy>(rows: &[u32], from: &[T], [columns, first]: [usize; 2], gathered: &mut Vec<T>) {
    gathered.clear();
    rows.iter().for_each(|&row| gathered.extend_from_slice(&from[row as usize * columns..][..first]));
}

/// Copies gathered rows back to their places among `count` rows: to the first of their columns.
fn scatter(rows: &[u32], gathered: &[f32], to: &mut [f32], count: usize) {
    let (first, columns) = (gathered.len() / rows.len(), to.len() / count);
    for (index, &row) in rows.iter().enumerate() {
        to[row as usize * columns..][..first].copy_from_slice(&gathered[index * first..][..first]);
    }
}
