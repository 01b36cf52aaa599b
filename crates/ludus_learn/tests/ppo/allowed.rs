//! Choices of which not all are always allowed.

use ludus_learn::{Algorithm, LaneShape, LearnError, Ppo, PpoConfig, Schedule, SensedRows, Simulation, StepLanes};
use ludus_spec::{Head, Outcome, Seed};

use crate::{lanes, learner};

const DOORS: usize = 4;

/// Four doors, some of which are shut; the first open one is the best choice.
struct Doors {
    /// True for each open door, `[rows, doors]`; all are shut while a row restarts.
    open: Vec<bool>,
    rows: usize,
    seed: Seed,
    is_over: bool,
    /// Mean reward of the last step with experience, and its upper bound.
    mean_reward: [f32; 2],
}

impl Doors {
    fn new(rows: usize) -> Self {
        Self { open: vec![false; rows * DOORS], rows, seed: Seed::new(4), is_over: true, mean_reward: [0.0; 2] }
    }

    /// Opens at least one door of each row, the others at random.
    fn open_some(&mut self) {
        self.seed = self.seed.derive(0);
        for (row, open) in self.open.chunks_exact_mut(DOORS).enumerate() {
            let draw = |column: u64| self.seed.derive(row as u64 + 1).derive(column).uniform();
            open.iter_mut().zip(0..).for_each(|(open, door)| *open = draw(door) < 0.4);
            open[(draw(DOORS as u64) * DOORS as f32) as usize] = true;
        }
    }
}

fn worth(door: usize) -> f32 {
    [1.0, 0.5, 0.25, 0.0][door]
}

impl Simulation for Doors {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.rows, observation_width: 1, action_width: 1, mask_width: DOORS, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.fill(1.0);
        now.masks.copy_from_slice(&self.open);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        if self.is_over {
            self.open_some();
            rows.outcomes.fill(Outcome::Restart);
        } else {
            let mut best = 0.0;
            for ((open, &action), reward) in self.open.chunks_exact(DOORS).zip(rows.actions).zip(&mut *rows.rewards) {
                assert!(open[action as usize], "door {action} of {open:?} was shut");
                *reward = worth(action as usize);
                best += open.iter().position(|open| *open).map_or(0.0, worth);
            }
            self.mean_reward = [rows.rewards.iter().sum(), best].map(|sum| sum / self.rows as f32);
            self.open.fill(false);
            rows.outcomes.fill(Outcome::Terminated);
        }
        self.is_over = !self.is_over;
        self.observe(0, rows.next);
    }
}

fn ppo(config: &PpoConfig, worlds: &[Doors]) -> Ppo<ludus_learn::NativeLearner> {
    Ppo::new(
        config.clone(),
        learner(1, &[Head::Categorical { choices: DOORS }], config, 1),
        &lanes(worlds),
        Seed::new(5),
    )
    .unwrap()
}

/// The simulation asserts that no shut door is chosen.
#[test]
fn a_policy_learns_among_what_is_allowed() {
    let config = PpoConfig {
        rollout_steps: 8,
        minibatch: 256,
        learning_rate: Schedule::Constant(0.02).into(),
        entropy: Schedule::Constant(0.001),
        ..PpoConfig::default()
    };
    let mut worlds = [Doors::new(200)];
    let mut ppo = ppo(&config, &worlds);
    for _ in 0..40 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
    }
    let [reward, best] = worlds[0].mean_reward;
    assert!(reward > 0.97 * best, "{reward} of {best}");
}

/// Before the first gradient step the new policy equals the old one, so every ratio is 1 if the masks are the same.
#[test]
fn what_is_learned_has_the_mask_of_when_it_was_decided() {
    let config = PpoConfig { rollout_steps: 6, epochs: 1, minibatch: 10_000, ..PpoConfig::default() };
    let mut worlds = [Doors::new(50), Doors::new(30)];
    let mut ppo = ppo(&config, &worlds);
    let learned = ppo.iterate(&mut worlds, 0.0).unwrap();
    assert_eq!((learned.minibatches, learned.losses.clip_fraction), (1, 0.0));
    assert!(learned.losses.approx_kl.abs() < 1e-6, "{}", learned.losses.approx_kl);
    let samples = ppo.rollout().samples();
    let masks = samples.masks.chunks_exact(samples.mask_width()).zip(samples.outcomes).zip(samples.actions);
    let decided: Vec<_> = masks.filter(|((_, outcome), _)| outcome.is_experience()).collect();
    assert!(decided.iter().all(|((mask, _), action)| mask[**action as usize]));
    assert!(decided.iter().any(|((mask, _), _)| mask.contains(&false)));
}

/// Doors with or without masks.
struct Either(Doors, bool);

impl Simulation for Either {
    fn lane(&self, lane: usize) -> LaneShape {
        let shape = self.0.lane(lane);
        if self.1 { shape } else { LaneShape { mask_width: 0, ..shape } }
    }

    fn observe(&mut self, _: usize, _: SensedRows<'_>) {}

    fn step(&mut self, _: StepLanes<'_, '_>) {}
}

#[test]
fn simulations_that_do_not_agree_on_masks_are_refused() {
    let config = PpoConfig { rollout_steps: 4, ..PpoConfig::default() };
    let either = |has_doors: bool| Either(Doors::new(20), has_doors);
    let refused = |expected: LaneShape, actual: LaneShape| LearnError::Lanes {
        simulation: 1,
        expected: expected.into(),
        actual: actual.into(),
    };
    let (with, without) = (either(true).lane(0), either(false).lane(0));
    let learner = || learner(1, &[Head::Categorical { choices: DOORS }], &config, 1);
    let error = Ppo::new(config.clone(), learner(), &[with, without], Seed::new(5)).map(drop).unwrap_err();
    assert_eq!(error, refused(with, without));
    assert!(error.to_string().contains("masks of 0 choices"), "{error}");
    let mut ppo = Ppo::new(config.clone(), learner(), &[with, with], Seed::new(5)).unwrap();
    let error = ppo.iterate(&mut [either(true), either(false)], 0.0).unwrap_err();
    assert_eq!(error, refused(with, without));
}
