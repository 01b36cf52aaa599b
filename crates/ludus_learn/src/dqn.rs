//! Deep Q-networks with a replay: value learning from few samples.
//!
//! From the first step to the last, in the order in which it happens: collect, remember, sample, targets, gradient
//! steps, target network. Mnih et al. 2015, doi:10.1038/nature14236, algorithm 1; its details are numbered in the crate's
//! documentation.

mod config;
mod samples;
mod sampling;
mod state;

use ludus_net::{Network, Normalizer};
use ludus_spec::{Outcome, Seed};

use crate::experience::check_samples;
use crate::replay::{Replay, ReplayShape, Transition, draw_evenly};
use crate::value::ValueMetrics;
use crate::{
    Algorithm, CollectedLane, LaneShape, LearnError, LearnedPolicy, Machine, MetricInfo, NativeValueLearner, Report,
    Rollout, RolloutShape, SavedAlgorithm, Schedule, ValueLearner, ValueSetup, ValueStep,
};
use samples::ReplaySamples;
use sampling::Priorities;

pub use config::{DqnConfig, PriorityConfig};

/// Indices of the seed's children, one for each purpose of the draws.
const ACTIONS: u64 = 0;
const SAMPLES: u64 = 1;

/// Q-learning from a replay, with a learner. The replay is on the host, whatever device the learner computes on.
#[derive(Debug)]
pub struct Dqn<L = NativeValueLearner> {
    config: DqnConfig,
    learner: L,
    rollout: Rollout,
    replay: Replay,
    priorities: Option<Priorities>,
    minibatch: Minibatch,
    /// The probability of a random action.
    epsilon: f32,
    seed: Seed,
    iteration: u64,
    /// Gradient steps so far.
    gradient_steps: u64,
    /// Gradient steps that are due: the experience so far times the replay ratio, less the steps that were taken.
    due: f32,
    good: Option<MarkedNumbers>,
}

/// The samples of a gradient step.
#[derive(Debug, Default)]
struct Minibatch {
    entries: Vec<usize>,
    transitions: Vec<Transition>,
    weights: Vec<f32>,
    /// The errors of the samples, if they become priorities.
    errors: Vec<f32>,
}

/// The state of the algorithm itself that was marked as good. The replay is not part of it.
#[derive(Clone, Copy, Debug)]
struct MarkedNumbers {
    iteration: u64,
    gradient_steps: u64,
    due: f32,
    epsilon: f32,
}

impl Dqn {
    /// Makes DQN with the learner in plain Rust.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// As [`NativeValueLearner::new`] and [`with_learner`](Self::with_learner).
    pub fn new(
        config: DqnConfig,
        network: Network,
        normalizer: Option<Normalizer>,
        machine: Machine,
        lanes: &[LaneShape],
        seed: Seed,
    ) -> Result<Self, LearnError> {
        Self::with_learner(config, NativeValueLearner::new(network, normalizer, machine)?, lanes, seed)
    }

    /// Returns the bytes of the replay of such a run, which are allocated at its start.
    pub fn replay_bytes(config: &DqnConfig, lane: LaneShape, rows: usize) -> usize {
        let shape = RolloutShape::of_lane(config.rollout_steps, &[LaneShape { rows, ..lane }]).unwrap_or_default();
        ReplayShape::of_rollout(&shape, config.replay).bytes()
    }
}

impl<L: ValueLearner> Dqn<L> {
    /// Makes DQN for a lane of simulations. `lanes` has the shape of that lane in each simulation.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, and [`LearnError::Lanes`] if the lanes differ in
    /// more than their rows.
    pub fn with_learner(
        config: DqnConfig,
        mut learner: L,
        lanes: &[LaneShape],
        seed: Seed,
    ) -> Result<Self, LearnError> {
        let shape = RolloutShape::of_lane(config.rollout_steps, lanes)?;
        let mut problems = config.problems();
        problems.extend(config.replay_problem(shape.total_rows()).map(|sentence| ("replay", sentence)));
        if !problems.is_empty() {
            return Err(LearnError::Config(problems));
        }
        check_samples(&shape)?;
        learner.set_up(ValueSetup { is_dueling: config.dueling, has_target: true });
        let replay = Replay::new(ReplayShape::of_rollout(&shape, config.replay));
        let priorities = config.priorities.as_ref().map(|config| Priorities::new(&replay, config));
        Ok(Self {
            epsilon: config.epsilon(0.0),
            config,
            learner,
            rollout: Rollout::new(shape),
            replay,
            priorities,
            minibatch: Minibatch::default(),
            seed,
            iteration: 0,
            gradient_steps: 0,
            due: 0.0,
            good: None,
        })
    }

    /// Returns the learner, which holds the policy.
    pub const fn learner(&self) -> &L {
        &self.learner
    }

    /// Learns once the rollout is full.
    fn learn_rollout(&mut self, progress: f32) -> Result<Report, LearnError> {
        // The samples stay readable until the next collection.
        self.rollout.restart();
        let mut report = self.remember()?;
        let epsilon = self.epsilon;
        let mut metrics =
            ValueMetrics { epsilon, learning_rate: self.config.learning_rate.at(progress), ..Default::default() };
        if self.replay.experience() >= self.config.learning_starts.max(1) {
            self.due += report.experience as f32 * self.config.replay_ratio;
            let samples = self.seed.derive(SAMPLES).derive(self.iteration);
            let steps = self.due as usize;
            self.learner.begin_update();
            for step in 0..steps {
                self.take_step(metrics.learning_rate, progress, samples.derive(step as u64))?;
            }
            self.due -= steps as f32;
            report.gradient_steps = steps;
            let learned = (steps * self.config.minibatch).max(1) as f32;
            metrics.losses.add(&self.learner.take_losses()?, 1.0 / learned);
        }
        report.metrics = metrics.metrics();
        self.epsilon = self.config.epsilon(progress);
        self.iteration += 1;
        Ok(report)
    }

    /// Appends the rollout to the replay, and merges its observations into the normaliser.
    fn remember(&mut self) -> Result<Report, LearnError> {
        self.rollout.mask_faults();
        self.replay.append(&self.rollout);
        if let Some(priorities) = &mut self.priorities {
            priorities.follow(&self.replay, self.config.rollout_steps);
        }
        self.learner.update_normalizer(&self.rollout)?;
        let outcomes = self.rollout.samples().outcomes;
        let count = |is_counted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is_counted(outcome)).count();
        let experience = count(|outcome| outcome.is_experience());
        let faulty = count(|outcome| *outcome == Outcome::Faulty);
        Ok(Report { experience, faulty, ..Report::default() })
    }

    /// Takes one gradient step on samples of the replay. Details 26 to 30.
    fn take_step(&mut self, learning_rate: f32, progress: f32, seed: Seed) -> Result<(), LearnError> {
        self.sample(progress, seed);
        let Self { config, learner, replay, priorities, minibatch, .. } = self;
        let &mut DqnConfig { max_grad_norm, huber, double: is_double, target_interval, target_rate, .. } = config;
        let Minibatch { entries, transitions, weights, errors } = minibatch;
        let samples = ReplaySamples { replay, transitions, weights };
        learner.learn(&samples, &ValueStep { learning_rate, max_grad_norm, huber, is_double })?;
        if let Some(priorities) = priorities {
            learner.read_errors(errors)?;
            priorities.update(entries, errors);
        }
        self.gradient_steps += 1;
        if self.gradient_steps.is_multiple_of(target_interval as u64) {
            learner.follow(target_rate)?;
        }
        Ok(())
    }

    /// Draws the samples of a gradient step.
    fn sample(&mut self, progress: f32, seed: Seed) {
        let Self { config, replay, priorities, minibatch, .. } = self;
        let Minibatch { entries, transitions, weights, .. } = minibatch;
        match (priorities, &config.priorities) {
            (Some(priorities), Some(PriorityConfig { beta, .. })) => {
                priorities.draw(replay, beta.at(progress), seed, (entries, weights), config.minibatch);
            }
            _ => draw_evenly(replay, config.minibatch, seed, entries),
        }
        transitions.clear();
        let of_entry = |&entry: &usize| Transition::new(replay, entry, config.n_step, config.gamma);
        transitions.extend(entries.iter().filter_map(of_entry));
    }
}

impl<L: ValueLearner> Algorithm for Dqn<L> {
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
        let config = DqnConfig { learning_rate, ..self.config.clone() };
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
        let Self { iteration, gradient_steps, due, epsilon, .. } = *self;
        self.good = Some(MarkedNumbers { iteration, gradient_steps, due, epsilon });
        Ok(())
    }

    fn rewind(&mut self) {
        self.rollout.restart();
        if let Some(MarkedNumbers { iteration, gradient_steps, due, epsilon }) = self.good {
            self.learner.rewind();
            (self.iteration, self.gradient_steps, self.due, self.epsilon) = (iteration, gradient_steps, due, epsilon);
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
