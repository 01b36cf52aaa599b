//! A task of one step whose answer depends on a set of varying size.

use std::sync::Arc;

use ludus_learn::{LaneShape, Machine, NativeLearner, Ppo, PpoConfig, Schedule, SensedRows, Simulation, StepLanes};
use ludus_net::{Encoder, InputBlock, Layout, Network, NetworkConfig, Normalizer, SetBlock};
use ludus_spec::{Head, Outcome, Seed, stopped_clock};

use crate::lanes;

/// Up to 6 elements of two parts: a distance, and the answer if no other element is nearer.
const SET: SetBlock = SetBlock { first: 0, capacity: 6, parts: 2 };
const WIDTH: usize = 13;

/// Observes 1 to 6 elements in random order. The right choice is the answer of the nearest.
struct Nearest {
    observations: Vec<f32>,
    answers: Vec<bool>,
    seed: Seed,
    is_over: bool,
    /// The share of right choices in the last step with experience.
    right: f32,
}

impl Nearest {
    fn new(rows: usize) -> Self {
        let mut world = Self {
            observations: vec![0.0; rows * WIDTH],
            answers: vec![false; rows],
            seed: Seed::new(4),
            is_over: true,
            right: 0.0,
        };
        world.draw();
        world
    }

    fn draw(&mut self) {
        self.seed = self.seed.derive(0);
        for (row, (seen, answer)) in self.observations.chunks_exact_mut(WIDTH).zip(&mut self.answers).enumerate() {
            let seed = self.seed.derive(row as u64 + 1);
            let count = 1 + (seed.uniform() * 6.0) as usize;
            seen.fill(0.0);
            seen[SET.count_column()] = count as f32;
            let mut nearest = f32::INFINITY;
            for element in 0..count {
                let seed = seed.derive(element as u64);
                let (distance, is_left) = (10.0 + 5.0 * seed.derive(0).uniform(), seed.derive(1).uniform() < 0.5);
                seen[SET.element_columns(element)].copy_from_slice(&[distance, if is_left { -1.0 } else { 1.0 }]);
                if distance < nearest {
                    (nearest, *answer) = (distance, !is_left);
                }
            }
        }
    }
}

impl Simulation for Nearest {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.answers.len(), observation_width: WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.copy_from_slice(&self.observations);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        let was_over = self.is_over;
        self.is_over = !was_over;
        if was_over {
            self.draw();
            rows.outcomes.fill(Outcome::Restart);
        } else {
            let choices = rows.actions.iter().zip(&self.answers);
            rows.rewards.iter_mut().zip(choices).for_each(|(reward, (&action, &answer))| {
                *reward = f32::from((action > 0.5) == answer);
            });
            rows.outcomes.fill(Outcome::Terminated);
            self.right = rows.rewards.iter().sum::<f32>() / rows.rewards.len() as f32;
        }
        self.observe(0, rows.next);
    }
}

/// A policy that goes by the majority of the elements is right in about 3 of 4 cases, one that can't read them in half.
#[test]
fn what_a_set_s_nearest_element_says_is_learned_by_a_pool() {
    let config = PpoConfig {
        rollout_steps: 8,
        epochs: 4,
        minibatch: 256,
        learning_rate: Schedule::Constant(0.005).into(),
        ..PpoConfig::default()
    };
    let encoders = [("seen".to_owned(), Encoder::Pool(16))].into_iter().collect();
    let shape = NetworkConfig { encoders, hidden: vec![32], ..NetworkConfig::default() };
    let heads = [Head::Categorical { choices: 2 }];
    let layout = Layout::with_blocks(WIDTH, &[InputBlock::set("seen", SET)], &heads, &shape).unwrap();
    let normalizer = Normalizer::new(WIDTH, 10.0).with_sets(vec![SET]);
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let machine = Machine { pool, clock: stopped_clock };
    let learner = NativeLearner::new(Network::new(layout, Seed::new(11)), Some(normalizer), machine).unwrap();
    let mut worlds = [Nearest::new(256)];
    let mut ppo = Ppo::new(config, learner, &lanes(&worlds), Seed::new(5)).unwrap();
    let mut last = Vec::new();
    for iteration in 0..150 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
        if iteration >= 140 {
            last.push(worlds[0].right);
        }
    }
    let right = last.iter().sum::<f32>() / last.len() as f32;
    assert!(right > 0.9, "{right}");
}
