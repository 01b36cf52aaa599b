//! The part of the panel with the values of all trials, in parallel coordinates.

use ludus_train::tune::{SearchRecord, TrialRecord};

use crate::egui::{Label, RichText, Stroke, Ui};
use crate::snapshot::SearchesSnapshot;
use crate::widgets::{ParallelAxis, ParallelLine, count, parallel_ui, viridis};
use crate::{EditorCommand, EditorCommands, theme};

use super::super::training::heading_ui;
use super::SearchUiState;
use super::words::described;

/// Width of the line of a trial, and of one that was chosen [points].
const WIDTH: f32 = 1.2;
const CHOSEN_WIDTH: f32 = 2.8;
/// Opacity of the lines of trials that were pruned or have failed. The colours of their ranks would be too dark.
const FAINT: f32 = 0.35;

/// Draws an axis for each key and one for the rank, and a line for each trial, coloured by its rank.
pub(super) fn values_ui(
    ui: &mut Ui,
    record: &SearchRecord,
    searches: &SearchesSnapshot,
    state: &SearchUiState,
    commands: &mut EditorCommands,
) {
    heading_ui(ui, "Values and ranks");
    let text = "One line for each trial, from its values to its rank";
    let hint = "A click on a line shows the curves of its trial.\nFaint lines are trials that were pruned or have failed.\nThe config as it is has no line.";
    ui.add(Label::new(RichText::new(text).weak().small()).truncate()).on_hover_text(format!("{text}\n{hint}"));
    let last = count(record.trials.len() as u64);
    let order = drawn(record, searches, state.pointed);
    let lines: Vec<_> = order.iter().map(|&rank| line(record, rank, searches, state.pointed)).collect();
    let (response, pointed) = parallel_ui(ui, &axes(record, &last), &lines);
    let Some(trial) = pointed.and_then(|line| record.trials.get(order[line])) else { return };
    if response.clicked() {
        commands.send(EditorCommand::ChooseTrial(trial.result.trial));
    }
    response.on_hover_text(described(trial, &record.metric));
}

/// Returns the axes: a strip of colours for the rank stands below those of the keys.
fn axes<'a>(record: &'a SearchRecord, last: &'a str) -> Vec<ParallelAxis<'a>> {
    let keys = record.keys.iter().map(|key| ParallelAxis {
        name: &key.name,
        marks: key.marks.iter().map(|(place, text)| (*place, text.as_str())).collect(),
        is_colored: false,
    });
    let marks = if record.trials.len() > 1 { vec![(0.0, last), (1.0, "1")] } else { vec![(0.0, ""), (1.0, "1")] };
    keys.chain([ParallelAxis { name: "rank", marks, is_colored: true }]).collect()
}

/// Returns the ranks of the trials, from 0, in the order in which their lines are drawn: the most important last.
fn drawn(record: &SearchRecord, searches: &SearchesSnapshot, pointed: Option<u64>) -> Vec<usize> {
    let mut order: Vec<_> = (0..record.trials.len()).rev().collect();
    let importance = |rank: &usize| {
        let trial = &record.trials[*rank].result;
        (pointed == Some(trial.trial), searches.color_of(trial.trial).is_some(), trial.state == "finished")
    };
    order.sort_by_key(importance);
    order
}

fn line(record: &SearchRecord, rank: usize, searches: &SearchesSnapshot, pointed: Option<u64>) -> ParallelLine {
    let trial = &record.trials[rank];
    let place = place(rank, record.trials.len());
    let mut stroke = Stroke::new(WIDTH, color(trial, place));
    if let Some(color) = searches.color_of(trial.result.trial) {
        stroke = Stroke::new(CHOSEN_WIDTH, theme::series(color));
    }
    if pointed == Some(trial.result.trial) {
        stroke = Stroke::new(CHOSEN_WIDTH, theme::CAPTION);
    }
    let is_drawn = trial.places.len() == record.keys.len() && !trial.places.is_empty();
    let places = if is_drawn { trial.places.iter().copied().chain([place]).collect() } else { Vec::new() };
    ParallelLine { places, stroke }
}

fn color(trial: &TrialRecord, place: f64) -> crate::egui::Color32 {
    if trial.result.state == "finished" { viridis(place as f32) } else { theme::WEAK.gamma_multiply(FAINT) }
}

/// Returns the place of a rank, from 0, among `count` trials on their axis: the best is at its right end.
fn place(rank: usize, count: usize) -> f64 {
    1.0 - rank as f64 / count.saturating_sub(1).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_trial_is_at_the_right_end() {
        assert_eq!([0, 1, 2].map(|rank| place(rank, 3)), [1.0, 0.5, 0.0]);
        assert_eq!(place(0, 1), 1.0);
    }
}
