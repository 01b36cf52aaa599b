//! Parallelised Q-networks: Q-learning with many rows, without replay and without a target network.
//!
//! From the first step to the last, in the order in which it happens: collect, estimate, epochs, minibatches, gradient
//! steps. Gallici et al. 2024, arXiv:2407.04811, algorithm 1; its details are numbered in the crate's documentation.

mod config;
mod samples;
mod state;

use ludus_net::{Network, Normalizer};
use ludus_spec::{Outcome, Seed};

use crate::experience::check_samples;
use crate::value::ValueMetrics;
use crate::{
    Algorithm, CollectedLane, Experience, LaneShape, LearnError, LearnedPolicy, Machine, MetricInfo,
    NativeValueLearner, Report, Rollout, RolloutShape, SavedAlgorithm, Schedule, ValueLearner, ValueSetup, ValueStep,
};
use samples::RolloutSamples;

pub use config::PqnConfig;

/// Indices of the seed's children, one for each purpose of the draws.
const ACTIONS: u64 = 0;
const SHUFFLES: u64 = 1;

/// Q-learning with many rows, with a learner.
///
/// The rollout's `values` are those of the greedy actions, and its `returns` the λ-returns that are learned.
#[derive(Debug)]
pub struct Pqn<L = NativeValueLearner> {
    config: PqnConfig,
    learner: L,
    rollout: Rollout,
    experience: Experience,
    /// The probability of a random action.
    epsilon: f32,
    seed: Seed,
    iteration: u64,
    good: Option<MarkedNumbers>,
}

/// The state of the algorithm itself that was marked as good.
#[derive(Clone, Copy, Debug)]
struct MarkedNumbers {
    iteration: u64,
    epsilon: f32,
}

impl Pqn {
    /// Makes PQN with the learner in plain Rust.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// As [`NativeValueLearner::new`] and [`with_learner`](Self::with_learner).
    pub fn new(
        config: PqnConfig,
        network: Network,
        normalizer: Option<Normalizer>,
        machine: Machine,
        lanes: &[LaneShape],
        seed: Seed,
    ) -> Result<Self, LearnError> {
        Self::with_learner(config, NativeValueLearner::new(network, normalizer, machine)?, lanes, seed)
    }
}

impl<L: ValueLearner> Pqn<L> {
    /// Makes PQN for a lane of simulations. `lanes` has the shape of that lane in each simulation.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, [`LearnError::TooManySamples`] if a rollout has
    /// more than `u32::MAX` samples, and [`LearnError::Lanes`] if the lanes differ in more than their rows.
    pub fn with_learner(
        config: PqnConfig,
        mut learner: L,
        lanes: &[LaneShape],
        seed: Seed,
    ) -> Result<Self, LearnError> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(LearnError::Config(problems));
        }
        let has_inputs = learner.keeps_inputs();
        let shape = RolloutShape { has_inputs, ..RolloutShape::of_lane(config.rollout_steps, lanes)? };
        check_samples(&shape)?;
        learner.set_up(ValueSetup { is_dueling: config.dueling, has_target: false });
        let (epsilon, experience) = (config.epsilon(0.0), Experience::new(&shape));
        Ok(Self { config, learner, rollout: Rollout::new(shape), experience, epsilon, seed, iteration: 0, good: None })
    }

    /// Returns the learner, which holds the policy.
    pub const fn learner(&self) -> &L {
        &self.learner
    }

    /// Learns from a rollout that is full.
    fn learn_rollout(&mut self, progress: f32) -> Result<Report, LearnError> {
        // The samples stay readable until the next collection.
        self.rollout.restart();
        self.estimate();
        let epsilon = self.epsilon;
        let metrics =
            ValueMetrics { epsilon, learning_rate: self.config.learning_rate.at(progress), ..Default::default() };
        let report = self.learn_epochs(metrics)?;
        self.learner.update_normalizer(&self.rollout)?;
        self.epsilon = self.config.epsilon(progress);
        self.iteration += 1;
        Ok(report)
    }

    /// Masks faults, computes the λ-returns and selects the experience.
    ///
    /// The λ-return is the value of the greedy action plus the generalised advantage over it:
    /// `R[t] = r[t] + γ·((1 − λ)·max Q(s[t+1]) + λ·R[t+1])`. Detail 23.
    fn estimate(&mut self) {
        self.rollout.mask_faults();
        self.rollout.estimate_advantages(&[self.config.discount().into()]);
        self.experience.select(self.rollout.samples().outcomes);
    }

    /// Learns from the rollout in all epochs. Detail 24.
    fn learn_epochs(&mut self, mut metrics: ValueMetrics) -> Result<Report, LearnError> {
        let experience = self.experience.samples().len();
        let mut gradient_steps = 0;
        let mut samples = 0;
        let shuffles = self.seed.derive(SHUFFLES).derive(self.iteration);
        let step = ValueStep {
            learning_rate: metrics.learning_rate,
            max_grad_norm: self.config.max_grad_norm,
            huber: None,
            is_double: false,
        };
        self.learner.begin_update();
        for epoch in 0..if experience > 0 { self.config.epochs } else { 0 } {
            self.experience.shuffle(shuffles.derive(epoch as u64));
            for minibatch in self.experience.minibatches(self.config.minibatches(experience)) {
                self.learner.learn(&RolloutSamples::new(&self.rollout, minibatch.samples), &step)?;
                samples += minibatch.samples.len();
                gradient_steps += 1;
            }
        }
        metrics.losses.add(&self.learner.take_losses()?, 1.0 / samples.max(1) as f32);
        let faulty = self.rollout.samples().outcomes.iter().filter(|&&outcome| outcome == Outcome::Faulty).count();
        Ok(Report { experience, faulty, gradient_steps, metrics: metrics.metrics() })
    }
}

impl<L: ValueLearner> Algorithm for Pqn<L> {
    /// Every action is the newest network's greedy one, or random with the probability ε. Detail 22.
    fn collected_lane(&mut self) -> CollectedLane<'_> {
        let seed = self.seed.derive(ACTIONS).derive(self.iteration);
        CollectedLane { decider: self.learner.decider(self.epsilon), others: &[], rollout: &mut self.rollout, seed }
    }

    fn wanted_steps(&self) -> usize {
        self.rollout.missing_steps()
    }

    fn learn(&mut self, progress: f32) -> Result<Report, LearnError> {
        self.learn_rollout(progress)
    }

    fn metrics(&self) -> &'static [MetricInfo] {
        &ValueMetrics::INFO
    }

    fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    fn iteration(&self) -> u64 {
        self.iteration
    }

    fn machine(&self) -> &Machine {
        self.learner.machine()
    }

    fn keeps_to_a_thread(&self) -> bool {
        self.learner.keeps_to_a_thread()
    }

    fn obstacle(&self) -> Option<&str> {
        self.learner.obstacle()
    }

    fn set_learning_rate(&mut self, learning_rate: Schedule) -> Result<(), LearnError> {
        let config = PqnConfig { learning_rate, ..self.config.clone() };
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(LearnError::Config(problems));
        }
        self.config = config;
        Ok(())
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        self.good = None;
        self.learner.mark()?;
        self.good = Some(MarkedNumbers { iteration: self.iteration, epsilon: self.epsilon });
        Ok(())
    }

    fn rewind(&mut self) {
        self.rollout.restart();
        if let Some(MarkedNumbers { iteration, epsilon }) = self.good {
            self.learner.rewind();
            (self.iteration, self.epsilon) = (iteration, epsilon);
        }
    }

    fn skip(&mut self) {
        self.iteration += 1;
    }

    fn policy(&self) -> LearnedPolicy {
        self.learner.policy()
    }

    fn save(&self) -> SavedAlgorithm {
        state::saved(self)
    }

    fn restore(&mut self, saved: &SavedAlgorithm) -> Result<(), LearnError> {
        state::restore(self, saved)
    }
}
