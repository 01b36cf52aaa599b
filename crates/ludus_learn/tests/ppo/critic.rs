//! A task of one step whose reward is mostly luck: a critic that knows the luck sees what an action is worth.

use std::sync::Arc;

use ludus_learn::{
    LaneShape, Learner, LearnerState, Machine, NativeLearner, Ppo, PpoConfig, Schedule, SensedRows, Simulation,
    StepLanes,
};
use ludus_net::{InputBlock, Layout, Network, NetworkConfig, Normalizer, Scratch, ValuesBlock, stage};
use ludus_spec::{Head, Outcome, Seed, stopped_clock};

use crate::lanes;

/// Signs, each of which stands for a choice.
const SIGNS: usize = 8;
const CHOICES: usize = 4;
/// A column for each sign, 1 for the one that is seen, and the luck of the step.
const WIDTH: usize = SIGNS + 1;
/// The reward of the luck. That of the right choice is 1.
const LUCK: f32 = 20.0;

/// Observes a sign, and by luck gets a large reward or a large punishment beside that for its choice.
struct Lottery {
    observations: Vec<f32>,
    seed: Seed,
    is_over: bool,
    /// False if the column of the luck is 0 always.
    shows_luck: bool,
    /// The share of right choices in the last step with experience.
    right: f32,
}

impl Lottery {
    fn new(rows: usize, shows_luck: bool) -> Self {
        let observations = vec![0.0; rows * WIDTH];
        let mut world = Self { observations, seed: Seed::new(4), is_over: true, shows_luck, right: 0.0 };
        world.draw();
        world
    }

    fn draw(&mut self) {
        self.seed = self.seed.derive(0);
        for (row, seen) in self.observations.chunks_exact_mut(WIDTH).enumerate() {
            let seed = self.seed.derive(row as u64 + 1);
            seen.fill(0.0);
            seen[(seed.derive(0).uniform() * SIGNS as f32) as usize] = 1.0;
            seen[SIGNS] = if seed.derive(1).uniform() < 0.5 { -1.0 } else { 1.0 };
        }
    }
}

impl Simulation for Lottery {
    fn lane(&self, _: usize) -> LaneShape {
        let rows = self.observations.len() / WIDTH;
        LaneShape { rows, observation_width: WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.copy_from_slice(&self.observations);
        if !self.shows_luck {
            now.observations.chunks_exact_mut(WIDTH).for_each(|row| row[SIGNS] = 0.0);
        }
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        let was_over = self.is_over;
        self.is_over = !was_over;
        if was_over {
            self.draw();
            rows.outcomes.fill(Outcome::Restart);
        } else {
            let mut right = 0;
            for (row, seen) in self.observations.chunks_exact(WIDTH).enumerate() {
                let is_right = seen[..SIGNS]
                    .iter()
                    .zip(0..)
                    .any(|(&seen, sign)| seen == 1.0 && rows.actions[row] as usize == sign % CHOICES);
                right += usize::from(is_right);
                rows.rewards[row] = f32::from(is_right) + LUCK * seen[SIGNS];
            }
            rows.outcomes.fill(Outcome::Terminated);
            self.right = right as f32 / rows.rewards.len() as f32;
        }
        self.observe(0, rows.next);
    }
}

/// Trains, and returns the share of right choices at the end, and the values with bad and with good luck.
fn trained(shows_luck: bool) -> (f32, [f32; 2]) {
    let config = PpoConfig {
        rollout_steps: 8,
        epochs: 4,
        minibatch: 128,
        learning_rate: Schedule::Constant(0.003).into(),
        ..PpoConfig::default()
    };
    let blocks = [
        InputBlock::values("sign", ValuesBlock { first: 0, width: SIGNS }),
        InputBlock::values("luck", ValuesBlock { first: SIGNS, width: 1 }).for_critic(),
    ];
    let shape = NetworkConfig { hidden: vec![32], ..NetworkConfig::default() };
    let layout = Layout::with_blocks(WIDTH, &blocks, &[Head::Categorical { choices: CHOICES }], &shape).unwrap();
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let machine = Machine { pool, clock: stopped_clock };
    let network = Network::new(layout, Seed::new(11));
    let learner = NativeLearner::new(network.clone(), Some(Normalizer::new(WIDTH, 10.0)), machine).unwrap();
    let mut worlds = [Lottery::new(64, shows_luck)];
    let mut ppo = Ppo::new(config, learner, &lanes(&worlds), Seed::new(5)).unwrap();
    let mut last = Vec::new();
    for iteration in 0..100 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
        if iteration >= 90 {
            last.push(worlds[0].right);
        }
    }
    let LearnerState { parameters, normalizer, .. } = ppo.learner().state();
    let mut network = network;
    network.set_parameters(&parameters).unwrap();
    let mut inputs = [0.0; 2 * WIDTH];
    let seen = |luck| [&[1.0], &[0.0; SIGNS - 1][..], &[luck]].concat();
    stage(normalizer.as_ref(), &[seen(-1.0), seen(1.0)].concat(), &mut inputs);
    let mut values = [0.0; 2];
    network.forward_values(&inputs, &mut Scratch::new(network.layout()), &mut values);
    (last.iter().sum::<f32>() / last.len() as f32, values)
}

#[test]
fn a_critic_that_knows_more_lets_the_policy_learn() {
    let (right, values) = trained(true);
    let (right_blind, values_blind) = trained(false);
    let found = format!("{right} of the choices, values {values:?}; blind {right_blind}, {values_blind:?}");
    assert!(right > 0.97, "{found}");
    for (value, luck) in values.into_iter().zip([-LUCK, LUCK]) {
        assert!((value - (1.0 + luck)).abs() < 1.0, "{found}");
    }
    assert!(right_blind < 0.7, "{found}");
    assert!(values_blind.iter().all(|value| value.abs() < LUCK / 2.0), "{found}");
}
