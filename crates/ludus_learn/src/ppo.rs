//! Proximal policy optimisation, from the first step to the last, in the order in which it happens: collect, scale,
//! estimate, epochs, minibatches, gradient steps. The arithmetic of these is in [`Learner`] and its implementations.

mod baseline;
mod config;
mod distillation;
mod imitation;
mod iteration;
mod learner;
mod learning_rate;
mod losses;
mod native;
mod state;
mod stream_config;
mod value_heads;
mod value_scale;

use ludus_net::ValueHeadSplit;
use ludus_spec::{Outcome, Seed};

use crate::cloning::{self, pretrain};
use crate::counterfactual::CounterfactualBaseline;
use crate::experience::check_samples;
use crate::reward_scale::RewardScale;
use crate::statistics::{Moments, explained_variance};
use crate::streams::Streams;
use crate::threads::run_in;
use crate::{
    Algorithm, AlgorithmState, CloningEpoch, CloningReport, CollectedLane, Collector, Decider, Experience, Imitation,
    LaneShape, LearnError, LearnedPolicy, Machine, MetricInfo, PhaseTimes, Report, RewardStream, Rollout, RolloutShape,
    SavedAlgorithm, Schedule, Simulation, SourceUpdate,
};
use distillation::DistilledRollout;
use imitation::ImitatedRollout;
use value_heads::{attach, detach};
use value_scale::ValueScale;

pub use config::PpoConfig;
pub use iteration::Iteration;
pub use learner::{Learner, UpdateSettings};
pub use learning_rate::LearningRate;
pub use losses::{Losses, Surrogate, ValueError, surrogate, value_error};
pub use native::NativeLearner;
pub use state::PpoState;
pub(crate) use stream_config::SOURCES;
pub use stream_config::StreamProblem;

/// Indices of the seed's children, one for each purpose of the draws.
const ACTIONS: u64 = 0;
const SHUFFLES: u64 = 1;
/// 2 is that of the first numbers of streams' sources: see `stream_config`.
const SOURCE_UPDATES: u64 = 3;
const PRETRAINING: u64 = 4;
const DEMONSTRATIONS: u64 = 5;
const BASELINE: u64 = 6;

/// Proximal policy optimisation with a learner.
///
/// Its state is [`PpoState`] and buffers that the next iteration overwrites.
#[derive(Debug)]
pub struct Ppo<L> {
    config: PpoConfig,
    learner: L,
    /// Used by [`iterate`](Self::iterate) only.
    collector: Collector,
    rollout: Rollout,
    experience: Experience,
    reward_scale: RewardScale,
    value_scale: ValueScale,
    baseline: Option<CounterfactualBaseline>,
    streams: Streams,
    /// The parts of the network's numbers, if there are streams.
    value_heads: Option<ValueHeadSplit>,
    imitation: Option<ImitatedRollout>,
    distilled: Option<DistilledRollout>,
    metrics: Vec<MetricInfo>,
    seed: Seed,
    iteration: u64,
    /// The step size of the next update, if the learning rate is adaptive.
    adaptive_rate: f32,
    good: Option<MarkedNumbers>,
}

/// The state of PPO itself that was marked as good; the learner keeps its own mark.
#[derive(Clone, Debug)]
struct MarkedNumbers {
    iteration: u64,
    rewards: Moments,
    values: ValueScale,
    adaptive_rate: f32,
}

impl<L: Learner> Ppo<L> {
    /// Makes PPO for a lane of simulations. `lanes` has the shape of that lane in each simulation.
    ///
    /// Streams of rewards and curiosity are not made from the settings: [`with_streams`](Self::with_streams) adds those
    /// of [`PpoConfig::reward_streams`]. Until then, PPO with such settings refuses to learn
    /// ([`LearnError::NoStreams`]).
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, [`LearnError::TooManySamples`] if a rollout has
    /// more than `u32::MAX` samples, [`LearnError::SingleSample`] if it has 1 and advantages are normalised,
    /// [`LearnError::NoValueHead`] if values are normalised and the learner's network has no known layout, and
    /// [`LearnError::Lanes`] if the lanes differ in more than their rows.
    pub fn new(config: PpoConfig, mut learner: L, lanes: &[LaneShape], seed: Seed) -> Result<Self, LearnError> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(LearnError::Config(problems));
        }
        let shape = RolloutShape::of_lane(config.rollout_steps, lanes)?;
        let memory_width = learner.memory_width();
        let in_rollout = match learner.decider() {
            Decider::PerGroup(_) => memory_width,
            Decider::Together(_) => 0,
        };
        let shape = RolloutShape { has_inputs: learner.keeps_inputs(), memory_width: in_rollout, ..shape };
        check_samples(&shape)?;
        if config.normalize_values && learner.layout().is_none() {
            return Err(LearnError::NoValueHead);
        }
        if config.normalize_advantages && shape.steps * shape.total_rows() == 1 {
            return Err(LearnError::SingleSample);
        }
        let rollout = Rollout::new(shape);
        let experience = match memory_width {
            0 => Experience::new(rollout.shape()),
            _ => Experience::of_rows(rollout.shape()),
        };
        let reward_scale = RewardScale::new(rollout.shape().total_rows());
        let collector = Collector::new(learner.machine().clone());
        let adaptive_rate = config.learning_rate.at(0.0);
        Ok(Self {
            config,
            learner,
            collector,
            rollout,
            experience,
            reward_scale,
            value_scale: ValueScale::default(),
            baseline: None,
            streams: Streams::default(),
            value_heads: None,
            imitation: None,
            distilled: None,
            metrics: Iteration::METRICS.to_vec(),
            seed,
            iteration: 0,
            adaptive_rate,
            good: None,
        })
    }

    /// Adds streams of rewards beside those of the simulations. The learner's critic has a value head for each of them,
    /// behind the one of the simulations' own rewards. Details 41 and 42.
    ///
    /// # Errors
    ///
    /// [`LearnError::ValueHeads`] if the learner's critic has more or fewer value heads.
    pub fn with_streams(mut self, streams: Vec<RewardStream>) -> Result<Self, LearnError> {
        let needed = 1 + streams.len();
        let layout = self.learner.layout();
        let value_heads = layout.map_or(1, |layout| layout.value_heads());
        if value_heads != needed {
            return Err(LearnError::ValueHeads { needed, actual: value_heads });
        }
        if let Some(layout) = layout.filter(|_| needed > 1) {
            self.value_heads = Some(ValueHeadSplit::new(layout)?);
            self.rollout = Rollout::new(RolloutShape { value_heads, ..self.rollout.shape().clone() });
        }
        self.streams = Streams::new(streams, &self.rollout);
        self.metrics.extend(self.streams.metrics().map(|metric| metric.info));
        Ok(self)
    }

    /// Adds demonstrations that the policy imitates: before the first step ([`Algorithm::pretrain`]), and beside what it
    /// learns from rewards. Details 46 to 48.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, and [`LearnError::NoCloning`] if the learner can't
    /// clone.
    pub fn with_imitation(mut self, imitation: Imitation) -> Result<Self, LearnError> {
        let problems = imitation.config.problems();
        if !problems.is_empty() {
            return Err(LearnError::Config(problems));
        }
        self.learner.cloning().ok_or(LearnError::NoCloning)?;
        if imitation.is_auxiliary() {
            self.metrics.push(cloning::LOSS);
        }
        self.imitation = Some(ImitatedRollout::new(imitation));
        Ok(self)
    }

    /// Returns the shape of demonstrations for this policy: the widths of their rows and of its memory.
    pub fn demonstration_shape(&self) -> RolloutShape {
        RolloutShape { memory_width: self.learner.memory_width(), ..self.rollout.shape().clone() }
    }

    /// Collects one rollout and learns from it. For several algorithms or lanes, use [`Collector::iterate`].
    ///
    /// `progress` is the part of the run that is over, in `0.0..=1.0`; schedules depend on it.
    ///
    /// # Errors
    ///
    /// As [`Collector::collect`] and [`Algorithm::learn`].
    pub fn iterate<S: Simulation>(&mut self, simulations: &mut [S], progress: f32) -> Result<Iteration, LearnError> {
        if self.learner.keeps_to_a_thread() {
            return self.iterate_here(simulations, progress);
        }
        let machine = self.learner.machine().clone();
        run_in(&machine.pool, || self.iterate_here(simulations, progress))
    }

    /// Returns the settings.
    pub const fn config(&self) -> &PpoConfig {
        &self.config
    }

    /// Returns the learner, which holds the policy.
    pub const fn learner(&self) -> &L {
        &self.learner
    }

    /// Returns the whole state that a run needs to resume.
    pub fn state(&self) -> PpoState {
        PpoState {
            seed: self.seed,
            iteration: self.iteration,
            rewards: self.reward_scale.moments(),
            values: self.value_scale.numbers(),
            adaptive_rate: matches!(self.config.learning_rate, LearningRate::Adaptive { .. })
                .then_some(self.adaptive_rate),
            learner: self.learner.state(),
        }
    }

    /// Restores a saved state. The first step of the simulations after it must be a restart step.
    ///
    /// # Errors
    ///
    /// If the state belongs to another network, or holds invalid numbers; then everything is as it was.
    fn restore_state(&mut self, state: &PpoState) -> Result<(), LearnError> {
        self.learner.restore(&state.learner)?;
        self.reward_scale.restore(state.rewards);
        self.value_scale.restore(&state.values);
        self.adaptive_rate = state.adaptive_rate.unwrap_or(self.adaptive_rate);
        (self.seed, self.iteration) = (state.seed, state.iteration);
        Ok(())
    }

    /// Adds the numbers of the streams and of the baseline to a state.
    fn save_beside_policy(&self, state: &mut AlgorithmState) {
        self.streams.save(state);
        if let Some(baseline) = &self.baseline {
            baseline.save(state);
        }
    }

    /// Restores the streams and the baseline.
    fn restore_beside_policy(&mut self, state: &AlgorithmState) -> Result<(), LearnError> {
        self.streams.restore(state)?;
        self.baseline.as_mut().map_or(Ok(()), |baseline| baseline.restore(state))
    }

    /// Reads the policy and its critic, and all that stands in [`PpoState`].
    fn read_state(&self, saved: &SavedAlgorithm) -> Result<PpoState, LearnError> {
        match &self.value_heads {
            Some(split) => PpoState::try_from(&attach(split, saved)?),
            None => PpoState::try_from(saved),
        }
    }

    fn iterate_here<S: Simulation>(&mut self, simulations: &mut [S], progress: f32) -> Result<Iteration, LearnError> {
        let clock = self.learner.machine().clock;
        let mut phases = self.collect(simulations)?;
        let start = clock();
        let learned = self.learn_rollout(progress)?;
        phases.learn += clock().saturating_sub(start);
        Ok(Iteration { phases, ..learned })
    }

    fn collect<S: Simulation>(&mut self, simulations: &mut [S]) -> Result<PhaseTimes, LearnError> {
        let seed = self.actions_seed();
        let Self { learner, collector, rollout, .. } = self;
        rollout.restart();
        let steps = rollout.missing_steps();
        let lane = CollectedLane { decider: learner.decider(), others: &[], rollout, seed };
        collector.collect(simulations, &mut [lane], steps)
    }

    fn actions_seed(&self) -> Seed {
        self.seed.derive(ACTIONS).derive(self.iteration)
    }

    /// Learns from a rollout that is full.
    fn learn_rollout(&mut self, progress: f32) -> Result<Iteration, LearnError> {
        // The samples stay readable until the next collection.
        self.rollout.restart();
        self.estimate(progress)?;
        let settings = self.settings(progress);
        self.begin_imitation(progress)?;
        let learned = self.learn_epochs(&settings)?;
        if learned.minibatches > 0 && self.taught_rate().is_none() {
            self.adaptive_rate = self.config.learning_rate.after(self.adaptive_rate, learned.losses.approx_kl);
        }
        self.learn_baseline(&settings)?;
        self.learn_sources(progress)?;
        if !self.keeps_statistics() {
            self.learner.update_normalizer(&self.rollout)?;
        }
        if let Some(baseline) = &mut self.baseline {
            baseline.update_normalizer(&self.rollout);
        }
        self.iteration += 1;
        Ok(learned)
    }

    /// Masks faults, credits agents that left their team, scales rewards if configured, estimates advantages and selects the experience.
    fn estimate(&mut self, progress: f32) -> Result<(), LearnError> {
        let streams = self.config.value_heads() - 1;
        if self.streams.is_empty() && streams > 0 {
            return Err(LearnError::NoStreams { streams });
        }
        let discount = self.config.discount();
        self.rollout.mask_faults();
        self.rollout.credit_leavers();
        if self.config.scale_rewards {
            self.reward_scale.scale(self.rollout.rewarded_steps(), discount.gamma);
        }
        if self.streams.is_empty() {
            self.rollout.estimate_advantages(&[discount.into()]);
        } else {
            self.streams.estimate(&mut self.rollout, discount)?;
        }
        self.estimate_baseline();
        if !self.streams.is_empty() {
            self.streams.combine(&mut self.rollout, progress);
        }
        self.experience.select(self.rollout.samples().outcomes);
        Ok(())
    }

    /// Lets the sources of the streams learn from the rollout. Detail 45.
    fn learn_sources(&mut self, progress: f32) -> Result<(), LearnError> {
        let seed = self.seed.derive(SOURCE_UPDATES).derive(self.iteration);
        let PpoConfig { epochs, minibatch, .. } = self.config;
        self.streams.learn(&self.rollout, SourceUpdate { progress, epochs, minibatch, seed })
    }

    fn learning_rate(&self, progress: f32) -> f32 {
        match self.config.learning_rate {
            LearningRate::Scheduled(schedule) => schedule.at(progress),
            LearningRate::Adaptive { .. } => self.adaptive_rate,
        }
    }

    /// Returns the settings at this point of the run. Detail 3.
    fn settings(&self, progress: f32) -> UpdateSettings {
        UpdateSettings {
            learning_rate: self.taught_rate().unwrap_or_else(|| self.learning_rate(progress)),
            clip: self.config.clip.at(progress),
            value_clip: self.config.value_clip,
            entropy: self.config.entropy.at(progress),
            value_coefficient: self.config.value_coefficient,
            max_grad_norm: self.config.max_grad_norm,
            normalize_advantages: self.config.normalize_advantages,
        }
    }

    /// Learns from the rollout in all epochs. Details 8, 9 and 16.
    fn learn_epochs(&mut self, settings: &UpdateSettings) -> Result<Iteration, LearnError> {
        let mut learned = self.before_learning(settings);
        if learned.experience == 0 {
            return Ok(learned);
        }
        if self.config.normalize_values {
            self.normalize_values()?;
        }
        self.learner.begin_update(&self.rollout);
        let shuffles = self.seed.derive(SHUFFLES).derive(self.iteration);
        for epoch in 0..self.config.epochs {
            self.experience.shuffle(shuffles.derive(epoch as u64));
            self.learn_epoch(settings, &mut learned)?;
            if learned.reached_target_kl {
                break;
            }
        }
        learned.losses.add(&self.learner.take_losses()?, 1.0);
        if self.config.normalize_values {
            self.learner.map_values(&self.value_scale.to_rewards())?;
        }
        learned.average();
        Ok(learned)
    }

    /// Brings the targets and the critic to the units of an update. If it fails halfway, the caller rewinds. Detail 54.
    fn normalize_values(&mut self) -> Result<(), LearnError> {
        let heads = self.rollout.shape().value_heads;
        self.value_scale.merge(self.rollout.samples().returns, heads, self.experience.samples());
        let maps = self.value_scale.to_update();
        self.rollout.map_returns(&maps);
        self.learner.map_values(&maps)
    }

    fn before_learning(&self, settings: &UpdateSettings) -> Iteration {
        let rollout = self.rollout.samples();
        let (heads, experience) = (self.rollout.shape().value_heads, self.experience.samples());
        Iteration {
            number: self.iteration,
            experience: experience.len(),
            faulty: rollout.outcomes.iter().filter(|&&outcome| outcome == Outcome::Faulty).count(),
            learning_rate: settings.learning_rate,
            explained_variance: explained_variance(rollout.values, rollout.returns, heads, experience),
            ..Iteration::default()
        }
    }

    /// Learns from all experience once, and leaves sums in `learned`.
    fn learn_epoch(&mut self, settings: &UpdateSettings, learned: &mut Iteration) -> Result<(), LearnError> {
        let count = self.config.minibatches(self.experience.samples().len());
        let target_kl = self.config.target_kl.filter(|_| self.taught_rate().is_none());
        for minibatch in self.experience.minibatches(count) {
            let samples = minibatch.samples.len();
            if let Some(imitation) = &mut self.imitation {
                imitation.add_to_next_step(&mut self.learner);
            }
            if let Some(distilled) = &mut self.distilled {
                distilled.add_to_next_step(&mut self.learner, &self.rollout, minibatch);
            }
            self.learner.learn_minibatch(&self.rollout, minibatch, settings)?;
            learned.count(samples);
            // Detail 16. Reading the losses waits for a device, so they are read only if there is a target.
            if let Some(target) = target_kl {
                let sums = self.learner.take_losses()?;
                learned.losses.add(&sums, 1.0);
                if sums.approx_kl > target * samples as f32 {
                    learned.reached_target_kl = true;
                    break;
                }
            }
        }
        Ok(())
    }
}

impl<L: Learner> Algorithm for Ppo<L> {
    /// Every action is drawn from the newest policy. Detail 7.
    fn collected_lane(&mut self) -> CollectedLane<'_> {
        let seed = self.actions_seed();
        CollectedLane { decider: self.learner.decider(), others: &[], rollout: &mut self.rollout, seed }
    }

    fn wanted_steps(&self) -> usize {
        self.rollout.missing_steps()
    }

    fn pretrain(
        &mut self,
        goes_on: &mut dyn FnMut(&CloningEpoch) -> bool,
    ) -> Result<Option<CloningReport>, LearnError> {
        match &mut self.imitation {
            Some(ImitatedRollout { imitation, .. }) => {
                pretrain(&mut self.learner, imitation, self.seed.derive(PRETRAINING), goes_on)
            }
            None => Ok(None),
        }
    }

    fn learn(&mut self, progress: f32) -> Result<Report, LearnError> {
        let mut report = self.learn_rollout(progress)?.report();
        report.metrics.extend(self.streams.metrics());
        report.metrics.extend(self.baseline.as_ref().map(CounterfactualBaseline::metric));
        report.metrics.extend(self.imitation.as_ref().and_then(ImitatedRollout::metric));
        report.metrics.extend(self.distilled.as_ref().map(DistilledRollout::metric));
        Ok(report)
    }

    fn metrics(&self) -> &[MetricInfo] {
        &self.metrics
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
        let config = PpoConfig { learning_rate: learning_rate.into(), ..self.config.clone() };
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
        self.streams.mark();
        if let Some(baseline) = &mut self.baseline {
            baseline.mark();
        }
        let (iteration, rewards, adaptive_rate) = (self.iteration, self.reward_scale.moments(), self.adaptive_rate);
        let values = self.value_scale.clone();
        self.good = Some(MarkedNumbers { iteration, rewards, values, adaptive_rate });
        Ok(())
    }

    fn rewind(&mut self) {
        self.rollout.restart();
        self.rollout.forget_what_is_not_finite();
        if let Some(MarkedNumbers { iteration, rewards, values, adaptive_rate }) = &self.good {
            let (iteration, rewards, adaptive_rate) = (*iteration, *rewards, *adaptive_rate);
            self.value_scale.clone_from(values);
            self.learner.rewind();
            self.streams.rewind();
            if let Some(baseline) = &mut self.baseline {
                baseline.rewind();
            }
            self.reward_scale.restore(rewards);
            (self.iteration, self.adaptive_rate) = (iteration, adaptive_rate);
        }
    }

    fn skip(&mut self) {
        self.iteration += 1;
    }

    /// With streams of rewards, the critic of the policy is that of the simulations' own rewards.
    fn policy(&self) -> LearnedPolicy {
        let policy = self.learner.policy();
        match &self.value_heads {
            Some(split) => LearnedPolicy { parameters: split.first(&policy.parameters), ..policy },
            None => policy,
        }
    }

    fn save(&self) -> SavedAlgorithm {
        let mut saved = self.state().into();
        if let Some(split) = &self.value_heads {
            detach(split, &mut saved);
        }
        self.save_beside_policy(&mut saved.state);
        saved
    }

    fn restore(&mut self, saved: &SavedAlgorithm) -> Result<(), LearnError> {
        let state = self.read_state(saved)?;
        let mut before = AlgorithmState::default();
        self.save_beside_policy(&mut before);
        let restored = self.restore_beside_policy(&saved.state).and_then(|()| self.restore_state(&state));
        if restored.is_err() {
            self.restore_beside_policy(&before).expect("what was saved is of these streams and of this baseline");
        }
        restored
    }
}
