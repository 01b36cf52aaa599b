//! The same samples give both learners of SAC the same losses, gradients, and weights after it.

use std::ops::Range;

use ludus_learn::{
    CollectedLane, Collector, DecidedRows, LearnError, NativeSacLearner, Rollout, SacBehavior, SacConfig, SacLearner,
    SacLosses, SacNetworks, SacNextRows, SacSamples, SacState, SacStep, Temperature, TemperatureSettings,
};
use ludus_net::{
    Activation, BlockColumns, EncodedBlock, Encoder, InputBlock, Layout, Network, NetworkConfig, SetBlock,
};
use ludus_spec::{Head, Seed};
use ludus_torch::{TorchError, TorchSacLearner};

use crate::gradients::{Noise, compare, compare_tensors, network, normalizer, scatter, scattered};
use crate::values::settings;
use crate::{PLAIN, Setup, machine, rollout_of};

const NUMBERS: &[Head] = &[Head::Gaussian { width: 2 }];
const CHOICES: &[Head] = &[Head::Categorical { choices: 3 }, Head::Categorical { choices: 2 }];
const BOTH: &[Head] = &[Head::Gaussian { width: 1 }, Head::Categorical { choices: 3 }, Head::Gaussian { width: 2 }];

const SAMPLES: usize = 300;

fn step() -> SacStep {
    SacStep {
        critic_rate: 3e-3,
        policy_rate: 2e-3,
        // No clipping, so that the first moments are a tenth of the gradient itself.
        max_grad_norm: 1e9,
        target_rate: 0.3,
        next_actions: Seed::new(21),
        own_actions: Seed::new(22),
    }
}

fn config() -> SacConfig {
    SacConfig {
        temperature: Temperature::Tuned(0.3),
        choice_temperature: Temperature::Tuned(0.2),
        ..SacConfig::default()
    }
}

/// Samples that are noise. Some have no successor whose value is a number.
struct Scattered {
    decided: DecidedRows,
    next: SacNextRows,
}

impl Scattered {
    fn new(width: usize, heads: &[Head], has_masks: bool) -> Self {
        let numbers = |seed: u64, count: usize, reach: f32| {
            let mut numbers = vec![0.0; count];
            scatter(&mut numbers, Seed::new(seed), reach);
            numbers
        };
        let draw = |seed: u64, index: usize| Seed::new(seed).derive(index as u64).uniform();
        let action = |row: usize| {
            let columns = heads.iter().enumerate().flat_map(move |(index, head)| {
                (0..head.action_width()).map(move |place| (head, draw(30 + index as u64, 10 * row + place)))
            });
            columns.map(|(head, draw)| match head {
                Head::Categorical { choices } => (draw * *choices as f32).floor(),
                _ => 2.0 * draw - 1.0,
            })
        };
        let masks = |seed: u64| masks(heads, has_masks, seed);
        let mut next_observations = numbers(6, SAMPLES * width, 3.0);
        next_observations[..width].fill(f32::NAN);
        Self {
            decided: DecidedRows {
                observations: numbers(1, SAMPLES * width, 3.0),
                masks: masks(7),
                actions: (0..SAMPLES).flat_map(action).collect(),
            },
            next: SacNextRows {
                rewards: numbers(2, SAMPLES, 2.0),
                bootstraps: (0..SAMPLES).map(|row| if row % 5 == 0 { 0.0 } else { 0.9 }).collect(),
                observations: next_observations,
                masks: masks(8),
            },
        }
    }
}

/// Masks in which the first choice of each head is allowed.
fn masks(heads: &[Head], has_masks: bool, seed: u64) -> Vec<bool> {
    let of_row = || heads.iter().flat_map(|head| (0..head.mask_width()).map(|choice| choice == 0));
    let rows = if has_masks { SAMPLES } else { 0 };
    let all = (0..rows).flat_map(|_| of_row()).enumerate();
    all.map(|(index, is_first)| is_first || Seed::new(seed).derive(index as u64).uniform() < 0.6).collect()
}

impl SacSamples for Scattered {
    fn count(&self) -> usize {
        SAMPLES
    }

    fn gather(&self, range: Range<usize>, decided: &mut DecidedRows) {
        let DecidedRows { observations, masks, actions } = &self.decided;
        *decided = DecidedRows {
            observations: part(observations, &range),
            masks: part(masks, &range),
            actions: part(actions, &range),
        };
    }

    fn gather_next(&self, range: Range<usize>, next: &mut SacNextRows) {
        let SacNextRows { rewards, bootstraps, observations, masks } = &self.next;
        *next = SacNextRows {
            rewards: part(rewards, &range),
            bootstraps: part(bootstraps, &range),
            observations: part(observations, &range),
            masks: part(masks, &range),
        };
    }
}

fn part<T: Copy>(numbers: &[T], range: &Range<usize>) -> Vec<T> {
    let width = numbers.len() / SAMPLES;
    numbers[range.start * width..range.end * width].to_vec()
}

/// Returns the weights of both critics, scattered.
fn scattered_critics(networks: &SacNetworks, seed: u64) -> Vec<f32> {
    let scattered = |(critic, network): (u64, &Network)| {
        let mut network = network.clone();
        let seed = Seed::new(seed).derive(critic);
        let scatter = |(index, parameter): (usize, &mut f32)| *parameter += seed.derive(index as u64).uniform() - 0.5;
        network.update(|parameters| parameters.iter_mut().enumerate().for_each(scatter));
        network.parameters().to_vec()
    };
    (0..).zip(networks.critics()).flat_map(scattered).collect()
}

/// Compares a gradient step of learners of both kinds. Returns the losses.
fn check(policy: &Network, has_masks: bool, step: SacStep) -> SacLosses {
    let networks = SacNetworks::new(policy.clone(), Seed::new(5)).unwrap();
    let set = |block: EncodedBlock<'_>| match block.columns {
        BlockColumns::Set(set) => Some(set),
        _ => None,
    };
    let normalizer = normalizer(policy).with_sets(policy.layout().encoded_blocks().filter_map(set).collect());
    let mut native = NativeSacLearner::new(networks.clone(), Some(normalizer.clone()), machine(1)).unwrap();
    native.set_up(TemperatureSettings::new(&config(), networks.parts()));
    let mut state = native.state();
    state.critics.parameters = scattered_critics(&networks, 40);
    state.critics.targets = scattered_critics(&networks, 41);
    state.critics.optimizer_steps = 3;
    state.temperatures.optimizer_steps = 5;
    native.restore(&state).unwrap();
    let mut other = policy.clone();
    other.update(|parameters| parameters.iter_mut().for_each(|parameter| *parameter *= 0.5));
    let mut torch = torch(other, Some(normalizer), PLAIN);
    torch.restore(&state).unwrap();
    assert_eq!(torch.state(), state, "a state goes back and forth unchanged");

    let samples = Scattered::new(policy.layout().inputs(), policy.layout().heads(), has_masks);
    let (losses, state) = learn(&mut torch, &samples, &step);
    let (expected_losses, expected) = learn(&mut native, &samples, &step);
    close(&numbers(losses), &numbers(expected_losses));
    compare_states(&networks, &state, &expected);
    close(&temperatures(&torch), &temperatures(&native));
    losses
}

fn torch(policy: Network, normalizer: Option<ludus_net::Normalizer>, setup: Setup) -> TorchSacLearner {
    let networks = SacNetworks::new(policy, Seed::new(5)).unwrap();
    let temperatures = TemperatureSettings::new(&config(), networks.parts());
    let mut learner = TorchSacLearner::new(networks, normalizer, settings(setup)).unwrap();
    learner.set_up(temperatures);
    learner
}

fn learn(learner: &mut impl SacLearner, samples: &Scattered, step: &SacStep) -> (SacLosses, SacState) {
    learner.begin_update(1);
    learner.learn(samples, step).unwrap();
    (learner.take_losses().unwrap(), learner.state())
}

fn compare_states(networks: &SacNetworks, found: &SacState, expected: &SacState) {
    let policy = networks.policy();
    // The policy's own critic is not learned.
    let is_learned = |name: &str| !name.starts_with("critic");
    let moments = [&found.policy.first_moments[..], &expected.policy.first_moments];
    compare_tensors(policy, "gradient of the policy", moments, is_learned);
    compare(policy, "weights of the policy", &found.policy.parameters, &expected.policy.parameters);
    // A critic's values are its outputs, of which none has a deviation.
    let is_learned = |name: &str| !name.starts_with("critic") && name != "log_std";
    for (index, critic) in networks.critics().iter().enumerate() {
        let count = critic.parameters().len();
        let of = |array: &[f32]| array[index * count..(index + 1) * count].to_vec();
        let pair = |array: fn(&SacState) -> &[f32]| [of(array(found)), of(array(expected))];
        let [own, other] = pair(|state| &state.critics.first_moments);
        compare_tensors(critic, "gradient of a critic", [&own, &other], is_learned);
        let [own, other] = pair(|state| &state.critics.parameters);
        compare(critic, "weights of a critic", &own, &other);
        let [own, other] = pair(|state| &state.critics.targets);
        compare(critic, "weights of a target", &own, &other);
    }
    let [own, other] = [found.temperatures, expected.temperatures];
    close(&own.logs, &other.logs);
    close(&own.first_moments, &other.first_moments);
    close(&own.second_moments, &other.second_moments);
    let steps = |state: &SacState| {
        [state.policy.optimizer_steps, state.critics.optimizer_steps, state.temperatures.optimizer_steps]
    };
    assert_eq!((steps(found), steps(expected)), ([1, 4, 6], [1, 4, 6]));
}

fn numbers(losses: SacLosses) -> [f32; 8] {
    let SacLosses { critic_loss, value, actor_loss, number_entropy, choice_entropy, .. } = losses;
    let SacLosses { greatest_entropy, critic_grad_norm, actor_grad_norm, .. } = losses;
    [
        critic_loss,
        value,
        actor_loss,
        number_entropy,
        choice_entropy,
        greatest_entropy,
        critic_grad_norm,
        actor_grad_norm,
    ]
}

fn temperatures(learner: &impl SacLearner) -> [f32; 2] {
    let temperatures = learner.temperatures();
    [temperatures.numbers, temperatures.choices]
}

#[track_caller]
fn close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-5 * b.abs().max(1.0), "{found:?} against {expected:?}");
    }
}

fn squashed(config: &NetworkConfig) -> NetworkConfig {
    NetworkConfig { squashed: true, ..config.clone() }
}

#[test]
fn gradients_of_policy_and_critics_agree() {
    for shared in [false, true] {
        let config = squashed(&NetworkConfig { hidden: vec![24, 16], shared, ..NetworkConfig::default() });
        for (heads, has_masks) in [(NUMBERS, false), (CHOICES, false), (CHOICES, true), (BOTH, false), (BOTH, true)] {
            let losses = check(&network(heads, &config, 0.5), has_masks, step());
            assert_eq!(losses.number_entropy != 0.0, heads != CHOICES);
            assert_eq!(losses.choice_entropy != 0.0, heads != NUMBERS);
        }
    }
}

#[test]
fn gradients_of_policy_and_critics_agree_on_every_network() {
    let plain = squashed(&NetworkConfig { hidden: vec![24], shared: true, ..NetworkConfig::default() });
    let board = [("board".to_owned(), Encoder::Convolve(vec![5, 7]))].into();
    for config in [
        NetworkConfig { activation: Activation::Relu, layer_norm: true, ..plain.clone() },
        NetworkConfig { encoders: board, ..plain.clone() },
        NetworkConfig { hidden: vec![], ..plain.clone() },
    ] {
        check(&network(BOTH, &config, 0.5), true, step());
    }
    for encoder in [Encoder::Pool(9), Encoder::Attend { width: 8, heads: 2 }] {
        let config = NetworkConfig { encoders: [("enemies".to_owned(), encoder)].into(), ..plain.clone() };
        // A number, a set of up to 4 elements of 2 numbers, and a number.
        let set = SetBlock { first: 1, capacity: 4, parts: 2 };
        let layout = Layout::with_blocks(11, &[InputBlock::set("enemies", set)], BOTH, &config).unwrap();
        check(&scattered(layout, 0.5), true, step());
    }
}

#[test]
fn long_gradients_of_policy_and_critics_are_shortened_alike() {
    let config = squashed(&NetworkConfig { hidden: vec![16], shared: true, ..NetworkConfig::default() });
    let losses = check(&network(BOTH, &config, 0.5), true, SacStep { max_grad_norm: 0.01, ..step() });
    assert!(losses.critic_grad_norm > 0.1 && losses.actor_grad_norm > 0.1, "{losses:?}");
}

/// The same weights give the same actions: the draws derive from the rows' seeds.
#[test]
fn actions_of_soft_actor_critic_agree() {
    let config = squashed(&NetworkConfig { hidden: vec![16], ..NetworkConfig::default() });
    let parted = Setup { threads: 2, splits: 2, ..PLAIN };
    for (setup, mask_width, behavior) in [
        (PLAIN, 0, SacBehavior::Drawn),
        (PLAIN, 3, SacBehavior::Drawn),
        (parted, 3, SacBehavior::Drawn),
        (parted, 3, SacBehavior::Random),
        (PLAIN, 0, SacBehavior::Random),
    ] {
        let policy = network(BOTH, &config, 0.5);
        let normalizer = normalizer(&policy);
        let networks = SacNetworks::new(policy.clone(), Seed::new(5)).unwrap();
        let mut native = NativeSacLearner::new(networks, Some(normalizer.clone()), machine(1)).unwrap();
        let found = rollout(&mut torch(policy, Some(normalizer), setup), mask_width, behavior);
        let expected = rollout(&mut native, mask_width, behavior);
        let (found, expected) = (found.samples(), expected.samples());
        let far = |a: &[f32], b: &[f32]| a.iter().zip(b).filter(|(a, b)| (*a - *b).abs() > 1e-4).count();
        assert!(far(found.actions, expected.actions) <= 2, "a draw may fall on the other side of a choice's edge");
        assert!(far(found.log_probs, expected.log_probs) <= 2);
        assert_eq!(found.values, expected.values);
        let chosen = expected.actions.chunks_exact(4).filter(|action| action[1] == 0.0).count();
        assert!(chosen * 40 > expected.actions.len() && chosen * 40 < 9 * expected.actions.len(), "{chosen}");
    }
}

fn rollout(learner: &mut impl SacLearner, mask_width: usize, behavior: SacBehavior) -> Rollout {
    let noise = |rows, step| Noise { rows, step, observation_width: 5, action_width: 4, mask_width };
    let mut worlds = [noise(150, 1), noise(90, 1000)];
    let shape = ludus_learn::RolloutShape { has_inputs: false, ..rollout_of(6, &worlds).shape().clone() };
    let mut rollout = Rollout::new(shape);
    let (collector, steps) = (Collector::new(learner.machine().clone()), rollout.missing_steps());
    let lane =
        CollectedLane { decider: learner.decider(behavior), others: &[], rollout: &mut rollout, seed: Seed::new(3) };
    collector.collect(&mut worlds, &mut [lane], steps).unwrap();
    rollout
}

/// Nothing is learned from it, until it is rewound or the next update begins.
#[test]
fn a_loss_of_policy_and_critics_that_is_not_finite_changes_nothing() {
    let config = squashed(&NetworkConfig { hidden: vec![16], ..NetworkConfig::default() });
    let mut learner = torch(network(BOTH, &config, 0.5), None, PLAIN);
    learner.mark().unwrap();
    let before = learner.state();
    let good = Scattered::new(5, BOTH, true);
    let mut bad = Scattered::new(5, BOTH, true);
    bad.next.rewards[7] = f32::NAN;
    learner.begin_update(2);
    for samples in [&bad, &good] {
        // On a device, the error comes with the losses.
        learner.learn(samples, &step()).unwrap();
    }
    let error = learner.take_losses().unwrap_err();
    assert!(matches!(error, LearnError::NotFinite { what: "critics' loss", value } if value.is_nan()), "{error}");
    assert_eq!(learner.state(), before);
    let (_, after) = learn(&mut learner, &good, &step());
    assert_eq!(after.policy.optimizer_steps, 1);
    assert_ne!(after.critics, before.critics);
    assert_ne!(after.temperatures, before.temperatures);
    learner.rewind();
    assert_eq!(learner.state(), before, "the target critics' weights too");
}

#[test]
fn a_state_of_other_networks_is_refused_and_changes_nothing() {
    let config = squashed(&NetworkConfig { hidden: vec![16], ..NetworkConfig::default() });
    let mut learner = torch(network(BOTH, &config, 0.5), None, PLAIN);
    let before = learner.state();
    let mut other = before.clone();
    other.critics.targets.pop();
    let error = learner.restore(&other).unwrap_err();
    assert!(matches!(error, LearnError::Checkpoint { what: "weights of target critics", .. }), "{error}");
    assert_eq!(learner.state(), before);
}

#[test]
fn a_normalizer_of_another_width_is_refused() {
    let config = squashed(&NetworkConfig::default());
    let networks = SacNetworks::new(network(NUMBERS, &config, 0.5), Seed::new(5)).unwrap();
    let error = TorchSacLearner::new(networks, Some(ludus_net::Normalizer::new(3, 10.0)), settings(PLAIN)).err();
    assert!(matches!(error, Some(TorchError::Learn(_))), "{error:?}");
}
