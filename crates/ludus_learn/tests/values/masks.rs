//! Choices that are not allowed are never made, and are in no target.

use ludus_learn::{Algorithm, Dqn, DqnConfig, Pqn, PqnConfig, Schedule};
use ludus_spec::{Head, Seed};

use crate::carousel::{CHOICES, Carousel, carousel};
use crate::{lanes, learn, machine, network};

/// The value of the best choice is 1 / (1 − γ) = 2 in all cells.
fn check(algorithm: &mut dyn Algorithm, worlds: &mut [Carousel; 1]) {
    let reports = learn(algorithm, worlds, 150, 8);
    assert_eq!(worlds[0].forbidden, 0);
    let value = reports.last().unwrap().metric("losses/q_values").unwrap();
    assert!((1.5..2.05).contains(&value), "{value}");
}

#[test]
fn a_forbidden_choice_is_never_made_and_in_no_maximum() {
    let heads = [Head::Categorical { choices: CHOICES }];
    let mut worlds = [carousel()];
    let config = PqnConfig {
        gamma: 0.5,
        learning_rate: Schedule::Constant(3e-3),
        minibatch: 48,
        rollout_steps: 8,
        normalize_observations: false,
        ..PqnConfig::default()
    };
    let shapes = lanes(&worlds);
    let mut pqn = Pqn::new(config, network(CHOICES, &heads), None, machine(1), &shapes, Seed::new(3)).unwrap();
    check(&mut pqn, &mut worlds);

    let mut worlds = [carousel()];
    let config = DqnConfig {
        gamma: 0.5,
        learning_rate: Schedule::Constant(3e-3),
        learning_starts: 200,
        replay: 2_000,
        normalize_observations: false,
        target_rate: 0.05,
        ..DqnConfig::default()
    };
    for double in [false, true] {
        let config = DqnConfig { double, ..config.clone() };
        let mut dqn = Dqn::new(config, network(CHOICES, &heads), None, machine(1), &shapes, Seed::new(3)).unwrap();
        check(&mut dqn, &mut worlds);
    }
}
