//! Curiosity: random network distillation.

mod columns;
mod config;
mod distillation;
mod state;

use std::collections::BTreeMap;

use ludus_net::{Encoder, Normalizer};
use ludus_spec::{AgentSpec, Seed};
use rand::seq::SliceRandom;

use crate::experience::minibatch_count;
use crate::gradient::check_loss;
use crate::{AlgorithmState, LearnError, Machine, Metric, MetricInfo, RewardSource, Rollout, Schedule, SourceUpdate};
use columns::{ObservedColumns, chosen_spec};
use distillation::{Distillation, ObservedSamples};
use state::CuriosityNumbers;

pub use config::CuriosityConfig;

/// The greatest absolute value of a normalised observation. Burda et al. 2019, arXiv:1810.12894, §2.4.
const CLIP: f32 = 5.0;

/// Indices of the seed's children, one for each network.
const TARGET: u64 = 0;
const PREDICTOR: u64 = 1;

const LOSS: MetricInfo = MetricInfo { name: "losses/curiosity", title: "Loss of curiosity", unit: "" };

/// The source of curiosity: rewards for observations that are unlike those seen before. Details 43 to 45.
///
/// ```text
/// r[t] = mean over outputs of (predictor(s[t+1]) − target(s[t+1]))²
/// ```
///
/// The target is a random network that never learns. The predictor learns its outputs from what the agents observe, so
/// its error is small where they have often been.
///
/// # Source
///
/// Burda et al. 2019, "Exploration by random network distillation", arXiv:1810.12894, §2.
#[derive(Debug)]
pub struct Curiosity {
    learning_rate: Schedule,
    share: f32,
    columns: ObservedColumns,
    normalizer: Normalizer,
    networks: Distillation,
    /// The samples that may be learned from.
    samples: Vec<u32>,
    machine: Machine,
    /// The mean loss of the last update.
    loss: f32,
    good: Option<CuriosityNumbers>,
}

impl Curiosity {
    /// Makes the curiosity of agents with this spec about the fields of their observations that the settings name.
    ///
    /// `encoders` are those of the policy: grids and sets among the fields are read through encoders of the same kind.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range or names no field, and [`LearnError::Network`] if
    /// the networks are too large.
    pub fn new(
        config: &CuriosityConfig,
        spec: &AgentSpec,
        encoders: &BTreeMap<String, Encoder>,
        machine: Machine,
        seed: Seed,
    ) -> Result<Self, LearnError> {
        let problems = [config.problems(), config.problems_for(spec)].concat();
        if !problems.is_empty() {
            return Err(LearnError::Config(problems));
        }
        let chosen = chosen_spec(spec, &config.fields);
        let layout = config.layout(&chosen, encoders)?;
        Ok(Self {
            learning_rate: config.learning_rate,
            share: config.samples,
            columns: ObservedColumns::new(spec, &config.fields),
            normalizer: Normalizer::of_agent(&chosen, CLIP),
            networks: Distillation::new(&layout, [TARGET, PREDICTOR].map(|child| seed.derive(child)), &machine),
            samples: Vec::new(),
            machine,
            loss: 0.0,
            good: None,
        })
    }

    /// Merges what was observed after the rollout's experience into the statistics, slab by slab.
    fn observe(&mut self, rollout: &Rollout) {
        if !self.normalizer.is_following() {
            return;
        }
        let outcomes = rollout.samples().outcomes;
        let mut statistics = self.normalizer.empty_statistics();
        for (place, &rows) in rollout.slab_places().zip(&rollout.shape().rows) {
            statistics.clear();
            let seen = self.columns.rows(place.start + rows..place.end);
            statistics.observe(seen, |row| {
                outcomes[place.start + row].is_experience() && self.columns.is_finite(place.start + rows + row)
            });
            self.normalizer.merge(&statistics);
        }
    }

    /// Lists the samples whose observations follow experience, in order.
    fn list_samples(&mut self, rollout: &Rollout) {
        let (outcomes, columns) = (rollout.samples().outcomes, &self.columns);
        self.samples.clear();
        for (place, &rows) in rollout.slab_places().zip(&rollout.shape().rows) {
            let seen = (place.start + rows..place.end).filter(|&sample| outcomes[sample - rows].is_experience());
            self.samples.extend(seen.filter(|&sample| columns.is_finite(sample)).map(|sample| sample as u32));
        }
    }

    /// Learns from a share of the samples once. Adds to the sum of the losses and to the count of gradient steps.
    fn learn_epoch(&mut self, learned: usize, minibatches: usize, rate: f32) -> Result<f32, LearnError> {
        let Self { columns, normalizer, networks, samples, machine, .. } = self;
        let mut sum = 0.0;
        for part in 0..minibatches {
            let part = part * learned / minibatches..(part + 1) * learned / minibatches;
            let observed = ObservedSamples { columns, normalizer, samples: &samples[part] };
            let loss = networks.compute(observed, &machine.pool);
            check_loss("loss of curiosity", loss)?;
            networks.step(rate)?;
            sum += loss;
        }
        Ok(sum / minibatches as f32)
    }

    fn numbers(&self) -> CuriosityNumbers {
        CuriosityNumbers { networks: self.networks.numbers(), normalizer: self.normalizer.clone() }
    }

    fn set_numbers(&mut self, numbers: &CuriosityNumbers) -> Result<(), LearnError> {
        numbers.normalizer.check_width(self.normalizer.width())?;
        self.networks.set_numbers(&numbers.networks)?;
        self.normalizer.go_on_from(&numbers.normalizer);
        Ok(())
    }
}

impl RewardSource for Curiosity {
    /// Details 43 and 44.
    fn reward(&mut self, rollout: &Rollout, rewards: &mut [f32]) -> Result<(), LearnError> {
        self.columns.gather(rollout);
        self.observe(rollout);
        let outcomes = rollout.samples().outcomes;
        for (place, &rows) in rollout.slab_places().zip(&rollout.shape().rows) {
            let steps = place.start..place.end - rows;
            let seen = self.columns.rows(place.start + rows..place.end);
            let rewards = &mut rewards[steps.clone()];
            self.networks.errors(seen, &self.normalizer, &self.machine.pool, rewards);
            for (sample, reward) in steps.zip(rewards) {
                let counts = outcomes[sample].is_experience() || outcomes[sample].is_waiting();
                // The observation after a terminated step may be anything.
                if !counts || !self.columns.is_finite(sample + rows) {
                    *reward = 0.0;
                }
            }
        }
        Ok(())
    }

    /// Detail 45.
    fn learn(&mut self, rollout: &Rollout, update: SourceUpdate) -> Result<(), LearnError> {
        self.list_samples(rollout);
        let all = self.samples.len();
        let learned = ((self.share * all as f32).ceil() as usize).min(all);
        let (minibatches, rate) =
            (minibatch_count(all, update.minibatch).min(learned), self.learning_rate.at(update.progress));
        if learned == 0 {
            return Ok(());
        }
        self.loss = 0.0;
        for epoch in 0..update.epochs {
            self.samples.shuffle(&mut update.seed.derive(epoch as u64).generator());
            self.loss += self.learn_epoch(learned, minibatches, rate)? / update.epochs as f32;
        }
        self.networks.check()
    }

    fn metrics(&self) -> Vec<Metric> {
        vec![Metric { info: LOSS, value: self.loss }]
    }

    fn mark(&mut self) {
        self.good = Some(self.numbers());
    }

    fn rewind(&mut self) {
        if let Some(good) = self.good.take() {
            self.set_numbers(&good).expect("what was marked is of these networks");
            self.good = Some(good);
        }
    }

    fn save(&self) -> AlgorithmState {
        self.numbers().into()
    }

    fn restore(&mut self, state: &AlgorithmState) -> Result<(), LearnError> {
        self.set_numbers(&CuriosityNumbers::read(state, CLIP)?)
    }
}
