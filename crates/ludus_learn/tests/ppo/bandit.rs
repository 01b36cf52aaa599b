//! A task of one step with a hybrid action.

use ludus_learn::{LaneShape, Ppo, PpoConfig, Schedule, SensedRows, Simulation, StepLanes};
use ludus_spec::{Head, Outcome, Seed};

use crate::{lanes, learner};

/// Observes -1 or 1. The best action is two numbers that depend on it, and the index of its sign.
struct Bandit {
    contexts: Vec<f32>,
    seed: Seed,
    is_over: bool,
    /// Mean reward of the last step with experience.
    mean_reward: f32,
}

impl Bandit {
    fn reward(context: f32, action: &[f32]) -> f32 {
        let errors = [action[0] - context, action[1] - 0.5];
        let is_right = (action[2] > 0.5) == (context > 0.0);
        f32::from(is_right) - errors.iter().map(|error| error * error).sum::<f32>()
    }
}

impl Simulation for Bandit {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.contexts.len(), observation_width: 1, action_width: 3, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.copy_from_slice(&self.contexts);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        let was_over = self.is_over;
        self.is_over = !was_over;
        if was_over {
            self.seed = self.seed.derive(0);
            let sign = |row: usize| if self.seed.derive(row as u64 + 1).uniform() < 0.5 { -1.0 } else { 1.0 };
            self.contexts = (0..self.contexts.len()).map(sign).collect();
            rows.outcomes.fill(Outcome::Restart);
        } else {
            let answers = self.contexts.iter().zip(rows.actions.chunks_exact(3));
            rows.rewards.iter_mut().zip(answers).for_each(|(reward, (&context, action))| {
                *reward = Self::reward(context, action);
            });
            rows.outcomes.fill(Outcome::Terminated);
            self.mean_reward = rows.rewards.iter().sum::<f32>() / rows.rewards.len() as f32;
        }
        self.observe(0, rows.next);
    }
}

/// The best reward is 1. An agent that ignores its observation gets 0.5 less for the sign and 1 less for the number,
/// so at most −0.5; one that never narrows its standard deviation of 1 loses 2, so gets at most −1.
#[test]
fn a_hybrid_policy_learns_what_to_answer() {
    let config = PpoConfig {
        rollout_steps: 8,
        epochs: 4,
        minibatch: 256,
        learning_rate: Schedule::Constant(0.01).into(),
        ..PpoConfig::default()
    };
    let heads = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 2 }];
    let mut worlds = [Bandit { contexts: vec![0.0; 256], seed: Seed::new(4), is_over: true, mean_reward: 0.0 }];
    let mut ppo = Ppo::new(config.clone(), learner(1, &heads, &config, 1), &lanes(&worlds), Seed::new(5)).unwrap();
    for _ in 0..60 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
    }
    assert!(worlds[0].mean_reward > 0.8, "{}", worlds[0].mean_reward);
}
