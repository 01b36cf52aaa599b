//! A cart-pole is learned.

use ludus_learn::{LearningRate, PpoConfig, Schedule};

use crate::{cart_pole_ppo, cart_poles};

/// Doing nothing in particular lasts 22 steps, a constant action 9.
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

/// At 1e-5 the policy hardly moves, at 1e-2 it moves far.
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
