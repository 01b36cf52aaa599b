//! Both learners imitate the same: actions of demonstrations, and distributions of a teacher.

use ludus_learn::{
    Algorithm, CloningConfig, CloningReport, CloningStep, DemonstratedEpisode, Demonstrations, Imitation, LearnError,
    Learner, LearnerState, Losses, Minibatch, Rollout, RolloutShape, Schedule, TaughtSamples,
};
use ludus_net::{Distribution, Encoder, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed};

use crate::cart_pole::WIDTH;
use crate::gradients::{HYBRID, Prepared, SETTINGS, compare_tensors, network, normalizer, prepared, scatter};
use crate::{PLAIN, Setup, cart_pole_network, cart_poles, memory, native, of_samples, ppo, torch};

const STEP: CloningStep = CloningStep { learning_rate: 1e-3, max_grad_norm: 1e9 };
const WEIGHT: f32 = 0.7;

/// Episodes of random observations, masks and actions, of which every third step is not imitated.
fn episodes(heads: &[Head], inputs: usize, is_masked: bool) -> Vec<DemonstratedEpisode> {
    let episode = |index: u64| {
        let (seed, steps) = (Seed::new(7).derive(index), 10 + 3 * index as usize);
        let mut observations = vec![0.0; steps * inputs];
        scatter(&mut observations, seed.derive(0), 3.0);
        let (mut actions, mut masks) = (Vec::new(), Vec::new());
        for step in 0..steps as u64 {
            for (part, head) in heads.iter().enumerate() {
                let seed = seed.derive(1).derive(step).derive(part as u64);
                let Head::Categorical { choices } = *head else {
                    actions.extend(
                        (0..head.action_width() as u64).map(|column| 2.0 * seed.derive(column).uniform() - 1.0),
                    );
                    continue;
                };
                let choice = (seed.uniform() * choices as f32) as usize;
                actions.push(choice as f32);
                let is_allowed = |other: usize| other == choice || seed.derive(other as u64).uniform() < 0.5;
                masks.extend((0..choices).map(is_allowed));
            }
        }
        let masks = if is_masked { masks } else { Vec::new() };
        let is_imitated = (0..steps).map(|step| step % 3 != 1).collect();
        DemonstratedEpisode { observations, masks, actions, is_imitated }
    };
    (0..12).map(episode).collect()
}

/// The demonstrations of a learner: their inputs and memories are its own.
fn demonstrations(learner: &impl Learner, heads: &[Head], inputs: usize, is_masked: bool) -> Demonstrations {
    let mask_width =
        heads.iter().filter(|head| matches!(head, Head::Categorical { .. })).map(|head| head.output_width());
    let shape = RolloutShape {
        observation_width: inputs,
        action_width: heads.iter().map(|head| head.action_width()).sum(),
        mask_width: if is_masked { mask_width.sum() } else { 0 },
        memory_width: learner.memory_width(),
        has_inputs: learner.keeps_inputs(),
        ..RolloutShape::default()
    };
    Demonstrations::new(&shape, &episodes(heads, inputs, is_masked), &[]).unwrap()
}

/// The losses before a step and of all steps of an epoch, and the states after its first step and after the last.
struct Cloned {
    losses: Vec<f32>,
    first: LearnerState,
    last: LearnerState,
}

fn cloned(mut learner: impl Learner, network: &Network, is_masked: bool) -> Cloned {
    let layout = network.layout();
    let mut learned = demonstrations(&learner, layout.heads(), layout.inputs(), is_masked).learned;
    let cloning = learner.cloning().unwrap();
    cloning.stage(&mut learned.rollout);
    learned.experience.shuffle(Seed::new(4));
    let minibatches: Vec<Minibatch<'_>> = learned.experience.minibatches(3).collect();
    let mut losses = vec![cloning.cloning_loss(&learned.rollout, minibatches[0])];
    losses.push(cloning.clone_minibatch(&learned.rollout, minibatches[0], STEP).unwrap());
    let first = learner.state();
    let cloning = learner.cloning().unwrap();
    let rest =
        minibatches[1..].iter().map(|&minibatch| cloning.clone_minibatch(&learned.rollout, minibatch, STEP).unwrap());
    losses.extend(rest);
    learner.take_losses().unwrap();
    Cloned { losses, first, last: learner.state() }
}

fn is_policy(name: &str) -> bool {
    !name.starts_with("critic.")
}

fn check_cloning(network: &Network, normalizer: Option<&Normalizer>, is_masked: bool) {
    let found = cloned(torch(network.clone(), normalizer.cloned(), PLAIN), network, is_masked);
    let expected = cloned(native(network.clone(), normalizer.cloned()), network, is_masked);
    for (found, expected) in found.losses.iter().zip(&expected.losses) {
        assert!((found - expected).abs() < 2e-5 * expected.abs().max(0.1), "{found} for {expected}");
    }
    assert_eq!(found.losses[0], found.losses[1], "a step returns the loss before it");
    let gradients = [&found.first.first_moments, &expected.first.first_moments].map(|moments| &moments[..]);
    compare_tensors(network, "gradient", gradients, is_policy);
    let weights = [&found.first.parameters, &expected.first.parameters].map(|parameters| &parameters[..]);
    compare_tensors(network, "weights", weights, |_| true);
    assert_eq!((found.last.optimizer_steps, expected.last.optimizer_steps), (3, 3));
    let apart = found.last.parameters.iter().zip(&expected.last.parameters).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) < 1e-4, "they go on alike");
}

#[test]
fn gradients_of_cloning_agree() {
    let apart = NetworkConfig { hidden: vec![24, 16], ..NetworkConfig::default() };
    let shared = NetworkConfig { shared: true, ..apart.clone() };
    let encoders = [("board".to_owned(), Encoder::Convolve(vec![7]))].into();
    let convolutional = NetworkConfig { encoders, hidden: vec![9], ..NetworkConfig::default() };
    for config in [apart, shared, convolutional] {
        let network = network(&HYBRID, &config, 0.5);
        let normalizer = normalizer(&network);
        for is_masked in [false, true] {
            check_cloning(&network, Some(&normalizer), is_masked);
            check_cloning(&network, None, is_masked);
        }
    }
}

/// Every episode begins with an empty memory, and steps that are not imitated pass through it.
#[test]
fn gradients_of_cloning_through_memory_agree() {
    for config in memory::configs() {
        let network = memory::network(&config, 0.5);
        check_cloning(&network, Some(&memory::normalizer()), true);
        check_cloning(&network, Some(&memory::normalizer()), false);
    }
}

/// Takes a step of PPO to which something is added.
fn learned_beside<L: Learner>(
    learner: &mut L,
    rollout: &Rollout,
    minibatch: Minibatch<'_>,
    add: impl FnOnce(&mut L) -> f32,
) -> (f32, Losses, LearnerState) {
    learner.begin_update(rollout);
    let added = add(learner);
    learner.learn_minibatch(rollout, minibatch, &SETTINGS).unwrap();
    (added, learner.take_losses().unwrap(), learner.state())
}

fn compare_steps(network: &Network, found: &(f32, Losses, LearnerState), expected: &(f32, Losses, LearnerState)) {
    let near = |found: f32, expected: f32| (found - expected).abs() < 3e-5 * expected.abs().max(0.1);
    assert!(near(found.0, expected.0), "{} for {}", found.0, expected.0);
    assert!(near(found.1.grad_norm, expected.1.grad_norm), "{:?} for {:?}", found.1, expected.1);
    let moments = [&found.2.first_moments, &expected.2.first_moments].map(|moments| &moments[..]);
    compare_tensors(network, "gradient", moments, |_| true);
    let weights = [&found.2.parameters, &expected.2.parameters].map(|parameters| &parameters[..]);
    compare_tensors(network, "weights", weights, |_| true);
}

/// The loss of demonstrations, added to a step of PPO: all parameters learn from both, or from rewards the critic alone.
#[test]
fn gradients_of_cloning_beside_rewards_agree() {
    for (is_frozen, shared) in [(false, false), (true, false), (false, true), (true, true)] {
        let config = NetworkConfig { hidden: vec![24, 16], shared, ..NetworkConfig::default() };
        let now = network(&HYBRID, &config, 1.0);
        let Prepared { mut torch, mut native, rollout, samples } =
            prepared([network(&HYBRID, &config, 0.5), now.clone()], 3);
        let found = beside(&mut torch, &now, &rollout, &samples, is_frozen);
        let expected = beside(&mut native, &now, &rollout, &samples, is_frozen);
        compare_steps(&now, &found, &expected);
        // The added gradient is gone after the step: in the next one, a policy that stands still gets no gradient.
        torch.restore(&LearnerState { parameters: now.parameters().to_vec(), ..fresh(&torch) }).unwrap();
        torch.cloning().unwrap().freeze_policy(true);
        let (_, _, state) = learned_beside(&mut torch, &rollout, of_samples(&samples), |_| 0.0);
        let actor = now.layout().export(&state.first_moments).into_iter().filter(|(name, ..)| is_policy(name));
        assert!(actor.flat_map(|(_, _, moments)| moments).all(|moment| moment == 0.0));
    }
}

fn fresh(learner: &impl Learner) -> LearnerState {
    let mut state = learner.state();
    state.forget_moments();
    state
}

fn beside<L: Learner>(
    learner: &mut L,
    network: &Network,
    rollout: &Rollout,
    samples: &[u32],
    is_frozen: bool,
) -> (f32, Losses, LearnerState) {
    let mut learned = demonstrations(learner, &HYBRID, network.layout().inputs(), true).learned;
    learner.cloning().unwrap().freeze_policy(is_frozen);
    learner.cloning().unwrap().stage(&mut learned.rollout);
    learned_beside(learner, rollout, of_samples(samples), |learner| {
        let minibatch = learned.experience.minibatches(2).next().unwrap();
        learner.cloning().unwrap().add_to_next_step(&learned.rollout, minibatch, WEIGHT)
    })
}

/// The outputs of a teacher in so many samples, and its deviations.
struct Taught {
    outputs: Vec<f32>,
    log_std: Vec<f32>,
    heads: Vec<Head>,
}

impl Taught {
    fn new(heads: &[Head], samples: usize) -> Self {
        let mut outputs = vec![0.0; samples * heads.iter().map(|head| head.output_width()).sum::<usize>()];
        scatter(&mut outputs, Seed::new(12), 1.5);
        let dimensions =
            heads.iter().filter(|head| matches!(head, Head::Gaussian { .. })).map(|head| head.output_width());
        let mut log_std = vec![0.0; dimensions.sum()];
        scatter(&mut log_std, Seed::new(13), 0.5);
        Self { outputs, log_std, heads: heads.to_vec() }
    }

    fn beside<L: Learner>(
        &self,
        learner: &mut L,
        rollout: &Rollout,
        minibatch: Minibatch<'_>,
    ) -> (f32, Losses, LearnerState) {
        let taught =
            TaughtSamples { distribution: Distribution::new(&self.heads, &self.log_std), outputs: &self.outputs };
        learner.cloning().unwrap().freeze_policy(true);
        learned_beside(learner, rollout, minibatch, |learner| {
            learner.cloning().unwrap().add_divergence_to_next_step(rollout, minibatch, taught, WEIGHT)
        })
    }
}

#[test]
fn gradients_of_distillation_agree() {
    let config = NetworkConfig { hidden: vec![24, 16], ..NetworkConfig::default() };
    for mask_width in [0, 3] {
        let now = network(&HYBRID, &config, 1.0);
        let Prepared { mut torch, mut native, rollout, samples } =
            prepared([network(&HYBRID, &config, 0.5), now.clone()], mask_width);
        let taught = Taught::new(&HYBRID, rollout.samples().outcomes.len());
        let found = taught.beside(&mut torch, &rollout, of_samples(&samples));
        let expected = taught.beside(&mut native, &rollout, of_samples(&samples));
        compare_steps(&now, &found, &expected);
    }
}

#[test]
fn gradients_of_distillation_through_memory_agree() {
    for config in memory::configs() {
        let now = memory::network(&config, 0.5);
        let mut torch = torch(now.clone(), Some(memory::normalizer()), PLAIN);
        let mut native = native(now.clone(), Some(memory::normalizer()));
        let (mut worlds, mut worlds_of_native) = (memory::worlds([3, 8]), memory::worlds([3, 8]));
        let mut by_torch = memory::rollout(&worlds, 0);
        let mut by_native = memory::rollout(&worlds, native.memory_width());
        memory::play(&mut torch, &mut worlds, &mut by_torch);
        memory::play(&mut native, &mut worlds_of_native, &mut by_native);
        let taught = Taught::new(&memory::HEADS, by_native.samples().outcomes.len());
        let (of_torch, of_native) = (memory::experience(&by_torch, 3), memory::experience(&by_native, 3));
        let found = taught.beside(&mut torch, &by_torch, of_torch.minibatches(2).nth(1).unwrap());
        let expected = taught.beside(&mut native, &by_native, of_native.minibatches(2).nth(1).unwrap());
        compare_steps(&now, &found, &expected);
    }
}

/// Episodes of a script that pushes a cart to where the pole falls.
fn pushes(count: u64) -> Vec<DemonstratedEpisode> {
    let episode = |index: u64| {
        let mut observations = vec![0.0; 30 * WIDTH];
        scatter(&mut observations, Seed::new(21).derive(index), 1.0);
        let pushes = observations.chunks_exact(WIDTH).map(|state| f32::from(state[2] + 0.5 * state[3] > 0.0));
        let (actions, masks, is_imitated) = (pushes.collect(), Vec::new(), vec![true; 30]);
        DemonstratedEpisode { actions, masks, is_imitated, observations }
    };
    (0..count).map(episode).collect()
}

/// Pretrains a policy, and goes on by rewards beside the demonstrations. Returns the report and the weights.
fn pretrained<L: Learner + 'static>(learner: L) -> (CloningReport, Vec<f32>) {
    let mut worlds = cart_poles(&[4, 4], 1);
    let config = ludus_learn::PpoConfig { rollout_steps: 16, minibatch: 32, ..ludus_learn::PpoConfig::default() };
    let ppo = ppo(&config, learner, &worlds, 5);
    let cloning = CloningConfig {
        epochs: 5,
        learning_rate: Schedule::Constant(3e-3),
        critic_warm_up: 1,
        weight: Schedule::Constant(0.5),
        ..CloningConfig::default()
    };
    let all = pushes(24);
    let demonstrations = Demonstrations::new(&ppo.demonstration_shape(), &all[..20], &all[20..]).unwrap();
    let mut ppo = ppo.with_imitation(Imitation { demonstrations, config: cloning }).unwrap();
    let report = ppo.pretrain(&mut |_| true).unwrap().unwrap();
    for _ in 0..2 {
        ppo.iterate(&mut worlds, 0.5).unwrap();
    }
    assert!(ppo.cloning_loss().unwrap() > 0.0, "it is a part of the updates after the warm-up");
    (report, ppo.learner().policy().parameters)
}

#[test]
fn pretraining_agrees_and_repeats_to_the_bit_with_any_threads() {
    let network = || cart_pole_network(3);
    let normalizer = || Some(Normalizer::new(WIDTH, 10.0));
    let (expected, _) = pretrained(native(network(), normalizer()));
    let (found, weights) = pretrained(torch(network(), normalizer(), PLAIN));
    assert_eq!((found.epochs, found.samples), (expected.epochs, expected.samples));
    for (found, expected) in [
        (found.kept.loss, expected.kept.loss),
        (found.kept.held_out_loss.unwrap(), expected.kept.held_out_loss.unwrap()),
    ] {
        assert!((found - expected).abs() < 1e-3, "{found} for {expected}");
    }
    let (_, again) = pretrained(torch(network(), normalizer(), Setup { threads: 3, ..PLAIN }));
    assert!(weights == again, "with three threads");
}

/// As in plain Rust, a step whose loss is not finite changes nothing.
#[test]
fn a_loss_of_cloning_that_is_not_finite_is_an_error() {
    let network = network(&[Head::Gaussian { width: 1 }], &NetworkConfig::default(), 0.5);
    let mut episode = episodes(&[Head::Gaussian { width: 1 }], 5, false).swap_remove(0);
    episode.actions[0] = f32::INFINITY;
    let mut learner = torch(network, None, PLAIN);
    let shape = RolloutShape { observation_width: 5, action_width: 1, ..RolloutShape::default() };
    let learned = Demonstrations::new(&shape, &[episode], &[]).unwrap().learned;
    let before = learner.state();
    let minibatch = learned.experience.minibatches(1).next().unwrap();
    let error = learner.cloning().unwrap().clone_minibatch(&learned.rollout, minibatch, STEP).unwrap_err();
    assert!(matches!(error, LearnError::NotFinite { what: "loss of cloning", .. }), "{error}");
    assert_eq!(learner.state(), before);
}
