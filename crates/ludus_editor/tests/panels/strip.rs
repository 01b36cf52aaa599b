//! Tests of the strip at the window's bottom.

use std::num::NonZeroU64;

use ludus_editor::egui::{Vec2, vec2};
use ludus_editor::panels::{StripNews, strip_height, strip_ui};
use ludus_train::StopReason;
use ludus_train::config::StopConfig;
use ludus_train::session::{Incident, SessionState, TrainingSnapshot};

use super::recorded::{NUMBERS, long_name, training};
use super::screen::Screen;

/// Size of the strip in a window of usual width [points].
const WIDE: Vec2 = vec2(1264.0, 60.0);
/// Sizes of the strip in a small window, and in windows whose contents are enlarged twice and three times [points].
const SMALL: [Vec2; 3] = [vec2(884.0, 60.0), vec2(624.0, 60.0), vec2(410.0, 60.0)];

macro_rules! screen {
    ($training:expr) => {
        screen!($training, None, WIDE)
    };
    ($training:expr, $trouble:expr, $size:expr) => {{
        let (training, trouble): (TrainingSnapshot, Option<&str>) = ($training, $trouble);
        let news = StripNews { trouble, clock_seconds: 112.0 };
        Screen::new($size, move |ui, _| strip_ui(ui, &training, news))
    }};
}

fn warned() -> TrainingSnapshot {
    let incident = |step| Incident { step, sentence: format!("world {step} panicked") };
    TrainingSnapshot { incidents: vec![incident(64), incident(4_096)], ..training() }
}

/// A run that is to reach a mean return of 100, or to end after a minute.
fn with_goal() -> TrainingSnapshot {
    let steps = NonZeroU64::MIN.saturating_add(9_999_999_999);
    TrainingSnapshot {
        stop: StopConfig { steps, mean_return: Some(100.0.into()), seconds: Some(60.0), ..StopConfig::default() },
        ..training()
    }
}

#[test]
fn it_says_how_far_the_run_is() {
    let screen = screen!(training());
    for text in [
        "▶ training",
        "goal: steps 1,634,304 / 78,895,104",
        "time left about 12:34",
        "saved 0:12 ago",
        "no warnings",
        "no errors",
    ] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
}

#[test]
fn the_goal_is_all_that_ends_the_run() {
    let mut screen = screen!(with_goal());
    assert!(screen.shows("goal: mean return 100, now 79.800 · steps 1,634,304 / 10,000,000,000 · time 0:15 / 1:00"));
    // 5 returns a second, and 20.2 to go.
    assert!(screen.shows("time left about 0:04"), "{}", screen.all_text());
    let place = screen.find("goal: ").seen.center();
    screen.point(place);
    for text in ["mean return: 80 % of the way", "steps: 0 %", "time: 27 %"] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
}

#[test]
fn a_return_that_does_not_rise_leaves_only_a_limit() {
    let mut training = with_goal();
    let flat = training.history.iter().cloned().map(|mut record| {
        record.kinds[0].returns.mean = 7.0;
        record
    });
    training.history = flat.collect();
    assert!(screen!(training).shows("time left at most 0:44"));
}

#[test]
fn what_is_not_known_is_not_made_up() {
    let begun = TrainingSnapshot { history: training().history.iter().take(3).cloned().collect(), ..training() };
    assert!(screen!(begun).shows("time left unknown"));
    let building = TrainingSnapshot { state: SessionState::Building, ..TrainingSnapshot::default() };
    let screen = screen!(building);
    assert!(screen.shows("time left unknown") && screen.shows("not saved yet"), "{}", screen.all_text());
    let over = TrainingSnapshot { state: SessionState::Ended(StopReason::Steps), ..training() };
    assert!(screen!(over).shows("time left –"));
}

#[test]
fn the_newest_warning_and_the_last_errors_are_told() {
    let state = SessionState::Failed("the run's folder is full".to_owned());
    let screen = screen!(TrainingSnapshot { state, ..warned() }, Some("`x` is no policy"), WIDE);
    for text in [
        "⚠ step 4,096: world 4096 panicked (1 earlier, in Training)",
        "✖ the run's folder is full · `x` is no policy",
        "⚠ failed",
    ] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
}

#[test]
fn nothing_moves_when_something_is_said() {
    let (silent, said) = (screen!(training()), screen!(warned(), Some("`x` is no policy"), WIDE));
    for text in ["▶ training", "goal: ", "time left", "saved"] {
        assert_eq!(silent.find(text).rect, said.find(text).rect, "{text}");
    }
    let lines = [("no warnings", "⚠ step"), ("no errors", "✖ ")];
    for (nothing, news) in lines {
        // The visible part of a text depends on its letters.
        let (nothing, news) = (silent.find(nothing).rect, said.find(news).rect);
        let offset = nothing.left_center() - news.left_center();
        assert!(offset.length() < 3.0, "{nothing:?}, {news:?}");
    }
}

#[test]
fn it_is_as_high_as_it_says() {
    let (training, news) = (warned(), StripNews { trouble: Some("`x` is no policy"), clock_seconds: 0.0 });
    Screen::new(WIDE, move |ui, _| {
        let (top, height) = (ui.cursor().top(), strip_height(ui));
        let used = ui.scope(|ui| strip_ui(ui, &training, news)).response.rect;
        assert!((used.height() - height).abs() < 0.5 && used.top() == top, "{used:?} is not {height} high");
    });
}

#[test]
fn long_sentences_are_cut_and_told_when_pointed_at() {
    let incident = Incident { step: 1, sentence: format!("{} was not finite", long_name()) };
    let mut screen = screen!(TrainingSnapshot { incidents: vec![incident], ..training() });
    assert!(!screen.shows("was not finite") && screen.shows("…"));
    let place = screen.find("⚠ step 1").seen.left_center() + vec2(20.0, 0.0);
    screen.point(place);
    assert!(screen.all_text().replace('\n', "").contains("was not finite"), "{}", screen.all_text());
}

#[test]
fn it_fits_into_every_window() {
    for size in SMALL {
        for training in [TrainingSnapshot::default(), warned(), with_goal()] {
            screen!(training, Some("`x` is no policy"), size).check_apart();
        }
    }
    let small = screen!(training(), None, SMALL[0]);
    assert!(small.shows("time left about 12:34") && small.shows("saved 0:12 ago"), "{}", small.all_text());
}

#[test]
fn every_number_can_be_drawn() {
    for number in NUMBERS {
        println!("with {number}"); // shown if it fails
        let mut training = with_goal();
        let wild = f64::from(number);
        training.stop.mean_return = Some(number.into());
        training.stop.seconds = Some(wild);
        training.saved.as_mut().unwrap().clock_seconds = wild;
        let records = training.history.iter().cloned().map(|mut record| {
            (record.kinds[0].returns.mean, record.seconds) = (wild, wild);
            record
        });
        training.history = records.collect();
        screen!(training).check_apart();
    }
}
