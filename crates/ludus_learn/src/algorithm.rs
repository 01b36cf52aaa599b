//! What stands between a run and an algorithm that learns in it.

use std::collections::BTreeMap;

use ludus_net::Normalizer;
use ludus_spec::Seed;

use crate::{CollectedLane, LearnError, Machine, Report, Rollout, Schedule};

/// An algorithm that learns from one lane of the simulations.
///
/// It has a policy that decides there, a rollout for what comes of it, and it learns as soon as it has as many steps as
/// it [wants](Self::wanted_steps). Simulations, other lanes, files and clocks are the run's.
pub trait Algorithm: Send {
    /// Its part in the next collection: its policy as it is now, and its rollout.
    fn collected_lane(&mut self) -> CollectedLane<'_>;

    /// Steps that it wants before it learns; 0 when it has them. Once it has learned, it wants some again.
    fn wanted_steps(&self) -> usize;

    /// Learns from what was collected. `progress` says how much of the run is over, in `0.0..=1.0`: schedules follow it.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if something can't be learned from, with everything as it was before that gradient step;
    /// [`LearnError::Parameter`] if a step broke the network, [`LearnError::Device`] if a device can't go on: then
    /// [`rewind`](Self::rewind).
    fn learn(&mut self, progress: f32) -> Result<Report, LearnError>;

    /// The metrics that its reports have, in their order.
    fn metrics(&self) -> &'static [MetricInfo];

    /// The rollout that was collected last.
    fn rollout(&self) -> &Rollout;

    /// The number of updates so far.
    fn iteration(&self) -> u64;

    /// The threads and the timer that it works with.
    fn machine(&self) -> &Machine;

    /// Whether it wants to be called by the same thread every time, instead of by any of the pool's: as libraries do that
    /// talk to a device, and keep something for each thread.
    fn keeps_to_a_thread(&self) -> bool {
        false
    }

    /// Settings that can't be had, and why; it learns without, more slowly.
    fn obstacle(&self) -> Option<&str> {
        None
    }

    /// Takes another step size from the next update on.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] if it is out of range; then the old one stays.
    fn set_learning_rate(&mut self, learning_rate: Schedule) -> Result<(), LearnError>;

    /// Marks everything as it is now as good: to go back there is cheaper than from a saved state, above all where the
    /// policy is on a device.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails: then there is nothing to go back to.
    fn mark(&mut self) -> Result<(), LearnError>;

    /// Goes back to the mark, if there is one, with the same draws to come. Weights, optimisers and counters go back,
    /// past experience does not.
    fn rewind(&mut self);

    /// Counts an update in which nothing is learned, so that the next one draws other numbers.
    fn skip(&mut self);

    /// The policy as it is now.
    fn policy(&self) -> LearnedPolicy;

    /// Everything that a run needs to go on, to save.
    fn save(&self) -> SavedAlgorithm;

    /// Goes on from a saved state, with simulations whose first step is a restart.
    ///
    /// # Errors
    ///
    /// If the state belongs to another algorithm or network, or holds numbers that can't be; then everything is as it was.
    fn restore(&mut self, saved: &SavedAlgorithm) -> Result<(), LearnError>;
}

/// The name of the metric that every algorithm has which follows a learning rate.
pub const LEARNING_RATE: &str = "charts/learning_rate";

/// A number that an algorithm reports: how it is called by programs and by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricInfo {
    /// Its name in files, as in CleanRL: `losses/value_loss`.
    pub name: &'static str,
    /// Its name on screen.
    pub title: &'static str,
    /// Its unit on screen; empty if it has none.
    pub unit: &'static str,
}

/// A policy's numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LearnedPolicy {
    /// All weights, in the order of the network's layout.
    pub parameters: Vec<f32>,
    /// What observations are normalised with, if they are.
    pub normalizer: Option<Normalizer>,
}

/// Everything that an algorithm needs to go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedAlgorithm {
    /// The policy that it has learned.
    pub policy: LearnedPolicy,
    /// Everything else.
    pub state: AlgorithmState,
}

/// The state of an algorithm besides its policy: counters and arrays by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlgorithmState {
    /// The seed of its draws.
    pub seed: Seed,
    /// The number of updates so far.
    pub iteration: u64,
    /// Other counters.
    pub counters: BTreeMap<String, u64>,
    /// Arrays.
    pub tensors: BTreeMap<String, StateTensor>,
}

/// An array of an algorithm's state.
#[derive(Clone, Debug, PartialEq)]
pub enum StateTensor {
    /// A number for each parameter of the policy, in their order.
    PerParameter(Vec<f32>),
    /// Statistics.
    Statistics(Vec<f64>),
}

impl AlgorithmState {
    /// The counter with this name.
    ///
    /// # Errors
    ///
    /// [`LearnError::Missing`] if there is none.
    pub fn counter(&self, name: &'static str) -> Result<u64, LearnError> {
        self.counters.get(name).copied().ok_or(LearnError::Missing { name })
    }

    /// The array with this name, a number for each parameter.
    ///
    /// # Errors
    ///
    /// [`LearnError::Missing`] if there is none.
    pub fn per_parameter(&self, name: &'static str) -> Result<&[f32], LearnError> {
        match self.tensors.get(name) {
            Some(StateTensor::PerParameter(numbers)) => Ok(numbers),
            _ => Err(LearnError::Missing { name }),
        }
    }

    /// The statistics with this name.
    ///
    /// # Errors
    ///
    /// [`LearnError::Missing`] if there are none.
    pub fn statistics(&self, name: &'static str) -> Result<&[f64], LearnError> {
        match self.tensors.get(name) {
            Some(StateTensor::Statistics(numbers)) => Ok(numbers),
            _ => Err(LearnError::Missing { name }),
        }
    }
}
