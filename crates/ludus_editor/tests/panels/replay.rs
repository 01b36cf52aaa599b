//! Tests of the time line of a replay.

use ludus_editor::egui::{Pos2, Vec2, vec2};
use ludus_editor::panels::replay_ui;
use ludus_editor::snapshot::ReplaySnapshot;
use ludus_editor::{Direction, EditorCommand};

use super::recorded::{NUMBERS, long_name, replay};
use super::screen::Screen;

/// Size of the panel in a window of usual width [points].
const BAR: Vec2 = vec2(1280.0, 56.0);
/// Time of a step of 5 ticks of 20 ms [s].
const STEP: f64 = 0.1;

macro_rules! screen {
    ($replay:expr) => {{
        let replay = $replay;
        Screen::new(BAR, move |ui, commands| replay_ui(ui, &replay, STEP, commands))
    }};
}

#[test]
fn it_says_which_episode_where_it_is_and_that_it_is_the_same() {
    let screen = screen!(replay());
    for text in
        ["best of balance-2026-11-24-1: return 99.50", "1,000 steps, truncated", "step 120 of 1,000", "as logged"]
    {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
}

#[test]
fn a_step_that_differs_is_named() {
    let screen = screen!(ReplaySnapshot { differs_from: Some(1_012), ..replay() });
    assert!(screen.shows("differs from step 1,012 on") && !screen.shows("as logged"));
}

#[test]
fn it_is_driven_by_buttons() {
    let mut screen = screen!(replay());
    for button in ["⏮", "⏪ Step", "Backwards", "Forwards", "End replay"] {
        screen.click_text(button);
    }
    let expected = [
        EditorCommand::SeekReplay(0),
        EditorCommand::StepBack,
        EditorCommand::PlayReplay(Direction::Backwards),
        EditorCommand::PlayReplay(Direction::Forwards),
        EditorCommand::EndReplay,
    ];
    assert_eq!(screen.commands, expected);
}

#[test]
fn a_click_into_the_time_line_goes_there() {
    let mut screen = screen!(replay());
    let (from, to) = (screen.find("Forwards").rect.right(), screen.find("step 120").rect.left());
    screen.click(Pos2::new((from + to) / 2.0, screen.find("Forwards").rect.center().y));
    // Once when it is pressed, once when it is let go.
    let Some(&EditorCommand::SeekReplay(step)) = screen.commands.first() else { panic!("{:?}", screen.commands) };
    assert!((400..600).contains(&step), "step {step} is not the middle");
}

#[test]
fn every_episode_fits() {
    for number in NUMBERS {
        let long = ReplaySnapshot { name: long_name(), returns: vec![(String::new(), number)], ..replay() };
        screen!(ReplaySnapshot { step: u32::MAX, steps: u32::MAX, differs_from: Some(u32::MAX), ..long }).check_apart();
        screen!(ReplaySnapshot { step: 0, steps: 0, ..replay() }).check_apart();
    }
}
