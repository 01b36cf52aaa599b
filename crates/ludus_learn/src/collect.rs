//! The collection of experience: simulations and policies in lockstep.

mod batched;
mod group;
mod worker;

use ludus_spec::{Clock, Seed};

use crate::threads::for_each_in;
use crate::worker_pool::WorkerPool;
use crate::{Decider, GroupDecider, LearnError, Machine, PhaseTimes, Rollout, Simulation, Slab};
use batched::{BatchedLane, play_batches};
use group::Group;
use worker::RolloutWorker;

pub use group::after_step;

/// The loop in which simulations step and policies decide.
///
/// The result is the same, bit for bit, with any number of threads: every draw has a seed of its own.
#[derive(Debug)]
pub struct Collector {
    machine: Machine,
    workers: WorkerPool<RolloutWorker>,
}

/// A lane of all simulations: the policies that decide there, and the rollout that they fill.
pub struct CollectedLane<'a> {
    /// The learning policy: driver 0. It drives all rows that no other policy drives.
    pub decider: Decider<'a>,
    /// Other policies, by driver: the first of them is driver 1. Steps that they decided are no experience: in the
    /// rollout they are [vacant](ludus_spec::Outcome::Vacant).
    pub others: &'a [&'a dyn GroupDecider],
    /// The rollout that is filled. It must have room for the steps of the collection.
    pub rollout: &'a mut Rollout,
    /// The seed from which the draws of a step derive, together with the rollout's step and the row.
    pub seed: Seed,
}

/// A lane in a collection, the same for all simulations.
#[derive(Clone, Copy)]
struct LaneSettings<'a> {
    /// The learning policy, if it decides in the threads of the simulations.
    decider: Option<&'a dyn GroupDecider>,
    others: &'a [&'a dyn GroupDecider],
    seed: Seed,
    /// Steps of the lane's rollout.
    steps: usize,
}

/// The lanes of a collection, its steps and its clock.
#[derive(Clone, Copy)]
struct Collection<'a> {
    lanes: &'a [LaneSettings<'a>],
    steps: usize,
    clock: Clock,
}

impl Collector {
    /// Makes a collector that uses these threads and this clock.
    pub fn new(machine: Machine) -> Self {
        let threads = machine.pool.current_num_threads();
        Self { workers: WorkerPool::new((0..threads).map(|_| RolloutWorker::default())), machine }
    }

    /// Returns the threads and the clock that the collector uses.
    pub const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Takes `steps` steps of all simulations. Returns the wall time by phase. The values after a rollout's last step
    /// are estimated once it is full.
    ///
    /// # Errors
    ///
    /// [`LearnError::Rows`] or [`LearnError::Lanes`] if the simulations are not those that the rollouts were made for,
    /// and [`LearnError::Device`] if a device fails: then the rollouts are unusable.
    ///
    /// # Panics
    ///
    /// If a rollout has no room for `steps` steps, or if a simulation names a driver for which there is no policy.
    pub fn collect<S: Simulation>(
        &self,
        simulations: &mut [S],
        lanes: &mut [CollectedLane<'_>],
        steps: usize,
    ) -> Result<PhaseTimes, LearnError> {
        check_lanes(simulations, lanes)?;
        let start = (self.machine.clock)();
        let mut batches: Vec<BatchedLane<'_>> = Vec::new();
        let mut settings = Vec::with_capacity(lanes.len());
        let mut iterators = Vec::with_capacity(lanes.len());
        for (lane, CollectedLane { decider, others, rollout, seed }) in lanes.iter_mut().enumerate() {
            assert!(rollout.missing_steps() >= steps, "a rollout has room for what is collected");
            let decider = match decider {
                Decider::PerGroup(decider) => Some(*decider),
                Decider::Together(decider) => {
                    batches.push(BatchedLane { lane, shape: rollout.shape().clone(), decider: &mut **decider });
                    None
                }
            };
            settings.push(LaneSettings { decider, others, seed: *seed, steps: rollout.shape().steps });
            iterators.push(rollout.fill(steps));
        }
        let mut slabs: Vec<Slab<'_>> = Vec::with_capacity(simulations.len() * settings.len());
        for _ in 0..simulations.len() {
            slabs.extend(iterators.iter_mut().filter_map(Iterator::next));
        }
        let collection = Collection { lanes: &settings, steps, clock: self.machine.clock };
        let slabs = slabs.chunks_mut(settings.len().max(1));
        let group = |(simulation, slabs)| Group { simulation, slabs, times: PhaseTimes::default() };
        let mut groups: Vec<Group<'_, '_, S>> = simulations.iter_mut().zip(slabs).map(group).collect();
        let mut times = PhaseTimes::default();
        if batches.is_empty() {
            for_each_in(&self.machine.pool, &mut groups, |group| {
                self.workers.with(RolloutWorker::default, |worker| worker.play(collection, group));
            });
            groups.iter().for_each(|group| times.add(&group.times));
        } else {
            times = play_batches(self, collection, &mut batches, &mut groups)?;
        }
        Ok(times.shared_out((self.machine.clock)().saturating_sub(start)))
    }
}

/// Returns an error if the simulations don't have the rows and widths that the rollouts were made for.
fn check_lanes<S: Simulation>(simulations: &[S], lanes: &[CollectedLane<'_>]) -> Result<(), LearnError> {
    for (index, lane) in lanes.iter().enumerate() {
        let shape = lane.rollout.shape();
        for simulation in 0..simulations.len().max(shape.rows.len()) {
            let was = shape.rows.get(simulation).copied().unwrap_or(0);
            let actual = simulations.get(simulation).map(|simulation| simulation.lane(index)).unwrap_or_default();
            if was != actual.rows {
                return Err(LearnError::Rows { simulation, was, now: actual.rows });
            }
            let expected = shape.lane(was);
            if simulation < simulations.len() && actual != expected {
                let (expected, actual) = (expected.into(), actual.into());
                return Err(LearnError::Lanes { simulation, expected, actual });
            }
        }
    }
    Ok(())
}
