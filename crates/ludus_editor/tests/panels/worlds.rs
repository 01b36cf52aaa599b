//! Tests of the panel of all arenas.

use ludus_editor::EditorCommand;
use ludus_editor::panels::worlds::{WorldsUiState, worlds_ui};
use ludus_train::session::{ArenaReturn, TrainingSnapshot};

use super::recorded::{NUMBERS, scene, training};
use super::screen::{BELOW, BESIDE, ENLARGED, SMALL_BELOW, Screen};

macro_rules! screen {
    ($training:expr, $size:expr) => {{
        let (training, scene, mut state) = ($training, scene(), WorldsUiState);
        Screen::new($size, move |ui, commands| worlds_ui(ui, &training, &scene, &mut state, commands))
    }};
}

fn arenas(count: u32, last: impl Fn(u32) -> f32) -> TrainingSnapshot {
    let arena = |index: u32| ArenaReturn { world: index / 64, arena: index % 64, last: last(index) };
    let returns: Vec<_> = (0..count).map(arena).collect();
    let finite = returns.iter().map(|arena| arena.last).filter(|last| last.is_finite());
    let return_range = finite.fold(None, |range: Option<[f32; 2]>, last| {
        let [least, greatest] = range.unwrap_or([last, last]);
        Some([least.min(last), greatest.max(last)])
    });
    let mut training = training();
    (training.kinds[0].returns, training.kinds[0].return_range) = (returns.into(), return_range);
    training
}

#[test]
fn without_worlds_it_says_what_to_do() {
    let screen = screen!(TrainingSnapshot::default(), BELOW);
    assert!(screen.shows("No worlds yet: press Start in Training."));
}

#[test]
fn colours_have_a_legend() {
    let screen = screen!(training(), BELOW);
    for text in ["4 worlds × 64 arenas", "return of the last episode", "0", "140"] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    screen.check_apart();
    for size in [BESIDE, SMALL_BELOW, ENLARGED] {
        screen!(training(), size).check_apart();
    }
}

#[test]
fn colours_mean_the_same_from_one_moment_to_the_next() {
    let colours = |last: f32| {
        let mut training = training();
        let kind = &mut training.kinds[0];
        kind.returns = kind.returns.iter().map(|&arena| ArenaReturn { last, ..arena }).collect();
        screen!(training, BELOW).find("140").rect
    };
    assert_eq!(colours(3.0), colours(127.0), "the scale is that of the run and not of the moment");
}

#[test]
fn before_an_episode_has_ended_the_legend_is_where_it_will_be() {
    let nothing = arenas(256, |_| f32::NAN);
    let (before, after) = (screen!(nothing, BELOW), screen!(training(), BELOW));
    assert!(before.shows("–"));
    assert_eq!(before.find("4 worlds").rect, after.find("4 worlds").rect);
}

#[test]
fn one_world_is_not_several() {
    let screen = screen!(TrainingSnapshot { worlds: 1, arenas: 1, ..arenas(1, |_| 1.0) }, BELOW);
    assert!(screen.shows("1 world × 1 arena,"), "{}", screen.all_text());
}

#[test]
fn a_click_shows_the_arena() {
    let mut screen = screen!(training(), BELOW);
    let legend = screen.find("4 worlds").rect;
    let first = legend.left_bottom() + ludus_editor::egui::vec2(6.0, 34.0);
    screen.click(first);
    assert_eq!(screen.commands, [EditorCommand::ShowArena { world: 0, arena: 0 }]);
    screen.point(first);
    assert!(screen.shows("world 0, arena 0") && screen.shows("no episode has ended yet"), "{}", screen.all_text());
    screen.click(first + ludus_editor::egui::vec2(0.0, 500.0));
    assert_eq!(screen.commands.len(), 1, "there is nothing below the last arena");
}

#[test]
fn every_number_has_a_colour() {
    for number in NUMBERS {
        println!("with {number}"); // shown if it fails
        screen!(arenas(64, |_| number), BELOW);
        screen!(arenas(64, |index| if index == 0 { number } else { index as f32 }), BELOW).check_apart();
    }
}

#[test]
fn of_many_arenas_only_those_in_sight_are_drawn() {
    let screen = screen!(arenas(1 << 20, |index| index as f32), BELOW);
    assert!(screen.vertices() < 200_000, "{} corners", screen.vertices());
}
