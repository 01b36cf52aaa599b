//! What an update recomputes for a policy with memory.

use std::sync::Arc;

use ludus_net::{Encoder, InputBlock, Layout, Memory, Network, NetworkConfig, Normalizer, ValuesBlock};
use ludus_spec::{Head, Outcome, Seed, stopped_clock};
use rayon::ThreadPoolBuilder;

use super::*;
use crate::{
    CollectedLane, Collector, Experience, LaneShape, Learner, Machine, NativeLearner, Rollout, RolloutShape,
    SensedRows, Simulation, StepLanes,
};

const HEADS: [Head; 2] = [Head::Categorical { choices: 3 }, Head::Gaussian { width: 2 }];
const STEPS: usize = 23;
const SETTINGS: UpdateSettings = UpdateSettings {
    learning_rate: 1e-3,
    clip: 0.2,
    value_clip: None,
    entropy: 0.01,
    value_coefficient: 0.5,
    max_grad_norm: 0.5,
    normalize_advantages: true,
};

/// Agents that come, go, wait and begin episodes at any step, with random masks and observations, some of them not
/// finite.
struct Random {
    rows: usize,
    seed: Seed,
    step: u64,
}

impl Random {
    fn uniform(&self, row: usize, what: u64) -> f32 {
        self.seed.derive(self.step).derive(row as u64).derive(what).uniform()
    }

    fn sense(&self, next: SensedRows<'_>) {
        for row in 0..self.rows {
            for (column, number) in next.observations[4 * row..4 * row + 4].iter_mut().enumerate() {
                *number = 4.0 * self.uniform(row, column as u64) - 2.0;
            }
            if self.uniform(row, 9) < 0.05 {
                next.observations[4 * row] = f32::NAN;
            }
            let always = (3.0 * self.uniform(row, 10)) as usize;
            for (choice, is_allowed) in next.masks[3 * row..3 * row + 3].iter_mut().enumerate() {
                *is_allowed = choice == always || self.uniform(row, 11 + choice as u64) < 0.5;
            }
        }
    }
}

impl Simulation for Random {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.rows, observation_width: 4, action_width: 3, mask_width: 3, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.sense(now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        self.step += 1;
        for row in 0..self.rows {
            rows.rewards[row] = self.uniform(row, 20);
            rows.outcomes[row] = match self.uniform(row, 21) {
                0.0..0.15 => Outcome::Restart,
                0.15..0.2 => Outcome::Terminated,
                0.2..0.25 => Outcome::Truncated,
                0.25..0.35 => Outcome::Waiting,
                0.35..0.4 => Outcome::WaitingTruncated,
                0.4..0.5 => Outcome::Vacant,
                0.5..0.55 => Outcome::Faulty,
                _ => Outcome::Running,
            };
        }
        self.sense(rows.next);
    }
}

fn worlds() -> Vec<Random> {
    [3, 8].map(|rows| Random { rows, seed: Seed::new(rows as u64), step: 0 }).into()
}

/// Networks that remember: with a recurrent layer, with the last steps of a field, with the last action, and with all.
fn configs() -> Vec<NetworkConfig> {
    let plain = NetworkConfig { hidden: vec![20], ..NetworkConfig::default() };
    let remembering = MEMORIES.map(|memory| NetworkConfig { memory: Some(memory), ..plain.clone() });
    let stacking = NetworkConfig { encoders: [("tilt".to_owned(), Encoder::Stack(4))].into(), ..plain.clone() };
    let both = NetworkConfig { memory: Some(MEMORIES[1]), layer_norm: true, ..stacking.clone() };
    let acting = NetworkConfig { observe_last_action: true, ..plain.clone() };
    let all = NetworkConfig { observe_last_action: true, ..both.clone() };
    let apart = [&remembering[..], &[stacking, both, acting, all]].concat();
    let shared = apart.iter().map(|config| NetworkConfig { shared: true, ..config.clone() });
    apart.iter().cloned().chain(shared).collect()
}

fn learner(config: &NetworkConfig, normalizer: Option<Normalizer>, threads: usize) -> NativeLearner {
    let blocks = [InputBlock::values("tilt", ValuesBlock { first: 0, width: 2 })];
    let layout = Layout::with_blocks(4, &blocks, &HEADS, config).unwrap();
    let mut network = Network::new(layout, Seed::new(1));
    let scatter = |(index, p): (usize, &mut f32)| *p += 0.5 * (Seed::new(2).derive(index as u64).uniform() - 0.5);
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(scatter));
    let pool = Arc::new(ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    NativeLearner::new(network, normalizer, Machine { pool, clock: stopped_clock }).unwrap()
}

fn collect(learner: &mut NativeLearner, worlds: &mut [Random], rollout: &mut Rollout) {
    rollout.restart();
    let collector = Collector::new(learner.machine().clone());
    let lane = CollectedLane { decider: learner.decider(), others: &[], rollout, seed: Seed::new(5) };
    collector.collect(worlds, &mut [lane], STEPS).unwrap();
    rollout.mask_faults();
    rollout.estimate_advantages(&[crate::Discount { gamma: 0.9, lambda: 0.9 }.into()]);
}

fn rollout(learner: &NativeLearner, worlds: &[Random]) -> Rollout {
    let lanes: Vec<LaneShape> = worlds.iter().map(|world| world.lane(0)).collect();
    let shape = RolloutShape::of_lane(STEPS, &lanes).unwrap();
    let (has_inputs, memory_width) = (learner.keeps_inputs(), learner.memory_width());
    Rollout::new(RolloutShape { has_inputs, memory_width, ..shape })
}

const MEMORIES: [Memory; 2] = [Memory::MinGru(18), Memory::Gru(18)];

/// Before the first gradient step of an update, for each of two rollouts: the second begins within episodes.
#[test]
fn an_update_recomputes_the_bits_of_its_rollout() {
    let normalizers = [None, Some(Normalizer::new(4, 10.0))];
    for (config, normalizer) in configs().iter().flat_map(|config| normalizers.clone().map(|one| (config, one))) {
        let (mut worlds, mut learner) = (worlds(), learner(config, normalizer, 1));
        let mut rollout = rollout(&learner, &worlds);
        let mut experience = Experience::of_rows(rollout.shape());
        for round in 0..2 {
            collect(&mut learner, &mut worlds, &mut rollout);
            experience.select(rollout.samples().outcomes);
            experience.shuffle(Seed::new(round));
            let mut compared = 0;
            for minibatch in experience.minibatches(2) {
                let context = LossContext {
                    network: learner.network(),
                    rollout: rollout.samples(),
                    steps: STEPS,
                    minibatch,
                    objective: Objective::Ppo { advantages: Standardization::NONE, settings: &SETTINGS },
                };
                let gradient = vec![0.0; learner.network().parameters().len()];
                let mut shard =
                    Shard { gradient, losses: Losses::default(), units: 0..minibatch.rows.len(), errors: Vec::new() };
                let mut worker = GradientWorker::new(Scratch::new(learner.network().layout()));
                worker.compute_gradient(context, &mut shard);
                for (&sample, log_prob) in worker.sequences.samples.iter().zip(&worker.block.log_probs) {
                    if context.is_experience(sample) {
                        let collected = rollout.samples().log_probs[sample as usize];
                        assert_eq!(log_prob.to_bits(), collected.to_bits(), "{config:?}, sample {sample}");
                        compared += 1;
                    }
                }
                assert_eq!((shard.losses.old_approx_kl, shard.losses.clip_fraction), (0.0, 0.0));
            }
            assert_eq!(compared, experience.samples().len());
            learner.update_normalizer(&rollout).unwrap();
        }
    }
}

/// Rows are cut into shards by their number alone.
#[test]
fn rows_with_memory_learn_the_same_with_any_number_of_threads() {
    let learned = |config, threads| {
        let (mut worlds, mut learner) = (worlds(), learner(config, Some(Normalizer::new(4, 10.0)), threads));
        let mut rollout = rollout(&learner, &worlds);
        let mut experience = Experience::of_rows(rollout.shape());
        for round in 0..3 {
            collect(&mut learner, &mut worlds, &mut rollout);
            experience.select(rollout.samples().outcomes);
            experience.shuffle(Seed::new(round));
            learner.begin_update(&rollout);
            for minibatch in experience.minibatches(1) {
                learner.learn_minibatch(&rollout, minibatch, &SETTINGS).unwrap();
            }
            let losses = learner.take_losses().unwrap();
            assert_eq!(losses.old_approx_kl, 0.0);
            learner.update_normalizer(&rollout).unwrap();
        }
        learner.network().parameters().iter().map(|parameter| parameter.to_bits()).collect::<Vec<u32>>()
    };
    for config in &configs() {
        let once = learned(config, 1);
        assert_eq!(once, learned(config, 2), "{config:?}");
        assert_eq!(once, learned(config, 5), "{config:?}");
    }
}
