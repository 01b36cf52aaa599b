//! A session trains what `train` does: the game's own network, with the learner that was asked for.

use std::path::Path;

use ludus_net::{Layout, Network, NetworkConfig};
use ludus_policy::PolicyFile;
use ludus_spec::{AgentSpec, Seed};
use ludus_torch::Mlp;
use ludus_train::session::{Session, SessionSetup, SessionState};
use ludus_train::{DeviceChoice, GameDefinition, LearnerChoice, LearnerKind, Ludus, RunFolder, StopReason};

use super::{SETS, game, is_over, run_of, setup, wait_for};

const STOP: &str = "stop.steps=3000";
const HIDDEN: [usize; 1] = [7];

/// A perceptron that is not the one of the config, but that every learner could compute.
fn narrow(spec: &AgentSpec, seed: Seed) -> Mlp {
    let config = NetworkConfig { hidden: HIDDEN.to_vec(), ..NetworkConfig::default() };
    Mlp::new(Network::new(Layout::of_agent(spec, &config).unwrap(), seed))
}

fn own_network(runs: &Path, learner: Option<LearnerKind>) -> SessionSetup {
    SessionSetup {
        definition: GameDefinition::new("arrows", game::arrows).with_network(narrow),
        learner: LearnerChoice { learner, device: DeviceChoice::Cpu },
        ..setup(game::arrows, runs, STOP)
    }
}

#[test]
fn a_session_of_a_game_with_its_own_network_trains_that_network() {
    let runs = tempfile::tempdir().unwrap();
    let session = Session::start(own_network(runs.path(), Some(LearnerKind::Torch)));
    let end = wait_for(&session, is_over);
    assert_eq!(end.state, SessionState::Ended(StopReason::Steps));
    let ours = PolicyFile::read(&run_of(&end).policy()).unwrap();
    assert_eq!(ours.network.described().unwrap().hidden, HIDDEN);

    let command = ["arrows", "train", "--learner", "torch", "--device", "cpu", "--runs-dir"];
    let sets = SETS.iter().chain(&[STOP]).flat_map(|&set| ["--set", set]);
    let arguments = command.into_iter().chain([runs.path().to_str().unwrap()]).chain(sets);
    Ludus::new("arrows", game::arrows).network(narrow).run_with(arguments);
    let trained = RunFolder::newest(runs.path(), "arrows").unwrap();
    assert_ne!(trained, run_of(&end));
    assert!(PolicyFile::read(&trained.policy()).unwrap() == ours, "the same bits");
}

#[test]
fn a_session_has_the_learner_that_was_asked_for() {
    let runs = tempfile::tempdir().unwrap();
    let session = Session::start(own_network(runs.path(), Some(LearnerKind::Native)));
    let SessionState::Failed(sentence) = wait_for(&session, is_over).state.clone() else { panic!("it learned") };
    assert!(sentence.contains("choose `--learner torch`"), "{sentence}");
}
