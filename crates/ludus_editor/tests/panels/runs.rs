//! The panel of runs.

use std::path::PathBuf;

use ludus_editor::EditorCommand;
use ludus_editor::egui::Vec2;
use ludus_editor::panels::runs::{RunsUiState, runs_ui};
use ludus_editor::snapshot::{PolicyLabel, ResumeSnapshot, RunsSnapshot};

use super::recorded::{NUMBERS, long_name, runs};
use super::screen::{BESIDE, Screen};

/// Tall enough for all of the panel.
const TALL: Vec2 = Vec2::new(BESIDE.x, 1_400.0);

macro_rules! screen {
    ($runs:expr) => {{
        let (runs, mut state) = ($runs, RunsUiState::default());
        Screen::new(TALL, move |ui, commands| runs_ui(ui, &runs, &mut state, commands))
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
    let mut alone = screen!(RunsSnapshot { left: None, ..runs() });
    alone.click_text("Compare");
    assert!(alone.commands.is_empty(), "there is nothing to compare it with");
}

#[test]
fn a_run_that_was_stopped_goes_on() {
    let mut stopped = RunsSnapshot { is_training: false, ..runs() };
    stopped.runs[0].is_live = false;
    // Another one has begun, and has no folder yet.
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
    let right = Some(PolicyLabel { name: "balance-2026-11-24-1".to_owned(), steps: 5 });
    let mut screen = screen!(RunsSnapshot { right, ..runs() });
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
        runs.runs[0].curve = vec![[0.0, number.into()], [number.into(), 1.0]];
        runs.runs[1].curve = vec![[number.into(); 2]; 3];
        runs.runs[2].curve.clear();
        screen!(runs);
    }
}

#[test]
fn trouble_and_long_names_fit() {
    let mut runs = runs();
    runs.runs.iter_mut().for_each(|run| run.name = long_name());
    runs.left.as_mut().unwrap().name = long_name();
    runs.trouble = Some(format!("`{}` is no policy", long_name()));
    let screen = screen!(runs);
    assert!(screen.shows("is no policy") || screen.shows("⚠ `a_name"));
}
