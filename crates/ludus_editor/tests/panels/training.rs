//! The panel of a run.

use std::sync::Arc;

use ludus_editor::EditorCommand;
use ludus_editor::egui::Vec2;
use ludus_editor::panels::training::{TrainingUiState, training_ui};
use ludus_train::session::{Incident, SessionCommand, SessionState, TrainingSnapshot};
use ludus_train::{Phases, Spread, StopReason};

use super::recorded::{NUMBERS, long_name, training};
use super::screen::{BESIDE, Screen};

/// Tall enough for all of the panel.
const TALL: Vec2 = Vec2::new(BESIDE.x, 1_400.0);

macro_rules! screen {
    ($training:expr) => {{
        let (training, mut state) = ($training, TrainingUiState::default());
        Screen::new(TALL, move |ui, commands| training_ui(ui, &training, &mut state, commands))
    }};
}

#[test]
fn without_a_run_it_says_what_to_do() {
    let mut screen = screen!(TrainingSnapshot::default());
    assert!(screen.shows("Nothing is trained here yet: press Start, or open a run"));
    screen.click_text("Pause");
    screen.click_text("Save");
    assert!(screen.commands.is_empty(), "there is nothing to pause or to save");
    screen.click_text("Start");
    assert_eq!(screen.commands, [EditorCommand::StartTraining]);
    screen.check_apart();
}

#[test]
fn a_run_is_shown_in_numbers() {
    let screen = screen!(training());
    let shown = [
        "▶ training",
        "balance-2026-11-24-1",
        "1,634,304 / 1,000,000",
        "79.800 ± 12.000",
        "2,793",
        "102,400 steps/s",
        "0:15",
        "12:34",
        "256 in 4 worlds, 2 threads",
        "at step 1,000,000",
        "sense + score",
        " 38 %",
        "3.00e-4",
        "weight of balanced",
        "0.100",
        "step 12,288: ppo.learning_rate from 0.001 to 0.0003",
        "Mean return of the last episodes",
        "steps",
    ];
    for text in shown {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
}

#[test]
fn it_fits_beside_the_scene() {
    let (training, mut state) = (training(), TrainingUiState::default());
    let screen = Screen::new(BESIDE, move |ui, commands| training_ui(ui, &training, &mut state, commands));
    screen.check_apart();
}

#[test]
fn buttons_steer_the_run() {
    let mut screen = screen!(training());
    for button in ["Pause", "Stop", "Save", "Start"] {
        screen.click_text(button);
    }
    let expected = [SessionCommand::Pause, SessionCommand::Stop, SessionCommand::Save].map(EditorCommand::Training);
    assert_eq!(screen.commands, expected, "a run that goes on is not started again");
    let mut paused = screen!(TrainingSnapshot { state: SessionState::Paused, ..training() });
    paused.click_text("Go on");
    assert_eq!(paused.commands, [EditorCommand::Training(SessionCommand::GoOn)]);
}

#[test]
fn buttons_stay_where_they_are() {
    let place = |state: SessionState, button: &str| {
        let training = TrainingSnapshot { state, ..training() };
        screen!(training).find(button).rect.center().x.round()
    };
    for button in ["Start", "Stop", "Save"] {
        let idle = place(SessionState::Idle, button);
        assert!([SessionState::Running, SessionState::Paused].into_iter().all(|state| place(state, button) == idle));
    }
}

#[test]
fn settings_are_changed_once_they_are_typed() {
    let mut screen = screen!(training());
    screen.click_text("3.00e-4");
    screen.enter("0.001");
    let place = screen.find_exactly("-1.000").seen.center();
    screen.click(place);
    screen.enter("-2.5");
    let expected = [SessionCommand::SetLearningRate(0.001), SessionCommand::SetWeight { term: 1, weight: -2.5 }];
    assert_eq!(screen.commands, expected.map(EditorCommand::Training), "each is asked for once");
    assert!(screen.shows("1.00e-3"), "what was asked for is shown until the run follows");
}

#[test]
fn settings_of_a_run_that_is_over_stand_still() {
    let mut screen = screen!(TrainingSnapshot { state: SessionState::Ended(StopReason::Steps), ..training() });
    screen.click_text("3.00e-4");
    screen.enter("0.001");
    assert!(screen.commands.is_empty() && screen.shows("made all steps"));
}

#[test]
fn what_went_wrong_is_told() {
    let incident = |step| Incident { step, sentence: format!("{} was not finite", long_name()) };
    let failed = SessionState::Failed("the run's folder is full".to_owned());
    let screen =
        screen!(TrainingSnapshot { state: failed, incidents: vec![incident(64), incident(128)], ..training() });
    assert!(screen.shows("the run's folder is full") && screen.shows("⚠ step 128: a_name"));
    screen.check_apart();
}

#[test]
fn every_number_can_be_drawn() {
    for number in NUMBERS {
        println!("with {number}"); // shown if it fails
        let mut training = training();
        let wild = f64::from(number);
        training.learning_rate = number;
        training.weights = vec![number; 2];
        training.seconds_left = Some(wild);
        let records = training.history.iter().cloned().map(|mut record| {
            record.returns = Spread { mean: wild, std: wild };
            (record.length, record.seconds) = (wild, wild);
            record.terms = vec![wild; 2];
            record
        });
        training.history = records.collect();
        screen!(training);
    }
    let mut training = training();
    training.phases = Phases { forward: u64::MAX / 8, ..Phases::default() };
    training.history = training
        .history
        .iter()
        .cloned()
        .map(|mut record| {
            record.steps = u64::MAX;
            record
        })
        .collect();
    screen!(training).check_apart();
}

#[test]
fn names_that_are_too_long_are_cut() {
    let mut training = training();
    let mut spec = (*training.spec).clone();
    spec.reward.iter_mut().for_each(|term| term.name = long_name());
    training.spec = Arc::new(spec);
    training.run_dir = Some(long_name().into());
    let screen = screen!(training);
    assert!(screen.shows("weight of a_name") && screen.shows("…"));
}

#[test]
fn long_runs_cost_no_more_than_short_ones() {
    let mut training = training();
    let last = training.history.last().unwrap().clone();
    training.history.extend((0..200_000).map(|_| last.clone()));
    let screen = screen!(training);
    assert!(screen.shows("79.800"));
}
