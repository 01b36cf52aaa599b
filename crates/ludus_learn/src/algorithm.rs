//! The interface between a run and the algorithms that learn in it.

use std::collections::BTreeMap;

use ludus_net::Normalizer;
use ludus_spec::Seed;

use crate::{CloningEpoch, CloningReport, CollectedLane, LearnError, Machine, MetricInfo, Report, Rollout, Schedule};

/// An algorithm that learns from one lane of the simulations.
///
/// It has a policy that decides in the lane and a rollout for the lane's experience. It learns as soon as the rollout
/// has all [wanted steps](Self::wanted_steps). Simulations, other lanes, files and clocks belong to the run.
pub trait Algorithm: Send {
    /// Returns the algorithm's lane for the next collection: its current policy, and its rollout.
    fn collected_lane(&mut self) -> CollectedLane<'_>;

    /// Returns the number of steps that are missing until [`learn`](Self::learn) can be called; 0 if none are. It is
    /// above 0 again after learning.
    fn wanted_steps(&self) -> usize;

    /// Learns from demonstrations, before the first step of a run; `None` if it has none to learn from. `goes_on` is called
    /// after each epoch; if it returns false, that epoch is the last.
    ///
    /// # Errors
    ///
    /// As [`learn`](Self::learn).
    fn pretrain(
        &mut self,
        goes_on: &mut dyn FnMut(&CloningEpoch) -> bool,
    ) -> Result<Option<CloningReport>, LearnError> {
        let _ = goes_on;
        Ok(None)
    }

    /// Learns from the collected rollout. `progress` is the part of the run that is over, in `0.0..=1.0`; schedules
    /// depend on it.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if a loss or a gradient is not finite, with everything as it was before that gradient
    /// step. [`LearnError::Parameter`] if a gradient step left a parameter that is not finite, and
    /// [`LearnError::Device`] if a device fails: in these two cases, call [`rewind`](Self::rewind).
    fn learn(&mut self, progress: f32) -> Result<Report, LearnError>;

    /// Returns the metrics of the algorithm's reports, in the same order.
    fn metrics(&self) -> &[MetricInfo];

    /// The rollout that was collected last.
    fn rollout(&self) -> &Rollout;

    /// The number of updates so far.
    fn iteration(&self) -> u64;

    /// The threads and the timer that it works with.
    fn machine(&self) -> &Machine;

    /// True if every call must come from the same thread instead of any thread of the pool. Libraries that use a device
    /// need this if they keep state for each thread.
    fn keeps_to_a_thread(&self) -> bool {
        false
    }

    /// Returns a message about settings that are unavailable, with the reason. The algorithm learns without them, more
    /// slowly.
    fn obstacle(&self) -> Option<&str> {
        None
    }

    /// Sets another step size, from the next update on.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] if the step size is out of range; then the old one stays.
    fn set_learning_rate(&mut self, learning_rate: Schedule) -> Result<(), LearnError>;

    /// Marks the current state as good. [`rewind`](Self::rewind) to it is cheaper than to restore a saved state, above
    /// all where the policy is on a device.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails; then there is no mark.
    fn mark(&mut self) -> Result<(), LearnError>;

    /// Restores the marked state, if there is one. Weights, optimisers and counters are restored, so the coming draws
    /// are the same again; collected experience is not.
    fn rewind(&mut self);

    /// Counts an update without learning, so that the next update draws other random numbers.
    fn skip(&mut self);

    /// The policy as it is now.
    fn policy(&self) -> LearnedPolicy;

    /// Returns the weights of critics that estimate the values of actions beside the policy, one critic after the other,
    /// each in the order of its layout; `None` if there are none.
    fn critics(&self) -> Option<Vec<f32>> {
        None
    }

    /// Returns the whole state that a run needs to resume.
    fn save(&self) -> SavedAlgorithm;

    /// Restores a saved state. The first step of the simulations after it must be a restart step.
    ///
    /// # Errors
    ///
    /// If the state belongs to another algorithm or network, or holds invalid numbers; then everything is as it was.
    fn restore(&mut self, saved: &SavedAlgorithm) -> Result<(), LearnError>;
}

/// The numbers of a learned policy: weights and normaliser.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LearnedPolicy {
    /// All weights, in the order of the network's layout.
    pub parameters: Vec<f32>,
    /// The normaliser of observations; `None` if they are not normalised.
    pub normalizer: Option<Normalizer>,
}

/// The whole state of an algorithm: its policy and the state besides it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedAlgorithm {
    /// The policy that it has learned.
    pub policy: LearnedPolicy,
    /// The state besides the policy.
    pub state: AlgorithmState,
}

/// The state of an algorithm besides its policy: counters and arrays by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlgorithmState {
    /// The seed of the algorithm's draws.
    pub seed: Seed,
    /// The number of updates so far.
    pub iteration: u64,
    /// Other counters, by name.
    pub counters: BTreeMap<String, u64>,
    /// Arrays, by name.
    pub tensors: BTreeMap<String, StateTensor>,
}

/// An array of an algorithm's state.
#[derive(Clone, Debug, PartialEq)]
pub enum StateTensor {
    /// A number for each parameter of the policy, in their order.
    PerParameter(Vec<f32>),
    /// Numbers of running statistics, in an order that the algorithm defines.
    Statistics(Vec<f64>),
    /// Any other numbers, in an order that the algorithm defines.
    Column(Vec<f32>),
    /// Bytes, in an order that the algorithm defines.
    Bytes(Vec<u8>),
}

impl AlgorithmState {
    /// Returns the counter with this name.
    ///
    /// # Errors
    ///
    /// [`LearnError::Missing`] if there is none.
    pub fn counter(&self, name: &'static str) -> Result<u64, LearnError> {
        self.counters.get(name).copied().ok_or(LearnError::Missing { name })
    }

    /// Returns the array with this name: a number for each parameter.
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

    /// Returns the statistics with this name.
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

    /// Returns the column with this name.
    ///
    /// # Errors
    ///
    /// [`LearnError::Missing`] if there is none.
    pub fn column(&self, name: &'static str) -> Result<&[f32], LearnError> {
        match self.tensors.get(name) {
            Some(StateTensor::Column(numbers)) => Ok(numbers),
            _ => Err(LearnError::Missing { name }),
        }
    }

    /// Returns the bytes with this name.
    ///
    /// # Errors
    ///
    /// [`LearnError::Missing`] if there are none.
    pub fn bytes(&self, name: &'static str) -> Result<&[u8], LearnError> {
        match self.tensors.get(name) {
            Some(StateTensor::Bytes(bytes)) => Ok(bytes),
            _ => Err(LearnError::Missing { name }),
        }
    }
}
