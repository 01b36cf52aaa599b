//! Tests of the panel of a search.

use std::path::PathBuf;

use ludus_editor::EditorCommand;
use ludus_editor::egui::{Vec2, pos2};
use ludus_editor::panels::search::{SearchUiState, search_ui};
use ludus_editor::snapshot::{ChosenTrial, SearchesSnapshot};
use ludus_train::tune::{KeyImportance, KeyRecord, RunCurves, SearchRecord, TrialRecord, TrialResult};

use super::recorded::{NUMBERS, long_name};
use super::screen::{BELOW, BESIDE, ENLARGED, SMALL_BELOW, SMALL_LEFT, Screen};

/// Sizes of a screen that is tall enough for all of the panel, and of one that is also wide [points].
const TALL: Vec2 = Vec2::new(BESIDE.x, 1_400.0);
const WIDE: Vec2 = Vec2::new(900.0, 1_400.0);

macro_rules! screen {
    ($searches:expr) => {
        screen!($searches, TALL)
    };
    ($searches:expr, $size:expr) => {{
        let (searches, mut state) = ($searches, SearchUiState::default());
        Screen::new($size, move |ui, commands| search_ui(ui, &searches, &mut state, commands))
    }};
}

fn key(name: &str, marks: &[(f64, &str)]) -> KeyRecord {
    KeyRecord { name: name.to_owned(), marks: marks.iter().map(|(place, text)| (*place, (*text).to_owned())).collect() }
}

fn run(seed: u64, end: f64) -> RunCurves {
    RunCurves {
        seed,
        training: (0..20).map(|point| [f64::from(point) * 1e3, f64::from(point) * end / 20.0]).collect(),
        evaluations: vec![[1e4, 0.5 * end], [2e4, end]],
    }
}

fn trial(number: u64, state: &'static str, outcome: &str, places: &[f64]) -> TrialRecord {
    let values = [("ppo.learning_rate.from", "0.03801"), ("ppo.epochs", "8"), ("ppo.minibatch", "128")];
    let values = values.into_iter().take(places.len()).map(|(key, value)| (key.to_owned(), value.to_owned()));
    let result = TrialResult {
        trial: number,
        state,
        mean_return: (state != "failed").then_some(0.87),
        steps: (state != "failed").then_some(12_422.0),
        values: values.collect(),
        reason: (state == "failed").then(|| "the game panicked".to_owned()),
        fresh: if number == 28 { vec![Some(13_071.0), None] } else { Vec::new() },
        ..TrialResult::default()
    };
    let runs = if state == "failed" { Vec::new() } else { vec![run(1, number as f64), run(2, number as f64 + 1.0)] };
    TrialRecord { result, outcome: outcome.to_owned(), places: places.to_vec(), runs }
}

/// A search that goes on, with trials of every kind.
fn record() -> SearchRecord {
    SearchRecord {
        path: PathBuf::from("runs/minimal-tune-2026-11-29-2"),
        metric: "steps to 0.85".to_owned(),
        wanted: 30,
        keys: vec![
            key("ppo.learning_rate.from", &[(0.0, "0.001"), (1.0, "0.1")]),
            key("ppo.epochs", &[(0.0625, "1"), (0.9375, "8")]),
            key("ppo.minibatch", &[(1.0 / 6.0, "128"), (0.5, "256"), (5.0 / 6.0, "512")]),
        ],
        trials: vec![
            trial(28, "finished", "12422", &[0.8, 0.9375, 1.0 / 6.0]),
            trial(10, "finished", "12486", &[0.7, 0.9375, 1.0 / 6.0]),
            trial(0, "finished", "14508", &[]),
            trial(4, "finished", "missed on 1", &[0.6, 0.2, 0.5]),
            trial(21, "pruned", "pruned", &[0.2, 0.4, 5.0 / 6.0]),
            trial(7, "failed", "failed", &[0.1, 0.1, 0.5]),
        ],
        importance: [("ppo.learning_rate.from", 0.27), ("ppo.epochs", 0.09), ("ppo.minibatch", 0.11)]
            .map(|(key, share)| KeyImportance { key: key.to_owned(), share })
            .into(),
    }
}

fn searches() -> SearchesSnapshot {
    let folders: Vec<_> = [2, 1].map(|number| PathBuf::from(format!("runs/minimal-tune-2026-11-29-{number}"))).into();
    SearchesSnapshot { shown: folders.first().cloned(), folders, record: Some(record()), ..SearchesSnapshot::default() }
}

fn chosen(trials: &[u64]) -> SearchesSnapshot {
    let chosen = trials.iter().enumerate().map(|(color, &trial)| ChosenTrial { trial, color });
    SearchesSnapshot { chosen: chosen.collect(), ..searches() }
}

#[test]
fn without_searches_it_says_what_to_do() {
    assert!(screen!(SearchesSnapshot::default()).shows("No searches yet: the command `tune` makes one."));
    let unread = SearchesSnapshot { record: None, ..searches() };
    assert!(screen!(unread).shows("It is being read."));
    let begun = SearchRecord { trials: Vec::new(), importance: Vec::new(), ..record() };
    let screen = screen!(SearchesSnapshot { record: Some(begun), ..searches() });
    assert!(screen.shows("0 of 30 trials") && screen.shows("No trial has ended yet."));
}

#[test]
fn trials_stand_in_a_table_with_the_best_first() {
    let screen = screen!(searches());
    for text in ["minimal-tune-2026-11-29-2", "5 of 30 trials, judged by steps to 0.85", "as it is", "missed on 1"] {
        assert!(screen.shows(text), "no `{text}` in:\n{}", screen.all_text());
    }
    let tops: Vec<_> = ["28", "10", "as it is", "4", "21", "7"].map(|text| screen.find_exactly(text).rect.top()).into();
    assert!(tops.is_sorted_by(|one, other| one < other), "{tops:?}");
    screen.check_apart();
}

#[test]
fn every_key_has_an_axis_with_its_marks() {
    let screen = screen!(searches());
    for text in ["ppo.learning_rate.from", "0.001", "0.1", "ppo.minibatch", "256", "rank"] {
        assert!(screen.texts().iter().any(|found| found.text == text), "no `{text}` in:\n{}", screen.all_text());
    }
    let (first, last) = (screen.find_exactly("0.001").rect, screen.find_exactly("0.1").rect);
    assert!(first.right() < last.left() && first.top() == last.top());
}

#[test]
fn the_values_of_all_keys_have_columns_where_there_is_room() {
    let (narrow, wide) = (screen!(searches()), screen!(searches(), WIDE));
    let shown = |screen: &Screen<_>| screen.texts().iter().filter(|text| text.text == "0.03801").count();
    assert_eq!(shown(&wide), 5);
    wide.check_apart();
    let shown = |screen: &Screen<_>| screen.texts().iter().filter(|text| text.text == "0.03801").count();
    assert_eq!(shown(&narrow), 0);
}

#[test]
fn a_click_on_a_row_chooses_its_trial() {
    let mut screen = screen!(searches());
    assert!(screen.shows("Click a trial to see its curves."));
    screen.click_text("missed on 1");
    screen.click_text("as it is");
    assert_eq!(screen.commands, [EditorCommand::ChooseTrial(4), EditorCommand::ChooseTrial(0)]);
}

#[test]
fn a_click_on_a_line_chooses_its_trial() {
    let mut screen = screen!(searches());
    // The line of the best trial ends at the right end of the strip of ranks, beside its mark.
    let best = screen.find_exactly("1").rect;
    let worst = screen.texts().into_iter().rfind(|text| text.text == "6").expect("the last rank").rect;
    let axis = screen.texts().into_iter().rfind(|text| text.text == "1").expect("the first rank").rect;
    let point = pos2(axis.left() - 7.0, axis.center().y - 1.0);
    assert!(screen.told_at(point).contains("trial 28: steps to 0.85 12422"), "{best:?} {}", screen.all_text());
    screen.click(point);
    let point = pos2(worst.right() + 7.0, worst.center().y - 1.0);
    assert!(screen.told_at(point).contains("the game panicked"), "{}", screen.all_text());
    screen.click(point);
    assert_eq!(screen.commands, [EditorCommand::ChooseTrial(28), EditorCommand::ChooseTrial(7)]);
}

#[test]
fn a_trial_that_failed_says_why_and_all_say_their_values() {
    let mut screen = screen!(searches());
    let failed = screen.find("failed").seen.center();
    assert!(screen.told_at(failed).contains("the game panicked"));
    let best = screen.find_exactly("12422").seen.center();
    let told = screen.told_at(best);
    for text in ["ppo.minibatch = 128", "0.870 in training", "12,422 steps", "on fresh seeds: 13071, missed"] {
        assert!(told.contains(text), "no `{text}` in:\n{told}");
    }
}

#[test]
fn chosen_trials_have_curves_and_arguments() {
    let (none, some) = (screen!(searches()), screen!(chosen(&[28, 0])));
    assert!(some.vertices() > none.vertices() + 100, "the curves are drawn");
    for text in ["trial 28: 12422", "as it is: 14508", "on fresh seeds: 13071, missed"] {
        assert!(some.shows(text), "no `{text}` in:\n{}", some.all_text());
    }
    let text = some.all_text().replace('\n', "");
    assert!(text.contains("--set ppo.epochs=8"), "{text}");
    some.check_apart();
}

#[test]
fn the_most_important_key_comes_first() {
    let screen = screen!(searches());
    let place = |text: &str| screen.find(text).rect.top();
    assert!(place(" 27 %") < place(" 11 %") && place(" 11 %") < place("  9 %"));
    let few = SearchRecord { importance: Vec::new(), ..record() };
    assert!(screen!(SearchesSnapshot { record: Some(few), ..searches() }).shows("It is not known with so few trials."));
}

#[test]
fn another_search_is_picked() {
    let mut screen = screen!(searches());
    screen.click_text("minimal-tune-2026-11-29-2");
    screen.click_text("minimal-tune-2026-11-29-1");
    let first = PathBuf::from("runs/minimal-tune-2026-11-29-1");
    assert_eq!(screen.commands, [EditorCommand::ShowSearch(first)]);
}

#[test]
fn a_damaged_journal_is_a_sentence() {
    let problem = Some("`journal.jsonl`:4: is no event of a search".to_owned());
    let screen = screen!(SearchesSnapshot { record: None, problem, ..searches() });
    assert!(screen.shows("⚠ `journal.jsonl`:4: is no event"), "{}", screen.all_text());
    assert!(screen.shows("minimal-tune-2026-11-29-2"), "another one can still be picked");
}

#[test]
fn of_many_trials_all_can_be_listed() {
    let mut many = record();
    many.trials.extend((100..170).map(|number| trial(number, "pruned", "pruned", &[0.5; 3])));
    let mut screen = screen!(SearchesSnapshot { record: Some(many), ..searches() }, Vec2::new(TALL.x, 4_000.0));
    assert!(!screen.shows("169"));
    screen.click_text("Show 26 worse trials");
    assert!(screen.shows("169") && !screen.shows("worse trials"));
}

#[test]
fn long_names_and_values_fit() {
    let mut long = record();
    long.metric = long_name();
    long.keys.iter_mut().for_each(|key| {
        key.name = format!("{}{}", key.name, long_name());
        key.marks.iter_mut().for_each(|mark| mark.1 = long_name());
    });
    long.trials.iter_mut().for_each(|trial| {
        trial.outcome = long_name();
        trial.result.values.insert(long_name(), long_name());
        trial.result.reason = Some(long_name());
    });
    long.importance[0].key = long_name();
    let snapshot = SearchesSnapshot { record: Some(long), ..chosen(&[28, 7]) };
    for size in [TALL, WIDE, SMALL_LEFT, ENLARGED] {
        screen!(snapshot.clone(), size).check_apart();
    }
}

#[test]
fn nothing_overlaps_in_any_place() {
    for size in [TALL, WIDE, BELOW, BESIDE, SMALL_BELOW, SMALL_LEFT, ENLARGED] {
        screen!(chosen(&[28, 0, 7]), size).check_apart();
    }
}

#[test]
fn every_number_can_be_drawn() {
    for number in NUMBERS.map(f64::from) {
        println!("with {number}"); // shown if it fails
        let mut wild = record();
        wild.importance[0].share = number;
        for trial in &mut wild.trials {
            trial.places.iter_mut().for_each(|place| *place = number);
            (trial.result.mean_return, trial.result.steps) = (Some(number), Some(number));
            trial.result.fresh = vec![Some(number)];
            trial.runs.iter_mut().for_each(|run| {
                run.training = vec![[0.0, number], [number, 1.0]];
                run.evaluations = vec![[number; 2]; 2];
            });
        }
        wild.keys[0].marks[0].0 = number;
        screen!(SearchesSnapshot { record: Some(wild), ..chosen(&[28, 7]) }).check_apart();
    }
}
