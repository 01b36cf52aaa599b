//! The same seed gives the same bits.

use ludus_learn::{Algorithm, Learner, LearnerState, PpoConfig, SavedAlgorithm, Schedule};
use ludus_net::{Normalizer, ValueMap};

use crate::cart_pole::WIDTH;
use crate::{PLAIN, Setup, cart_pole_network, cart_poles, ppo, torch};

fn config() -> PpoConfig {
    PpoConfig {
        rollout_steps: 16,
        epochs: 2,
        // Large enough for several shards.
        minibatch: 1200,
        learning_rate: Schedule::Linear { from: 3e-3, to: 0.0 }.into(),
        entropy: Schedule::Constant(0.01),
        value_clip: Some(0.5),
        scale_rewards: true,
        ..PpoConfig::default()
    }
}

fn trained(setup: Setup, iterations: usize) -> LearnerState {
    let mut worlds = cart_poles(&[60, 40, 50], 13);
    let learner = torch(cart_pole_network(11), Some(Normalizer::new(WIDTH, 10.0)), setup);
    let mut ppo = ppo(&config(), learner, &worlds, 12);
    for iteration in 0..iterations {
        ppo.iterate(&mut worlds, iteration as f32 * 0.1).unwrap();
    }
    ppo.learner().state()
}

#[test]
fn threads_change_nothing() {
    let alone = trained(PLAIN, 3);
    assert_eq!(alone.optimizer_steps, 12);
    assert!(alone == trained(PLAIN, 3));
    // New threads in each repetition: in some of them, libtorch would start threads of its own if it were not
    // prevented.
    for _ in 0..5 {
        assert!(alone == trained(Setup { threads: 3, ..PLAIN }, 3));
    }
}

#[test]
fn split_worlds_learn_the_same_up_to_rounding() {
    let whole = trained(PLAIN, 1);
    let split = trained(Setup { threads: 2, splits: 2, ..PLAIN }, 1);
    assert!(split == trained(Setup { splits: 2, ..PLAIN }, 1));
    check_close(&whole, &split);
}

/// On a GPU, recorded steps have the results of eager ones, and every step can be recorded.
#[test]
fn recorded_steps_learn_the_same_up_to_rounding() {
    let learner = |graphs| torch(cart_pole_network(11), None, Setup { graphs, ..PLAIN });
    let config = PpoConfig { normalize_observations: false, ..config() };
    let [recorded, eager] = [true, false].map(|graphs| {
        let mut worlds = cart_poles(&[150], 13);
        let mut ppo = ppo(&config, learner(graphs), &worlds, 12);
        for _ in 0..3 {
            ppo.iterate(&mut worlds, 0.0).unwrap();
        }
        assert_eq!(ppo.learner().obstacle(), None);
        ppo.learner().state()
    });
    check_close(&recorded, &eager);
}

fn check_close(a: &LearnerState, b: &LearnerState) {
    let far = a.parameters.iter().zip(&b.parameters).filter(|(a, b)| (*a - *b).abs() > 1e-3).count();
    assert!(far * 20 < a.parameters.len(), "{far} of {}", a.parameters.len());
}

/// A run that is resumed from a saved state has the same results as one without an interruption.
#[test]
fn a_resumed_learner_is_the_same() {
    check_resumed(&config());
}

fn check_resumed(config: &PpoConfig) {
    // The returns behind the scale of rewards start at 0 after a resume, so they would differ.
    let config = PpoConfig { scale_rewards: false, ..config.clone() };
    let learner = || torch(cart_pole_network(11), Some(Normalizer::new(WIDTH, 10.0)), PLAIN);
    let mut worlds = cart_poles(&[64], 13);
    let mut whole = ppo(&config, learner(), &worlds, 12);
    whole.iterate(&mut worlds, 0.0).unwrap();
    let (saved, mut worlds_then) = (whole.state(), worlds.clone());
    whole.iterate(&mut worlds, 0.1).unwrap();
    let mut resumed = ppo(&config, learner(), &worlds_then, 99);
    resumed.restore(&SavedAlgorithm::from(saved)).unwrap();
    resumed.iterate(&mut worlds_then, 0.1).unwrap();
    assert!(resumed.learner().state() == whole.learner().state());
}

/// Values are mapped on the device as in plain Rust.
#[test]
fn values_are_mapped_as_in_plain_rust() {
    let map = ValueMap { scale: 3.0, shift: -0.25 };
    let mut network = cart_pole_network(11);
    let mut learner = torch(network.clone(), None, PLAIN);
    learner.map_values(&[map]).unwrap();
    network.map_values(&[map]);
    assert_eq!(learner.policy().parameters, network.parameters());
}

/// With normalised targets, a resumed learner is the same too.
#[test]
fn a_resumed_learner_with_normalized_values_is_the_same() {
    check_resumed(&PpoConfig { normalize_values: true, value_clip: None, ..config() });
}
