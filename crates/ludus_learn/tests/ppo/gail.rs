//! GAIL: a policy imitates what was shown without any reward of the simulation.

use ludus_learn::{
    DemonstratedEpisode, Demonstrations, Gail, GailConfig, LaneShape, Learner, LearningRate, NativeLearner, Ppo,
    PpoConfig, Schedule, SensedRows, Simulation, StepLanes,
};
use ludus_net::{Layout, Network, NetworkConfig};
use ludus_spec::{ActionField, ActionKind, AgentSpec, Block, Head, ObservationField, ObservationKind, Outcome, Seed};

use super::learner;

const ROWS: usize = 32;

/// Agents that see a random number and get no reward.
struct Unrewarded {
    seed: Seed,
    steps: u64,
    /// Agents that did what the demonstrations show, and all, since the last count.
    agreed: [usize; 2],
    seen: Vec<f32>,
}

impl Unrewarded {
    fn sense(&mut self, observations: &mut [f32]) {
        self.steps += 1;
        let seed = self.seed.derive(self.steps);
        let number = |row: usize| 2.0 * seed.derive(row as u64).uniform() - 1.0;
        self.seen = (0..ROWS).map(number).collect();
        observations.copy_from_slice(&self.seen);
    }
}

impl Simulation for Unrewarded {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: ROWS, observation_width: 1, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.sense(now.observations);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        let agreed = self.seen.iter().zip(rows.actions).filter(|(seen, action)| shown(**seen) == **action).count();
        self.agreed = [self.agreed[0] + agreed, self.agreed[1] + ROWS];
        rows.rewards.fill(0.0);
        rows.outcomes.fill(Outcome::Running);
        self.sense(rows.next.observations);
    }
}

/// The choice of the demonstrations.
fn shown(seen: f32) -> f32 {
    if seen > 0.2 { 1.0 } else { 0.0 }
}

fn spec() -> AgentSpec {
    let parts = vec!["Left".to_owned(), "Right".to_owned()];
    AgentSpec {
        observation: vec![ObservationField {
            name: "number".to_owned(),
            doc: String::new(),
            block: Block::values([""]),
            range: None,
            kind: ObservationKind::Number,
            is_critic: false,
        }],
        action: vec![ActionField { name: "side".to_owned(), doc: String::new(), parts, kind: ActionKind::Discrete }],
        ..AgentSpec::default()
    }
}

fn demonstration() -> DemonstratedEpisode {
    let observations: Vec<f32> = (0..400).map(|step| 2.0 * Seed::new(9).derive(step).uniform() - 1.0).collect();
    DemonstratedEpisode {
        actions: observations.iter().map(|&seen| shown(seen)).collect(),
        masks: Vec::new(),
        is_imitated: vec![true; observations.len()],
        observations,
    }
}

#[test]
fn what_was_shown_is_imitated_without_rewards() {
    let heads = [Head::Categorical { choices: 2 }];
    let shape = NetworkConfig { hidden: vec![16], ..NetworkConfig::default() };
    let network = Network::new(Layout::new(1, &heads, &shape).unwrap(), Seed::new(1));
    let machine = learner(1, &heads, &PpoConfig::default(), 1).machine().clone();
    let learner =
        NativeLearner::new(network.with_value_heads(2, Seed::new(2)).unwrap(), None, machine.clone()).unwrap();
    let config = PpoConfig {
        rollout_steps: 16,
        epochs: 4,
        minibatch: 128,
        learning_rate: LearningRate::Scheduled(Schedule::Constant(5e-3)),
        gamma: 0.5,
        normalize_observations: false,
        ..PpoConfig::default()
    };
    let mut world = [Unrewarded { seed: Seed::new(3), steps: 0, agreed: [0; 2], seen: Vec::new() }];
    let ppo = Ppo::new(config, learner, &[world[0].lane(0)], Seed::new(4)).unwrap();
    let shown = Demonstrations::new(&ppo.demonstration_shape(), &[demonstration()], &[]).unwrap();
    let gail = GailConfig {
        gamma: 0.5,
        learning_rate: Schedule::Constant(3e-3),
        gradient_penalty: 0.1,
        hidden: vec![16],
        ..GailConfig::default()
    };
    let source = Gail::new(&gail, &spec(), &shown.learned, machine, Seed::new(4)).unwrap();
    let mut ppo = ppo.with_streams(vec![source.stream(&gail, 0.9)]).unwrap();
    let mut shares = Vec::new();
    for _ in 0..400 {
        world[0].agreed = [0; 2];
        ppo.iterate(&mut world, 0.0).unwrap();
        shares.push(world[0].agreed[0] as f64 / world[0].agreed[1] as f64);
    }
    let (first, last) = (shares[0], shares[390..].iter().sum::<f64>() / 10.0);
    assert!(first < 0.65 && last > 0.85, "{first} at first, {last} in the end");
}
