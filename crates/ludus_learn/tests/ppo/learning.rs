//! A cart-pole and a pendulum are learned.

use ludus_learn::{Learner, LearningRate, NativeLearner, Ppo, PpoConfig, Schedule};
use ludus_net::{Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed};

use crate::pendulum::{self, Pendulums};
use crate::{cart_pole_ppo, cart_poles, lanes, learner};

/// Random actions last 22 steps on average, a constant action 9.
#[test]
fn a_pole_is_balanced() {
    let config = PpoConfig {
        rollout_steps: 32,
        epochs: 4,
        minibatch: 256,
        learning_rate: Schedule::Constant(0.005).into(),
        gamma: 0.98,
        gae_lambda: 0.9,
        normalize_observations: false,
        ..PpoConfig::default()
    };
    let mut worlds = cart_poles(&[32]);
    let mut ppo = cart_pole_ppo(&config, &worlds, 1);
    for _ in 0..60 {
        ppo.iterate(&mut worlds, 0.0).unwrap();
    }
    let lengths = &worlds[0].finished;
    let last = &lengths[lengths.len() - 40..];
    let mean = last.iter().sum::<u32>() as f32 / last.len() as f32;
    assert!(mean > 250.0, "{mean}");
}

/// At a rate of 1e-5 the policy hardly changes, at 1e-2 it changes much.
#[test]
fn an_adaptive_rate_finds_its_way_from_either_end() {
    let rates = |kl: f32, from: f32| {
        let learning_rate = LearningRate::Adaptive { kl, from };
        let config = PpoConfig { rollout_steps: 32, learning_rate, ..crate::small() };
        let mut worlds = cart_poles(&[32]);
        let mut ppo = cart_pole_ppo(&config, &worlds, 1);
        (0..30).map(|_| ppo.iterate(&mut worlds, 0.0).unwrap().learning_rate).collect::<Vec<f32>>()
    };
    let (rising, falling) = (rates(5e-3, 1e-5), rates(1e-5, 1e-2));
    assert_eq!([rising[0], falling[0]], [1e-5, 1e-2]);
    assert!(rising[29] > 1e-3 && falling[29] < 2e-3, "{rising:?}, {falling:?}");
}

#[test]
fn the_critic_comes_to_explain_the_returns() {
    let config = PpoConfig { rollout_steps: 32, minibatch: 256, ..crate::small() };
    let mut worlds = cart_poles(&[32]);
    let mut ppo = cart_pole_ppo(&config, &worlds, 1);
    let explained: Vec<f32> = (0..15).map(|_| ppo.iterate(&mut worlds, 0.0).unwrap().explained_variance).collect();
    assert!(explained[0].abs() < 0.2 && explained[14] > 0.5, "{explained:?}");
}

/// Random torques return about -1,200. A policy that learns from unscaled rewards within these steps returns as little,
/// since the discounted returns are about 600. A pendulum that is swung up and held returns about -150.
#[test]
fn rewards_of_any_size_are_learned_from_once_they_are_scaled() {
    swing_up(PpoConfig { scale_rewards: true, ..PpoConfig::default() });
}

#[test]
fn rewards_of_any_size_are_learned_from_if_the_critics_targets_are_normalized() {
    swing_up(PpoConfig { normalize_values: true, ..PpoConfig::default() });
}

fn swing_up(config: PpoConfig) {
    const ITERATIONS: usize = 150;
    let learning_rate = Schedule::Linear { from: 1e-3, to: 0.0 }.into();
    let config = PpoConfig { minibatch: 512, learning_rate, ..config };
    // A single layer does not learn to swing up.
    let shape = NetworkConfig { hidden: vec![64, 64], ..NetworkConfig::default() };
    let heads = [Head::Gaussian { width: 1 }];
    let network = Network::new(Layout::new(pendulum::WIDTH, &heads, &shape).unwrap(), Seed::new(11));
    let machine = learner(pendulum::WIDTH, &heads, &config, 1).machine().clone();
    let learner = NativeLearner::new(network, Some(Normalizer::new(pendulum::WIDTH, 10.0)), machine).unwrap();
    let mut worlds = [Pendulums::new(64, Seed::new(13))];
    let mut ppo = Ppo::new(config, learner, &lanes(&worlds), Seed::new(12)).unwrap();
    for iteration in 0..ITERATIONS {
        ppo.iterate(&mut worlds, iteration as f32 / ITERATIONS as f32).unwrap();
    }
    let mean = worlds[0].mean_return(100);
    assert!(mean > -500.0, "{mean}");
}
