//! Files of demonstrations: written, appended to, damaged, and read by games whose agents have changed.
#![expect(clippy::disallowed_methods, reason = "tests make and damage whatever files they like")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs;
use std::num::NonZeroU32;

use ludus_demonstrations::{
    DecidedBy, DecidedStep, Demonstration, DemonstrationError, DemonstrationFile, DemonstrationHeader, EpisodeInfo,
    EpisodeRecorder, RowMatching, append,
};
use ludus_spec::{
    ActionField, ActionKind, AgentSpec, Block, ObservationField, ObservationKind, Outcome, RewardTerm, SetShape,
};

fn field(name: &str, block: Block) -> ObservationField {
    ObservationField {
        name: name.to_owned(),
        doc: String::new(),
        block,
        range: None,
        kind: ObservationKind::Number,
        is_critic: false,
    }
}

fn action(name: &str, parts: &[&str], kind: ActionKind) -> ActionField {
    let parts = parts.iter().map(|&part| part.to_owned()).collect();
    ActionField { name: name.to_owned(), doc: String::new(), parts, kind }
}

const SPEED: ActionKind = ActionKind::Continuous { low: -1.0, high: 1.0 };

fn spec() -> AgentSpec {
    let term = |name: &str| RewardTerm { name: name.to_owned(), doc: String::new(), is_team: false };
    AgentSpec {
        name: "Frog".to_owned(),
        observation: vec![field("fly", Block::values(["x", "y"])), field("hunger", Block::values([""]))],
        action: vec![action("jump", &["No", "Low", "High"], ActionKind::Discrete), action("speed", &[""], SPEED)],
        reward: vec![term("eaten"), term("effort")],
        masked: true,
        teams: Vec::new(),
    }
}

fn header(agent: AgentSpec) -> DemonstrationHeader {
    DemonstrationHeader {
        game: "frogs".to_owned(),
        library: "0.1.0".to_owned(),
        agent,
        decision_interval: NonZeroU32::new(2).unwrap(),
        tick_rate_hz: 64.0,
    }
}

fn episode(first: f32, steps: usize) -> Demonstration {
    let mut recorder = EpisodeRecorder::new(&spec());
    for step in 0..steps {
        let number = first + step as f32;
        recorder.decide(DecidedStep {
            observation: &[number, -number, 0.5],
            mask: &[true, step % 2 == 0, true],
            action: &[if step % 2 == 0 { 1.0 } else { 2.0 }, 0.25],
            by: if step == 0 { DecidedBy::Person } else { DecidedBy::Policy },
        });
        recorder.reward(&[0.5, 1.0]);
        recorder.reward(&[0.5, 0.0]);
    }
    recorder.finish(&[9.0, 9.0, 9.0], Outcome::Terminated).unwrap()
}

fn whole() -> DemonstrationFile {
    DemonstrationFile::new(header(spec()), vec![episode(0.0, 3), episode(10.0, 1), episode(20.0, 2)])
}

#[test]
fn a_file_is_read_as_it_was_written() {
    let file = whole();
    let read = DemonstrationFile::from_bytes(&file.to_bytes()).unwrap();
    assert_eq!((&read.header, &read.episodes, read.damage.len()), (&file.header, &file.episodes, 0));
    let one = &read.episodes[0];
    assert_eq!((one.steps(), one.reward(&[1.0, -0.5]), one.term_sums(2)), (3, 1.5, vec![3.0, 3.0]));
    assert_eq!(one.decided_by, [DecidedBy::Person, DecidedBy::Policy, DecidedBy::Policy]);
}

/// A corrected step counts as the person's, the rest of its episode as the policy's.
#[test]
fn only_corrections_are_imitated_in_an_episode_that_was_corrected() {
    use DecidedBy::{Person, Policy, Script};
    let check = |decided_by: &[DecidedBy], expected: &[bool]| {
        let episode = Demonstration { decided_by: decided_by.to_vec(), ..Demonstration::default() };
        assert_eq!(episode.imitated(), expected, "{decided_by:?}");
    };
    check(&[Policy, Policy], &[true, true]);
    check(&[Person, Person], &[true, true]);
    check(&[Script], &[true]);
    check(&[Policy, Person, Person, Policy], &[false, true, true, false]);
    check(&[Script, Policy], &[true, false]);
    check(&[Script, Person], &[true, true]);
}

#[test]
fn a_recorder_is_empty_after_an_episode() {
    let mut recorder = EpisodeRecorder::new(&spec());
    assert_eq!(recorder.finish(&[0.0; 3], Outcome::Truncated), None);
    recorder.decide(DecidedStep { observation: &[0.0; 3], mask: &[true; 3], action: &[0.0; 2], by: DecidedBy::Script });
    assert!(recorder.bytes() > 0 && recorder.steps() == 1);
    recorder.clear();
    assert_eq!((recorder.bytes(), recorder.steps()), (0, 0));
}

/// A crash while the last record is written loses that record, and the next one takes its place.
#[test]
fn a_crash_loses_one_episode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frogs.ludusdemo");
    append(&path, &header(spec()), &[episode(0.0, 3)]).unwrap();
    append(&path, &header(spec()), &[episode(10.0, 1)]).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes, DemonstrationFile::new(header(spec()), vec![episode(0.0, 3), episode(10.0, 1)]).to_bytes());
    let first = DemonstrationFile::new(header(spec()), vec![episode(0.0, 3)]).to_bytes().len();
    for cut in first..bytes.len() {
        fs::write(&path, &bytes[..cut]).unwrap();
        let read = DemonstrationFile::read(&path).unwrap();
        assert_eq!((read.episodes.len(), read.damage.len()), (1, usize::from(cut > first)));
        append(&path, &header(spec()), &[episode(20.0, 2)]).unwrap();
        let read = DemonstrationFile::read(&path).unwrap();
        assert_eq!((read.episodes, read.damage), (vec![episode(0.0, 3), episode(20.0, 2)], Vec::new()));
    }
}

#[test]
fn an_altered_record_is_left_out_and_named() {
    let bytes = whole().to_bytes();
    let second = DemonstrationFile::new(header(spec()), vec![episode(0.0, 3)]).to_bytes().len();
    let mut altered = bytes.clone();
    altered[second + 40] ^= 1;
    let read = DemonstrationFile::from_bytes(&altered).unwrap();
    assert_eq!(read.episodes, [episode(0.0, 3), episode(20.0, 2)]);
    assert_eq!(read.damage, ["record 2 is not what its checksum says: it was altered"]);
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 0x55;
        let read = DemonstrationFile::from_bytes(&altered);
        assert!(read.is_err() || !read.unwrap().damage.is_empty(), "byte {place} was altered");
        let _ = DemonstrationFile::from_bytes(&bytes[..place]);
    }
}

/// Records with a right checksum and impossible numbers, as somebody would write who means harm.
#[test]
fn impossible_episodes_are_refused() {
    let check = |change: fn(&mut Demonstration), problem: &str| {
        let mut episode = episode(0.0, 2);
        change(&mut episode);
        let file = DemonstrationFile::from_bytes(&[header(spec()).to_bytes(), episode.to_bytes()].concat()).unwrap();
        assert!(file.episodes.is_empty() && file.damage[0].contains(problem), "{:?}", file.damage);
    };
    check(|episode| episode.actions[0] = 3.0, "chooses 3 of the 3 choices of `jump`");
    check(|episode| episode.actions[0] = 0.5, "chooses 0.5");
    check(|episode| episode.actions[0] = f32::NAN, "not finite");
    check(|episode| episode.masks[1] = false, "makes a choice of `jump` that was not allowed");
    check(|episode| episode.info.steps = 1_000_000, "is shorter than its text says");
    check(|episode| episode.info.steps = 1, "is longer than its text says");
    check(|episode| episode.info.outcome = Outcome::Vacant, "has the outcome Vacant");
    check(|episode| episode.info.weights = vec![1.0], "has 1 weights for 2 terms");
    check(
        |episode| *episode = Demonstration { observations: vec![0.0; 3], ..Demonstration::default() },
        "has no steps",
    );
    let set = SetShape { capacity: 1, element: vec![field("x", Block::values([""]))] };
    let agent = AgentSpec { observation: vec![field("flies", Block::Set(set))], masked: false, ..spec() };
    let mut recorder = EpisodeRecorder::new(&agent);
    recorder.decide(DecidedStep { observation: &[1.0, 7.0], mask: &[], action: &[0.0; 2], by: DecidedBy::Policy });
    let episode = recorder.finish(&[0.0, 0.0], Outcome::Running).unwrap();
    let file = DemonstrationFile::from_bytes(&[header(agent).to_bytes(), episode.to_bytes()].concat()).unwrap();
    assert_eq!(file.damage, ["record 1 has 7 elements in the set `flies`"]);
}

#[test]
fn episodes_of_other_agents_are_not_appended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frogs.ludusdemo");
    append(&path, &header(spec()), &[]).unwrap();
    let refused = |other: DemonstrationHeader| append(&path, &other, &[episode(0.0, 1)]).unwrap_err().to_string();
    let renamed = AgentSpec { name: "Toad".to_owned(), ..spec() };
    assert!(refused(header(renamed)).contains("the agent was `Frog`, now `Toad`"));
    let slower = DemonstrationHeader { decision_interval: NonZeroU32::new(4).unwrap(), ..header(spec()) };
    assert!(refused(slower).contains("recorded with 2 ticks per step at 64 Hz, and the game has 4 ticks per step"));
    let unweighed = AgentSpec { reward: Vec::new(), ..spec() };
    assert!(refused(header(unweighed)).contains("the terms of its reward"));
    fs::write(&path, b"something else").unwrap();
    assert!(matches!(append(&path, &header(spec()), &[]), Err(DemonstrationError::Damaged { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"something else");
}

#[test]
fn rows_are_matched_by_name() {
    let mut game = spec();
    game.observation.reverse();
    game.observation[1].block = Block::values(["y"]);
    game.action.reverse();
    game.action[1].parts = ["High", "Dive", "Low", "No"].map(str::to_owned).to_vec();
    game.reward.reverse();
    let episode =
        Demonstration { info: EpisodeInfo { weights: vec![1.0, 2.0], ..episode(1.0, 2).info }, ..episode(1.0, 2) };
    let matched = RowMatching::new(&spec(), &game).unwrap().apply(&episode).unwrap();
    assert_eq!(matched.observations, [0.5, -1.0, 0.5, -2.0, 9.0, 9.0]);
    assert_eq!(matched.actions, [0.25, 2.0, 0.25, 0.0]);
    assert_eq!(matched.masks, [true, false, true, true, true, false, false, true]);
    assert_eq!((matched.terms, matched.info.weights), (vec![1.0, 1.0, 1.0, 1.0], vec![2.0, 1.0]));
    assert_eq!(RowMatching::new(&spec(), &spec()).unwrap().apply(&episode).unwrap(), episode);
}

#[test]
fn what_demonstrations_lack_is_named() {
    let check = |change: fn(&mut AgentSpec), problem: &str| {
        let mut game = spec();
        change(&mut game);
        let matching = RowMatching::new(&spec(), &game);
        let applied = matching.and_then(|matching| matching.apply(&episode(0.0, 2)));
        assert_eq!(applied.unwrap_err(), problem);
    };
    check(|game| game.name = "Toad".to_owned(), "they are of `Frog`");
    check(|game| game.observation[1].name = "thirst".to_owned(), "they have no observation `thirst`");
    check(|game| game.action[0].name = "leap".to_owned(), "they have no action `leap`");
    check(
        |game| game.action[1].kind = ActionKind::Continuous { low: 0.0, high: 1.0 },
        "the action `speed` was Continuous { low: -1.0, high: 1.0 }, now Continuous { low: 0.0, high: 1.0 }",
    );
    check(|game| drop(game.action[0].parts.pop()), "they make a choice of `jump` that the game has no more");
}
