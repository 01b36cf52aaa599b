//! Tasks that need a memory: solved with one, and not solved without.

use std::sync::Arc;

use ludus_learn::{
    LaneShape, Machine, NativeLearner, Ppo, PpoConfig, Schedule, SensedRows, Simulation, StepLanes, StepRows,
};
use ludus_net::{Encoder, InputBlock, Layout, Memory, Network, NetworkConfig, ValuesBlock};
use ludus_spec::{Head, Outcome, Seed, stopped_clock};

/// A task of one row: what it shows, and what comes of an action.
trait Task: Clone + Send {
    const WIDTH: usize;
    const CHOICES: usize;
    const GAMMA: f32;

    /// Begins an episode.
    fn begin(&mut self, seed: Seed);

    fn observe(&self, observation: &mut [f32]);

    /// Returns the reward and the outcome of an action.
    fn act(&mut self, choice: usize) -> (f32, Outcome);
}

/// Rows with a task each.
struct Tasks<T> {
    tasks: Vec<T>,
    seeds: Vec<Seed>,
    has_ended: Vec<bool>,
    /// Rewards of the decisions since the last count.
    rewards: Vec<f32>,
}

impl<T: Task> Tasks<T> {
    fn new(task: &T, rows: u64, seed: u64) -> Self {
        let seeds: Vec<Seed> = (0..rows).map(|row| Seed::new(seed).derive(row)).collect();
        Self { tasks: vec![task.clone(); seeds.len()], has_ended: vec![true; seeds.len()], seeds, rewards: Vec::new() }
    }

    fn sense(&self, observations: &mut [f32]) {
        for (task, observation) in self.tasks.iter().zip(observations.chunks_exact_mut(T::WIDTH)) {
            task.observe(observation);
        }
    }
}

impl<T: Task> Simulation for Tasks<T> {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.tasks.len(), observation_width: T::WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.sense(now.observations);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let StepRows { actions, rewards, outcomes, next, .. } = lanes.lane(0);
        for (row, task) in self.tasks.iter_mut().enumerate() {
            if std::mem::take(&mut self.has_ended[row]) {
                self.seeds[row] = self.seeds[row].derive(0);
                task.begin(self.seeds[row].derive(1));
                (rewards[row], outcomes[row]) = (0.0, Outcome::Restart);
                continue;
            }
            (rewards[row], outcomes[row]) = task.act(actions[row] as usize);
            self.has_ended[row] = outcomes[row] != Outcome::Running;
            self.rewards.push(rewards[row]);
        }
        self.sense(next.observations);
    }
}

/// POPGym's RepeatPrevious: the action is to be the card of four steps before.
///
/// Morad et al. 2023, arXiv:2303.01859.
#[derive(Clone)]
struct RepeatPrevious {
    seed: Seed,
    cards: Vec<usize>,
}

impl RepeatPrevious {
    const BACK: usize = 4;

    fn draw(&mut self) {
        let card = (4.0 * self.seed.derive(self.cards.len() as u64).uniform()) as usize;
        self.cards.push(card);
    }
}

impl Task for RepeatPrevious {
    const WIDTH: usize = 4;
    const CHOICES: usize = 4;
    /// Rewards do not depend on earlier actions.
    const GAMMA: f32 = 0.0;

    fn begin(&mut self, seed: Seed) {
        self.seed = seed;
        self.cards.clear();
        self.draw();
    }

    fn observe(&self, observation: &mut [f32]) {
        observation.fill(0.0);
        if let Some(&card) = self.cards.last() {
            observation[card] = 1.0;
        }
    }

    /// The reward is 1 for the right card, −1 for a wrong one, and 0 for the first four, of which nobody can know.
    fn act(&mut self, choice: usize) -> (f32, Outcome) {
        let now = self.cards.len() - 1;
        let reward = match now.checked_sub(Self::BACK) {
            Some(then) if self.cards[then] == choice => 1.0,
            Some(_) => -1.0,
            None => 0.0,
        };
        self.draw();
        (reward, if self.cards.len() == 52 { Outcome::Terminated } else { Outcome::Running })
    }
}

/// A corridor that ends in a junction. A sign at its start says which way leads to the goal.
///
/// Bakker 2001, "Reinforcement Learning with Long Short-Term Memory".
#[derive(Clone)]
struct TMaze {
    length: usize,
    place: usize,
    goes_up: bool,
    steps: usize,
}

impl Task for TMaze {
    const WIDTH: usize = 3;
    const CHOICES: usize = 3;
    const GAMMA: f32 = 0.99;

    fn begin(&mut self, seed: Seed) {
        (self.place, self.steps, self.goes_up) = (0, 0, seed.uniform() < 0.5);
    }

    fn observe(&self, observation: &mut [f32]) {
        let sign = if self.goes_up { 1.0 } else { -1.0 };
        let is_at = |place| f32::from(self.place == place);
        observation.copy_from_slice(&[sign * is_at(0), is_at(self.length), 1.0]);
    }

    /// Choice 0 walks on, 1 and 2 turn. At the junction, the right turn ends the episode with a reward of 4, the wrong
    /// one with −0.1. Everything else that leads nowhere costs 0.1.
    fn act(&mut self, choice: usize) -> (f32, Outcome) {
        self.steps += 1;
        if self.place == self.length && choice > 0 {
            let is_right = (choice == 1) == self.goes_up;
            return (if is_right { 4.0 } else { -0.1 }, Outcome::Terminated);
        }
        let walks = choice == 0 && self.place < self.length;
        self.place += usize::from(walks);
        let outcome = if self.steps == 100 { Outcome::Truncated } else { Outcome::Running };
        (if walks { 0.0 } else { -0.1 }, outcome)
    }
}

/// Learns a task for some iterations. Returns the rewards of the decisions of the last one.
fn learn<T: Task>(task: &T, memory: Option<Memory>, iterations: usize) -> Vec<f32> {
    learn_with(task, NetworkConfig { memory, ..NetworkConfig::default() }, iterations)
}

/// As [`learn`], with the encoders and the memory of this network.
fn learn_with<T: Task>(task: &T, shape: NetworkConfig, iterations: usize) -> Vec<f32> {
    let shape = NetworkConfig { hidden: vec![32], ..shape };
    let blocks = [InputBlock::values("seen", ValuesBlock { first: 0, width: T::WIDTH })];
    let heads = [Head::Categorical { choices: T::CHOICES }];
    let layout = Layout::with_blocks(T::WIDTH, &blocks, &heads, &shape).unwrap();
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let machine = Machine { pool, clock: stopped_clock };
    let learner = NativeLearner::new(Network::new(layout, Seed::new(11)), None, machine).unwrap();
    let config = PpoConfig {
        rollout_steps: 64,
        minibatch: 512,
        learning_rate: Schedule::Constant(2e-3).into(),
        entropy: Schedule::Constant(0.01),
        gamma: T::GAMMA,
        ..PpoConfig::default()
    };
    let mut worlds = [Tasks::new(task, 32, 1)];
    let mut ppo = Ppo::new(config, learner, &super::lanes(&worlds), Seed::new(12)).unwrap();
    for _ in 0..iterations {
        worlds[0].rewards.clear();
        ppo.iterate(&mut worlds, 0.0).unwrap();
    }
    std::mem::take(&mut worlds[0].rewards)
}

/// The gates of a MinGRU depend on the input alone, and its heads are linear in its state, so it can't tell four steps
/// ago from three; a GRU can.
#[test]
fn what_was_seen_four_steps_ago_is_repeated_with_memory_only() {
    let task = RepeatPrevious { seed: Seed::new(0), cards: vec![0] };
    for memory in [None, Some(Memory::Gru(32))] {
        let rewards = learn(&task, memory, 100);
        let mean = rewards.iter().sum::<f32>() / rewards.iter().filter(|reward| **reward != 0.0).count() as f32;
        match memory {
            None => assert!(mean < -0.3, "guessed: {mean}"),
            Some(_) => assert!(mean > 0.9, "{memory:?}: {mean}"),
        }
    }
}

#[test]
fn what_was_seen_four_steps_ago_is_repeated_with_five_stacked_steps() {
    let task = RepeatPrevious { seed: Seed::new(0), cards: vec![0] };
    for (steps, is_enough) in [(4, false), (5, true)] {
        let encoders = [("seen".to_owned(), Encoder::Stack(steps))].into();
        let rewards = learn_with(&task, NetworkConfig { encoders, ..NetworkConfig::default() }, 60);
        let mean = rewards.iter().sum::<f32>() / rewards.iter().filter(|reward| **reward != 0.0).count() as f32;
        assert!(if is_enough { mean > 0.9 } else { mean < -0.3 }, "{steps} steps: {mean}");
    }
}

/// The action is to be the one after the last action.
#[derive(Clone)]
struct TakeTurns {
    last: Option<usize>,
    steps: usize,
}

impl Task for TakeTurns {
    const WIDTH: usize = 1;
    const CHOICES: usize = 4;
    const GAMMA: f32 = 0.0;

    fn begin(&mut self, _: Seed) {
        (self.last, self.steps) = (None, 0);
    }

    fn observe(&self, observation: &mut [f32]) {
        observation.fill(1.0);
    }

    fn act(&mut self, choice: usize) -> (f32, Outcome) {
        let is_next = self.last.is_none_or(|last| choice == (last + 1) % Self::CHOICES);
        (self.last, self.steps) = (Some(choice), self.steps + 1);
        (if is_next { 1.0 } else { -1.0 }, if self.steps == 20 { Outcome::Terminated } else { Outcome::Running })
    }
}

#[test]
fn what_follows_from_the_last_action_is_learned_only_if_it_is_observed() {
    let task = TakeTurns { last: None, steps: 0 };
    for observe_last_action in [false, true] {
        let rewards = learn_with(&task, NetworkConfig { observe_last_action, ..NetworkConfig::default() }, 30);
        let mean = rewards.iter().sum::<f32>() / rewards.len() as f32;
        assert!(if observe_last_action { mean > 0.9 } else { mean < 0.0 }, "{observe_last_action}: {mean}");
    }
}

#[test]
fn a_sign_is_remembered_through_a_corridor_of_20_steps_with_memory_only() {
    let task = TMaze { length: 20, place: 0, goes_up: false, steps: 0 };
    for memory in [None, Some(Memory::MinGru(32)), Some(Memory::Gru(32))] {
        let rewards = learn(&task, memory, 100);
        let goals = rewards.iter().filter(|reward| **reward > 3.0).count();
        // A wrong turn and a step that leads nowhere cost the same, and a policy that has learned wastes few steps.
        let part = goals as f32 / rewards.iter().filter(|reward| **reward != 0.0).count() as f32;
        match memory {
            None => assert!(part < 0.6, "guessed: {part}"),
            Some(_) => assert!(part > 0.9, "{memory:?}: {part}"),
        }
    }
}
