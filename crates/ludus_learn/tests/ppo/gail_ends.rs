//! GAIL imitates experts that live long, and experts that live short on purpose, without any reward of the simulation.

use ludus_learn::{
    DemonstratedEpisode, Demonstrations, Gail, GailConfig, LaneShape, Learner, NativeLearner, Ppo, PpoConfig, Schedule,
    SensedRows, Simulation, StepLanes,
};
use ludus_net::{Layout, Network, NetworkConfig};
use ludus_spec::{ActionField, ActionKind, AgentSpec, Block, Head, ObservationField, ObservationKind, Seed};

use super::cart_pole::{CartPoles, EPISODE_LIMIT, WIDTH, has_fallen, push, start};
use super::learner;

const HEADS: [Head; 1] = [Head::Categorical { choices: 2 }];
const COPIES: u64 = 32;

/// Cart-poles that reward nothing.
struct Unrewarded(CartPoles);

impl Simulation for Unrewarded {
    fn lane(&self, lane: usize) -> LaneShape {
        self.0.lane(lane)
    }

    fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
        self.0.observe(lane, now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        self.0.advance(lanes.lane(0));
        lanes.lane(0).rewards.fill(0.0);
    }
}

fn spec() -> AgentSpec {
    let parts = vec!["Left".to_owned(), "Right".to_owned()];
    AgentSpec {
        observation: vec![ObservationField {
            name: "state".to_owned(),
            doc: String::new(),
            block: Block::values(["position", "velocity", "angle", "spin"]),
            range: None,
            kind: ObservationKind::Number,
            is_critic: false,
        }],
        action: vec![ActionField { name: "push".to_owned(), doc: String::new(), parts, kind: ActionKind::Discrete }],
        ..AgentSpec::default()
    }
}

/// An episode of an expert.
fn episode(seed: Seed, expert: fn(&[f32; WIDTH]) -> bool) -> DemonstratedEpisode {
    let (mut state, mut episode) = (start(seed), DemonstratedEpisode::default());
    while episode.actions.len() < EPISODE_LIMIT as usize && !episode.is_terminated {
        let is_right = expert(&state);
        episode.observations.extend_from_slice(&state);
        episode.actions.push(f32::from(is_right));
        episode.is_imitated.push(true);
        push(&mut state, if is_right { 10.0 } else { -10.0 });
        episode.is_terminated = has_fallen(&state);
    }
    episode
}

/// Returns the mean length of the expert's episodes, and that of the policy's last hundred.
fn lengths(expert: fn(&[f32; WIDTH]) -> bool) -> [f64; 2] {
    let episodes: Vec<_> = (0..20).map(|index| episode(Seed::new(77).derive(index), expert)).collect();
    let shown = episodes.iter().map(|episode| episode.actions.len()).sum::<usize>() as f64 / 20.0;
    let mut worlds = [Unrewarded(CartPoles::new(0..COPIES, Seed::new(3)))];
    let config = PpoConfig {
        rollout_steps: 32,
        epochs: 3,
        minibatch: 128,
        learning_rate: Schedule::Linear { from: 4.5e-3, to: 0.0 }.into(),
        gae_lambda: 0.9,
        normalize_observations: false,
        ..PpoConfig::default()
    };
    let machine = learner(WIDTH, &HEADS, &config, 1).machine().clone();
    let network = Network::new(Layout::new(WIDTH, &HEADS, &NetworkConfig::default()).unwrap(), Seed::new(1));
    let network = network.with_value_heads(2, Seed::new(2)).unwrap();
    let learner = NativeLearner::new(network, None, machine.clone()).unwrap();
    let ppo = Ppo::new(config.clone(), learner, &[worlds[0].lane(0)], Seed::new(4)).unwrap();
    let demonstrations = Demonstrations::new(&ppo.demonstration_shape(), &episodes, &[]).unwrap();
    let gail = GailConfig::default();
    let source = Gail::new(&gail, &spec(), &demonstrations.learned, machine, Seed::new(4)).unwrap();
    let mut ppo = ppo.with_streams(vec![source.stream(&gail, config.gae_lambda)]).unwrap();
    for iteration in 0..250 {
        ppo.iterate(&mut worlds, iteration as f32 / 250.0).unwrap();
    }
    let last = worlds[0].0.finished.iter().rev().take(100).map(|&length| f64::from(length));
    [shown, last.sum::<f64>() / 100.0]
}

#[test]
fn an_expert_that_balances_is_imitated() {
    let [shown, played] = lengths(|state| 0.1 * state[0] + 0.3 * state[1] + 2.0 * state[2] + 0.7 * state[3] > 0.0);
    assert_eq!(shown, 500.0);
    assert!(played > 450.0, "{played}");
}

#[test]
fn an_expert_that_falls_on_purpose_is_imitated() {
    let [shown, played] = lengths(|state| state[2] + 0.2 * state[3] < 0.0);
    assert!(shown < 10.0, "{shown}");
    assert!((played - shown).abs() < 1.0, "{played} steps, shown {shown}");
}
