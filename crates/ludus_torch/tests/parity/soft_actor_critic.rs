//! SAC as a whole, with the learner on libtorch.

use ludus_learn::{
    Algorithm, Collector, GsdeConfig, IteratedLane, IterationPlan, LearnError, NativeSacLearner, Report, Sac,
    SacConfig, SacLearner, SacNetworks, SavedAlgorithm, Schedule, Simulation, Temperature,
};
use ludus_net::{Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed};
use ludus_torch::tch::Device;
use ludus_torch::{TorchSacLearner, Transfers};

use crate::carousel::{CHOICES, carousel};
use crate::pendulum::{Pendulums, WIDTH};
use crate::values::settings;
use crate::{PLAIN, Setup, device, lanes, machine};

const STEPS: usize = 16;

fn networks(inputs: usize, head: Head) -> SacNetworks {
    let config = NetworkConfig { hidden: vec![32], shared: true, squashed: true, ..NetworkConfig::default() };
    let network = Network::new(Layout::new(inputs, &[head], &config).unwrap(), Seed::new(11));
    SacNetworks::new(network, Seed::new(12)).unwrap()
}

fn of_pendulum() -> SacNetworks {
    networks(WIDTH, Head::Gaussian { width: 1 })
}

fn on_torch(setup: Setup) -> TorchSacLearner {
    TorchSacLearner::new(of_pendulum(), Some(Normalizer::new(WIDTH, 10.0)), settings(setup)).unwrap()
}

fn in_rust() -> NativeSacLearner {
    NativeSacLearner::new(of_pendulum(), Some(Normalizer::new(WIDTH, 10.0)), machine(1)).unwrap()
}

/// Settings with several shards in each minibatch.
fn config() -> SacConfig {
    SacConfig {
        rollout_steps: STEPS,
        replay: 20_000,
        learning_starts: 1000,
        minibatch: 1200,
        replay_ratio: 0.002,
        n_step: 3,
        learning_rate: Schedule::Linear { from: 3e-3, to: 0.0 },
        critic_learning_rate: Some(Schedule::Constant(2e-3)),
        temperature: Temperature::Tuned(0.5),
        save_replay: true,
        ..SacConfig::default()
    }
}

fn worlds(seed: u64) -> Vec<Pendulums> {
    [60, 40, 50].map(|count| Pendulums::new(count, Seed::new(seed).derive(count as u64))).into()
}

fn sac<L: SacLearner>(learner: L) -> Sac<L> {
    Sac::with_learner(config(), learner, &lanes(&worlds(13)), Seed::new(12)).unwrap()
}

fn learn<S: Simulation>(algorithm: &mut dyn Algorithm, worlds: &mut [S], iterations: usize) -> Vec<Report> {
    let collector = Collector::new(algorithm.machine().clone());
    let mut reports = Vec::new();
    for iteration in 0..iterations {
        let plan = IterationPlan { progress: iteration as f32 / iterations as f32, least_steps: STEPS };
        let result = collector.iterate(worlds, &mut [IteratedLane::learned(algorithm)], plan).unwrap();
        reports.extend(result.reports.into_iter().map(|report| report.unwrap()));
    }
    reports
}

/// Learns for some iterations, with random actions in the first one.
fn trained(iterations: usize, learner: impl SacLearner) -> SavedAlgorithm {
    let mut sac = sac(learner);
    let reports = learn(&mut sac, &mut worlds(13), iterations);
    assert!(reports.iter().all(|report| report.gradient_steps > 0), "{reports:?}");
    assert!(reports.iter().all(|report| report.metrics.iter().all(|metric| metric.value.is_finite())), "{reports:?}");
    sac.save()
}

#[test]
fn soft_actor_critic_learns_the_same_with_any_number_of_threads() {
    let alone = trained(3, on_torch(PLAIN));
    for threads in [1, 2, 3, 5] {
        assert!(alone == trained(3, on_torch(Setup { threads, ..PLAIN })), "{threads} threads");
    }
}

#[test]
fn both_learners_of_soft_actor_critic_learn_the_same_up_to_rounding() {
    // A GPU adds up in another order, and pendulums go apart.
    let iterations = if device() == Device::Cpu { 3 } else { 1 };
    let [found, expected] = [trained(iterations, on_torch(PLAIN)), trained(iterations, in_rust())];
    check_close(&found, &expected);
    assert!(found.state.counters == expected.state.counters);
    assert!(found.state.tensors.keys().eq(expected.state.tensors.keys()));
}

/// A learner of either kind goes on alike from a checkpoint of the other, and twice with the same bits.
#[test]
fn a_checkpoint_of_soft_actor_critic_goes_on_in_the_other_learner() {
    for saved in [trained(3, on_torch(PLAIN)), trained(3, in_rust())] {
        let found = went_on(on_torch(PLAIN), &saved);
        assert!(found == went_on(on_torch(PLAIN), &saved), "the same bits again");
        check_close(&found, &went_on(in_rust(), &saved));
    }
}

/// Restores a saved state with this learner, and learns once more.
fn went_on(learner: impl SacLearner, saved: &SavedAlgorithm) -> SavedAlgorithm {
    let mut sac = sac(learner);
    sac.restore(saved).unwrap();
    assert!(sac.save().policy == saved.policy);
    let reports = learn(&mut sac, &mut worlds(17), 1);
    assert!(reports[0].gradient_steps > 0, "{reports:?}");
    sac.save()
}

fn check_close(found: &SavedAlgorithm, expected: &SavedAlgorithm) {
    let column = |saved: &SavedAlgorithm, name: &'static str| saved.state.column(name).unwrap().to_vec();
    let policies = [found.policy.parameters.clone(), expected.policy.parameters.clone()];
    let others =
        ["critics", "critics.targets", "temperatures"].map(|name| [column(found, name), column(expected, name)]);
    for [found, expected] in std::iter::once(policies).chain(others) {
        let far = found.iter().zip(&expected).filter(|(a, b)| (*a - *b).abs() > 1e-3).count();
        assert!(far * 20 < found.len(), "{far} of {}", found.len());
    }
}

/// On a GPU, recorded steps have the results of eager ones, and every step can be recorded.
#[test]
fn recorded_steps_of_soft_actor_critic_learn_the_same_up_to_rounding() {
    let [recorded, eager] = [true, false].map(|graphs| {
        let mut sac = sac(on_torch(Setup { graphs, ..PLAIN }));
        learn(&mut sac, &mut worlds(13), 3);
        assert_eq!(sac.obstacle(), None);
        sac.save()
    });
    check_close(&recorded, &eager);
}

#[test]
fn a_rewind_of_soft_actor_critic_restores_what_was_marked() {
    let mut worlds = worlds(13);
    let mut sac = sac(on_torch(PLAIN));
    learn(&mut sac, &mut worlds, 2);
    sac.mark().unwrap();
    let mut saved = sac.save();
    let report = learn(&mut sac, &mut worlds, 1);
    assert!(sac.save().policy != saved.policy, "{report:?}");
    sac.rewind();
    // The replay is not part of the mark.
    let mut found = sac.save();
    for state in [&mut saved.state, &mut found.state] {
        state.tensors.retain(|name, _| !name.starts_with("replay."));
        state.counters.retain(|name, _| !name.starts_with("replay."));
    }
    assert!(found == saved);
}

/// A minibatch goes up in one copy, with its settings in another. Losses and temperatures of an update come down once.
/// The values after the last step are not computed, because the policy has no critic.
#[test]
fn an_update_of_soft_actor_critic_comes_down_once() {
    let mut worlds = worlds(13);
    let mut sac = sac(on_torch(PLAIN));
    for _ in 0..2 {
        let before = sac.learner().transfers();
        sac.mark().unwrap();
        let steps = learn(&mut sac, &mut worlds, 1)[0].gradient_steps as u64;
        let now = sac.learner().transfers();
        let (played, normalizer) = (STEPS as u64, 2);
        let expected = Transfers { up: played + 2 * steps + normalizer, down: played + 2 };
        assert_eq!(Transfers { up: now.up - before.up, down: now.down - before.down }, expected);
    }
}

#[test]
fn smooth_noise_is_refused_by_name() {
    let config = SacConfig { gsde: Some(GsdeConfig::default()), ..config() };
    let error = Sac::with_learner(config, on_torch(PLAIN), &lanes(&worlds(13)), Seed::new(12)).err().unwrap();
    assert_eq!(error, LearnError::SmoothNoise);
    assert!(error.to_string().contains("leave `gsde` out"), "{error}");
}

/// The value of the best choice is 1 / (1 − γ) = 2 in all cells.
#[test]
fn a_forbidden_choice_is_never_made_and_in_no_expectation_on_a_device() {
    let networks = networks(CHOICES, Head::Categorical { choices: CHOICES });
    let learner = TorchSacLearner::new(networks, None, settings(PLAIN)).unwrap();
    let config = SacConfig {
        gamma: 0.5,
        learning_rate: Schedule::Constant(5e-3),
        learning_starts: 200,
        replay: 2_000,
        replay_ratio: 0.05,
        minibatch: 64,
        target_rate: 0.05,
        choice_temperature: Temperature::Fixed(0.05),
        normalize_observations: false,
        ..SacConfig::default()
    };
    let mut worlds = [carousel()];
    let mut sac = Sac::with_learner(config, learner, &lanes(&worlds), Seed::new(3)).unwrap();
    let reports = learn(&mut sac, &mut worlds, 50);
    assert_eq!(worlds[0].forbidden, 0);
    let last = reports.last().unwrap();
    let value = last.metric("losses/qf_values").unwrap();
    assert!((1.3..2.2).contains(&value), "{value}");
    let temperature = last.metric("losses/choice_alpha").unwrap();
    assert!((temperature - 0.05).abs() < 1e-6, "a fixed temperature stays: {temperature}");
}
