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
mod losses;
mod parts;
mod state;
mod temperature;

use ludus_net::{Network, Normalizer};
use ludus_spec::{Outcome, Seed};

use crate::experience::check_samples;
use crate::gradient::{StepSize, check_parameters};
use crate::replay::{Replay, ReplayShape, Transition, draw_evenly};
use crate::{
    Algorithm, CollectedLane, Decider, LaneShape, LearnError, LearnedPolicy, Machine, MetricInfo, Observed, Report,
    Rollout, RolloutShape, SavedAlgorithm, Schedule,
};
use actor::Actor;
use actor_update::ActorUpdate;
use critics::{Critics, SacContext};
use losses::{SacLosses, SacMetrics};
use state::SacNumbers;
use temperature::TunedTemperatures;

pub use config::{GsdeConfig, SacConfig, Temperature};

/// Indices of the seed's children, one for each purpose of the draws.
const ACTIONS: u64 = 0;
const SAMPLES: u64 = 1;
const CRITICS: u64 = 2;
const NOISE: u64 = 3;

/// Indices of the children of a gradient step's seed.
const ENTRIES: u64 = 0;
const NEXT_ACTIONS: u64 = 1;
const OWN_ACTIONS: u64 = 2;

/// Soft actor-critic with a replay.
#[derive(Debug)]
pub struct Sac {
    config: SacConfig,
    actor: Actor,
    update: ActorUpdate,
    critics: Critics,
    temperatures: TunedTemperatures,
    machine: Machine,
    rollout: Rollout,
    observed: Observed,
    replay: Replay,
    minibatch: Minibatch,
    seed: Seed,
    iteration: u64,
    /// Gradient steps so far.
    gradient_steps: u64,
    /// Gradient steps that are due: the experience so far times the replay ratio, less the steps that were taken.
    due: f32,
    /// The numbers that were marked as good. The replay is not part of them.
    good: Option<Box<SacNumbers>>,
}

/// The samples of a gradient step.
#[derive(Debug, Default)]
struct Minibatch {
    entries: Vec<usize>,
    transitions: Vec<Transition>,
}

impl Sac {
    /// Makes SAC for a lane of simulations. `lanes` has the shape of that lane in each simulation.
    ///
    /// The network's numbers have to be squashed: [`NetworkConfig::squashed`](ludus_net::NetworkConfig::squashed). The
    /// critics get its encoders and hidden layers; its own critic is not used, and costs least with
    /// [`shared`](ludus_net::NetworkConfig::shared) layers. With a `normalizer`, observations are normalised. Its
    /// statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, [`LearnError::NotSquashed`] if a continuous action
    /// is not squashed, [`LearnError::Memory`] if the network has a memory, [`LearnError::Network`] if the critics are
    /// too large, and [`LearnError::Lanes`] if the lanes differ in more than their rows.
    pub fn new(
        config: SacConfig,
        network: Network,
        normalizer: Option<Normalizer>,
        machine: Machine,
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
        let actor = Actor::new(network, normalizer)?;
        let critics = Critics::new(actor.network.layout(), &actor.parts, &machine, seed.derive(CRITICS))?;
        let replay = Replay::new(ReplayShape::of_rollout(&shape, config.replay));
        Ok(Self {
            update: ActorUpdate::new(&actor, &critics, &machine),
            temperatures: TunedTemperatures::new(&config, &actor.parts),
            config,
            actor,
            critics,
            machine,
            rollout: Rollout::new(shape),
            observed: Observed::default(),
            replay,
            minibatch: Minibatch::default(),
            seed,
            iteration: 0,
            gradient_steps: 0,
            due: 0.0,
            good: None,
        })
    }

    /// Returns the bytes of the replay of such a run, which are allocated at its start.
    pub fn replay_bytes(config: &SacConfig, lane: LaneShape, rows: usize) -> usize {
        let shape = RolloutShape::of_lane(config.rollout_steps, &[LaneShape { rows, ..lane }]).unwrap_or_default();
        ReplayShape::of_rollout(&shape, config.replay).bytes()
    }

    /// Learns once the rollout is full.
    fn learn_rollout(&mut self, progress: f32) -> Result<Report, LearnError> {
        // The samples stay readable until the next collection.
        self.rollout.restart();
        let mut report = self.remember();
        let learning_rate = self.config.learning_rate.at(progress);
        let mut losses = SacLosses::default();
        if self.replay.experience() >= self.config.learning_starts.max(1) {
            self.actor.is_random = false;
            self.due += report.experience as f32 * self.config.replay_ratio;
            let seed = self.seed.derive(SAMPLES).derive(self.iteration);
            let steps = self.due as usize;
            for step in 0..steps {
                let found = self.take_step(progress, seed.derive(step as u64))?;
                losses.add(&found, 1.0 / steps as f32);
            }
            self.due -= steps as f32;
            report.gradient_steps = steps;
            check_parameters(&self.actor.network)?;
            self.critics.check()?;
        }
        report.metrics = SacMetrics { losses, temperatures: self.temperatures.now(), learning_rate }.metrics();
        self.iteration += 1;
        Ok(report)
    }

    /// Appends the rollout to the replay, and merges its observations into the normaliser. Detail 33.
    fn remember(&mut self) -> Report {
        self.rollout.mask_faults();
        self.replay.append(&self.rollout);
        if let Some(normalizer) = &mut self.actor.normalizer {
            self.observed.merge(&self.rollout, normalizer, &self.machine.pool);
        }
        let outcomes = self.rollout.samples().outcomes;
        let count = |is_counted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is_counted(outcome)).count();
        let experience = count(|outcome| outcome.is_experience());
        let faulty = count(|outcome| *outcome == Outcome::Faulty);
        Report { experience, faulty, ..Report::default() }
    }

    /// Takes one gradient step of the critics, then of the policy, then of the temperatures. Details 34 to 38.
    fn take_step(&mut self, progress: f32, seed: Seed) -> Result<SacLosses, LearnError> {
        self.sample(seed.derive(ENTRIES));
        let Self { config, actor, update, critics, temperatures, machine, replay, minibatch, .. } = self;
        let max_grad_norm = config.max_grad_norm;
        let rates = [config.critic_rate(progress), config.learning_rate.at(progress)];
        let sizes = rates.map(|learning_rate| StepSize { learning_rate, max_grad_norm });
        let context = SacContext {
            actor,
            parts: &actor.parts,
            replay,
            transitions: &minibatch.transitions,
            temperatures: temperatures.now(),
            seed: seed.derive(NEXT_ACTIONS),
        };
        let mut losses = critics.compute(context, machine)?;
        losses.critic_grad_norm = critics.take_step(sizes[0])?;
        let context = SacContext { seed: seed.derive(OWN_ACTIONS), ..context };
        let of_policy = update.compute(context, critics, machine)?;
        losses.add(&of_policy, 1.0);
        losses.actor_grad_norm = update.take_step(actor, sizes[1])?;
        temperatures.learn(&of_policy, rates[1])?;
        critics.move_targets(config.target_rate);
        self.gradient_steps += 1;
        Ok(losses)
    }

    /// Draws the samples of a gradient step.
    fn sample(&mut self, seed: Seed) {
        let Self { config, replay, minibatch: Minibatch { entries, transitions }, .. } = self;
        draw_evenly(replay, config.minibatch, seed, entries);
        transitions.clear();
        let of_entry = |&entry: &usize| Transition::new(replay, entry, config.n_step, config.gamma);
        transitions.extend(entries.iter().filter_map(of_entry));
    }
}

impl Algorithm for Sac {
    /// Every action is drawn from the newest policy, or at random before it has learned. Details 32 and 40.
    fn collected_lane(&mut self) -> CollectedLane<'_> {
        let of_noise = |gsde: &GsdeConfig| self.seed.derive(NOISE).derive(self.iteration / gsde.interval as u64);
        self.actor.smooth_noise = self.config.gsde.as_ref().map(of_noise);
        let seed = self.seed.derive(ACTIONS).derive(self.iteration);
        CollectedLane { decider: Decider::PerGroup(&self.actor), others: &[], rollout: &mut self.rollout, seed }
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
        &self.machine
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
        self.good = Some(Box::new(SacNumbers::of(self)));
        Ok(())
    }

    fn rewind(&mut self) {
        self.rollout.restart();
        if let Some(good) = self.good.take() {
            good.set(self).expect("what was marked is of these networks, and was learned from");
            self.good = Some(good);
        }
    }

    fn skip(&mut self) {
        self.iteration += 1;
    }

    fn policy(&self) -> LearnedPolicy {
        self.actor.policy()
    }

    fn save(&self) -> SavedAlgorithm {
        state::saved(self)
    }

    fn restore(&mut self, saved: &SavedAlgorithm) -> Result<(), LearnError> {
        state::restore(self, saved)
    }
}
