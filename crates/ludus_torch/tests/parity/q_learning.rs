//! PQN and DQN as a whole, with the learner on libtorch.

use ludus_learn::{
    Algorithm, Collector, Dqn, DqnConfig, IteratedLane, IterationPlan, NativeValueLearner, Pqn, PqnConfig,
    PriorityConfig, Report, SavedAlgorithm, Schedule, Simulation, ValueLearner,
};
use ludus_net::{Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed};
use ludus_torch::tch::{Device, Tensor};
use ludus_torch::{Forward, Parameter, TorchNetwork, TorchValueLearner, Transfers};

use crate::carousel::{CHOICES, carousel};
use crate::cart_pole::{CartPoles, WIDTH};
use crate::values::{settings, torch};
use crate::{PLAIN, Setup, cart_poles, device, lanes, machine};

const STEPS: usize = 16;

fn network() -> Network {
    let config = NetworkConfig { hidden: vec![32], shared: true, ..NetworkConfig::default() };
    let layout = Layout::new(WIDTH, &[Head::Categorical { choices: 2 }], &config).unwrap();
    Network::new(layout, Seed::new(11))
}

fn on_torch(setup: Setup) -> TorchValueLearner {
    torch(network(), Some(Normalizer::new(WIDTH, 10.0)), setup)
}

fn in_rust() -> NativeValueLearner {
    NativeValueLearner::new(network(), Some(Normalizer::new(WIDTH, 10.0)), machine(1)).unwrap()
}

fn pqn_config() -> PqnConfig {
    let (rollout_steps, minibatch) = (STEPS, 1200);
    PqnConfig { rollout_steps, minibatch, dueling: true, ..PqnConfig::default() }
}

/// Settings of DQN that use every feature.
fn dqn_config() -> DqnConfig {
    DqnConfig {
        rollout_steps: STEPS,
        replay: 20_000,
        learning_starts: 1000,
        minibatch: 1200,
        replay_ratio: 0.002,
        n_step: 3,
        dueling: true,
        priorities: Some(PriorityConfig::default()),
        learning_rate: Schedule::Linear { from: 3e-3, to: 0.0 },
        target_interval: 2,
        target_rate: 0.5,
        save_replay: true,
        ..DqnConfig::default()
    }
}

/// The two algorithms with this learner.
fn algorithms<L: ValueLearner + 'static>(learner: impl Fn() -> L, worlds: &[CartPoles]) -> [Box<dyn Algorithm>; 2] {
    let (lanes, seed) = (lanes(worlds), Seed::new(12));
    [
        Box::new(Pqn::with_learner(pqn_config(), learner(), &lanes, seed).unwrap()),
        Box::new(Dqn::with_learner(dqn_config(), learner(), &lanes, seed).unwrap()),
    ]
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

fn trained<L: ValueLearner + 'static>(learner: impl Fn() -> L) -> [SavedAlgorithm; 2] {
    trained_for(3, learner)
}

fn trained_for<L: ValueLearner + 'static>(iterations: usize, learner: impl Fn() -> L) -> [SavedAlgorithm; 2] {
    let worlds = cart_poles(&[60, 40, 50], 13);
    algorithms(learner, &worlds).map(|mut algorithm| {
        let reports = learn(&mut *algorithm, &mut worlds.clone(), iterations);
        assert!(reports.iter().all(|report| report.gradient_steps > 0), "{reports:?}");
        algorithm.save()
    })
}

#[test]
fn values_are_learned_the_same_with_any_number_of_threads() {
    let alone = trained(|| on_torch(PLAIN));
    for threads in [1, 2, 3, 5] {
        assert!(alone == trained(|| on_torch(Setup { threads, ..PLAIN })), "{threads} threads");
    }
}

#[test]
fn both_learners_learn_the_same_values_up_to_rounding() {
    // A GPU adds up in another order. From the second iteration on, a greedy action that is another one by rounding leads
    // to other samples.
    let iterations = if device() == Device::Cpu { 3 } else { 1 };
    let [by_torch, by_native] = [trained_for(iterations, || on_torch(PLAIN)), trained_for(iterations, in_rust)];
    check_close(&by_torch, &by_native);
    for (found, expected) in by_torch.iter().zip(&by_native) {
        assert!(found.state.counters == expected.state.counters);
        assert!(found.state.tensors.keys().eq(expected.state.tensors.keys()));
    }
}

/// A learner of either kind goes on alike from a checkpoint of the other.
#[test]
fn a_checkpoint_of_values_goes_on_in_the_other_learner() {
    for saved in [trained(|| on_torch(PLAIN)), trained(in_rust)] {
        let found = went_on(|| on_torch(PLAIN), &saved);
        assert!(found == went_on(|| on_torch(PLAIN), &saved), "the same bits again");
        check_close(&found, &went_on(in_rust, &saved));
    }
}

/// Restores the saved states of both algorithms with this learner, and learns once more.
fn went_on<L: ValueLearner + 'static>(learner: impl Fn() -> L, saved: &[SavedAlgorithm; 2]) -> [SavedAlgorithm; 2] {
    let worlds = cart_poles(&[60, 40, 50], 17);
    let mut saved = saved.iter();
    algorithms(learner, &worlds).map(|mut algorithm| {
        let saved = saved.next().unwrap();
        algorithm.restore(saved).unwrap();
        assert!(algorithm.save().policy == saved.policy);
        learn(&mut *algorithm, &mut worlds.clone(), 1);
        algorithm.save()
    })
}

fn check_close(found: &[SavedAlgorithm], expected: &[SavedAlgorithm]) {
    for (found, expected) in found.iter().zip(expected) {
        let pairs = found.policy.parameters.iter().zip(&expected.policy.parameters);
        let far = pairs.filter(|(a, b)| (*a - *b).abs() > 1e-3).count();
        assert!(far * 20 < found.policy.parameters.len(), "{far} of {}", found.policy.parameters.len());
    }
}

/// On a GPU, recorded steps have the results of eager ones, and every step can be recorded.
#[test]
fn recorded_steps_learn_the_same_values_up_to_rounding() {
    let [recorded, eager] = [true, false].map(|graphs| trained(|| on_torch(Setup { graphs, ..PLAIN })));
    check_close(&recorded, &eager);
}

#[test]
fn a_rewind_of_values_restores_what_was_marked() {
    let mut worlds = cart_poles(&[60, 40, 50], 13);
    for mut algorithm in algorithms(|| on_torch(PLAIN), &worlds.clone()) {
        learn(&mut *algorithm, &mut worlds, 2);
        algorithm.mark().unwrap();
        let mut saved = algorithm.save();
        learn(&mut *algorithm, &mut worlds, 1);
        assert!(algorithm.save().policy != saved.policy);
        algorithm.rewind();
        // The replay is not part of the mark.
        let mut found = algorithm.save();
        for state in [&mut saved.state, &mut found.state] {
            state.tensors.retain(|name, _| !name.starts_with("replay."));
            state.counters.retain(|name, _| !name.starts_with("replay."));
        }
        assert!(found == saved);
    }
}

/// A minibatch goes up in one copy, with its settings in another. The losses of an update come down once.
#[test]
fn an_update_of_values_comes_down_once() {
    let worlds = cart_poles(&[60], 13);
    let since = |learner: &TorchValueLearner, before: Transfers| {
        let now = learner.transfers();
        Transfers { up: now.up - before.up, down: now.down - before.down }
    };
    // A step is a copy up and a copy down, and so are the observations after the last one.
    let played = STEPS as u64 + 1;
    let normalizer = 2;

    let mut pqn = Pqn::with_learner(pqn_config(), on_torch(PLAIN), &lanes(&worlds), Seed::new(12)).unwrap();
    for _ in 0..2 {
        let before = pqn.learner().transfers();
        pqn.mark().unwrap();
        let steps = learn(&mut pqn, &mut worlds.clone(), 1)[0].gradient_steps as u64;
        let expected = Transfers { up: played + 2 * steps + normalizer, down: played + 1 };
        assert_eq!(since(pqn.learner(), before), expected);
    }
    for priorities in [None, Some(PriorityConfig::default())] {
        let config = DqnConfig { priorities, learning_starts: 1, replay_ratio: 0.01, ..dqn_config() };
        let mut dqn = Dqn::with_learner(config, on_torch(PLAIN), &lanes(&worlds), Seed::new(12)).unwrap();
        let before = dqn.learner().transfers();
        dqn.mark().unwrap();
        let steps = learn(&mut dqn, &mut worlds.clone(), 1)[0].gradient_steps as u64;
        assert!(steps > 3);
        let errors = if priorities.is_some() { steps } else { 0 };
        let expected = Transfers { up: played + 2 * steps + normalizer, down: played + 1 + errors };
        assert_eq!(since(dqn.learner(), before), expected);
    }
}

/// The value of the best choice is 1 / (1 − γ) = 2 in all cells.
#[test]
fn a_forbidden_choice_is_never_made_and_in_no_target_on_a_device() {
    let learner = || {
        let config = NetworkConfig { hidden: vec![64], shared: true, ..NetworkConfig::default() };
        let layout = Layout::new(CHOICES, &[Head::Categorical { choices: CHOICES }], &config).unwrap();
        torch(Network::new(layout, Seed::new(11)), None, PLAIN)
    };
    let shapes = lanes(&[carousel()]);
    let (gamma, learning_rate) = (0.5, Schedule::Constant(3e-3));
    let config = PqnConfig { gamma, learning_rate, minibatch: 48, rollout_steps: 8, ..PqnConfig::default() };
    check_carousel(&mut Pqn::with_learner(config, learner(), &shapes, Seed::new(3)).unwrap());
    let config = DqnConfig {
        gamma,
        learning_rate,
        learning_starts: 200,
        replay: 2_000,
        replay_ratio: 0.05,
        target_rate: 0.05,
        ..DqnConfig::default()
    };
    check_carousel(&mut Dqn::with_learner(config, learner(), &shapes, Seed::new(3)).unwrap());
}

fn check_carousel(algorithm: &mut dyn Algorithm) {
    let mut worlds = [carousel()];
    let reports = learn(algorithm, &mut worlds, 150);
    assert_eq!(worlds[0].forbidden, 0);
    let value = reports.last().unwrap().metric("losses/q_values").unwrap();
    assert!((1.5..2.05).contains(&value), "{value}");
}

/// A network that is none of `ludus_net`: its policy and critic are linear.
struct Linear;

impl TorchNetwork for Linear {
    fn inputs(&self) -> usize {
        WIDTH
    }

    fn heads(&self) -> &[Head] {
        &[Head::Categorical { choices: 2 }]
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter::zeros("actor", &[2, WIDTH]), Parameter::zeros("critic", &[1, WIDTH])]
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        let [outputs, values] = [0, 1].map(|index| observations.linear(&parameters[index], None::<&Tensor>));
        Forward { outputs, values: values.squeeze_dim(1) }
    }
}

/// Without `dueling`, nothing depends on the critic.
#[test]
fn the_values_of_a_game_s_own_network_are_learned() {
    let learner = || TorchValueLearner::new(Box::new(Linear), None, settings(PLAIN)).unwrap();
    let mut worlds = cart_poles(&[60], 13);
    let config = DqnConfig { dueling: false, learning_starts: 1, ..dqn_config() };
    let dqn = || Dqn::with_learner(config.clone(), learner(), &lanes(&cart_poles(&[60], 13)), Seed::new(12)).unwrap();
    let mut learned = dqn();
    learn(&mut learned, &mut worlds, 3);
    let saved = learned.save();
    let (actor, critic) = saved.policy.parameters.split_at(2 * WIDTH);
    assert!(actor.iter().all(|&weight| weight != 0.0) && critic.iter().all(|&weight| weight == 0.0), "{saved:?}");
    let mut restored = dqn();
    restored.restore(&saved).unwrap();
    assert!(restored.policy() == saved.policy);
}
