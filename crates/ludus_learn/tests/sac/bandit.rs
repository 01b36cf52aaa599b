//! A task of one step whose action has numbers and a choice.

use ludus_learn::{LaneShape, Sac, SacConfig, Schedule, SensedRows, Simulation, StepLanes, Temperature};
use ludus_spec::{Head, Outcome, Seed};

use crate::{lanes, learn, machine, network};

/// Observes -1 or 1. The best action is two numbers that depend on it and on the choice, and the index of its sign.
struct Bandit {
    contexts: Vec<f32>,
    seed: Seed,
    is_over: bool,
    /// Mean reward of the last step with experience.
    mean_reward: f32,
}

impl Bandit {
    fn reward(context: f32, action: &[f32]) -> f32 {
        let errors = [action[0] - 0.6 * context, action[2] - 0.5];
        let is_right = (action[1] > 0.5) == (context > 0.0);
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
                assert!((-1.0..=1.0).contains(&action[0]) && (-1.0..=1.0).contains(&action[2]));
                *reward = Self::reward(context, action);
            });
            rows.outcomes.fill(Outcome::Terminated);
            self.mean_reward = rows.rewards.iter().sum::<f32>() / rows.rewards.len() as f32;
        }
        self.observe(0, rows.next);
    }
}

/// The best reward is 1. An agent that ignores its observation gets 0.5 less for the sign and 0.36 less for the number.
#[test]
fn an_action_of_numbers_and_a_choice_is_learned() {
    let config = SacConfig {
        rollout_steps: 2,
        learning_starts: 256,
        minibatch: 64,
        replay_ratio: 0.1,
        learning_rate: Schedule::Constant(3e-3),
        target_entropy: -2.0,
        choice_temperature: Temperature::Tuned(0.2),
        choice_target_entropy: 0.1,
        normalize_observations: false,
        ..SacConfig::default()
    };
    let heads = [Head::Gaussian { width: 1 }, Head::Categorical { choices: 2 }, Head::Gaussian { width: 1 }];
    let mut worlds = [Bandit { contexts: vec![0.0; 64], seed: Seed::new(4), is_over: true, mean_reward: 0.0 }];
    let mut sac = Sac::new(config, network(1, &heads), None, machine(1), &lanes(&worlds), Seed::new(5)).unwrap();
    let reports = learn(&mut sac, &mut worlds, 1, 500);
    assert!(worlds[0].mean_reward > 0.8, "{} {:?}", worlds[0].mean_reward, reports);
}
