//! Tests of the panel of runs.

use std::path::PathBuf;

use ludus_editor::egui::Vec2;
use ludus_editor::panels::runs::{RunsUiState, runs_ui};
use ludus_editor::snapshot::{ResumeSnapshot, RunsSnapshot};
use ludus_editor::{EditorCommand, RivalPlace};

use super::recorded::{NUMBERS, long_name, policy, runs};
use super::screen::{BESIDE, ENLARGED, SMALL_LEFT, Screen};

/// Size of a screen that is tall enough for all of the panel [points].
const TALL: Vec2 = Vec2::new(BESIDE.x, 1_400.0);

macro_rules! screen {
    ($runs:expr) => {
        screen!($runs, TALL)
    };
    ($runs:expr, $size:expr) => {{
        let (runs, mut state) = ($runs, RunsUiState::default());
        Screen::new($size, move |ui, commands| runs_ui(ui, &runs, &mut state, commands))
    }};
}

#[test]
fn without_runs_it_says_what_to_do() {
    let screen = screen!(RunsSnapshot::default());
    assert!(screen.shows("No runs yet: press Start in Training.") && screen.shows("No policy on screen"));
}

#[test]
fn runs_have_curves_and_checkpoints() {
    let screen = screen!(runs());
    for text in ["on screen: balance-2026-11-24-3", "balance-2026-11-24-1", "▶ balance-2026-11-24-3", "newest", "steps"]
    {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
}

#[test]
fn checkpoints_are_loaded_and_compared() {
    let mut screen = screen!(runs());
    screen.click_text("Load");
    screen.click_text("Compare");
    let newest = PathBuf::from("3/newest");
    let expected = [EditorCommand::LoadPolicy(newest.clone()), EditorCommand::Compare(newest)];
    assert_eq!(screen.commands, expected);
    let mut alone = screen!(RunsSnapshot { left: Vec::new(), ..runs() });
    alone.click_text("Compare");
    assert!(alone.commands.is_empty(), "there is nothing to compare it with");
}

#[test]
fn a_run_that_was_stopped_goes_on() {
    let mut stopped = RunsSnapshot { is_training: false, ..runs() };
    stopped.runs[0].is_live = false;
    // Another run has begun, and has no folder yet.
    let mut busy = screen!(RunsSnapshot { is_training: true, ..stopped.clone() });
    busy.click_text("Resume");
    assert!(busy.commands.is_empty(), "only one run at a time");
    let mut screen = screen!(stopped);
    screen.click_text("Resume");
    assert_eq!(screen.commands, [EditorCommand::ResumeRun(PathBuf::from("runs/balance-2026-11-24-3"))]);
    screen.check_apart();
    assert!(!screen!(runs()).shows("Resume"), "one that goes on can't be resumed");
}

#[test]
fn what_came_of_a_run_that_was_asked_to_go_on_is_said_beside_it() {
    let answered = |is_good, sentence: &str| {
        let (run, sentence) = (PathBuf::from("runs/balance-2026-11-24-3"), sentence.to_owned());
        screen!(RunsSnapshot { resumed: Some(ResumeSnapshot { run, is_good, sentence }), ..runs() })
    };
    assert!(answered(true, "went on from step 5").shows("✔ went on from step 5"));
    assert!(answered(false, "no good checkpoint").shows("⚠ no good checkpoint"));
    let (silent, told) = (screen!(runs()), answered(true, "went on"));
    assert_eq!(silent.find("newest").rect, told.find("newest").rect, "nothing moves when it is said");
}

#[test]
fn episodes_are_listed_and_played_again() {
    let mut screen = screen!(runs());
    for text in ["best: return 99.50", "1,000 steps", "worst: return -0.260, 8 steps", "1: can't be read"] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.click_text("Replay");
    assert_eq!(screen.commands, [EditorCommand::Replay(PathBuf::from("3/best.episode"))]);
}

#[test]
fn a_comparison_ends_and_training_is_followed_again() {
    let right = vec![policy(0, "balance-2026-11-24-1", 5)];
    let mut screen = screen!(RunsSnapshot { right, rivals: Some(RivalPlace::Beside), ..runs() });
    assert!(screen.shows("right, beside it: balance-2026-11-24-1, step 5") && screen.shows("left, on screen: balance"));
    screen.click_text("Stop comparing");
    screen.click_text("Follow the training");
    assert_eq!(screen.commands, [EditorCommand::StopComparing, EditorCommand::FollowTraining]);
}

#[test]
fn curves_are_hidden_and_shown() {
    let mut screen = screen!(runs());
    let count = |screen: &Screen<_>| screen.texts().iter().filter(|text| text.text == "■").count();
    assert_eq!(count(&screen), 3);
    screen.click_text("■");
    assert_eq!((count(&screen), screen.shows("□")), (2, true));
    screen.click_text("□");
    assert_eq!(count(&screen), 3);
}

#[test]
fn every_number_can_be_drawn() {
    for number in NUMBERS {
        println!("with {number}"); // shown if it fails
        let mut runs = runs();
        runs.runs[0].curves[0] = vec![[0.0, number.into()], [number.into(), 1.0]];
        runs.runs[1].curves[0] = vec![[number.into(); 2]; 3];
        runs.runs[2].curves[0].clear();
        screen!(runs);
    }
}

#[test]
fn trouble_and_long_names_fit() {
    let mut runs = runs();
    runs.runs.iter_mut().for_each(|run| run.name = long_name());
    runs.left[0].label.name = long_name();
    runs.trouble = Some(format!("`{}` is no policy", long_name()));
    let mut screen = screen!(runs);
    let place = screen.find("⚠ `a_name").seen.center();
    screen.point(place);
    assert!(screen.all_text().replace('\n', "").contains("is no policy"), "{}", screen.all_text());
}

#[test]
fn nothing_moves_when_something_is_said() {
    let troubled = RunsSnapshot { trouble: Some("`x` is no policy".to_owned()), ..runs() };
    let place = |runs| screen!(runs).find("Runs, newest first").rect.min;
    assert_eq!(place(troubled), place(runs()));
}

#[test]
fn in_a_small_window_nothing_is_cut_and_nothing_covers_anything() {
    for size in [SMALL_LEFT, ENLARGED] {
        for height in [size.y, TALL.y] {
            screen!(runs(), Vec2::new(size.x, height)).check_apart();
        }
    }
}

#[test]
fn of_many_runs_all_are_listed_and_those_left_out_are_counted() {
    let mut many = runs();
    let run = many.runs[2].clone();
    many.runs.extend((0..117).map(|number| ludus_editor::snapshot::RunEntry {
        name: format!("older-{number}"),
        path: PathBuf::from(format!("runs/older-{number}")),
        ..run.clone()
    }));
    many.left_out = 1_234;
    let mut screen = screen!(many, Vec2::new(TALL.x, 4_000.0));
    assert!(!screen.shows("older-116") && screen.shows("1,234 older runs left out"), "{}", screen.all_text());
    screen.click_text("Show 50 of 70 older runs");
    screen.click_text("Show 20 of 20 older runs");
    assert!(screen.shows("older-116") && !screen.shows("Show 20"));
}
