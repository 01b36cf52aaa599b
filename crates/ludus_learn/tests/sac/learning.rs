//! A pendulum is swung up.

use ludus_learn::{SacConfig, Schedule};

use crate::{learn, pendulums, sac};

/// Drawn actions of a policy that has just learned to balance; random actions return −1,200 on average, and PPO needs
/// 150,000 steps for as much.
#[test]
fn a_pendulum_is_swung_up_in_few_steps() {
    let config = SacConfig {
        learning_rate: Schedule::Constant(1e-3),
        minibatch: 64,
        learning_starts: 500,
        ..SacConfig::default()
    };
    let mut worlds = pendulums(&[4]);
    let mut sac = sac(&config, &worlds, 1);
    // 15,000 steps.
    let reports = learn(&mut sac, &mut worlds, 15, 250);
    let mean = worlds[0].mean_return(16);
    assert!(mean > -250.0, "{mean}");
    let last = reports.last().unwrap();
    assert!(last.metric("losses/alpha").unwrap() < 0.5, "{last:?}");
    let gradient_steps: usize = reports.iter().map(|report| report.gradient_steps).sum();
    let experience: usize = reports.iter().map(|report| report.experience).sum();
    assert!(gradient_steps.abs_diff(experience - config.learning_starts) < 10, "{gradient_steps}, {experience}");
}
