//! What can't be learned from is refused or left out.

use ludus_learn::{Dqn, DqnConfig, LaneShape, LearnError, Pqn, PqnConfig};
use ludus_net::{Layout, Memory, Network, NetworkConfig};
use ludus_spec::{Head, Seed};

use crate::{machine, network};

const LANE: LaneShape = LaneShape {
    rows: 4,
    observation_width: 2,
    action_width: 1,
    mask_width: 0,
    reward_streams: 0,
    has_drivers: false,
    has_teams: false,
};

#[test]
fn a_continuous_action_is_refused() {
    let continuous = || network(2, &[Head::Gaussian { width: 1 }]);
    let pqn = Pqn::new(PqnConfig::default(), continuous(), None, machine(1), &[LANE], Seed::new(1));
    let dqn = Dqn::new(DqnConfig::default(), continuous(), None, machine(1), &[LANE], Seed::new(1));
    assert_eq!((pqn.unwrap_err(), dqn.unwrap_err()), (LearnError::Continuous, LearnError::Continuous));
}

#[test]
fn a_memory_is_refused() {
    let config = NetworkConfig { memory: Some(Memory::MinGru(8)), ..NetworkConfig::default() };
    let layout = Layout::new(2, &[Head::Categorical { choices: 2 }], &config).unwrap();
    let network = Network::new(layout, Seed::new(1));
    let dqn = Dqn::new(DqnConfig::default(), network, None, machine(1), &[LANE], Seed::new(1));
    assert_eq!(dqn.unwrap_err(), LearnError::Memory);
}
