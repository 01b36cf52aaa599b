//! A cart-pole is learned.

use ludus_learn::{DqnConfig, PqnConfig, Schedule};

use crate::{cart_poles, dqn, learn, pqn};

/// The mean length of the last episodes that ended. Random actions last 22 steps on average, a constant action 9.
fn last_lengths(lengths: &[u32]) -> f32 {
    let last = &lengths[lengths.len() - 40..];
    last.iter().sum::<u32>() as f32 / last.len() as f32
}

#[test]
fn pqn_balances_a_pole() {
    let config = PqnConfig {
        epochs: 4,
        minibatch: 128,
        learning_rate: Schedule::Linear { from: 1e-3, to: 0.0 },
        epsilon: Schedule::Linear { from: 1.0, to: 0.02 },
        ..PqnConfig::default()
    };
    let mut worlds = cart_poles(&[32]);
    let mut pqn = pqn(&config, &worlds, 1);
    let reports = learn(&mut pqn, &mut worlds, 300, 1);
    let mean = last_lengths(&worlds[0].finished);
    let last = reports.last().unwrap();
    assert!(mean > 250.0, "{mean}");
    assert!((last.metric("charts/epsilon").unwrap() - 0.02).abs() < 1e-6);
    assert!(last.metric("losses/q_values").unwrap() > 20.0, "{last:?}");
}

#[test]
fn dqn_balances_a_pole_in_few_steps() {
    let config = DqnConfig { learning_rate: Schedule::Constant(1e-3), ..DqnConfig::default() };
    let mut worlds = cart_poles(&[8]);
    let mut dqn = dqn(&config, &worlds, 1);
    // 30,000 steps.
    let reports = learn(&mut dqn, &mut worlds, 30, 125);
    let mean = last_lengths(&worlds[0].finished);
    assert!(mean > 150.0, "{mean}");
    let gradient_steps: usize = reports.iter().map(|report| report.gradient_steps).sum();
    let experience: usize = reports.iter().map(|report| report.experience).sum();
    let expected = (experience - config.learning_starts) / 2;
    assert!(gradient_steps.abs_diff(expected) < 50, "{gradient_steps} against {expected}");
}
