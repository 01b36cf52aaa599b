//! The same samples give both learners of action values the same values, targets, gradients, and weights after it.

use std::ops::Range;

use ludus_learn::{
    CollectedLane, Collector, LearnError, NativeValueLearner, Rollout, RolloutShape, ValueBatch, ValueLearner,
    ValueLosses, ValueSamples, ValueSetup, ValueState, ValueStep,
};
use ludus_net::{
    Activation, BlockColumns, EncodedBlock, Encoder, InputBlock, Layout, Memory, Network, NetworkConfig, Normalizer,
    SetBlock,
};
use ludus_spec::{Head, Seed};
use ludus_torch::{DeviceConfig, TorchError, TorchSettings, TorchValueLearner, described};

use crate::gradients::{Noise, compare, compare_tensors, network, normalizer, scatter, scattered};
use crate::{PLAIN, Setup, device, machine, rollout_of};

const HEADS: [Head; 2] = [Head::Categorical { choices: 3 }, Head::Categorical { choices: 2 }];
const MASK_WIDTH: usize = 5;
const SAMPLES: usize = 300;

const STEP: ValueStep = ValueStep {
    learning_rate: 3e-3,
    // No clipping, so that the first moments are a tenth of the gradient itself.
    max_grad_norm: 1e9,
    huber: None,
    is_double: true,
};

pub fn native(network: Network, normalizer: Option<Normalizer>, setup: ValueSetup) -> NativeValueLearner {
    let mut learner = NativeValueLearner::new(network, normalizer, machine(1)).unwrap();
    learner.set_up(setup);
    learner
}

pub fn torch(network: Network, normalizer: Option<Normalizer>, threads: Setup) -> TorchValueLearner {
    TorchValueLearner::new(described(network), normalizer, settings(threads)).unwrap()
}

pub fn settings(Setup { threads, splits, graphs }: Setup) -> TorchSettings {
    let splits = splits.try_into().unwrap();
    let config = DeviceConfig { splits, graphs, ..DeviceConfig::default() };
    TorchSettings { device: device(), config, machine: machine(threads) }
}

/// Samples that are noise. Some have no successor whose value is a number.
#[derive(Clone, Default)]
struct Scattered(ValueBatch);

impl Scattered {
    fn new(width: usize, Kind { has_next, has_masks, has_weights }: Kind) -> Self {
        let numbers = |seed: u64, count: usize, reach: f32| {
            let mut numbers = vec![0.0; count];
            scatter(&mut numbers, Seed::new(seed), reach);
            numbers
        };
        let draw = |seed: u64, index: usize| Seed::new(seed).derive(index as u64).uniform();
        let mut batch = ValueBatch {
            observations: numbers(1, SAMPLES * width, 3.0),
            rewards: numbers(2, SAMPLES, 2.0),
            actions: (0..SAMPLES)
                .flat_map(|row| [(3.0 * draw(3, row)).floor(), (2.0 * draw(4, row)).floor()])
                .collect(),
            ..ValueBatch::default()
        };
        if has_weights {
            batch.weights = (0..SAMPLES).map(|row| draw(5, row)).collect();
        }
        if has_next {
            batch.bootstraps = (0..SAMPLES).map(|row| if row % 5 == 0 { 0.0 } else { 0.9 }).collect();
            batch.next_observations = numbers(6, SAMPLES * width, 3.0);
            batch.next_observations[..width].fill(f32::NAN);
        }
        if has_next && has_masks {
            // The first choice of each head is always allowed.
            let is_allowed = |index: usize| matches!(index % MASK_WIDTH, 0 | 3) || draw(7, index) < 0.6;
            batch.next_masks = (0..SAMPLES * MASK_WIDTH).map(is_allowed).collect();
        }
        Self(batch)
    }
}

#[derive(Clone, Copy)]
struct Kind {
    has_next: bool,
    has_masks: bool,
    has_weights: bool,
}

/// Samples of a rollout.
const OF_ROLLOUT: Kind = Kind { has_next: false, has_masks: false, has_weights: false };
/// Transitions of a replay with priorities.
const OF_REPLAY: Kind = Kind { has_next: true, has_masks: true, has_weights: true };

impl ValueSamples for Scattered {
    fn count(&self) -> usize {
        SAMPLES
    }

    fn gather(&self, range: Range<usize>, batch: &mut ValueBatch) {
        let all = &self.0;
        let part = |numbers: &[f32]| {
            let width = numbers.len() / SAMPLES;
            numbers[range.start * width..range.end * width].to_vec()
        };
        let masks = all.next_masks.len() / SAMPLES;
        *batch = ValueBatch {
            observations: part(&all.observations),
            inputs: Vec::new(),
            actions: part(&all.actions),
            rewards: part(&all.rewards),
            weights: part(&all.weights),
            bootstraps: part(&all.bootstraps),
            next_observations: part(&all.next_observations),
            next_masks: all.next_masks[range.start * masks..range.end * masks].to_vec(),
        };
    }
}

fn learn(
    learner: &mut impl ValueLearner,
    samples: &Scattered,
    step: &ValueStep,
) -> (ValueLosses, Vec<f32>, ValueState) {
    let mut errors = Vec::new();
    learner.begin_update();
    learner.learn(samples, step).unwrap();
    learner.read_errors(&mut errors).unwrap();
    (learner.take_losses().unwrap(), errors, learner.state())
}

/// Compares a gradient step of networks whose target network is another one.
fn check(network_of: &dyn Fn(f32) -> Network, setup: ValueSetup, kind: Kind, step: ValueStep) {
    let now = network_of(0.5);
    let set = |block: EncodedBlock<'_>| match block.columns {
        BlockColumns::Set(set) => Some(set),
        _ => None,
    };
    let normalizer = normalizer(&now).with_sets(now.layout().encoded_blocks().filter_map(set).collect());
    let mut native = native(now.clone(), Some(normalizer.clone()), setup);
    let mut state = native.state();
    state.target = setup.has_target.then(|| network_of(1.0).parameters().to_vec());
    native.restore(&state).unwrap();
    let mut torch = torch(network_of(0.1), Some(normalizer), PLAIN);
    torch.set_up(setup);
    torch.restore(&state).unwrap();
    assert_eq!(torch.state(), state, "a state goes back and forth unchanged");

    let samples = Scattered::new(now.layout().inputs(), kind);
    let (losses, errors, state) = learn(&mut torch, &samples, &step);
    let (expected_losses, expected_errors, expected) = learn(&mut native, &samples, &step);
    let numbers = |losses: ValueLosses| [losses.loss, losses.value, losses.grad_norm].map(|sum| sum / SAMPLES as f32);
    close(&numbers(losses), &numbers(expected_losses));
    // The values and the targets are behind the errors.
    close(&errors, &expected_errors);
    let is_used = |name: &str| setup.is_dueling || !name.starts_with("critic");
    let moments = [&state, &expected].map(|state| &state.learner.first_moments[..]);
    compare_tensors(&now, "gradient", moments, is_used);
    compare(&now, "weights", &state.learner.parameters, &expected.learner.parameters);
    assert_eq!(state.learner.optimizer_steps, expected.learner.optimizer_steps);
    assert_eq!(state.target, expected.target, "the target network stands still");

    for rate in [0.3, 1.0] {
        torch.follow(rate).unwrap();
        native.follow(rate).unwrap();
        close(&torch.state().target.unwrap_or_default(), &native.state().target.unwrap_or_default());
    }
}

#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{a} against {b}");
    }
}

#[test]
fn gradients_of_values_agree() {
    let config = NetworkConfig { hidden: vec![24, 16], ..NetworkConfig::default() };
    for is_dueling in [false, true] {
        let of_rollout = ValueSetup { is_dueling, has_target: false };
        check(&|distance| network(&HEADS, &config, distance), of_rollout, OF_ROLLOUT, STEP);
        for (is_double, huber) in [(false, None), (true, None), (true, Some(0.7)), (false, Some(2.0))] {
            let of_replay = ValueSetup { is_dueling, has_target: true };
            let step = ValueStep { is_double, huber, ..STEP };
            check(&|distance| network(&HEADS, &config, distance), of_replay, OF_REPLAY, step);
            let plain = Kind { has_masks: false, has_weights: false, ..OF_REPLAY };
            check(&|distance| network(&HEADS, &config, distance), of_replay, plain, step);
        }
    }
}

#[test]
fn gradients_of_values_agree_on_every_network() {
    let plain = NetworkConfig { hidden: vec![24], shared: true, ..NetworkConfig::default() };
    let board = [("board".to_owned(), Encoder::Convolve(vec![5, 7]))].into();
    let dueling = ValueSetup { is_dueling: true, has_target: true };
    for config in [
        NetworkConfig { activation: Activation::Relu, layer_norm: true, ..plain.clone() },
        NetworkConfig { encoders: board, ..plain.clone() },
        NetworkConfig { hidden: vec![], ..plain.clone() },
    ] {
        check(&|distance| network(&HEADS, &config, distance), dueling, OF_REPLAY, STEP);
    }
    for encoder in [Encoder::Pool(9), Encoder::Attend { width: 8, heads: 2 }] {
        let config = NetworkConfig { encoders: [("enemies".to_owned(), encoder)].into(), ..plain.clone() };
        check(&|distance| of_set(&config, distance), dueling, OF_REPLAY, STEP);
    }
}

/// A number, a set of up to 4 elements of 2 numbers, and a number.
fn of_set(config: &NetworkConfig, distance: f32) -> Network {
    let set = SetBlock { first: 1, capacity: 4, parts: 2 };
    let layout = Layout::with_blocks(11, &[InputBlock::set("enemies", set)], &HEADS, config).unwrap();
    scattered(layout, distance)
}

#[test]
fn a_long_gradient_of_values_is_shortened_alike() {
    let config = NetworkConfig { hidden: vec![16], shared: true, ..NetworkConfig::default() };
    let setup = ValueSetup { is_dueling: true, has_target: true };
    let step = ValueStep { max_grad_norm: 0.01, ..STEP };
    check(&|distance| network(&HEADS, &config, distance), setup, OF_REPLAY, step);
}

/// The same weights give the same actions and values: the draws derive from the rows' seeds.
#[test]
fn actions_and_values_agree() {
    let config = NetworkConfig { hidden: vec![16], ..NetworkConfig::default() };
    let parted = Setup { threads: 2, splits: 2, ..PLAIN };
    for (threads, mask_width, epsilon) in [(PLAIN, 0, 0.3), (PLAIN, 5, 0.3), (parted, 5, 0.0), (parted, 5, 1.0)] {
        let setup = ValueSetup { is_dueling: epsilon < 0.5, has_target: false };
        let network = network(&HEADS, &config, 0.5);
        let normalizer = normalizer(&network);
        let mut torch = torch(network.clone(), Some(normalizer.clone()), threads);
        torch.set_up(setup);
        let found = rollout(&mut torch, mask_width, epsilon);
        let expected = rollout(&mut native(network, Some(normalizer), setup), mask_width, epsilon);
        let (found, expected) = (found.samples(), expected.samples());
        let differ = found.actions.iter().zip(expected.actions).filter(|(a, b)| a != b).count();
        assert!(differ <= 2, "{differ} actions; two choices may have the same value but for rounding");
        let far = found.values.iter().zip(expected.values).filter(|(a, b)| (*a - *b).abs() > 1e-4).count();
        assert_eq!(far, 0);
        let chosen = expected.actions.iter().filter(|&&choice| choice == 0.0).count();
        assert!(chosen * 10 > expected.actions.len() && chosen * 10 < 9 * expected.actions.len(), "{chosen}");
    }
}

fn rollout(learner: &mut impl ValueLearner, mask_width: usize, epsilon: f32) -> Rollout {
    let noise = |rows, step| Noise { rows, step, observation_width: 5, action_width: 2, mask_width };
    let mut worlds = [noise(150, 1), noise(90, 1000)];
    let shape = RolloutShape { has_inputs: learner.keeps_inputs(), ..rollout_of(6, &worlds).shape().clone() };
    let mut rollout = Rollout::new(shape);
    let (collector, steps) = (Collector::new(learner.machine().clone()), rollout.missing_steps());
    let decider = learner.decider(epsilon);
    let lane = CollectedLane { decider, others: &[], rollout: &mut rollout, seed: Seed::new(3) };
    collector.collect(&mut worlds, &mut [lane], steps).unwrap();
    rollout
}

#[test]
fn what_has_no_values_is_refused() {
    let refused = |heads: &[Head], config: &NetworkConfig| {
        let network = described(network(heads, config, 0.5));
        TorchValueLearner::new(network, None, settings(PLAIN)).err().unwrap()
    };
    let continuous = refused(&[Head::Gaussian { width: 1 }], &NetworkConfig::default());
    assert_eq!(continuous, TorchError::Learn(LearnError::Continuous));
    let memory = NetworkConfig { memory: Some(Memory::MinGru(8)), ..NetworkConfig::default() };
    assert_eq!(refused(&HEADS, &memory), TorchError::Learn(LearnError::Memory));
}

/// Nothing is learned from it, until it is rewound or the next update begins.
#[test]
fn a_loss_that_is_not_finite_changes_nothing() {
    let config = NetworkConfig { hidden: vec![16], ..NetworkConfig::default() };
    let mut learner = torch(network(&HEADS, &config, 0.5), None, PLAIN);
    learner.set_up(ValueSetup { is_dueling: false, has_target: true });
    learner.mark().unwrap();
    let before = learner.state();
    let mut samples = Scattered::new(5, OF_REPLAY);
    let good = samples.clone();
    samples.0.rewards[7] = f32::NAN;
    learner.begin_update();
    for samples in [&samples, &good] {
        // On a device, the error comes with the losses.
        learner.learn(samples, &STEP).unwrap();
    }
    let error = learner.take_losses().unwrap_err();
    assert!(matches!(error, LearnError::NotFinite { what: "TD loss", value } if value.is_nan()), "{error}");
    assert_eq!(learner.state(), before);
    let (.., after) = learn(&mut learner, &good, &STEP);
    assert_eq!(after.learner.optimizer_steps, 1);
    learner.follow(1.0).unwrap();
    learner.rewind();
    assert_eq!(learner.state(), before, "the target network's weights too");
}
