//! The same minibatch gives both learners the same gradient, and the same weights after it.

use ludus_learn::{
    LaneShape, Learner, LearnerState, Losses, NativeLearner, Rollout, RolloutShape, SensedRows, Simulation, StepLanes,
    UpdateSettings,
};
use ludus_net::{
    Activation, Encoder, GridBlock, InputBlock, Layout, Network, NetworkConfig, Normalizer, ValuesBlock, stage,
};
use ludus_spec::{Head, Outcome, Seed};
use ludus_torch::TorchLearner;

use crate::{PLAIN, Setup, collect, native, of_samples, rollout_of, torch};

/// Two numbers and, for networks with convolutions, a grid of the other 60.
const GRID: GridBlock = GridBlock { first: 2, height: 5, width: 4, channels: 3 };
const STEPS: usize = 6;
const TOLERANCE: f32 = 1e-5;

pub const SETTINGS: UpdateSettings = UpdateSettings {
    learning_rate: 3e-3,
    clip: 0.2,
    value_clip: None,
    entropy: 0.02,
    value_coefficient: 0.7,
    // No clipping, so that the first moments are a tenth of the gradient itself.
    max_grad_norm: 1e9,
    normalize_advantages: true,
};

/// Rows that observe noise, one of them a number that is not finite.
pub struct Noise {
    pub rows: usize,
    pub step: u64,
    pub observation_width: usize,
    pub action_width: usize,
    pub mask_width: usize,
}

impl Simulation for Noise {
    fn lane(&self, _: usize) -> LaneShape {
        let Self { rows, observation_width, action_width, mask_width, .. } = *self;
        LaneShape { rows, observation_width, action_width, mask_width, ..LaneShape::default() }
    }

    /// Allows some of the choices, always including the first.
    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        scatter(now.observations, Seed::new(self.step), 3.0);
        now.observations[0] = f32::INFINITY;
        for (index, mask) in now.masks.iter_mut().enumerate() {
            let is_first = index % self.mask_width == 0;
            *mask = is_first || Seed::new(self.step).derive(2).derive(index as u64).uniform() < 0.6;
        }
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        self.step += 1;
        let rows = lanes.lane(0);
        rows.outcomes.fill(Outcome::Running);
        scatter(rows.rewards, Seed::new(self.step).derive(1), 1.0);
        self.observe(0, rows.next);
    }
}

/// Fills the slice with random numbers in `-reach..reach`.
pub fn scatter(numbers: &mut [f32], seed: Seed, reach: f32) {
    for (index, number) in numbers.iter_mut().enumerate() {
        *number = reach * (2.0 * seed.derive(index as u64).uniform() - 1.0);
    }
}

pub fn network(heads: &[Head], config: &NetworkConfig, distance: f32) -> Network {
    let layout = match config.encoders.len() {
        0 => Layout::new(5, heads, config),
        _ => Layout::with_blocks(62, &[InputBlock::grid("board", GRID)], heads, config),
    };
    scattered(layout.unwrap(), distance)
}

/// A network whose critic also reads column 1 and the grid.
fn with_critic_columns(heads: &[Head], config: &NetworkConfig, distance: f32) -> Network {
    let wind = InputBlock::values("wind", ValuesBlock { first: 1, width: 1 });
    let blocks = [wind.for_critic(), InputBlock::grid("board", GRID).for_critic()];
    scattered(Layout::with_blocks(62, &blocks, heads, config).unwrap(), distance)
}

/// Makes a network whose parameters are scattered by `distance`.
pub fn scattered(layout: Layout, distance: f32) -> Network {
    let mut network = Network::new(layout, Seed::new(1));
    let scatter = |(index, parameter): (usize, &mut f32)| {
        *parameter += distance * (Seed::new(2).derive(index as u64).uniform() - 0.5);
    };
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(scatter));
    network
}

pub fn normalizer(network: &Network) -> Normalizer {
    let width = network.layout().inputs();
    Normalizer::from_parts(vec![0.5; width], vec![4.0; width], 100.0, 2.0).unwrap()
}

/// Collects a rollout of noise with the learner's policy, the normalised observations included.
fn rollout(learner: &mut impl Learner, heads: &[Head], mask_width: usize, normalizer: &Normalizer) -> Rollout {
    let action_width = heads.iter().map(|head| head.action_width()).sum();
    let observation_width = normalizer.means().len();
    let noise = |rows, step| Noise { rows, step, observation_width, action_width, mask_width };
    let mut worlds = [noise(150, 1), noise(90, 1000)];
    let value_heads = learner.layout().map_or(1, Layout::value_heads);
    let mut rollout = Rollout::new(RolloutShape { value_heads, ..rollout_of(STEPS, &worlds).shape().clone() });
    collect(learner, &mut worlds, &mut rollout, 3).unwrap();
    rollout.slabs_mut().for_each(|slab| stage(Some(normalizer), slab.observations, slab.inputs));
    rollout
}

/// Compares an update on a rollout that other weights have collected: ratios are not 1, and some are clipped.
fn check(heads: &[Head], config: &NetworkConfig, settings: UpdateSettings) {
    let choices = heads.iter().filter(|head| matches!(head, Head::Categorical { .. })).map(|head| head.output_width());
    for mask_width in [0, choices.sum()] {
        check_networks([0.5, 1.0].map(|distance| network(heads, config, distance)), settings, mask_width);
    }
}

/// Both learners with the same weights, and a rollout that other weights have collected.
pub struct Prepared {
    pub torch: TorchLearner,
    pub native: NativeLearner,
    pub rollout: Rollout,
    /// Samples of both slabs, without the steps after the last, and without row 0, whose observations are not finite.
    pub samples: Vec<u32>,
}

/// Collects a rollout of noise with the first network, and gives the second one to both learners.
pub fn prepared([before, now]: [Network; 2], mask_width: usize) -> Prepared {
    let heads = &now.layout().heads().to_vec();
    let normalizer = normalizer(&now);
    let mut torch = torch(before, Some(normalizer.clone()), PLAIN);
    let native = native(now.clone(), Some(normalizer.clone()));
    let mut rollout = rollout(&mut torch, heads, mask_width, &normalizer);
    torch.restore(&native.state()).unwrap();
    for (index, slab) in rollout.slabs_mut().enumerate() {
        scatter(slab.advantages, Seed::new(4).derive(index as u64), 2.0);
        scatter(slab.returns, Seed::new(5).derive(index as u64), 2.0);
    }
    rollout.combine_advantages(&[1.0, 0.5, 0.25][..now.layout().value_heads()]);
    let samples = (1..150).chain(301..450).chain(1051..1590).rev().step_by(2).collect();
    Prepared { torch, native, rollout, samples }
}

fn check_networks(networks: [Network; 2], settings: UpdateSettings, mask_width: usize) {
    let now = networks[1].clone();
    let Prepared { mut torch, mut native, rollout, samples } = prepared(networks, mask_width);
    let [by_torch, by_native] =
        [learn(&mut torch, &rollout, &samples, &settings), learn(&mut native, &rollout, &samples, &settings)];
    compare_losses(&by_torch.0, &by_native.0, samples.len());
    compare(&now, "gradient", &by_torch.1.first_moments, &by_native.1.first_moments);
    compare(&now, "weights", &by_torch.1.parameters, &by_native.1.parameters);
    assert_eq!(by_torch.1.optimizer_steps, by_native.1.optimizer_steps);
}

fn learn<L: Learner>(
    learner: &mut L,
    rollout: &Rollout,
    samples: &[u32],
    settings: &UpdateSettings,
) -> (Losses, LearnerState) {
    learner.begin_update(rollout);
    learner.learn_minibatch(rollout, of_samples(samples), settings).unwrap();
    (learner.take_losses().unwrap(), learner.state())
}

/// Compares tensor by tensor, relative to the tensor's largest number.
pub fn compare(network: &Network, what: &str, found: &[f32], expected: &[f32]) {
    compare_tensors(network, what, [found, expected], |_| true);
}

/// Compares those tensors whose name says that there is something to compare.
pub fn compare_tensors(
    network: &Network,
    what: &str,
    [found, expected]: [&[f32]; 2],
    is_compared: impl Fn(&str) -> bool,
) {
    let layout = network.layout();
    let pairs = layout.export(found).into_iter().zip(layout.export(expected));
    for ((name, _, found), (_, _, expected)) in pairs.filter(|((name, ..), _)| is_compared(name)) {
        let largest = expected.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        assert!(largest > 0.0, "{name}: no {what} to compare");
        let error = found.iter().zip(expected).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
        assert!(error <= TOLERANCE * largest, "{what} of {name}: {:e}", error / largest);
    }
}

pub fn compare_losses(found: &Losses, expected: &Losses, samples: usize) {
    let numbers = |losses: &Losses| {
        let Losses { policy, value, entropy, old_approx_kl, approx_kl, clip_fraction, grad_norm } = *losses;
        [policy, value, entropy, old_approx_kl, approx_kl, clip_fraction, grad_norm].map(|sum| sum / samples as f32)
    };
    for (a, b) in numbers(found).into_iter().zip(numbers(expected)) {
        assert!((a - b).abs() < 2e-5 * b.abs().max(0.1), "{found:?} against {expected:?}");
    }
    assert!(expected.clip_fraction > 0.05 * samples as f32, "some ratios have to be clipped: {expected:?}");
}

pub const HYBRID: [Head; 3] =
    [Head::Gaussian { width: 2 }, Head::Categorical { choices: 3 }, Head::Gaussian { width: 1 }];

#[test]
fn gradients_agree() {
    let apart = NetworkConfig { hidden: vec![24, 16], ..NetworkConfig::default() };
    check(&HYBRID, &apart, SETTINGS);
    check(&[Head::Categorical { choices: 4 }], &apart, UpdateSettings { value_clip: Some(0.3), ..SETTINGS });
    check(&[Head::Gaussian { width: 3 }], &apart, UpdateSettings { normalize_advantages: false, ..SETTINGS });
    check(&HYBRID, &NetworkConfig { shared: true, activation: Activation::Relu, ..apart }, SETTINGS);
}

/// Several values per sample, and a policy that learns from the weighted sum of their advantages.
#[test]
fn gradients_of_several_values_agree() {
    for (shared, value_clip) in [(false, None), (true, Some(0.3))] {
        let config = NetworkConfig { hidden: vec![24, 16], shared, ..NetworkConfig::default() };
        for values in [2, 3] {
            let networks = [0.5, 1.0]
                .map(|distance| network(&HYBRID, &config, distance).with_value_heads(values, Seed::new(9)).unwrap());
            check_networks(networks, UpdateSettings { value_clip, ..SETTINGS }, 0);
        }
    }
}

#[test]
fn gradients_of_layer_normalisation_agree() {
    for shared in [false, true] {
        for activation in [Activation::Tanh, Activation::Relu] {
            let hidden = vec![24, 17];
            check(
                &HYBRID,
                &NetworkConfig { hidden, activation, layer_norm: true, shared, ..NetworkConfig::default() },
                SETTINGS,
            );
        }
    }
}

#[test]
fn gradients_of_convolutions_agree() {
    for (convolutions, hidden, shared) in
        [(&[16, 32][..], &[24][..], true), (&[7], &[], false), (&[5, 20, 3], &[9], false)]
    {
        let encoders = [("board".to_owned(), Encoder::Convolve(convolutions.to_vec()))].into();
        let config = NetworkConfig { encoders, hidden: hidden.to_vec(), shared, ..NetworkConfig::default() };
        check(&HYBRID, &config, SETTINGS);
    }
}

#[test]
fn gradients_of_a_critic_that_reads_more_agree() {
    let encoded = [("board".to_owned(), Encoder::Convolve(vec![7]))];
    for (encoders, hidden) in [(&[][..], &[24, 16][..]), (&encoded, &[24]), (&encoded, &[])] {
        let encoders = encoders.iter().cloned().collect();
        let config = NetworkConfig { encoders, hidden: hidden.to_vec(), ..NetworkConfig::default() };
        let networks = [0.5, 1.0].map(|distance| with_critic_columns(&HYBRID, &config, distance));
        check_networks(networks, SETTINGS, 3);
    }
}

#[test]
fn a_long_gradient_is_shortened_alike() {
    let config = NetworkConfig { hidden: vec![16], ..NetworkConfig::default() };
    check(&HYBRID, &config, UpdateSettings { max_grad_norm: 0.01, ..SETTINGS });
}

/// The same weights give the same actions: the draws derive from the rows' seeds.
#[test]
fn actions_agree() {
    let config = NetworkConfig { hidden: vec![16], ..NetworkConfig::default() };
    let parted = Setup { threads: 2, splits: 2, ..PLAIN };
    for (setup, mask_width, values) in [(PLAIN, 0, 1), (PLAIN, 3, 1), (parted, 3, 1), (parted, 0, 2)] {
        let network = network(&HYBRID, &config, 0.5).with_value_heads(values, Seed::new(9)).unwrap();
        let normalizer = normalizer(&network);
        let mut torch = torch(network.clone(), Some(normalizer.clone()), setup);
        let by_torch = rollout(&mut torch, &HYBRID, mask_width, &normalizer);
        let by_native = rollout(&mut native(network, Some(normalizer.clone())), &HYBRID, mask_width, &normalizer);
        let (found, expected) = (by_torch.samples(), by_native.samples());
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).filter(|(a, b)| (*a - *b).abs() > 1e-4).count();
        assert!(close(found.actions, expected.actions) <= 2, "a draw may fall on the other side of a choice's edge");
        assert!(close(found.log_probs, expected.log_probs) <= 2);
        assert_eq!(close(found.values, expected.values), 0);
        assert_eq!(found.rewards, expected.rewards);
        assert_eq!(found.outcomes, expected.outcomes);
    }
}

#[test]
fn a_state_goes_back_and_forth_unchanged() {
    let config = NetworkConfig { hidden: vec![24, 16], ..NetworkConfig::default() };
    let network = |distance| network(&HYBRID, &config, distance);
    let normalizer = normalizer(&network(0.5));
    let mut state = native(network(0.5), Some(normalizer.clone())).state();
    state.optimizer_steps = 7;
    let mut learner = torch(network(0.1), Some(normalizer), PLAIN);
    learner.restore(&state).unwrap();
    assert_eq!(learner.state(), state);
}

/// The advantage of a single sample is not normalised: it would become 0, and the policy's gradient with it.
#[test]
fn a_minibatch_of_a_single_sample_agrees() {
    let config = NetworkConfig { hidden: vec![16], ..NetworkConfig::default() };
    let now = network(&HYBRID, &config, 0.6);
    let normalizer = normalizer(&now);
    let mut torch = torch(network(&HYBRID, &config, 0.5), Some(normalizer.clone()), PLAIN);
    let mut native = native(now.clone(), Some(normalizer.clone()));
    let mut rollout = rollout(&mut torch, &HYBRID, 0, &normalizer);
    torch.restore(&native.state()).unwrap();
    for slab in rollout.slabs_mut() {
        slab.advantages.fill(0.7);
        slab.returns.fill(0.3);
    }
    let [by_torch, by_native] =
        [learn(&mut torch, &rollout, &[17], &SETTINGS), learn(&mut native, &rollout, &[17], &SETTINGS)];
    assert!(by_native.0.policy < -0.1 && (by_torch.0.policy - by_native.0.policy).abs() < 1e-4, "{by_torch:?}");
    compare(&now, "gradient", &by_torch.1.first_moments, &by_native.1.first_moments);
}

/// Columns that the normaliser leaves as they are, such as flags.
#[test]
fn columns_that_are_not_followed_stay_as_they_are_in_both() {
    let config = NetworkConfig { hidden: vec![16], ..NetworkConfig::default() };
    let normalizer = Normalizer::of_columns(vec![false, true, false, true, true], 10.0);
    let mut torch = torch(network(&HYBRID, &config, 0.5), Some(normalizer.clone()), PLAIN);
    let mut native = native(network(&HYBRID, &config, 0.5), Some(normalizer.clone()));
    for _ in 0..2 {
        let rollout = rollout(&mut torch, &HYBRID, 0, &normalizer);
        torch.update_normalizer(&rollout).unwrap();
        native.update_normalizer(&rollout).unwrap();
        let (found, expected) = (torch.normalizer().unwrap(), native.normalizer().unwrap());
        assert_eq!(found, expected);
        assert_eq!([found.means()[0], found.factors()[0], found.means()[2], found.factors()[2]], [0.0, 1.0, 0.0, 1.0]);
        assert!(found.means()[1] != 0.0 && found.factors()[4] != 1.0);
        // A restored state changes the statistics, but not the choice of followed columns.
        let state = native.state();
        torch.restore(&state).unwrap();
        native.restore(&state).unwrap();
    }
}
