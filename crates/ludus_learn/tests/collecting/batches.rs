//! A policy that decides for all simulations at once fills the same rollouts as one that decides for each by itself.

use std::any::Any;
use std::ops::Range;

use ludus_learn::{
    BatchDecider, CollectedLane, Decider, Exchange, GroupDecider, GroupExchange, LearnError, Rollout, RolloutShape,
};
use ludus_spec::Seed;

use crate::{Counters, collector, function, shape};

const STEPS: usize = 9;

/// The batched equivalent of [`function`] with `act`, for observations of one number. It counts the decisions of an
/// episode.
struct AllAtOnce {
    splits: usize,
    exchanges: Vec<Box<dyn Exchange>>,
    /// Rows of each batch that was decided for.
    decided: Vec<usize>,
}

struct Buffers {
    rows: Vec<usize>,
    observations: Vec<f32>,
    draws: Vec<f32>,
    after: Vec<f32>,
    /// The count of each row's decisions, before and after the last one.
    counts: Vec<[f32; 2]>,
    decided: Vec<f32>,
    values: Vec<f32>,
}

fn act(seen: f32, count: f32, draw: f32) -> f32 {
    10.0 * seen + 100.0 * count + draw
}

impl Buffers {
    /// Settles what is remembered of a row.
    fn settle(&mut self, row: usize) {
        let [past, now] = self.counts[row];
        let count = match self.after[row] {
            GroupExchange::RESET => 0.0,
            GroupExchange::RESTORE => past,
            _ => now,
        };
        self.counts[row] = [count, count + 1.0];
    }
}

impl BatchDecider for AllAtOnce {
    fn splits(&self) -> usize {
        self.splits
    }

    fn lend_exchanges(
        &mut self,
        shape: &RolloutShape,
        parts: &[Range<usize>],
    ) -> Result<Vec<Box<dyn Exchange>>, LearnError> {
        let lend = |part: &Range<usize>| {
            let rows = shape.rows[part.clone()].to_vec();
            let zeros = |width: usize| vec![0.0; width * rows.iter().sum::<usize>()];
            let [observations, draws, after, values] = [(); 4].map(|()| zeros(1));
            let (counts, decided) = (vec![[0.0; 2]; values.len()], zeros(3));
            Box::new(Buffers { rows, observations, draws, after, counts, decided, values }) as Box<dyn Exchange>
        };
        if self.exchanges.is_empty() {
            self.exchanges = parts.iter().map(lend).collect();
        }
        Ok(std::mem::take(&mut self.exchanges))
    }

    fn return_exchanges(&mut self, exchanges: Vec<Box<dyn Exchange>>) {
        self.exchanges = exchanges;
    }

    fn decide(&mut self, exchange: &mut dyn Exchange, _: usize) -> Result<(), LearnError> {
        let buffers = buffers(exchange);
        self.decided.push(buffers.draws.len());
        for row in 0..buffers.draws.len() {
            buffers.settle(row);
            let (seen, [_, count]) = (buffers.observations[row], buffers.counts[row]);
            buffers.decided[3 * row..3 * row + 3].copy_from_slice(&[act(seen, count, buffers.draws[row]), 0.0, seen]);
        }
        Ok(())
    }

    fn evaluate(&mut self, exchange: &mut dyn Exchange) -> Result<(), LearnError> {
        let Buffers { observations, values, .. } = buffers(exchange);
        values.clone_from(observations);
        Ok(())
    }
}

fn buffers(exchange: &mut dyn Exchange) -> &mut Buffers {
    let exchange: &mut dyn Any = exchange;
    exchange.downcast_mut().unwrap()
}

impl Exchange for Buffers {
    fn groups(&mut self) -> Vec<GroupExchange<'_>> {
        let (mut observations, mut draws, mut decided) = (&mut *self.observations, &mut *self.draws, &*self.decided);
        let mut after = &mut *self.after;
        let mut groups = Vec::new();
        for &rows in &self.rows {
            groups.push(GroupExchange {
                observations: observations.split_off_mut(..rows).unwrap(),
                draws: draws.split_off_mut(..rows).unwrap(),
                children: &[5],
                masks: &mut [],
                after: after.split_off_mut(..rows).unwrap(),
                decided: decided.split_off(..3 * rows).unwrap(),
            });
        }
        groups
    }

    fn values(&self) -> &[f32] {
        &self.values
    }
}

/// Collects two rollouts, the second of which continues the first, `at_once` steps at a time. A policy that decides for
/// each simulation by itself has its memory in the rollout.
fn played(decider: Decider<'_>, has_drivers: bool, threads: usize, at_once: usize) -> [Rollout; 2] {
    let mut worlds = [(0, 3), (3, 4), (7, 1)]
        .map(|(first, rows)| Counters { is_waiting: true, ..Counters::new(first, rows, has_drivers) });
    let memory_width = usize::from(matches!(decider, Decider::PerGroup(_)));
    let mut rollout = Rollout::new(RolloutShape { memory_width, ..shape(STEPS, &worlds) });
    let other = function(|seen: &[f32], _: &mut [f32], _| -seen[0]);
    let (others, collector): ([&dyn GroupDecider; 1], _) = ([&other], collector(threads));
    let mut decider = decider;
    [1, 2].map(|seed| {
        rollout.restart();
        while !rollout.is_full() {
            let decider = match &mut decider {
                Decider::PerGroup(decider) => Decider::PerGroup(*decider),
                Decider::Together(decider) => Decider::Together(&mut **decider),
            };
            let lane = CollectedLane { decider, others: &others, rollout: &mut rollout, seed: Seed::new(seed) };
            collector.collect(&mut worlds, &mut [lane], at_once).unwrap();
        }
        rollout.clone()
    })
}

#[test]
fn a_batch_plays_what_each_simulation_plays_alone() {
    let alone = function(|seen: &[f32], memory: &mut [f32], seed: Seed| {
        memory[0] += 1.0;
        act(seen[0], memory[0], seed.derive(5).uniform())
    });
    for has_drivers in [false, true] {
        let expected = played(Decider::PerGroup(&alone), has_drivers, 1, STEPS);
        for (splits, threads, at_once) in [(1, 1, STEPS), (2, 1, STEPS), (3, 3, STEPS), (2, 2, 3), (1, 3, 1)] {
            let mut batch = AllAtOnce { splits, exchanges: Vec::new(), decided: Vec::new() };
            let found = played(Decider::Together(&mut batch), has_drivers, threads, at_once);
            for (found, expected) in found.iter().zip(&expected) {
                let (found, expected) = (found.samples(), expected.samples());
                let what = format!("{splits} splits, {threads} threads, {at_once} at once, drivers: {has_drivers}");
                assert_eq!(found.actions, expected.actions, "{what}");
                assert_eq!(found.rewards, expected.rewards, "{what}");
                assert_eq!(found.outcomes, expected.outcomes, "{what}");
                assert_eq!(found.drivers, expected.drivers, "{what}");
                if !has_drivers {
                    assert_eq!(found.values, expected.values, "{what}");
                }
            }
            assert_eq!(batch.decided.len(), 2 * STEPS * splits.min(3), "each part is decided for once in a step");
            assert_eq!(batch.decided.iter().sum::<usize>(), 2 * STEPS * 8, "and every row in one part");
        }
    }
}
