use std::num::NonZeroU32;

use ludus_net::{Layout, Network, NetworkConfig};
use ludus_policy::{Origin, TensorData};
use ludus_spec::{ActionField, ActionKind, AgentSpec, Block, ObservationField, ObservationKind, RewardTerm, Seed};

use super::hash::HASH;
use super::*;
use crate::record::{CurriculumStages, KindRecord, PastEpisode};
use crate::self_play::{PairRecord, Player, PlayerSource, SelfPlayRecord, Tally};

fn spec() -> AgentSpec {
    let parts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let (name, doc) = (String::new, String::new);
    let (block, kind) = (Block::values(["x"]), ObservationKind::Number);
    let observation =
        ObservationField { name: "ball".to_owned(), doc: doc(), block, range: None, kind, is_critic: false };
    let action =
        ActionField { name: "jump".to_owned(), doc: doc(), parts: parts(&["no", "yes"]), kind: ActionKind::Discrete };
    let reward = RewardTerm { name: name(), doc: doc(), is_team: false };
    AgentSpec {
        name: "Plate".to_owned(),
        observation: vec![observation],
        action: vec![action],
        reward: vec![reward],
        masked: false,
        teams: Vec::new(),
    }
}

/// A checkpoint after this many steps, with numbers of its own.
pub fn checkpoint(steps: u64) -> Checkpoint {
    let network = NetworkConfig { hidden: vec![3], ..NetworkConfig::default() };
    let spec = spec();
    let layout = Layout::new(1, &spec.heads(), &network).unwrap();
    let parameters = Network::new(layout, Seed::new(steps)).parameters().to_vec();
    let moments = || StateTensor::PerParameter(parameters.clone());
    let tensors = [
        ("adam.mean", moments()),
        ("adam.variance", moments()),
        ("rewards", StateTensor::Statistics(vec![0.0, 0.1, 0.0])),
    ];
    let state = AlgorithmState {
        seed: Seed::new(4),
        iteration: 5,
        counters: [("optimizer_steps".to_owned(), 7)].into(),
        tensors: tensors.map(|(name, tensor)| (name.to_owned(), tensor)).into(),
    };
    let recent = vec![PastEpisode { reward: 0.1, steps: 9, terms: vec![0.1], success: Some(true) }];
    let kinds = [(spec.name.clone(), KindRecord { episodes: 3, recent, evaluated: None })].into();
    let curricula = CurriculumStages { stages: BTreeMap::from([("Course.wall".to_owned(), 2)]), number: 3 };
    let player = Player { name: "Plate 3".to_owned(), kind: "Plate".to_owned(), source: PlayerSource::Newest };
    let tally = Tally { wins: 1, draws: 2, losses: 3 };
    let matches = vec![PairRecord { one: 0, other: 0, tally }];
    let self_play = Some(SelfPlayRecord { players: vec![player], matches, undecided: 2 });
    let (seconds, run) = (1.5, String::new());
    let record = RunRecord { kinds, iteration: 5, world_steps: Some(640), seconds, curricula, self_play, run };
    let origin = Origin { steps, ..Origin::default() };
    let policy = PolicyFile {
        spec,
        network: network.into(),
        parameters,
        normalizer: None,
        decision_interval: NonZeroU32::MIN,
        tick_rate_hz: 64.0,
        origin,
    };
    Checkpoint { policies: vec![SavedPolicy { policy, state }], record }
}

fn bytes() -> Vec<u8> {
    checkpoint(100).to_bytes()
}

/// A checkpoint of two kinds, each with a policy of its own.
fn of_two() -> Checkpoint {
    let mut both = checkpoint(100);
    let mut other = checkpoint(7).policies.remove(0);
    other.policy.spec.name = "Ball".to_owned();
    other.policy.origin.steps = 100;
    other.state.iteration = 50;
    both.record.kinds.insert("Ball".to_owned(), KindRecord::default());
    both.policies.push(other);
    both
}

#[test]
fn policies_of_several_kinds_are_read_as_they_were_written() {
    let read = Checkpoint::from_bytes(&of_two().to_bytes()).unwrap();
    assert_eq!(read, of_two());
    assert_eq!(read.of("Ball").unwrap().state.iteration, 50);
    assert_eq!(read.score(), None, "what is good for one kind may be bad for another");
    let file = TensorFile::from_bytes(&read.to_bytes()).unwrap();
    assert!(file.tensors.keys().all(|name| name.starts_with("Plate/") || name.starts_with("Ball/")));
    assert!(PolicyFile::from_tensor_file(&file).is_err(), "it is no policy of one kind");
}

#[test]
fn names_of_policies_that_are_not_their_own_are_refused() {
    let check = |from: &str, to: &str, expected: &str| {
        let mut file = TensorFile::from_bytes(&of_two().to_bytes()).unwrap();
        let text = file.texts.get_mut(TEXT).unwrap();
        assert!(text.contains(from), "{text}");
        *text = text.replace(from, to);
        let error = Checkpoint::from_bytes(&hashed(file)).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    check("\"kind\":\"Ball\"", "\"kind\":\"Plate\"", "no names of their own");
    check("\"kind\":\"Ball\"", "\"kind\":\"Plate/x\"", "no names of their own");
    check("\"kind\":\"Ball\"", "\"kind\":\"Bat\"", "its policy of `Bat`");
}

#[test]
fn what_is_written_is_read() {
    let read = Checkpoint::from_bytes(&bytes()).unwrap();
    assert_eq!(read, checkpoint(100));
    assert_eq!(read.to_bytes(), bytes());
}

#[test]
fn no_bit_can_be_altered() {
    let bytes = bytes();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(Checkpoint::from_bytes(&altered).is_err(), "bit {bit}");
    }
}

#[test]
fn no_part_is_taken_for_the_whole() {
    let bytes = bytes();
    for length in 0..bytes.len() {
        assert!(Checkpoint::from_bytes(&bytes[..length]).is_err(), "the first {length} bytes");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let check = |change: &dyn Fn(&mut TensorFile), expected: &str| {
        let mut file = TensorFile::from_bytes(&checkpoint(1).to_bytes()).unwrap();
        change(&mut file);
        let error = Checkpoint::from_bytes(&file.to_bytes()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    let rewrite = |from: &'static str, to: &'static str| {
        move |file: &mut TensorFile| {
            let text = file.texts.get_mut(TEXT).unwrap();
            assert!(text.contains(from), "{text}");
            *text = text.replace(from, to);
        }
    };
    check(&rewrite("\"format\":4,", "\"format\":5,"), "format is 5, this version of the library goes on from 4");
    check(&rewrite("\"format\":4,", ""), "format is 1, this version");
    check(&rewrite("\"iteration\":5", "\"iteration\":6"), "it was altered");
    check(&|file| drop(file.texts.remove(HASH)), "it was altered");
    check(&|file| drop(file.texts.remove(TEXT)), "a policy without a learner's state");
}

/// The record as earlier versions wrote it, which had one kind of agents.
const ONE_KIND_RECORD: &str = r#"{"episodes":3,"recent":[{"reward":0.1,"steps":9,"terms":[0.1]}],"seconds":1.5}"#;

/// A checkpoint of an earlier version, with this text and its tensors renamed.
fn read_earlier(text: String, rename: impl Fn(&str) -> Option<String>) -> Checkpoint {
    let mut file = TensorFile::from_bytes(&checkpoint(9).to_bytes()).unwrap();
    let named = |(name, tensor): (String, TensorData)| Some((rename(&name)?, tensor));
    file.tensors = file.tensors.into_iter().filter_map(named).collect();
    file.texts.insert(TEXT.to_owned(), text);
    Checkpoint::from_bytes(&hashed(file)).unwrap()
}

/// The present checkpoint, without what earlier versions did not save.
fn as_earlier() -> Checkpoint {
    let mut checkpoint = checkpoint(9);
    (checkpoint.record.world_steps, checkpoint.record.curricula) = (None, CurriculumStages::default());
    checkpoint.record.self_play = None;
    let episodes = checkpoint.record.kinds.values_mut().flat_map(|kind| &mut kind.recent);
    episodes.for_each(|episode| episode.success = None);
    checkpoint
}

#[test]
fn a_checkpoint_of_one_kind_is_read() {
    let seed = serde_json::to_string(&Seed::new(4)).unwrap();
    let text = format!(
        r#"{{"format":3,"seed":{seed},"iteration":5,"counters":{{"optimizer_steps":7}},"record":{ONE_KIND_RECORD}}}"#
    );
    assert_eq!(read_earlier(text, |name| Some(name.to_owned())), as_earlier());
}

#[test]
fn a_checkpoint_of_ppo_alone_is_read() {
    let seed = serde_json::to_string(&Seed::new(4)).unwrap();
    let text = format!(
        r#"{{"format":2,"seed":{seed},"iteration":5,"optimizer_steps":7,"rewards":{{"count":0.0,"mean":0.1,"variance":0.0}},"record":{ONE_KIND_RECORD}}}"#
    );
    let rename = |name: &str| (name != "state.rewards").then(|| name.replace("state.adam", "adam"));
    assert_eq!(read_earlier(text, rename), as_earlier());
}
