//! Tests of the panel of a run's matches.

use std::path::PathBuf;

use ludus_editor::panels::ladder::{LadderUiState, ladder_ui};
use ludus_editor::snapshot::RunsSnapshot;
use ludus_editor::{EditorCommand, RivalPlace};
use ludus_train::LadderEntry;

use super::recorded::{policy, runs};
use super::screen::{BELOW, BESIDE, ENLARGED, SMALL_BELOW, Screen};

macro_rules! screen {
    ($runs:expr, $size:expr) => {{
        let (runs, mut state) = ($runs, LadderUiState::default());
        Screen::new($size, move |ui, commands| ladder_ui(ui, &runs, &mut state, commands))
    }};
}

/// A run with a ladder of three players, of which one has no file any more.
fn rated() -> RunsSnapshot {
    let rung = |place: usize, player: &str, file: Option<&str>| LadderEntry {
        player: player.to_owned(),
        file: file.map(str::to_owned),
        rating: 400.0 - 200.0 * place as f64,
        error: 20.0,
        matches: 1_200,
        shares: (0..3).map(|other| (other != place).then_some(0.5 + 0.2 * (other as f64 - place as f64))).collect(),
    };
    let mut runs = runs();
    runs.runs[1].ladder = vec![
        rung(0, "Plate newest", Some("Plate-2.safetensors")),
        rung(1, "Plate 200000", None),
        rung(2, "Plate 0", Some("Plate-0.safetensors")),
    ];
    runs
}

#[test]
fn without_matches_it_says_what_to_do() {
    assert!(screen!(runs(), BELOW).shows("No matches yet"));
}

#[test]
fn players_have_ratings_and_play() {
    let mut screen = screen!(rated(), BELOW);
    for text in ["balance-2026-11-24-2", "400 ± 39  Plate newest", "200 ± 39  Plate 200000", "0 ± 39  Plate 0"] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    for label in ["Against", "Load", "Beside"] {
        screen.click_text(label);
    }
    let file = PathBuf::from("runs/balance-2026-11-24-2/versions/Plate-2.safetensors");
    let expected = [
        EditorCommand::PlayAgainst(file.clone()),
        EditorCommand::LoadPolicy(file.clone()),
        EditorCommand::Compare(file),
    ];
    assert_eq!(screen.commands, expected);
}

#[test]
fn a_match_is_ended_where_it_was_begun() {
    let opponent = vec![policy(0, "Plate-0", 0)];
    let mut screen = screen!(RunsSnapshot { right: opponent, rivals: Some(RivalPlace::OtherSides), ..rated() }, BELOW);
    assert!(screen.shows("on the other sides: Plate-0, step 0"), "{}", screen.all_text());
    screen.click_text("End the match");
    assert_eq!(screen.commands, [EditorCommand::StopComparing]);
}

#[test]
fn nothing_overlaps_in_any_place() {
    for size in [BELOW, BESIDE, SMALL_BELOW, ENLARGED] {
        screen!(rated(), size).check_apart();
    }
}
