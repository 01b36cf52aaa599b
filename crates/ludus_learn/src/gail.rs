//! GAIL: rewards for deciding as in demonstrations, from a network that tells both apart.

mod config;
mod discriminator;
mod pairs;
mod state;

use ludus_net::Normalizer;
use ludus_spec::{AgentSpec, Seed};
use rand::seq::SliceRandom;

use crate::cloning::DemonstratedSamples;
use crate::experience::minibatch_count;
use crate::gradient::check_loss;
use crate::ppo::SOURCES;
use crate::streams::source_seed;
use crate::{
    AlgorithmState, Discount, LearnError, Machine, Metric, MetricInfo, RewardSource, RewardStream, Rollout, Schedule,
    SourceUpdate,
};
use discriminator::{Discriminator, DiscriminatorLosses, PairBatch};
use pairs::{PairColumns, pair_spec};
use state::GailNumbers;

pub(crate) use config::GAIL;
pub use config::GailConfig;

/// The greatest absolute value of a normalised number.
const CLIP: f32 = 5.0;

/// The greatest absolute value of a reward, before it is scaled.
const GREATEST_REWARD: f32 = 10.0;

const LOSS: MetricInfo = MetricInfo { name: "losses/gail", title: "Loss of GAIL", unit: "nats" };
const ACCURACY: MetricInfo =
    MetricInfo { name: "losses/gail_accuracy", title: "Pairs that GAIL tells apart", unit: "part" };

/// The source of GAIL: rewards for pairs of observation and action that are like those of demonstrations. Details 49 and
/// 50.
///
/// ```text
/// r[t] = log D(s[t], a[t]) − log(1 − D(s[t], a[t]))
/// ```
///
/// D is the probability that a pair is of the demonstrations. Its logarithmic odds are above 0 for pairs of the
/// demonstrations and below 0 for others, unlike log D or −log(1 − D), which would make every step cost or pay.
///
/// # Sources
///
/// Ho and Ermon 2016, arXiv:1606.03476; Fu et al. 2018, arXiv:1710.11248, §6, for the reward; Kostrikov et al. 2019,
/// arXiv:1809.02925, §4, for the gradient penalty.
#[derive(Debug)]
pub struct Gail {
    learning_rate: Schedule,
    minibatch: usize,
    columns: PairColumns,
    normalizer: Normalizer,
    discriminator: Discriminator,
    /// The pairs of the demonstrations `[pairs, width]`.
    shown: Vec<f32>,
    /// The pairs of the last rollout's experience `[pairs, width]`.
    played: Vec<f32>,
    machine: Machine,
    /// The means of the last update.
    losses: DiscriminatorLosses,
    good: Option<GailNumbers>,
}

impl Gail {
    /// Makes the source for agents with this spec, from demonstrations of them. `seed` is that of the algorithm.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, and [`LearnError::Network`] if the network is too
    /// large.
    pub fn new(
        config: &GailConfig,
        spec: &AgentSpec,
        demonstrations: &DemonstratedSamples,
        machine: Machine,
        seed: Seed,
    ) -> Result<Self, LearnError> {
        let problems = config.problems();
        if !problems.is_empty() {
            return Err(LearnError::Config(problems));
        }
        let (columns, pairs) = (PairColumns::new(spec), pair_spec(spec));
        let (layout, seed) = (config.layout(&pairs)?, source_seed(seed.derive(SOURCES), GAIL));
        let mut shown = Vec::new();
        columns.gather(&demonstrations.rollout, &mut shown);
        let mut source = Self {
            learning_rate: config.learning_rate,
            minibatch: config.minibatch,
            normalizer: Normalizer::of_agent(&pairs, CLIP),
            discriminator: Discriminator::new(layout, config.gradient_penalty, seed, &machine),
            columns,
            shown: Vec::new(),
            played: Vec::new(),
            machine,
            losses: DiscriminatorLosses::default(),
            good: None,
        };
        source.observe(&shown);
        source.shown = shown;
        Ok(source)
    }

    /// Makes a stream of the source.
    pub fn stream(self, config: &GailConfig, lambda: f32) -> RewardStream {
        RewardStream {
            name: GAIL.to_owned(),
            discount: Discount { gamma: config.gamma, lambda },
            weight: config.weight,
            // What comes after an end is the next start: so it neither pays nor costs to end an episode as such.
            episodic: false,
            scaled: true,
            source: Box::new(self),
        }
    }

    /// Merges pairs into the statistics.
    fn observe(&mut self, pairs: &[f32]) {
        if self.normalizer.is_following() {
            let mut statistics = self.normalizer.empty_statistics();
            statistics.observe(pairs, |_| true);
            self.normalizer.merge(&statistics);
        }
    }

    /// Learns from `steps` minibatches of pairs, half of them shown and half of them played.
    fn learn_pairs(&mut self, steps: usize, rate: f32, seed: Seed) -> Result<(), LearnError> {
        let width = self.columns.width();
        let (shown, played) = (self.shown.len() / width, self.played.len() / width);
        let [mut shown, mut played] =
            [shuffled(shown, seed.derive(0)), shuffled(played, seed.derive(1))].map(|order| order.into_iter().cycle());
        let half = self.minibatch.div_ceil(2);
        let mut sum = DiscriminatorLosses::default();
        for step in 0..steps {
            let batch = PairBatch {
                shown: &shown.by_ref().take(half).collect::<Vec<_>>(),
                played: &played.by_ref().take(half).collect::<Vec<_>>(),
                shown_pairs: &self.shown,
                played_pairs: &self.played,
                normalizer: &self.normalizer,
                seed: seed.derive(2).derive(step as u64),
            };
            let losses = self.discriminator.compute(batch, &self.machine.pool);
            check_loss("loss of GAIL", losses.loss)?;
            self.discriminator.step(rate)?;
            sum = sum.plus_scaled(losses, 1.0 / steps as f32);
        }
        self.losses = sum;
        Ok(())
    }

    fn numbers(&self) -> GailNumbers {
        GailNumbers { discriminator: self.discriminator.numbers(), normalizer: self.normalizer.clone() }
    }

    fn set_numbers(&mut self, numbers: &GailNumbers) -> Result<(), LearnError> {
        numbers.normalizer.check_width(self.normalizer.width())?;
        self.discriminator.set_numbers(&numbers.discriminator)?;
        self.normalizer.go_on_from(&numbers.normalizer);
        Ok(())
    }
}

/// Returns the indices below `count` in an order that follows from the seed.
fn shuffled(count: usize, seed: Seed) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut seed.generator());
    order
}

impl RewardSource for Gail {
    fn reward(&mut self, rollout: &Rollout, rewards: &mut [f32]) -> Result<(), LearnError> {
        self.columns.gather(rollout, &mut self.played);
        let played = std::mem::take(&mut self.played);
        self.observe(&played);
        let mut odds = vec![0.0; played.len() / self.columns.width()];
        self.discriminator.log_odds(&played, &self.normalizer, &self.machine.pool, &mut odds);
        self.played = played;
        let outcomes = rollout.samples().outcomes;
        let is_pair = |sample: &usize| self.columns.is_pair(rollout, *sample);
        for (sample, odds) in (0..outcomes.len()).filter(is_pair).zip(odds) {
            rewards[sample] = odds.clamp(-GREATEST_REWARD, GREATEST_REWARD);
        }
        Ok(())
    }

    /// Detail 50.
    fn learn(&mut self, _: &Rollout, update: SourceUpdate) -> Result<(), LearnError> {
        let played = self.played.len() / self.columns.width();
        if played == 0 {
            return Ok(());
        }
        let steps = minibatch_count(2 * played, self.minibatch);
        self.learn_pairs(steps, self.learning_rate.at(update.progress), update.seed)?;
        self.discriminator.check()
    }

    fn metrics(&self) -> Vec<Metric> {
        vec![Metric { info: LOSS, value: self.losses.loss }, Metric { info: ACCURACY, value: self.losses.accuracy }]
    }

    fn mark(&mut self) {
        self.good = Some(self.numbers());
    }

    fn rewind(&mut self) {
        if let Some(good) = self.good.take() {
            self.set_numbers(&good).expect("what was marked is of this network");
            self.good = Some(good);
        }
    }

    fn save(&self) -> AlgorithmState {
        self.numbers().into()
    }

    fn restore(&mut self, state: &AlgorithmState) -> Result<(), LearnError> {
        self.set_numbers(&GailNumbers::read(state, CLIP)?)
    }
}
