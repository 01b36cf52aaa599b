//! Choices of which not all are always allowed.

use ludus_learn::{LearnError, Ppo, PpoConfig, Schedule, Simulation, StepRows};
use ludus_spec::{Head, Outcome, Seed};

use crate::learner;

const DOORS: usize = 4;

/// Four doors, of which some are shut; the first that is open is the best.
struct Doors {
    /// Which are open, `[rows, doors]`; all are shut while a row restarts.
    open: Vec<bool>,
    rows: usize,
    seed: Seed,
    is_over: bool,
    /// Mean reward of the last step that was one, and what it was at most.
    mean_reward: [f32; 2],
}

impl Doors {
    fn new(rows: usize) -> Self {
        Self { open: vec![false; rows * DOORS], rows, seed: Seed::new(4), is_over: true, mean_reward: [0.0; 2] }
    }

    /// Opens one door of each row for certain, the others by chance.
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
    fn rows(&self) -> usize {
        self.rows
    }

    fn observe(&mut self, observations: &mut [f32]) {
        observations.fill(1.0);
    }

    fn step(&mut self, actions: &[f32], rows: StepRows<'_>) {
        if self.is_over {
            self.open_some();
            rows.outcomes.fill(Outcome::Restart);
        } else {
            let mut best = 0.0;
            for ((open, &action), reward) in self.open.chunks_exact(DOORS).zip(actions).zip(&mut *rows.rewards) {
                assert!(open[action as usize], "door {action} of {open:?} was shut");
                *reward = worth(action as usize);
                best += open.iter().position(|open| *open).map_or(0.0, worth);
            }
            self.mean_reward = [rows.rewards.iter().sum(), best].map(|sum| sum / self.rows as f32);
            self.open.fill(false);
            rows.outcomes.fill(Outcome::Terminated);
        }
        self.is_over = !self.is_over;
        self.observe(rows.observations);
    }

    fn mask_width(&self) -> usize {
        DOORS
    }

    fn mask(&mut self, masks: &mut [bool]) {
        masks.copy_from_slice(&self.open);
    }
}

fn ppo(config: &PpoConfig, rows: Vec<usize>) -> Ppo<ludus_learn::NativeLearner> {
    Ppo::new(config.clone(), learner(1, &[Head::Categorical { choices: DOORS }], config, 1), rows, Seed::new(5))
        .unwrap()
}

/// The simulation itself sees to it that no shut door is chosen.
#[test]
fn a_policy_learns_among_what_is_allowed() {
    let config = PpoConfig {
        rollout_steps: 8,
        minibatch: 256,
        learning_rate: Schedule::Constant(0.02),
        entropy: Schedule::Constant(0.001),
        ..PpoConfig::default()
    };
    let mut worlds = [Doors::new(200)];
    let mut ppo = ppo(&config, vec![200]);
    for _ in 0..40 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
    }
    let [reward, best] = worlds[0].mean_reward;
    assert!(reward > 0.97 * best, "{reward} of {best}");
}

/// Before the first gradient step the new policy is the old one, so every ratio is 1: if it is of the same mask.
#[test]
fn what_is_learned_has_the_mask_of_when_it_was_decided() {
    let config = PpoConfig { rollout_steps: 6, epochs: 1, minibatch: 10_000, ..PpoConfig::default() };
    let mut worlds = [Doors::new(50), Doors::new(30)];
    let mut ppo = ppo(&config, vec![50, 30]);
    let learned = ppo.iterate(&mut worlds, 0.0).unwrap();
    assert_eq!((learned.minibatches, learned.losses.clip_fraction), (1, 0.0));
    assert!(learned.losses.approx_kl.abs() < 1e-6, "{}", learned.losses.approx_kl);
    let samples = ppo.rollout().samples();
    let masks = samples.masks.chunks_exact(samples.mask_width()).zip(samples.outcomes).zip(samples.actions);
    let decided: Vec<_> = masks.filter(|((_, outcome), _)| outcome.is_experience()).collect();
    assert!(decided.iter().all(|((mask, _), action)| mask[**action as usize]));
    assert!(decided.iter().any(|((mask, _), _)| mask.contains(&false)));
}

/// A world of doors in which there are none to shut.
struct Open(Doors);

impl Simulation for Open {
    fn rows(&self) -> usize {
        self.0.rows
    }

    fn observe(&mut self, observations: &mut [f32]) {
        self.0.observe(observations);
    }

    fn step(&mut self, _: &[f32], rows: StepRows<'_>) {
        rows.outcomes.fill(Outcome::Running);
        self.observe(rows.observations);
    }
}

#[test]
fn masks_come_and_go_with_the_simulations() {
    let config = PpoConfig { rollout_steps: 4, ..PpoConfig::default() };
    let mut ppo = ppo(&config, vec![20]);
    for _ in 0..2 {
        ppo.iterate(&mut [Doors::new(20)], 0.0).unwrap();
        assert_eq!(ppo.rollout().samples().mask_width(), DOORS);
        ppo.iterate(&mut [Open(Doors::new(20))], 0.0).unwrap();
        assert_eq!(ppo.rollout().samples().masks, []);
    }
}

/// Doors with or without a mask.
enum Either {
    Masked(Doors),
    Not(Open),
}

impl Simulation for Either {
    fn rows(&self) -> usize {
        20
    }

    fn observe(&mut self, observations: &mut [f32]) {
        observations.fill(1.0);
    }

    fn step(&mut self, actions: &[f32], rows: StepRows<'_>) {
        match self {
            Self::Masked(doors) => doors.step(actions, rows),
            Self::Not(open) => open.step(actions, rows),
        }
    }

    fn mask_width(&self) -> usize {
        match self {
            Self::Masked(doors) => doors.mask_width(),
            Self::Not(open) => open.mask_width(),
        }
    }
}

#[test]
fn simulations_that_do_not_agree_on_masks_are_refused() {
    let config = PpoConfig { rollout_steps: 4, ..PpoConfig::default() };
    let mut worlds = [Either::Masked(Doors::new(20)), Either::Not(Open(Doors::new(20)))];
    let error = ppo(&config, vec![20, 20]).iterate(&mut worlds, 0.0).unwrap_err();
    assert_eq!(error, LearnError::Masks { simulation: 1, expected: DOORS, actual: 0 });
}
