//! Collections in which a policy decides for many simulations at once, so that the simulations wait for each other.

use std::ops::Range;
use std::vec;

use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use super::group::Group;
use super::worker::RolloutWorker;
use super::{Collection, Collector, LaneSettings, after_step};
use crate::{
    BatchDecider, Exchange, GroupExchange, LearnError, PhaseTimer, PhaseTimes, RolloutShape, RowSeeds, Simulation, Slab,
};

/// A lane whose learning policy decides for many simulations at once.
pub(super) struct BatchedLane<'a> {
    pub lane: usize,
    pub shape: RolloutShape,
    pub decider: &'a mut dyn BatchDecider,
}

/// Neighbouring simulations whose decisions are made in one batch, and their exchange in each of the batches' lanes.
struct SimulationPart<'a, 'b, 'c, S> {
    groups: &'a mut [Group<'b, 'c, S>],
    exchanges: Vec<Box<dyn Exchange>>,
    /// Wall time of the simulations \[ns\].
    simulate_time: u64,
}

/// The collection, the same for all parts.
#[derive(Clone, Copy)]
struct BatchedCollection<'a> {
    collector: &'a Collector,
    collection: Collection<'a>,
    /// The lane of each batch.
    lanes: &'a [usize],
}

/// A simulation, with its part of the exchange in each of the batches' lanes.
struct GroupTurn<'a, 'b, 'c, S> {
    group: &'a mut Group<'b, 'c, S>,
    exchanges: Vec<GroupExchange<'a>>,
}

/// Takes all steps. Returns the time by phase.
///
/// With several parts, one part's simulations step while another's actions are computed.
///
/// # Errors
///
/// [`LearnError::Device`] if a device fails; the collection ends at that step.
pub(super) fn play_batches<S: Simulation>(
    collector: &Collector,
    collection: Collection<'_>,
    batches: &mut [BatchedLane<'_>],
    groups: &mut [Group<'_, '_, S>],
) -> Result<PhaseTimes, LearnError> {
    let splits = batches.iter().map(|batch| batch.decider.splits()).max().unwrap_or(1);
    let rows: Vec<usize> = groups.iter().map(|group| group.slabs.iter().map(|slab| slab.rows).sum()).collect();
    let bounds = bounds(&rows, splits);
    let lanes: Vec<usize> = batches.iter().map(|batch| batch.lane).collect();
    let batched = BatchedCollection { collector, collection, lanes: &lanes };
    let mut parts = make_parts(&bounds, groups);
    for batch in &mut *batches {
        let exchanges = batch.decider.lend_exchanges(&batch.shape, &bounds)?;
        parts.iter_mut().zip(exchanges).for_each(|(part, exchange)| part.exchanges.push(exchange));
    }
    let played = play_parts(batched, batches, &mut parts);
    let mut times = PhaseTimes::default();
    parts.iter().for_each(|part| times.add(&part.times()));
    for batch in batches.iter_mut().rev() {
        let exchanges = parts.iter_mut().filter_map(|part| part.exchanges.pop()).collect();
        batch.decider.return_exchanges(exchanges);
    }
    Ok(PhaseTimes { forward: times.forward + played?, ..times })
}

/// Returns the simulations of each part: up to `count` parts, if every simulation has rows. The parts' rows are as
/// equal as whole simulations allow. No part is without simulations.
fn bounds(rows: &[usize], count: usize) -> Vec<Range<usize>> {
    let total: usize = rows.iter().sum();
    let (mut start, mut rows_so_far, mut bounds) = (0, 0, Vec::new());
    for (simulation, &own) in rows.iter().enumerate() {
        rows_so_far += own;
        let is_last = simulation + 1 == rows.len();
        if is_last || rows_so_far * count >= total * (bounds.len() + 1) {
            bounds.push(start..simulation + 1);
            start = simulation + 1;
        }
    }
    bounds
}

fn make_parts<'a, 'b, 'c, S>(
    bounds: &[Range<usize>],
    mut groups: &'a mut [Group<'b, 'c, S>],
) -> Vec<SimulationPart<'a, 'b, 'c, S>> {
    let mut make = |bounds: &Range<usize>| {
        let own = groups.split_off_mut(..bounds.len()).expect("the parts together have as many simulations");
        SimulationPart { groups: own, exchanges: Vec::new(), simulate_time: 0 }
    };
    bounds.iter().map(&mut make).collect()
}

/// Takes all steps of all parts: while one part's simulations step, the next part's actions are computed. Returns the
/// time spent on decisions \[ns\].
fn play_parts<S: Simulation>(
    batched: BatchedCollection<'_>,
    batches: &mut [BatchedLane<'_>],
    parts: &mut [SimulationPart<'_, '_, '_, S>],
) -> Result<u64, LearnError> {
    let mut forward = 0;
    let clock = batched.collection.clock;
    let mut timed = |work: &mut dyn FnMut() -> Result<(), LearnError>| {
        let start = clock();
        let done = work();
        forward += clock().saturating_sub(start);
        done
    };
    parts.iter_mut().for_each(|part| part.open(batched));
    let count = parts.len();
    let turns = batched.collection.steps * count;
    if turns > 0 {
        timed(&mut || parts[0].decide(batches))?;
    }
    for turn in 0..turns {
        let next = turn + 1;
        if count == 1 {
            parts[0].step(batched);
            if next < turns {
                timed(&mut || parts[0].decide(batches))?;
            }
            continue;
        }
        let [stepping, deciding] =
            parts.get_disjoint_mut([turn % count, next % count]).expect("neighbours in turn are not the same");
        batched.collector.machine.pool.in_place_scope(|scope| {
            scope.spawn(|_| stepping.step(batched));
            if next == turns { Ok(()) } else { timed(&mut || deciding.decide(batches)) }
        })?;
    }
    for part in parts {
        timed(&mut || part.evaluate(batches))?;
        part.close(batched);
    }
    Ok(forward)
}

impl<S: Simulation> SimulationPart<'_, '_, '_, S> {
    /// Writes the observations before the first step into rollouts and exchanges.
    fn open(&mut self, batched: BatchedCollection<'_>) {
        self.for_each_turn(batched, |turn, _, timer| {
            turn.group.observe();
            timer.simulated();
            turn.stage(batched);
            timer.copied();
        });
    }

    /// Calls the policy of every batch for its rows.
    fn decide(&mut self, batches: &mut [BatchedLane<'_>]) -> Result<(), LearnError> {
        for (batch, exchange) in batches.iter_mut().zip(&mut self.exchanges) {
            let step = self.groups.first().map_or(0, |group| group.slabs[batch.lane].step);
            batch.decider.decide(&mut **exchange, step)?;
        }
        Ok(())
    }

    /// Takes one step of every simulation, and stages the inputs of the next decisions.
    fn step(&mut self, batched: BatchedCollection<'_>) {
        self.for_each_turn(batched, |turn, worker, timer| {
            turn.take(batched);
            timer.copied();
            worker.decide(batched.collection.lanes, turn.group.slabs, timer);
            turn.group.step();
            timer.simulated();
            turn.stage(batched);
            timer.copied();
        });
    }

    /// Estimates the values of the observations after the last step, in the lanes whose rollout is full. Detail 5.
    fn evaluate(&mut self, batches: &mut [BatchedLane<'_>]) -> Result<(), LearnError> {
        for (batch, exchange) in batches.iter_mut().zip(&mut self.exchanges) {
            if self.groups.first().is_some_and(|group| group.slabs[batch.lane].step == batch.shape.steps) {
                batch.decider.evaluate(&mut **exchange)?;
            }
        }
        Ok(())
    }

    /// Copies the values after the last step into the rollouts that are full.
    fn close(&mut self, batched: BatchedCollection<'_>) {
        for (&lane, exchange) in batched.lanes.iter().zip(&self.exchanges) {
            let mut values = exchange.values();
            for slab in self.groups.iter_mut().map(|group| &mut group.slabs[lane]) {
                let after = slab.place(slab.step, slab.values.len());
                let own;
                (own, values) = values.split_at(after.len());
                if slab.step == batched.collection.lanes[lane].steps {
                    slab.values[after].copy_from_slice(own);
                }
            }
        }
        self.for_each_turn(batched, |turn, worker, timer| {
            worker.evaluate(batched.collection.lanes, turn.group.slabs, timer);
        });
    }

    /// Calls `work` for every simulation, in parallel on the pool's threads.
    fn for_each_turn(
        &mut self,
        batched: BatchedCollection<'_>,
        work: impl Fn(&mut GroupTurn<'_, '_, '_, S>, &mut RolloutWorker, &mut PhaseTimer) + Sync + Send,
    ) {
        let clock = batched.collection.clock;
        let start = clock();
        let mut exchanges: Vec<vec::IntoIter<GroupExchange<'_>>> =
            self.exchanges.iter_mut().map(|exchange| exchange.groups().into_iter()).collect();
        let turn = |group| GroupTurn { group, exchanges: exchanges.iter_mut().filter_map(Iterator::next).collect() };
        let mut turns: Vec<GroupTurn<'_, '_, '_, S>> = self.groups.iter_mut().map(turn).collect();
        let work = |turn: &mut GroupTurn<'_, '_, '_, S>| {
            batched.collector.workers.with(RolloutWorker::default, |worker| {
                let mut timer = PhaseTimer::start(clock);
                work(turn, worker, &mut timer);
                turn.group.times.add(timer.times());
            });
        };
        let pool = &batched.collector.machine.pool;
        if pool.current_num_threads() == 1 || turns.len() == 1 {
            turns.iter_mut().for_each(work);
        } else {
            pool.install(|| turns.par_iter_mut().with_max_len(1).for_each(work));
        }
        self.simulate_time += clock().saturating_sub(start);
    }

    /// Returns the wall time of the simulations, divided among the phases in proportion to the threads' times.
    fn times(&self) -> PhaseTimes {
        let mut times = PhaseTimes::default();
        self.groups.iter().for_each(|group| times.add(&group.times));
        times.shared_out(self.simulate_time)
    }
}

impl<S: Simulation> GroupTurn<'_, '_, '_, S> {
    /// Copies the decisions of the batches into the rollouts.
    fn take(&mut self, batched: BatchedCollection<'_>) {
        for (&lane, exchange) in batched.lanes.iter().zip(&self.exchanges) {
            self.group.slabs[lane].take(exchange.decided);
        }
    }

    /// Copies the inputs of the next decisions into the exchanges.
    fn stage(&mut self, batched: BatchedCollection<'_>) {
        for (&lane, exchange) in batched.lanes.iter().zip(&mut self.exchanges) {
            self.group.slabs[lane].stage(&batched.collection.lanes[lane], exchange);
        }
    }
}

impl Slab<'_> {
    /// Copies action, log-probability and values of each row from `decided`, where they are side by side.
    fn take(&mut self, decided: &[f32]) {
        let samples = self.outcomes.len().max(1);
        let (action_width, heads) = (self.actions.len() / samples, self.values.len() / samples);
        for (row, decided) in decided.chunks_exact(action_width + 1 + heads).enumerate() {
            let sample = self.step * self.rows + row;
            let (action, log_prob_and_values) = decided.split_at(action_width);
            self.actions[sample * action_width..][..action_width].copy_from_slice(action);
            self.log_probs[sample] = log_prob_and_values[0];
            self.values[sample * heads..][..heads].copy_from_slice(&log_prob_and_values[1..]);
        }
    }

    /// Writes observations, draws and masks of the coming step into the exchange, and what happens to memory after the
    /// last one. After the last step there are no draws.
    fn stage(&self, lane: &LaneSettings<'_>, exchange: &mut GroupExchange<'_>) {
        let observed = self.place(self.step, self.observations.len());
        exchange.observations.copy_from_slice(&self.observations[observed]);
        if self.step < lane.steps {
            let seeds: RowSeeds<'_> = lane.seeds(self);
            for (row, draws) in exchange.draws.chunks_exact_mut(exchange.children.len().max(1)).enumerate() {
                let seed = seeds.of(row);
                draws.iter_mut().zip(exchange.children).for_each(|(draw, &child)| *draw = seed.derive(child).uniform());
            }
        }
        let allowed = &self.masks[self.place(self.step, self.masks.len())];
        exchange.masks.iter_mut().zip(allowed).for_each(|(mask, &is_allowed)| *mask = f32::from(is_allowed));
        // A rollout begins with what the one before it has left.
        if let Some(last) = self.step.checked_sub(1) {
            let outcomes = &self.outcomes[last * self.rows..][..self.rows];
            let flags = outcomes.iter().map(|&outcome| GroupExchange::flag(after_step(outcome)));
            exchange.after.iter_mut().zip(flags).for_each(|(after, flag)| *after = flag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_about_equal_and_never_empty() {
        let check = |rows: &[usize], count: usize, expected: &[usize]| {
            let ends: Vec<usize> = bounds(rows, count).iter().map(|part| part.end).collect();
            assert_eq!(ends, expected, "{rows:?} in {count}");
        };
        check(&[8, 8, 8, 8], 1, &[4]);
        check(&[8, 8, 8, 8], 2, &[2, 4]);
        check(&[8, 8, 8], 2, &[2, 3]);
        check(&[8], 2, &[1]);
        check(&[1, 100], 2, &[2]);
        check(&[100, 1], 2, &[1, 2]);
    }
}
