use std::num::NonZeroU32;

use ludus_spec::{Outcome, Seed};

use super::*;

/// Two agents of one kind, in two steps.
pub fn log() -> EpisodeLog {
    let kind = EpisodeKind {
        name: "Plate".to_owned(),
        layout_hash: "0123456789abcdef".to_owned(),
        choices: vec![0, 3, 300],
        decision_interval: NonZeroU32::MIN,
        weights: vec![0.1, -1.0],
        episode_limit: NonZeroU32::new(100),
        stagger: true,
        observation_noise: vec![0.5],
        action_delay: 2,
        rows: 2,
        reward: 0.3,
    };
    let head = EpisodeHead {
        program: "balance".to_owned(),
        library: "0.1.0".to_owned(),
        world: 2,
        seed: Seed::new(7),
        arena: Some(5),
        arenas: 8,
        numbers: vec![1, 12, 12],
        restart_step: 40,
        parameters: EpisodeValues { names: vec!["Course.wall".to_owned()], members: vec![vec![0.5]; 3] },
        kinds: vec![kind],
        steps: 2,
        outcome: Outcome::Truncated,
        iteration: 9,
    };
    let actions = vec![0.1, 2.0, 299.0, -0.5, 0.0, 256.0, f32::MIN_POSITIVE, 1.0, 0.0, 3e8, 0.0, 1.0];
    EpisodeLog { head, actions, hashes: vec![1, 2, u32::MAX] }
}

/// The same beside one agent of another kind, and a kind of which the arena has none.
pub fn several() -> EpisodeLog {
    let mut log = log();
    let plate = log.head.kinds[0].clone();
    let other = |name: &str, choices, rows| EpisodeKind {
        name: name.to_owned(),
        choices,
        decision_interval: NonZeroU32::new(3).unwrap(),
        rows,
        ..plate.clone()
    };
    log.head.kinds.extend([other("Absent", vec![0; 5], 0), other("Ball", vec![70_000, 2], 1)]);
    log.actions.splice(6..6, [69_999.0, 1.0]);
    log.actions.extend([0.0, 0.0]);
    log
}

/// Adds the right hash at the end, as an attacker would.
fn sealed(content: &[u8]) -> Vec<u8> {
    let hash = StableHasher::default().bytes(content).finish();
    [content, &hash.to_le_bytes()].concat()
}

fn with_head(version: &[u8; 8], head: &str, rest: &[u8]) -> Vec<u8> {
    sealed(&[version, &(head.len() as u32).to_le_bytes()[..], head.as_bytes(), rest].concat())
}

#[test]
fn what_is_written_is_read() {
    let check = |log: EpisodeLog, step: usize| {
        let bytes = log.to_bytes();
        assert_eq!(EpisodeLog::from_bytes(&bytes).unwrap(), log);
        let head = serde_json::to_vec(&log.head).unwrap().len();
        assert_eq!(bytes.len(), 8 + 4 + head + 2 * step + 3 * 4 + 8);
    };
    check(log(), 2 * (4 + 1 + 2));
    check(several(), 2 * (4 + 1 + 2) + (4 + 1));
}

#[test]
fn each_kind_has_its_own_actions_in_each_step() {
    let (alone, log) = (log(), several());
    for step in 0..2 {
        assert_eq!(log.actions_of(step, 0), &alone.actions[step as usize * 6..][..6]);
        assert_eq!(log.actions_of(step, 0), alone.actions_of(step, 0));
        assert!(log.actions_of(step, 1).is_empty());
        assert_eq!(log.actions_of(step, 2), [[69_999.0, 1.0], [0.0, 0.0]][step as usize]);
    }
    assert_eq!((log.head.ticks_per_step().get(), log.head.kinds[2].decision_interval.get()), (1, 3));
}

#[test]
fn no_bit_can_be_altered_and_no_byte_be_cut_off() {
    for log in [log(), several()] {
        let bytes = log.to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(EpisodeLog::from_bytes(&altered).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(EpisodeLog::from_bytes(&bytes[..length]).is_err(), "the first {length} bytes");
        }
    }
}

/// The error of a file whose head was altered.
fn refusal(log: &EpisodeLog, from: &str, to: &str) -> String {
    let head = serde_json::to_string(&log.head).unwrap();
    assert!(head.contains(from), "{head}");
    let content = log.to_bytes();
    let rest = &content[8 + 4 + head.len()..content.len() - 8];
    EpisodeLog::from_bytes(&with_head(MAGIC, &head.replacen(from, to, 1), rest)).unwrap_err()
}

#[test]
fn a_head_that_claims_more_than_there_is_is_refused() {
    for log in [log(), several()] {
        let check = |from: &str, to: &str, part: &str| {
            let error = refusal(&log, from, to);
            assert!(error.contains(part), "{error}");
        };
        check("\"steps\":2", "\"steps\":4294967295", "not what its head says");
        check("\"rows\":2", "\"rows\":4294967295", "not what its head says");
        check("\"rows\":2", "\"rows\":0", "not what its head says");
        check("\"choices\":[0,3,300]", "\"choices\":[0,3,200]", "not what its head says");
        check("\"decision_interval\":1", "\"decision_interval\":4294967295", "ticks");
        check("\"decision_interval\":1", "\"decision_interval\":0", "its head");
        check("\"arenas\":8", "\"arenas\":4294967295", "arenas");
        check("\"arenas\":8", "\"arenas\":8,\"more\":1", "unknown field");
        check("\"name\":\"Plate\"", "\"name\":\"Plate\",\"more\":1", "unknown field");
        check("\"reward\":0.3", "\"reward\":1e999", "its head");
        check("\"numbers\":[1,12,12]", &format!("\"numbers\":{}", "[".repeat(100_000)), "its head");
        check("\"restart_step\":40", "\"restart_step\":18446744073709551614", "steps");
    }
}

#[test]
fn claims_of_all_kinds_together_are_refused() {
    let check = |from: &str, to: &str, part: &str| {
        let error = refusal(&several(), from, to);
        assert!(error.contains(part), "{error}");
    };
    let most = "\"rows\":4294967295";
    check("\"rows\":1", most, "not what its head says");
    check("\"rows\":0", most, "not what its head says");
    check("\"name\":\"Ball\"", "\"name\":\"Plate\"", "the kind of agents `Plate` twice");
    check("\"choices\":[0,0,0,0,0]", "\"choices\":[]", "agents that do nothing");
    check("\"choices\":[70000,2]", "\"choices\":[70000]", "not what its head says");
}

/// The size that the head claims is more than a `u64` can hold.
#[test]
fn sums_that_cannot_be_counted_are_refused() {
    let mut log = log();
    let huge = EpisodeKind { choices: vec![0; 1 << 10], rows: u32::MAX, ..log.head.kinds[0].clone() };
    let named = |index: usize| EpisodeKind { name: format!("K{index}"), ..huge.clone() };
    log.head.kinds = (0..200).map(named).collect();
    log.head.steps = u32::MAX;
    let head = serde_json::to_string(&log.head).unwrap();
    let error = EpisodeLog::from_bytes(&with_head(MAGIC, &head, &[0; 64])).unwrap_err();
    assert!(error.contains("not what its head says"), "{error}");
}

#[test]
fn an_episode_without_agents_and_one_of_too_many_kinds_are_refused() {
    let check = |kinds: Vec<EpisodeKind>, part: &str| {
        let head = EpisodeHead { kinds, steps: 0, ..log().head };
        let error = EpisodeLog::from_bytes(&with_head(MAGIC, &serde_json::to_string(&head).unwrap(), &[0; 4]));
        assert!(error.as_ref().is_err_and(|error| error.contains(part)), "{error:?}");
    };
    let kind = |index: usize| EpisodeKind { name: format!("K{index}"), rows: 0, ..log().head.kinds[0].clone() };
    check(Vec::new(), "no agents");
    check((0..3).map(kind).collect(), "no agents");
    check((0..257).map(kind).collect(), "257 kinds of agents");
}

const VERSION_1: &str = r#"{"program":"balance","library":"0.1.0","layout_hash":"0123456789abcdef","choices":[0,3,300],"world":2,"seed":1807492109865060866,"arena":5,"arenas":8,"numbers":[1,12,12],"decision_interval":4,"weights":[0.1,-1.0],"episode_limit":100,"stagger":true,"rows":2,"steps":2,"reward":0.3,"outcome":"Truncated","iteration":9}"#;

#[test]
fn a_file_of_the_first_version_is_an_episode_of_one_kind_without_a_name() {
    let log = log();
    let head = serde_json::to_string(&log.head).unwrap();
    let content = log.to_bytes();
    let rest = &content[8 + 4 + head.len()..content.len() - 8];
    let read = EpisodeLog::from_bytes(&with_head(version_1::MAGIC, VERSION_1, rest)).unwrap();
    let parameters = EpisodeValues::default();
    let mut expected = EpisodeLog { head: EpisodeHead { restart_step: 0, parameters, ..log.head }, ..log };
    let kind = &mut expected.head.kinds[0];
    (kind.observation_noise, kind.action_delay) = (Vec::new(), 0);
    (kind.name, kind.decision_interval) = (String::new(), NonZeroU32::new(4).unwrap());
    assert_eq!(read, expected);
    // It is written as one of the present version.
    assert_eq!(EpisodeLog::from_bytes(&read.to_bytes()).unwrap(), read);
    assert_eq!(&read.to_bytes()[..8], MAGIC);
}

#[test]
fn the_guards_hold_for_the_first_version_and_others_are_refused() {
    let check = |version: &[u8; 8], from: &str, to: &str, part: &str| {
        assert!(VERSION_1.contains(from));
        let error = EpisodeLog::from_bytes(&with_head(version, &VERSION_1.replace(from, to), &[0; 40])).unwrap_err();
        assert!(error.contains(part), "{error}");
    };
    check(version_1::MAGIC, "\"rows\":2", "\"rows\":4294967295", "not what its head says");
    check(version_1::MAGIC, "\"steps\":2", "\"steps\":4294967295", "not what its head says");
    check(version_1::MAGIC, "\"decision_interval\":4", "\"decision_interval\":4294967295", "ticks");
    check(version_1::MAGIC, "\"arenas\":8", "\"arenas\":8,\"kinds\":[]", "unknown field");
    check(MAGIC, "\"arenas\":8", "\"arenas\":8", "its head");
    check(b"ludusep3", "\"arenas\":8", "\"arenas\":8", "a version that is known");
}
