//! What can't be learned from is refused, by a sentence.

use ludus_learn::{Algorithm, LaneShape, LearnError, Sac, SacConfig, SensedRows, Simulation, StepLanes};
use ludus_net::{Layout, Memory, Network, NetworkConfig};
use ludus_spec::{Head, Outcome, Seed};

use crate::{lanes, learn, machine, network, pendulums};

const LANE: LaneShape = LaneShape {
    rows: 4,
    observation_width: 2,
    action_width: 1,
    mask_width: 0,
    reward_streams: 0,
    has_drivers: false,
    has_teams: false,
};

fn refused(config: SacConfig, network: NetworkConfig) -> LearnError {
    let layout = Layout::new(2, &[Head::Gaussian { width: 1 }], &network).unwrap();
    let network = Network::new(layout, Seed::new(1));
    Sac::new(config, network, None, machine(1), &[LANE], Seed::new(1)).unwrap_err()
}

#[test]
fn networks_that_do_not_fit_are_refused() {
    let squashed = NetworkConfig { squashed: true, ..NetworkConfig::default() };
    assert_eq!(refused(SacConfig::default(), NetworkConfig::default()), LearnError::NotSquashed);
    let memory = Some(Memory::MinGru(8));
    assert_eq!(refused(SacConfig::default(), NetworkConfig { memory, ..squashed.clone() }), LearnError::Memory);
    let config = SacConfig { replay: 10, learning_starts: 5, n_step: 9, ..SacConfig::default() };
    let LearnError::Config(problems) = refused(config, squashed) else { panic!() };
    assert_eq!(problems[0].0, "replay");
    assert!(problems[0].1.contains("give it 36 at least"), "{}", problems[0].1);
}

/// A row whose reward is not finite in its tenth step.
struct Broken {
    steps: u32,
}

impl Simulation for Broken {
    fn lane(&self, _: usize) -> LaneShape {
        LANE
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.fill(0.5);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        self.steps += 1;
        rows.rewards.fill(if self.steps == 10 { f32::NAN } else { 1.0 });
        rows.outcomes.fill(if self.steps == 10 { Outcome::Faulty } else { Outcome::Running });
        rows.next.observations.fill(0.5);
    }
}

#[test]
fn a_faulty_step_is_not_learned_from() {
    let mut worlds = [Broken { steps: 0 }];
    let config = SacConfig { learning_starts: 8, minibatch: 16, replay_ratio: 0.5, ..SacConfig::default() };
    let network = network(2, &[Head::Gaussian { width: 1 }]);
    let mut sac = Sac::new(config, network, None, machine(1), &lanes(&worlds), Seed::new(1)).unwrap();
    let reports = learn(&mut sac, &mut worlds, 1, 20);
    assert_eq!((reports[0].faulty, reports[0].experience), (4, 76));
    assert!(reports[0].metrics.iter().all(|metric| metric.value.is_finite()), "{reports:?}");
    assert!(sac.policy().parameters.iter().all(|parameter| parameter.is_finite()));
}

#[test]
fn a_loss_that_is_not_finite_is_an_error_and_can_be_rewound() {
    let config = SacConfig {
        learning_rate: ludus_learn::Schedule::Constant(1e30),
        learning_starts: 10,
        replay_ratio: 1.0,
        minibatch: 8,
        ..SacConfig::default()
    };
    let mut worlds = pendulums(&[4]);
    let mut sac = crate::sac(&config, &worlds, 1);
    sac.mark().unwrap();
    let saved = sac.save();
    let collector = ludus_learn::Collector::new(sac.machine().clone());
    let plan = ludus_learn::IterationPlan { progress: 0.0, least_steps: 20 };
    let lane = &mut [ludus_learn::IteratedLane::learned(&mut sac)];
    let result = collector.iterate(&mut worlds, lane, plan).unwrap();
    assert!(result.reports[0].is_err(), "{:?}", result.reports);
    sac.rewind();
    assert_eq!(sac.save(), saved);
}
