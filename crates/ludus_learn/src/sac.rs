//! Soft actor-critic: continuous actions, and discrete ones, from few samples.
//!
//! From the first step to the last, in the order in which it happens: collect, remember, sample, critics, policy,
//! temperature, target critics. Haarnoja et al. 2018, arXiv:1812.05905, algorithm 1; its details are numbered in the
//! crate's documentation.

mod actor;
mod actor_update;
mod config;
mod critics;
mod decide;
mod drawn;
#[cfg(test)]
mod gradient_tests;
mod learner;
mod losses;
mod native;
mod networks;
mod parts;
mod samples;
mod state;
mod temperature;

use ludus_net::{Network, Normalizer};
use ludus_spec::{Outcome, Seed};

use crate::experience::check_samples;
use crate::replay::{Replay, ReplayShape, Transition, draw_evenly};
use crate::{
    Algorithm, CollectedLane, LaneShape, LearnError, LearnedPolicy, Machine, MetricInfo, Report, Rollout, RolloutShape,
    SavedAlgorithm, Schedule,
};
use losses::SacMetrics;
use samples::ReplaySamples;

pub use config::{GsdeConfig, SacConfig, Temperature};
pub use drawn::Temperatures;
pub use learner::{CriticState, DecidedRows, SacBehavior, SacLearner, SacNextRows, SacSamples, SacState, SacStep};
pub use losses::SacLosses;
pub use native::NativeSacLearner;
pub use networks::SacNetworks;
pub use parts::{ActionParts, ChoiceColumns, NumberColumns};
pub use temperature::{TemperatureSettings, TemperatureState};

/// Indices of the seed's children, one for each purpose of the draws. The critics' is that of [`SacNetworks`].
const ACTIONS: u64 = 0;
const SAMPLES: u64 = 1;
const NOISE: u64 = 3;

/// Indices of the children of a gradient step's seed.
const ENTRIES: u64 = 0;
const NEXT_ACTIONS: u64 = 1;
const OWN_ACTIONS: u64 = 2;

/// Soft actor-critic with a replay.
#[derive(Debug)]
pub struct Sac<L = NativeSacLearner> {
    config: SacConfig,
    learner: L,
    rollout: Rollout,
    replay: Replay,
    minibatch: Minibatch,
    seed: Seed,
    iteration: u64,
    /// Gradient steps so far.
    gradient_steps: u64,
    /// Gradient steps that are due: the experience so far times the replay ratio, less the steps that were taken.
    due: f32,
    /// True while actions are random, before anything was learned.
    is_random: bool,
    /// The numbers that were marked as good.
    good: Option<MarkedNumbers>,
}

/// The samples of a gradient step.
#[derive(Debug, Default)]
struct Minibatch {
    entries: Vec<usize>,
    transitions: Vec<Transition>,
}

/// The state of the algorithm itself that was marked as good. The replay is not part of it.
#[derive(Clone, Copy, Debug)]
struct MarkedNumbers {
    iteration: u64,
    gradient_steps: u64,
    due: f32,
    is_random: bool,
}

impl Sac {
    /// Makes SAC with the learner in plain Rust, for a policy and critics of [`SacNetworks`].
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// As [`SacNetworks::new`], [`NativeSacLearner::new`] and [`with_learner`](Self::with_learner).
    pub fn new(
        config: SacConfig,
        network: Network,
        normalizer: Option<Normalizer>,
        machine: Machine,
        lanes: &[LaneShape],
        seed: Seed,
    ) -> Result<Self, LearnError> {
        let networks = SacNetworks::new(network, seed)?;
        Self::with_learner(config, NativeSacLearner::new(networks, normalizer, machine)?, lanes, seed)
    }

    /// Returns the bytes of the replay of such a run, which are allocated at its start.
    pub fn replay_bytes(config: &SacConfig, lane: LaneShape, rows: usize) -> usize {
        let shape = RolloutShape::of_lane(config.rollout_steps, &[LaneShape { rows, ..lane }]).unwrap_or_default();
        ReplayShape::of_rollout(&shape, config.replay).bytes()
    }
}

impl<L: SacLearner> Sac<L> {
    /// Makes SAC for a lane of simulations. `lanes` has the shape of that lane in each simulation.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, [`LearnError::SmoothNoise`] if the learner has none
    /// and the config needs it, and [`LearnError::Lanes`] if the lanes differ in more than their rows.
    pub fn with_learner(
        config: SacConfig,
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
        if config.gsde.is_some() && !learner.explores_smoothly() {
            return Err(LearnError::SmoothNoise);
        }
        check_samples(&shape)?;
        learner.set_up(TemperatureSettings::new(&config, learner.parts()));
        let replay = Replay::new(ReplayShape::of_rollout(&shape, config.replay));
        Ok(Self {
            config,
            learner,
            rollout: Rollout::new(shape),
            replay,
            minibatch: Minibatch::default(),
            seed,
            iteration: 0,
            gradient_steps: 0,
            due: 0.0,
            is_random: true,
            good: None,
        })
    }

    /// Returns the learner, which holds the policy and the critics.
    pub const fn learner(&self) -> &L {
        &self.learner
    }

    /// Learns once the rollout is full.
    fn learn_rollout(&mut self, progress: f32) -> Result<Report, LearnError> {
        // The samples stay readable until the next collection.
        self.rollout.restart();
        let mut report = self.remember()?;
        let learning_rate = self.config.learning_rate.at(progress);
        let mut losses = SacLosses::default();
        if self.replay.experience() >= self.config.learning_starts.max(1) {
            self.is_random = false;
            self.due += report.experience as f32 * self.config.replay_ratio;
            let seed = self.seed.derive(SAMPLES).derive(self.iteration);
            let steps = self.due as usize;
            self.learner.begin_update(steps);
            for step in 0..steps {
                self.take_step(progress, seed.derive(step as u64))?;
            }
            self.due -= steps as f32;
            report.gradient_steps = steps;
            losses = self.learner.take_losses()?;
        }
        report.metrics = SacMetrics { losses, temperatures: self.learner.temperatures(), learning_rate }.metrics();
        self.iteration += 1;
        Ok(report)
    }

    /// Appends the rollout to the replay, and merges its observations into the normaliser. Detail 33.
    fn remember(&mut self) -> Result<Report, LearnError> {
        self.rollout.mask_faults();
        self.replay.append(&self.rollout);
        self.learner.update_normalizer(&self.rollout)?;
        let outcomes = self.rollout.samples().outcomes;
        let count = |is_counted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is_counted(outcome)).count();
        let experience = count(|outcome| outcome.is_experience());
        let faulty = count(|outcome| *outcome == Outcome::Faulty);
        Ok(Report { experience, faulty, ..Report::default() })
    }

    /// Takes one gradient step on samples of the replay. Details 34 to 38.
    fn take_step(&mut self, progress: f32, seed: Seed) -> Result<(), LearnError> {
        self.sample(seed.derive(ENTRIES));
        let Self { config, learner, replay, minibatch: Minibatch { transitions, .. }, .. } = self;
        let step = SacStep {
            critic_rate: config.critic_rate(progress),
            policy_rate: config.learning_rate.at(progress),
            max_grad_norm: config.max_grad_norm,
            target_rate: config.target_rate,
            next_actions: seed.derive(NEXT_ACTIONS),
            own_actions: seed.derive(OWN_ACTIONS),
        };
        learner.learn(&ReplaySamples { replay, transitions }, &step)?;
        self.gradient_steps += 1;
        Ok(())
    }

    /// Draws the samples of a gradient step.
    fn sample(&mut self, seed: Seed) {
        let Self { config, replay, minibatch: Minibatch { entries, transitions }, .. } = self;
        draw_evenly(replay, config.minibatch, seed, entries);
        transitions.clear();
        let of_entry = |&entry: &usize| Transition::new(replay, entry, config.n_step, config.gamma);
        transitions.extend(entries.iter().filter_map(of_entry));
    }

    /// Returns the exploration of the next collection. Details 32 and 40.
    fn behavior(&self) -> SacBehavior {
        match &self.config.gsde {
            _ if self.is_random => SacBehavior::Random,
            Some(gsde) => {
                let draw = self.iteration / gsde.interval as u64;
                SacBehavior::Smooth(self.seed.derive(NOISE).derive(draw))
            }
            None => SacBehavior::Drawn,
        }
    }
}

impl<L: SacLearner> Algorithm for Sac<L> {
    /// Every action is drawn from the newest policy, or at random before it has learned. Details 32 and 40.
    fn collected_lane(&mut self) -> CollectedLane<'_> {
        let seed = self.seed.derive(ACTIONS).derive(self.iteration);
        let decider = self.learner.decider(self.behavior());
        CollectedLane { decider, others: &[], rollout: &mut self.rollout, seed }
    }

    fn wanted_steps(&self) -> usize {
        self.rollout.missing_steps()
    }

    fn learn(&mut self, progress: f32) -> Result<Report, LearnError> {
        self.learn_rollout(progress)
    }

    fn metrics(&self) -> &'static [MetricInfo] {
        &SacMetrics::INFO
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

    /// Sets the step size of the policy and the temperature, and of the critics if they have none of their own.
    fn set_learning_rate(&mut self, learning_rate: Schedule) -> Result<(), LearnError> {
        let config = SacConfig { learning_rate, ..self.config.clone() };
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
        let Self { iteration, gradient_steps, due, is_random, .. } = *self;
        self.good = Some(MarkedNumbers { iteration, gradient_steps, due, is_random });
        Ok(())
    }

    fn rewind(&mut self) {
        self.rollout.restart();
        if let Some(MarkedNumbers { iteration, gradient_steps, due, is_random }) = self.good {
            self.learner.rewind();
            (self.iteration, self.gradient_steps, self.due, self.is_random) =
                (iteration, gradient_steps, due, is_random);
        }
    }

    fn skip(&mut self) {
        self.iteration += 1;
    }

    fn policy(&self) -> LearnedPolicy {
        self.learner.policy()
    }

    fn critics(&self) -> Option<Vec<f32>> {
        Some(self.learner.critics())
    }

    fn save(&self) -> SavedAlgorithm {
        state::saved(self)
    }

    fn restore(&mut self, saved: &SavedAlgorithm) -> Result<(), LearnError> {
        state::restore(self, saved)
    }
}
