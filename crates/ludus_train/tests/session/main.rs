//! Runs with a handle, which are controlled and shown while they go on.
#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../commands/game.rs"]
mod game;
#[cfg(feature = "torch")]
mod networks;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use bevy::prelude::App;
use ludus_policy::{ActionChoice, Policy, PolicyFile, Sensed, ValueEstimate};
use ludus_train::config::{ConfigSource, RunConfig};
use ludus_train::session::{Session, SessionCommand, SessionSetup, SessionState, TrainingSnapshot, specs_of};
use ludus_train::{
    Checkpoint, GameDefinition, LearnerChoice, Ludus, RunFolder, StopReason, clock, policies_at, saved_values,
};

/// The settings that the games are trained with, as changes to the defaults.
const SETS: [&str; 5] =
    ["arenas=32", "worlds=3", "reward={\"right\": 1, \"wrong\": 0}", "ppo.learning_rate=0.01", "ppo.minibatch=256"];

/// Limit on the time that a test waits for a run [10 ms].
const PATIENCE: u32 = 6_000;

fn setup(game: fn(&mut App), runs: &Path, stop: &str) -> SessionSetup {
    let definition = GameDefinition::new("arrows", game);
    let specs = specs_of(&definition.game).unwrap();
    let sets = SETS.iter().chain(&[stop]).map(|&set| set.to_owned()).collect();
    let config = RunConfig::load(&ConfigSource { sets, ..ConfigSource::default() }, &specs).unwrap();
    let learner = LearnerChoice::default();
    SessionSetup { definition, specs, config, learner, threads: 2, runs: runs.to_owned() }
}

/// A run that goes on until it is stopped.
fn endless(runs: &Path) -> Session {
    Session::start(setup(game::arrows, runs, "stop.steps=1_000_000_000_000"))
}

/// Waits until the run's snapshot satisfies `is_there`.
fn wait_for(session: &Session, is_there: impl Fn(&TrainingSnapshot) -> bool) -> Arc<TrainingSnapshot> {
    for _ in 0..PATIENCE {
        let snapshot = session.snapshot();
        if is_there(&snapshot) {
            return snapshot;
        }
        sleep(Duration::from_millis(10));
    }
    panic!("the run did not get there, it is {:?}", session.snapshot().state);
}

fn wait_for_iterations(session: &Session, count: usize) -> Arc<TrainingSnapshot> {
    wait_for(session, |snapshot| snapshot.history.len() >= count)
}

fn is_over(snapshot: &TrainingSnapshot) -> bool {
    !snapshot.state.is_live()
}

fn run_of(snapshot: &TrainingSnapshot) -> RunFolder {
    RunFolder::open(snapshot.run_dir.clone().unwrap())
}

#[test]
fn a_session_that_is_only_watched_learns_what_the_command_learns() {
    let runs = tempfile::tempdir().unwrap();
    let stop = "stop.steps=9000";
    let session = Session::start(setup(game::arrows, runs.path(), stop));
    let end = wait_for(&session, is_over);
    assert_eq!(end.state, SessionState::Ended(StopReason::Steps));
    let runs_dir = runs.path().to_str().unwrap();
    let sets = [SETS.as_slice(), &[stop]].concat();
    let arguments = sets.iter().flat_map(|&set| ["--set", set]);
    Ludus::new("arrows", game::arrows)
        .run_with(["arrows", "train", "--runs-dir", runs_dir].into_iter().chain(arguments));
    let ours = run_of(&end);
    let other = RunFolder::newest(runs.path(), "arrows").unwrap();
    assert_ne!(ours, other);
    assert!(fs::read(ours.policy()).unwrap() == fs::read(other.policy()).unwrap(), "the same bits");
    assert_eq!(fs::read_to_string(ours.config()).unwrap(), fs::read_to_string(other.config()).unwrap());
    assert!(!ours.changes().exists(), "nothing was changed");
}

#[test]
fn a_snapshot_has_the_numbers_of_every_iteration() {
    let runs = tempfile::tempdir().unwrap();
    let session = endless(runs.path());
    wait_for_iterations(&session, 40);
    let policy = Policy::new(&session.policy("Reader").unwrap().file).unwrap();
    let mut actions = [0.0; 2];
    policy.act(&[-1.0, 1.0], ActionChoice::Greedy, &mut policy.scratch(), &mut actions);
    assert_eq!(actions, [0.0, 1.0], "the newest policy has learned the game");
    let end = session.close();
    assert_eq!((end.worlds, end.arenas, end.rows(), end.kinds[0].returns.len()), (3, 32, 96, 96));
    assert!(end.kinds[0].returns.iter().enumerate().all(|(index, one)| (one.world * 32 + one.arena) as usize == index));
    assert!(end.kinds[0].returns.iter().all(|arena| (-8.0..=16.0).contains(&arena.last)), "{:?}", end.kinds);
    let table = fs::read_to_string(run_of(&end).metrics()).unwrap();
    let steps = table.lines().skip(1).map(|line| line.split(',').next().unwrap().parse::<u64>().unwrap());
    assert!(steps.eq(end.history.iter().map(|record| record.steps)), "no iteration is lost");
    let last = end.history.last().unwrap();
    assert_eq!((last.kinds[0].terms.len(), last.kinds[0].length), (2, 8.0));
    assert!((last.kinds[0].terms[0] + last.kinds[0].terms[1] - 8.0).abs() < 1e-6, "{last:?}");
    let rate = last.kinds[0].metrics.last().unwrap();
    assert_eq!((rate.info.name, rate.value), ("charts/learning_rate", 0.01));
    assert!(end.phases.total() > 0 && last.phases.total() > 0);
}

#[test]
fn a_run_pauses_and_goes_on() {
    let runs = tempfile::tempdir().unwrap();
    let started = clock::seconds();
    let session = endless(runs.path());
    wait_for_iterations(&session, 2);
    session.send(SessionCommand::Pause);
    let paused = wait_for(&session, |snapshot| snapshot.state == SessionState::Paused);
    sleep(Duration::from_millis(300));
    let later = session.snapshot();
    assert!(Arc::ptr_eq(&paused, &later), "nothing happens while it is paused");
    session.send(SessionCommand::Save);
    let saved = wait_for(&session, |snapshot| snapshot.saved.is_some());
    assert_eq!(saved.state, SessionState::Paused, "it saves without going on");
    assert_eq!(Checkpoint::read(&saved.saved.as_ref().unwrap().path).unwrap().steps(), saved.steps());
    session.send(SessionCommand::GoOn);
    let on = wait_for_iterations(&session, paused.history.len() + 2);
    assert_eq!(on.state, SessionState::Running);
    let trained = on.history.last().unwrap().seconds;
    assert!(trained < clock::seconds() - started - 0.3, "a pause is no time of training");
}

#[test]
fn a_run_saves_and_goes_on() {
    let runs = tempfile::tempdir().unwrap();
    let session = endless(runs.path());
    wait_for_iterations(&session, 1);
    session.send(SessionCommand::Save);
    let saved = wait_for(&session, |snapshot| snapshot.saved.is_some());
    let steps = PolicyFile::read(&run_of(&saved).policy()).unwrap().origin.steps;
    assert!(steps > 0 && saved.saved.as_ref().unwrap().step == steps);
    wait_for_iterations(&session, saved.history.len() + 1);
}

#[test]
fn a_stopped_run_is_saved() {
    let runs = tempfile::tempdir().unwrap();
    let session = endless(runs.path());
    wait_for_iterations(&session, 1);
    session.send(SessionCommand::Pause);
    session.send(SessionCommand::Stop);
    let end = wait_for(&session, is_over);
    assert_eq!(end.state, SessionState::Ended(StopReason::Interrupted));
    let checkpoint = Checkpoint::read(&end.saved.as_ref().unwrap().path).unwrap();
    assert_eq!(checkpoint.steps(), end.steps());
    assert_eq!(session.policy("Reader").unwrap().file.origin.program, "arrows");
}

/// A reader that reads seldom, such as a window in the background, gets it too.
#[test]
fn the_last_policy_of_a_run_reaches_whoever_has_not_looked_for_a_while() {
    let runs = tempfile::tempdir().unwrap();
    let session = Session::start(setup(game::arrows, runs.path(), "stop.steps=100_000"));
    let saved = || {
        let run = RunFolder::newest(runs.path(), "arrows")?;
        PolicyFile::read(&run.policy()).ok().filter(|policy| policy.origin.steps >= 100_000)
    };
    let last = (0..PATIENCE).find_map(|_| {
        sleep(Duration::from_millis(10));
        saved()
    });
    wait_for(&session, is_over);
    assert_eq!(session.policy("Reader").unwrap().file, last.expect("the run ends"));
}

#[test]
fn dropping_the_handle_ends_the_run_with_a_checkpoint() {
    let runs = tempfile::tempdir().unwrap();
    for is_paused in [false, true] {
        let session = endless(runs.path());
        let snapshot = wait_for_iterations(&session, 1);
        if is_paused {
            session.send(SessionCommand::Pause);
            wait_for(&session, |snapshot| snapshot.state == SessionState::Paused);
        }
        drop(session);
        let run = run_of(&snapshot);
        let checkpoints = fs::read_dir(run.checkpoints()).unwrap().count();
        assert!(checkpoints >= 1 && PolicyFile::read(&run.policy()).unwrap().origin.steps >= snapshot.steps());
    }
    drop(endless(runs.path())); // before its worlds are built
    assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 3);
}

#[test]
fn changes_are_written_into_the_run() {
    let runs = tempfile::tempdir().unwrap();
    let session = endless(runs.path());
    wait_for_iterations(&session, 2);
    session.send(SessionCommand::SetLearningRate { kind: 0, rate: 0.002 });
    session.send(SessionCommand::SetWeight { kind: 0, term: 1, weight: -0.5 });
    session.send(SessionCommand::SetWeight { kind: 0, term: 1, weight: -0.5 });
    let changed = wait_for(&session, |snapshot| snapshot.changes.len() == 2);
    assert_eq!((changed.kinds[0].learning_rate, changed.kinds[0].weights.as_slice()), (0.002, [1.0, -0.5].as_slice()));
    let count = changed.history.len();
    wait_for_iterations(&session, count + 5);
    let end = session.close();
    let rates = end.history.iter().map(|record| record.kinds[0].metrics.last().unwrap().value).collect::<Vec<_>>();
    assert_eq!((rates[0], rates[rates.len() - 1]), (0.01, 0.002));
    let step = changed.changes[0].step;
    assert!(
        end.history
            .iter()
            .all(|one| one.kinds[0].metrics.last().unwrap().value == if one.steps <= step { 0.01 } else { 0.002 })
    );
    let last = end.history.last().unwrap();
    assert!(
        (last.kinds[0].returns.mean - (last.kinds[0].terms[0] - 0.5 * last.kinds[0].terms[1])).abs() < 1e-4,
        "{last:?}"
    );
    let run = run_of(&end);
    let expected = format!("step,setting,was,now\n{step},ppo.learning_rate,0.01,0.002\n{step},reward.wrong,0.0,-0.5\n");
    assert_eq!(fs::read_to_string(run.changes()).unwrap(), expected);
    let source = ConfigSource { file: Some(run.config()), ..ConfigSource::default() };
    let config = RunConfig::load(&source, std::slice::from_ref(&end.kinds[0].spec)).unwrap();
    let agent = config.agent(&end.kinds[0].spec);
    assert_eq!((agent.algorithm().learning_rate().at(0.5), agent.reward["wrong"]), (0.002, -0.5));
}

#[test]
fn a_change_that_makes_no_sense_is_refused_with_a_sentence() {
    let runs = tempfile::tempdir().unwrap();
    let session = endless(runs.path());
    session.send(SessionCommand::SetLearningRate { kind: 0, rate: -1.0 });
    session.send(SessionCommand::SetLearningRate { kind: 0, rate: f32::NAN });
    session.send(SessionCommand::SetWeight { kind: 0, term: 0, weight: f32::INFINITY });
    session.send(SessionCommand::SetWeight { kind: 0, term: 7, weight: 1.0 });
    let snapshot = wait_for(&session, |snapshot| snapshot.incidents.len() == 4);
    let sentences = snapshot.incidents.iter().map(|incident| incident.sentence.as_str()).collect::<Vec<_>>();
    assert_eq!(sentences[0], "`learning_rate` is -1; it must be at least 0");
    assert!(sentences[1].contains("NaN"), "{sentences:?}");
    assert_eq!(sentences[2], "the weight of `right` is inf; it must be finite");
    assert_eq!(sentences[3], "`Reader` has 2 reward terms, there is no 7");
    assert_eq!((snapshot.kinds[0].learning_rate, snapshot.kinds[0].weights.as_slice()), (0.01, [1.0, 0.0].as_slice()));
    assert!(!run_of(&snapshot).changes().exists() && snapshot.state == SessionState::Running);
}

#[test]
fn a_run_that_was_stopped_goes_on_with_its_own_config() {
    let runs = tempfile::tempdir().unwrap();
    let session = endless(runs.path());
    wait_for_iterations(&session, 2);
    session.send(SessionCommand::SetWeight { kind: 0, term: 1, weight: -0.5 });
    wait_for(&session, |snapshot| snapshot.changes.len() == 1);
    let first = session.close();
    let run = first.run_dir.clone().unwrap();
    let resumed = Session::resume(setup(game::arrows, runs.path(), "stop.steps=1"), &run);
    wait_for_iterations(&resumed, 2);
    let end = resumed.close();
    assert_eq!((end.run_dir.as_ref(), end.kinds[0].weights.as_slice()), (Some(&run), [1.0, -0.5].as_slice()));
    assert_eq!((end.stop.clone(), end.steps_before), (first.stop.clone(), first.steps()));
    assert!(end.history.iter().all(|record| record.steps > first.steps()));
    let table = fs::read_to_string(RunFolder::open(&run).metrics()).unwrap();
    assert_eq!(table.lines().count(), 1 + first.history.len() + end.history.len(), "its curve goes on");
}

#[test]
fn a_run_that_has_made_its_steps_goes_on_to_the_windows_limits() {
    let runs = tempfile::tempdir().unwrap();
    let setup = |stop: &str| setup(game::arrows, runs.path(), stop);
    let first = wait_for(&Session::start(setup("stop.steps=5_000")), is_over);
    let run = first.run_dir.clone().unwrap();
    let nothing = wait_for(&Session::resume(setup("stop.steps=100"), &run), is_over);
    assert_eq!(nothing.state, SessionState::Ended(StopReason::Steps));
    assert_eq!((nothing.steps(), nothing.stop.steps.get()), (first.steps(), 5_000), "there was nothing left to do");
    let more = wait_for(&Session::resume(setup("stop.steps=10_000"), &run), is_over);
    assert!(more.steps() >= 10_000 && more.steps_before == first.steps(), "{}", more.steps());
}

#[test]
fn a_run_that_another_session_trains_is_left_alone() {
    let runs = tempfile::tempdir().unwrap();
    let session = endless(runs.path());
    let live = wait_for_iterations(&session, 1);
    let second = Session::resume(setup(game::arrows, runs.path(), "stop.steps=1"), live.run_dir.clone().unwrap());
    let SessionState::Failed(sentence) = wait_for(&second, is_over).state.clone() else { panic!("it was let in") };
    assert!(sentence.contains(&std::process::id().to_string()), "{sentence}");
    wait_for_iterations(&session, live.history.len() + 1);
    let nowhere = wait_for(&Session::resume(setup(game::arrows, runs.path(), "stop.steps=1"), "nowhere"), is_over);
    let SessionState::Failed(sentence) = &nowhere.state else { panic!("{:?}", nowhere.state) };
    assert!(sentence.contains("nowhere"), "{sentence}");
}

#[test]
fn what_goes_wrong_is_told() {
    let runs = tempfile::tempdir().unwrap();
    let stop = "stop.steps=1_000_000_000_000";
    let told = |game, expected: &str| {
        let session = Session::start(setup(game, runs.path(), stop));
        let snapshot = wait_for(&session, |snapshot| !snapshot.incidents.is_empty());
        assert!(snapshot.incidents[0].sentence.contains(expected), "{:?}", snapshot.incidents);
    };
    told(game::faulty, "observation `arrow` of `Reader`");
    told(game::panicking, "tick 100 was too much");
    let session = Session::start(setup(game::doomed, runs.path(), stop));
    let end = wait_for(&session, is_over);
    let SessionState::Failed(sentence) = &end.state else { panic!("{:?}", end.state) };
    assert!(sentence.contains("nothing can be built"), "{sentence}");
    assert!(run_of(&end).policy().is_file(), "what was learned is kept");
}

#[test]
fn a_run_that_can_t_start_says_why() {
    let runs = tempfile::tempdir().unwrap();
    let mut setup = setup(game::arrows, runs.path(), "stop.steps=1");
    setup.config.agents.clear();
    let end = wait_for(&Session::start(setup), is_over);
    let expected = "agents: no section for agent `Reader`; write `\"Reader\": (…)`";
    assert_eq!(end.state, SessionState::Failed(expected.to_owned()));
}

/// Returns the values of a policy in two observations.
fn values(file: &PolicyFile, estimate: ValueEstimate) -> [f32; 2] {
    let policy = Policy::new(file).unwrap().with_values(estimate).unwrap();
    let mut values = [0.0; 2];
    policy.values(Sensed { observations: &[-1.0, 1.0], masks: &[] }, &[], &mut policy.scratch(), &mut values);
    values
}

/// Each answer is worth 1 or 0, and half of what follows: 2 at most.
#[test]
fn the_values_of_soft_actor_critic_are_those_of_its_critics() {
    let runs = tempfile::tempdir().unwrap();
    let sac = "sac=(learning_starts: 300, replay: 5_000, learning_rate: 3e-3, replay_ratio: 0.1, minibatch: 64, \
               gamma: 0.5, choice_temperature: Fixed(0.01))";
    let definition = GameDefinition::new("arrows", game::arrows);
    let specs = specs_of(&definition.game).unwrap();
    let sets = ["arenas=8", "worlds=3", SETS[2], sac, "stop.steps=8_000"];
    let sets = sets.iter().map(|&set| set.to_owned()).collect();
    let config = RunConfig::load(&ConfigSource { sets, ..ConfigSource::default() }, &specs).unwrap();
    let learner = LearnerChoice::default();
    let setup = SessionSetup { definition, specs, config, learner, threads: 2, runs: runs.path().to_owned() };
    let (config, specs) = (setup.config.clone(), setup.specs.clone());
    let session = Session::start(setup);
    let end = wait_for(&session, is_over);
    assert_eq!(end.state, SessionState::Ended(StopReason::Steps));
    let shown = session.policy("Reader").unwrap();
    assert!(matches!(shown.values, ValueEstimate::Critics(_)));
    let found = values(&shown.file, shown.values.clone());
    assert!(found.iter().all(|value| (1.2..2.2).contains(value)), "{found:?}");

    let run = run_of(&end);
    let newest = run.numbered_checkpoints().unwrap().pop().unwrap().path;
    for path in [run.path().to_owned(), run.policy(), newest] {
        let files = policies_at(&path, &config, &specs).unwrap();
        let (_, file) = &files[0];
        assert_eq!(values(file, saved_values(&path, &config, file)), found, "{}", path.display());
    }
    fs::remove_dir_all(run.checkpoints()).unwrap();
    let (_, file) = &policies_at(run.path(), &config, &specs).unwrap()[0];
    let without = saved_values(run.path(), &config, file);
    assert!(matches!(without, ValueEstimate::Missing), "{without:?}");
    // A config of another algorithm says nothing about what this policy has learned.
    let plain = RunConfig::load(&ConfigSource { sets: vec![SETS[2].to_owned()], ..ConfigSource::default() }, &specs);
    assert!(matches!(saved_values(run.path(), &plain.unwrap(), file), ValueEstimate::Missing));
}
