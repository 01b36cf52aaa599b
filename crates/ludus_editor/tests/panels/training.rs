//! Tests of the panel of a run.

use std::sync::Arc;

use ludus_editor::EditorCommand;
use ludus_editor::egui::{Pos2, Vec2};
use ludus_editor::panels::training::{TrainingUiState, training_ui};
use ludus_train::session::{Incident, SessionCommand, SessionState, TrainingSnapshot};
use ludus_train::{Phases, Spread, StopReason};

use super::recorded::{NUMBERS, long_name, training};
use super::screen::{BESIDE, ENLARGED, SMALL_LEFT, Screen};

/// Size of a screen that is tall enough for all of the panel [points].
const TALL: Vec2 = Vec2::new(BESIDE.x, 1_400.0);

macro_rules! screen {
    ($training:expr) => {
        screen!($training, TALL)
    };
    ($training:expr, $size:expr) => {{
        let (training, mut state) = ($training, TrainingUiState::default());
        Screen::new($size, move |ui, commands| training_ui(ui, &training, 0, &mut state, commands))
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
        "1,634,304 / 78,895,104",
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
    let screen = Screen::new(BESIDE, move |ui, commands| training_ui(ui, &training, 0, &mut state, commands));
    screen.check_apart();
}

#[test]
fn in_a_small_window_nothing_is_cut_and_nothing_covers_anything() {
    for size in [SMALL_LEFT, ENLARGED] {
        for height in [size.y, TALL.y] {
            let screen = screen!(training(), Vec2::new(size.x, height));
            screen.check_apart();
        }
    }
    let screen = screen!(training(), Vec2::new(SMALL_LEFT.x, TALL.y));
    for text in ["▶ Start", "⏸ Pause", "⏹ Stop", "💾 Save", "256 in 4 worlds, 2 threads", "3.00e-4", "sense + score"]
    {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
}

#[test]
fn nothing_moves_when_something_is_said() {
    let place = |training: TrainingSnapshot, text: &str| screen!(training).find(text).rect.min;
    let incidents = vec![Incident { step: 64, sentence: "a world panicked".to_owned() }];
    let state = SessionState::Failed(long_name());
    let said = TrainingSnapshot { state, incidents, ..training() };
    for text in ["⏹ Stop", "steps", "Time by phase", "Settings"] {
        assert_eq!(place(said.clone(), text), place(training(), text), "{text}");
    }
}

fn with_rate(learning_rate: f32) -> TrainingSnapshot {
    let mut training = training();
    training.kinds[0].learning_rate = learning_rate;
    training
}

#[test]
fn a_learning_rate_that_falls_has_three_digits() {
    let screen = screen!(with_rate(2.999_412_3e-4));
    assert!(screen.find_exactly("3.00e-4").rect.is_positive() && !screen.shows("2.999"));
    let mut screen = screen!(with_rate(2.987_412_3e-4));
    screen.click_text("2.99e-4");
    let elsewhere = screen.find("Settings").seen.center();
    screen.click(elsewhere);
    assert!(screen.commands.is_empty(), "a number that is only looked at stays as it is");
}

/// Returns places in the plot with this title, at its left, middle and right.
fn in_plot<F: FnMut(&mut ludus_editor::egui::Ui, &mut ludus_editor::EditorCommands)>(
    screen: &Screen<F>,
    title: &str,
    height: f32,
) -> [Pos2; 3] {
    let title = screen.find(title).rect;
    [0.35, 0.6, 0.85].map(|part| Pos2::new(part * BESIDE.x, title.bottom() + height))
}

#[test]
fn a_curve_is_read_where_the_pointer_is_and_not_at_its_height() {
    let mut screen = screen!(training());
    let returns = |told: &str| -> f64 {
        let line = told.lines().find(|line| line.starts_with("mean return ")).expect("the curve is named");
        line.trim_start_matches("mean return ").parse().unwrap()
    };
    let [high, low] = [60.0, 120.0].map(|height| in_plot(&screen, "Mean return of", height));
    for (high, low) in high.into_iter().zip(low) {
        let (one, other) = (screen.told_at(high), screen.told_at(low));
        assert_eq!(one, other, "the pointer's height is nothing of the curve's");
        let steps: f64 =
            one.lines().find_map(|line| line.strip_suffix(" steps")).unwrap().replace(',', "").parse().unwrap();
        let expected = 80.0 * steps / 4096.0 / 400.0;
        assert!((returns(&one) - expected).abs() < 0.01, "{one}");
    }
}

#[test]
fn past_reward_terms_weigh_what_they_weighed_then() {
    let mut training = training();
    training.kinds[0].weights = vec![0.1, 5.0];
    let mut screen = screen!(training);
    let [_, middle, _] = in_plot(&screen, "Reward terms per episode", 90.0);
    let told = screen.told_at(middle);
    let steps: f64 =
        told.lines().find_map(|line| line.strip_suffix(" steps")).unwrap().replace(',', "").parse().unwrap();
    // The term `dropped` weighed -1 in all of the history.
    let expected = steps / 4096.0 / 400.0 - 1.0;
    assert!(told.contains(&format!("dropped {expected:.3}")), "{expected}: {told}");
    assert!(!screen.shows("dropped × "), "the weight of today is not that of the curve");
}

#[test]
fn a_legend_is_above_its_plot_and_switches_curves_off() {
    let mut screen = screen!(training());
    let names = ["balanced", "dropped"].map(|name| screen.find_exactly(name).rect);
    let numbers: Vec<_> = screen.texts().into_iter().filter(|text| text.rect.right() < 50.0).collect();
    let lowest_name = names.iter().fold(0.0_f32, |lowest, name| lowest.max(name.bottom()));
    let title = screen.find("Reward terms per episode").rect;
    let of_plot =
        numbers.iter().filter(|number| number.rect.top() > title.bottom() && number.text.parse::<f64>().is_ok());
    assert!(of_plot.clone().count() > 1 && of_plot.clone().all(|number| number.rect.top() > lowest_name - 8.0));
    screen.click_text("dropped");
    let [_, middle, _] = in_plot(&screen, "Reward terms per episode", 90.0);
    let told = screen.told_at(middle);
    assert!(told.contains("balanced") && !told.contains("dropped"), "{told}");
}

#[test]
fn numbers_of_an_axis_differ() {
    for mean in [|_: u64| 50.0, |index: u64| 50.0 + 1e-4 * index as f64, |index: u64| -1e6 + index as f64] {
        let mut training = training();
        let records = training.history.iter().cloned().zip(0..).map(|(mut record, index)| {
            record.kinds[0].returns = Spread { mean: mean(index), std: 0.0 };
            record
        });
        training.history = records.collect();
        let screen = screen!(training);
        let top = screen.find("Mean return of").rect.bottom();
        let is_beside = |text: &&super::screen::Text| {
            text.rect.right() < 75.0
                && (top + 20.0..top + 138.0).contains(&text.rect.center().y)
                && text.text != "return"
        };
        let texts = screen.texts();
        let numbers: Vec<_> = texts.iter().filter(is_beside).map(|text| &text.text).collect();
        let distinct: std::collections::BTreeSet<_> = numbers.iter().collect();
        assert!(numbers.len() > 1 && distinct.len() == numbers.len(), "{numbers:?}");
        screen.check_apart();
    }
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
    let expected = [
        SessionCommand::SetLearningRate { kind: 0, rate: 0.001 },
        SessionCommand::SetWeight { kind: 0, term: 1, weight: -2.5 },
    ];
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
        training.kinds[0].learning_rate = number;
        training.kinds[0].weights = vec![number; 2];
        training.stop.seconds = Some(wild);
        training.stop.mean_return = Some(number.into());
        let records = training.history.iter().cloned().map(|mut record| {
            record.kinds[0].returns = Spread { mean: wild, std: wild };
            (record.kinds[0].length, record.seconds) = (wild, wild);
            record.kinds[0].terms = vec![wild; 2];
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
    let mut spec = (*training.kinds[0].spec).clone();
    spec.reward.iter_mut().for_each(|term| term.name = long_name());
    training.kinds[0].spec = Arc::new(spec);
    training.run_dir = Some(long_name().into());
    let screen = screen!(training);
    assert!(screen.shows("weight of a") && screen.shows("…") && screen.shows("thing_"), "{}", screen.all_text());
}

#[test]
fn long_runs_cost_no_more_than_short_ones() {
    let mut training = training();
    let last = training.history.last().unwrap().clone();
    training.history.extend((0..200_000).map(|_| last.clone()));
    let screen = screen!(training);
    assert!(screen.shows("79.800"));
}
