//! Networks with memory: both learners remember, recompute and learn the same.

use std::collections::BTreeMap;

use ludus_learn::{
    Algorithm, Discount, Experience, LaneShape, Learner, LearnerState, Losses, PpoConfig, Rollout, RolloutShape,
    SavedAlgorithm, SensedRows, Simulation, StepLanes, UpdateSettings,
};
use ludus_net::{Encoder, GridBlock, InputBlock, Layout, Memory, Network, NetworkConfig, Normalizer, ValuesBlock};
use ludus_spec::{Head, Outcome, Seed};
use ludus_torch::tch::Tensor;
use ludus_torch::{Forward, Parameter, RecurrentForward, TorchLearner, TorchNetwork, Transfers, described};

use crate::gradients::{SETTINGS, compare, compare_losses};
use crate::{PLAIN, Setup, collect, device, lanes, native, ppo, torch, torch_of};

pub const HEADS: [Head; 2] = [Head::Categorical { choices: 3 }, Head::Gaussian { width: 2 }];
pub const INPUTS: usize = 4;
const STEPS: usize = 23;
const GRID: GridBlock = GridBlock { first: 1, height: 3, width: 1, channels: 1 };
const TILT: ValuesBlock = ValuesBlock { first: 0, width: 1 };
const MEMORIES: [Memory; 2] = [Memory::MinGru(18), Memory::Gru(18)];

/// Agents that come, go, wait and begin episodes at any step, with random observations and masks. What is no experience
/// has rewards that are not numbers.
#[derive(Clone)]
pub struct Random {
    rows: usize,
    seed: Seed,
    step: u64,
}

impl Random {
    fn uniform(&self, row: usize, what: u64) -> f32 {
        self.seed.derive(self.step).derive(row as u64).derive(what).uniform()
    }

    fn sense(&self, next: SensedRows<'_>) {
        for row in 0..self.rows {
            for (column, number) in next.observations[INPUTS * row..][..INPUTS].iter_mut().enumerate() {
                *number = 4.0 * self.uniform(row, column as u64) - 2.0;
            }
            let always = (3.0 * self.uniform(row, 10)) as usize;
            for (choice, is_allowed) in next.masks[3 * row..3 * row + 3].iter_mut().enumerate() {
                *is_allowed = choice == always || self.uniform(row, 11 + choice as u64) < 0.5;
            }
        }
    }
}

impl Simulation for Random {
    fn lane(&self, _: usize) -> LaneShape {
        let (action_width, mask_width) = (3, 3);
        LaneShape { rows: self.rows, observation_width: INPUTS, action_width, mask_width, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.sense(now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        self.step += 1;
        for row in 0..self.rows {
            let outcome = match self.uniform(row, 21) {
                0.0..0.15 => Outcome::Restart,
                0.15..0.2 => Outcome::Terminated,
                0.2..0.25 => Outcome::Truncated,
                0.25..0.35 => Outcome::Waiting,
                0.35..0.4 => Outcome::WaitingTruncated,
                0.4..0.5 => Outcome::Vacant,
                0.5..0.55 => Outcome::Faulty,
                _ => Outcome::Running,
            };
            let is_earned = outcome.is_experience() || outcome.is_waiting();
            rows.rewards[row] = if is_earned { self.uniform(row, 20) } else { f32::NAN };
            rows.outcomes[row] = outcome;
        }
        self.sense(rows.next);
    }
}

pub fn worlds(sizes: [usize; 2]) -> Vec<Random> {
    sizes.map(|rows| Random { rows, seed: Seed::new(rows as u64), step: 0 }).into()
}

/// Makes a network whose parameters are scattered by `distance`.
pub fn network(config: &NetworkConfig, distance: f32) -> Network {
    let blocks = [InputBlock::values("tilt", TILT), InputBlock::grid("board", GRID)];
    let layout = Layout::with_blocks(INPUTS, &blocks, &HEADS, config);
    let mut network = Network::new(layout.unwrap(), Seed::new(1));
    let scatter = |(index, parameter): (usize, &mut f32)| {
        *parameter += distance * (Seed::new(2).derive(index as u64).uniform() - 0.5);
    };
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(scatter));
    network
}

fn config(memory: Memory) -> NetworkConfig {
    NetworkConfig { hidden: vec![20], memory: Some(memory), ..NetworkConfig::default() }
}

/// Networks of both kinds: actor and critic apart, on one trunk, behind convolutions, and beside the last steps of a
/// field; and such that remember these, the last action, or both.
pub fn configs() -> Vec<NetworkConfig> {
    let of_kind = |memory| {
        let apart = config(memory);
        let (shared, convolutional) = (apart.clone(), apart.clone());
        let encoders = [("board".to_owned(), Encoder::Convolve(vec![5]))].into();
        let stacked = NetworkConfig { encoders: [("tilt".to_owned(), Encoder::Stack(4))].into(), ..apart.clone() };
        [apart, NetworkConfig { shared: true, ..shared }, NetworkConfig { encoders, ..convolutional }, stacked]
    };
    let stacked = NetworkConfig { memory: None, ..of_kind(MEMORIES[0])[3].clone() };
    let acting = NetworkConfig { observe_last_action: true, encoders: BTreeMap::new(), ..stacked.clone() };
    let all = NetworkConfig { observe_last_action: true, memory: Some(MEMORIES[1]), ..stacked.clone() };
    MEMORIES.into_iter().flat_map(of_kind).chain([stacked, acting, all]).collect()
}

pub fn normalizer() -> Normalizer {
    Normalizer::new(INPUTS, 10.0)
}

/// Makes a rollout. A learner in plain Rust has its memory there, a learner on libtorch has none.
pub fn rollout(worlds: &[Random], memory_width: usize) -> Rollout {
    let shape = RolloutShape::of_lane(STEPS, &lanes(worlds)).unwrap();
    Rollout::new(RolloutShape { has_inputs: true, memory_width, ..shape })
}

/// Fills a rollout, and estimates advantages.
pub fn play(learner: &mut impl Learner, worlds: &mut [Random], rollout: &mut Rollout) {
    collect(learner, worlds, rollout, 5).unwrap();
    rollout.estimate_advantages(&[Discount { gamma: 0.9, lambda: 0.9 }.into()]);
}

pub fn experience(rollout: &Rollout, seed: u64) -> Experience {
    let mut experience = Experience::of_rows(rollout.shape());
    experience.select(rollout.samples().outcomes);
    experience.shuffle(Seed::new(seed));
    experience
}

/// Learns from one of two minibatches.
fn learn<L: Learner>(learner: &mut L, rollout: &Rollout, settings: &UpdateSettings) -> (Losses, LearnerState, usize) {
    let experience = experience(rollout, 3);
    let minibatch = experience.minibatches(2).nth(1).unwrap();
    learner.begin_update(rollout);
    learner.learn_minibatch(rollout, minibatch, settings).unwrap();
    (learner.take_losses().unwrap(), learner.state(), minibatch.samples.len())
}

/// The second rollout begins within episodes. Other weights than the rollout's make ratios that are not 1.
#[test]
fn gradients_through_memory_agree() {
    for config in configs() {
        let before = network(&config, 0.5);
        let mut torch = torch(before.clone(), Some(normalizer()), PLAIN);
        let mut native = native(before, Some(normalizer()));
        let (mut worlds, mut worlds_of_native) = (worlds([3, 8]), worlds([3, 8]));
        let mut by_torch = rollout(&worlds, 0);
        let mut by_native = rollout(&worlds, native.memory_width());
        for _ in 0..2 {
            play(&mut torch, &mut worlds, &mut by_torch);
            play(&mut native, &mut worlds_of_native, &mut by_native);
            let (found, expected) = (by_torch.samples(), by_native.samples());
            assert_eq!(found.outcomes, expected.outcomes);
            for (what, found, expected) in [
                ("actions", found.actions, expected.actions),
                ("log-probabilities", found.log_probs, expected.log_probs),
                ("values", found.values, expected.values),
            ] {
                let error = found.iter().zip(expected).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
                assert!(error < 1e-4, "{what} of {config:?}: {error:e}");
            }
            torch.update_normalizer(&by_torch).unwrap();
            native.update_normalizer(&by_native).unwrap();
        }
        assert!(by_native.samples().first_memory.iter().any(|number| *number != 0.0));
        let now = network(&config, 0.8);
        let state = LearnerState { parameters: now.parameters().to_vec(), ..native.state() };
        torch.restore(&state).unwrap();
        native.restore(&state).unwrap();
        for settings in [SETTINGS, UpdateSettings { normalize_advantages: false, value_clip: Some(0.3), ..SETTINGS }] {
            let [found, expected] =
                [learn(&mut torch, &by_torch, &settings), learn(&mut native, &by_native, &settings)];
            compare_losses(&found.0, &expected.0, expected.2);
            compare(&now, "gradient", &found.1.first_moments, &expected.1.first_moments);
            compare(&now, "weights", &found.1.parameters, &expected.1.parameters);
            torch.restore(&state).unwrap();
            native.restore(&state).unwrap();
        }
    }
}

/// Returns the greatest part of a probability by which an update may be off before its first step.
fn tolerance() -> f32 {
    if device().is_cuda() { 1e-4 } else { 1e-5 }
}

/// Checks an update of each of two rollouts: a clip range as small as the tolerance clips nothing.
fn check_recomputation(learner: &mut TorchLearner) {
    let mut worlds = worlds([8, 7]);
    let mut rollout = rollout(&worlds, 0);
    let settings = UpdateSettings { learning_rate: 0.0, clip: tolerance(), ..SETTINGS };
    for round in 0..2 {
        play(learner, &mut worlds, &mut rollout);
        let experience = experience(&rollout, round);
        learner.begin_update(&rollout);
        for minibatch in experience.minibatches(2) {
            learner.learn_minibatch(&rollout, minibatch, &settings).unwrap();
        }
        let losses = learner.take_losses().unwrap();
        assert_eq!(losses.clip_fraction, 0.0, "{losses:?}");
        assert!(losses.entropy > 100.0, "{losses:?}");
        learner.update_normalizer(&rollout).unwrap();
    }
}

#[test]
fn an_update_recomputes_its_rollout() {
    for config in configs() {
        for splits in [1, 2] {
            let setup = Setup { splits, ..PLAIN };
            check_recomputation(&mut torch(network(&config, 0.5), Some(normalizer()), setup));
        }
    }
}

/// A network that a user could have written: it has a step and nothing else.
struct Stepwise(Box<dyn TorchNetwork>);

impl TorchNetwork for Stepwise {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn heads(&self) -> &[Head] {
        self.0.heads()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        self.0.forward(parameters, observations)
    }

    fn memory_width(&self) -> usize {
        self.0.memory_width()
    }

    fn step(&self, parameters: &[Tensor], observations: &Tensor, memory: &Tensor) -> RecurrentForward {
        self.0.step(parameters, observations, memory)
    }

    fn remember_actions(&self, memory: Tensor, actions: &Tensor) -> Tensor {
        self.0.remember_actions(memory, actions)
    }

    fn layout(&self) -> Option<&Layout> {
        self.0.layout()
    }
}

#[test]
fn a_network_of_one_s_own_needs_a_step_only() {
    for config in configs() {
        let stepwise = Stepwise(described(network(&config, 0.5)));
        let mut stepwise = torch_of(Box::new(stepwise), Some(normalizer()), PLAIN);
        check_recomputation(&mut stepwise);
        let mut whole = torch(network(&config, 0.5), Some(normalizer()), PLAIN);
        let learned = [&mut stepwise, &mut whole].map(|learner| {
            learner.restore(&native(network(&config, 0.5), Some(normalizer())).state()).unwrap();
            let mut worlds = worlds([3, 8]);
            let mut rollout = rollout(&worlds, 0);
            // Leaves nothing of what the learner has remembered before.
            for _ in 0..3 {
                play(learner, &mut worlds, &mut rollout);
            }
            learner.restore(&native(network(&config, 0.8), Some(normalizer())).state()).unwrap();
            learn(learner, &rollout, &SETTINGS).1
        });
        let [found, expected] = learned;
        compare(&network(&config, 0.8), "gradient", &found.first_moments, &expected.first_moments);
    }
}

fn trained(memory: Memory, setup: Setup) -> LearnerState {
    let mut worlds = worlds([30, 90]);
    let mut learner = torch(network(&config(memory), 0.5), Some(normalizer()), setup);
    let mut rollout = rollout(&worlds, 0);
    for round in 0..3 {
        play(&mut learner, &mut worlds, &mut rollout);
        let experience = experience(&rollout, round);
        learner.begin_update(&rollout);
        for minibatch in experience.minibatches(2).chain(experience.minibatches(1)) {
            learner.learn_minibatch(&rollout, minibatch, &UpdateSettings { max_grad_norm: 0.5, ..SETTINGS }).unwrap();
        }
        learner.take_losses().unwrap();
        learner.update_normalizer(&rollout).unwrap();
    }
    assert_eq!(learner.obstacle(), None);
    learner.state()
}

/// 120 rows of 23 steps make three shards.
#[test]
fn rows_with_memory_learn_the_same_with_any_number_of_threads() {
    for memory in MEMORIES {
        let once = trained(memory, PLAIN);
        for threads in [1, 2, 5] {
            assert!(once == trained(memory, Setup { threads, ..PLAIN }), "{memory:?}, {threads} threads");
        }
    }
}

/// On a GPU, recorded steps have the results of eager ones, and every step can be recorded.
#[test]
fn recorded_steps_with_memory_learn_the_same_up_to_rounding() {
    for memory in MEMORIES {
        let [recorded, eager] = [true, false].map(|graphs| trained(memory, Setup { graphs, ..PLAIN }));
        let far = recorded.parameters.iter().zip(&eager.parameters).filter(|(a, b)| (*a - *b).abs() > 1e-3).count();
        assert!(far * 20 < recorded.parameters.len(), "{far} of {}", recorded.parameters.len());
    }
}

/// Where a learner of either kind has stopped, both go on alike.
#[test]
fn a_checkpoint_of_one_learner_goes_on_in_the_other() {
    let settings = PpoConfig { rollout_steps: STEPS, epochs: 2, minibatch: 60, ..PpoConfig::default() };
    for memory in MEMORIES {
        let network = || network(&config(memory), 0.5);
        let mut worlds = worlds([3, 8]);
        let by_native = {
            let mut algorithm = ppo(&settings, native(network(), Some(normalizer())), &worlds, 1);
            algorithm.iterate(&mut worlds.clone(), 0.0).unwrap();
            algorithm.save()
        };
        let by_torch = {
            let mut algorithm = ppo(&settings, torch(network(), Some(normalizer()), PLAIN), &worlds, 1);
            algorithm.iterate(&mut worlds, 0.0).unwrap();
            algorithm.save()
        };
        for saved in [by_native, by_torch] {
            let found = went_on(&settings, torch(network(), Some(normalizer()), PLAIN), &saved, &worlds);
            let expected = went_on(&settings, native(network(), Some(normalizer())), &saved, &worlds);
            assert_eq!(found.optimizer_steps, expected.optimizer_steps);
            let error = found.parameters.iter().zip(&expected.parameters);
            let error = error.fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
            assert!(error < 1e-4, "{memory:?}: {error:e}");
        }
    }
}

fn went_on<L: Learner>(settings: &PpoConfig, learner: L, saved: &SavedAlgorithm, worlds: &[Random]) -> LearnerState {
    let mut algorithm = ppo(settings, learner, worlds, 9);
    algorithm.restore(saved).unwrap();
    algorithm.iterate(&mut worlds.to_vec(), 0.0).unwrap();
    algorithm.learner().state()
}

/// What happens to the memory goes up with the observations, and what is remembered stays on the device.
#[test]
fn memory_needs_no_copies_of_its_own() {
    for splits in [1, 2] {
        let mut learner = torch(network(&config(MEMORIES[0]), 0.5), Some(normalizer()), Setup { splits, ..PLAIN });
        let mut worlds = worlds([8, 7]);
        let mut rollout = rollout(&worlds, 0);
        for _ in 0..2 {
            let before = learner.transfers();
            play(&mut learner, &mut worlds, &mut rollout);
            let played = ((STEPS + 1) * splits) as u64;
            let now = learner.transfers();
            assert_eq!([now.up - before.up, now.down - before.down], [played; 2], "{splits} splits");
            let experience = experience(&rollout, 1);
            learner.begin_update(&rollout);
            for minibatch in experience.minibatches(3) {
                learner.learn_minibatch(&rollout, minibatch, &SETTINGS).unwrap();
            }
            learner.take_losses().unwrap();
            // The targets; and per minibatch its rows and settings.
            let Transfers { up, down } = learner.transfers();
            assert_eq!([up - now.up, down - now.down], [1 + 2 * 3, 1]);
        }
    }
}

/// After weights that are not finite, what they have left in the memory must not reach the marked ones.
#[test]
fn a_rewind_forgets_what_is_not_finite() {
    for memory in MEMORIES {
        let mut learner = torch(network(&config(memory), 0.5), None, PLAIN);
        let mut worlds = worlds([3, 8]);
        let mut rollout = rollout(&worlds, 0);
        play(&mut learner, &mut worlds, &mut rollout);
        learner.mark().unwrap();
        learner.begin_update(&rollout);
        let settings = UpdateSettings { learning_rate: f32::INFINITY, ..SETTINGS };
        learner.learn_minibatch(&rollout, experience(&rollout, 1).minibatches(1).next().unwrap(), &settings).unwrap();
        assert!(learner.take_losses().is_err());
        play(&mut learner, &mut worlds, &mut rollout);
        assert!(rollout.samples().values.iter().any(|value| value.is_nan()));
        learner.rewind();
        play(&mut learner, &mut worlds, &mut rollout);
        assert!(rollout.samples().values.iter().all(|value| value.is_finite()), "{memory:?}");
    }
}
