//! The panel of a search (`tune`): its trials, their values in parallel coordinates, and the curves of chosen ones.

mod curves;
mod importance;
mod trials;
mod values;
mod words;

use std::path::Path;

use ludus_train::tune::SearchRecord;

use crate::egui::{Label, RichText, ScrollArea, Ui};
use crate::snapshot::SearchesSnapshot;
use crate::widgets::{count, notice_ui, pick_name_ui};
use crate::{EditorCommand, EditorCommands, theme};

use curves::curves_ui;
use importance::importance_ui;
use trials::trials_ui;
use values::values_ui;

/// The state of the panel.
#[derive(Debug, Default)]
pub struct SearchUiState {
    /// Number of trials that are listed beyond the first.
    more: usize,
    /// The trial whose line the pointer was on in the last image.
    pointed: Option<u64>,
}

/// Draws the panel: the values of all trials in parallel coordinates, a table of the trials with the best first, the
/// curves of those that were chosen, and the importance of each key.
pub fn search_ui(ui: &mut Ui, searches: &SearchesSnapshot, state: &mut SearchUiState, commands: &mut EditorCommands) {
    let Some(shown) = &searches.shown else {
        return notice_ui(ui, "No searches yet: the command `tune` makes one. It is shown here while it goes on.");
    };
    ScrollArea::vertical().id_salt("search").auto_shrink(false).show(ui, |ui| {
        pick_search_ui(ui, searches, shown, commands);
        match (&searches.record, &searches.problem) {
            (_, Some(problem)) => {
                ui.label(RichText::new(format!("⚠ {problem}")).color(theme::BAD));
            }
            (Some(record), None) => ui.push_id(shown, |ui| record_ui(ui, record, searches, state, commands)).inner,
            (None, None) => notice_ui(ui, "It is being read."),
        }
    });
}

/// Draws a choice of the search, if there are several.
fn pick_search_ui(ui: &mut Ui, searches: &SearchesSnapshot, shown: &Path, commands: &mut EditorCommands) {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<_> = searches.folders.iter().map(|folder| name(folder)).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let index = searches.folders.iter().position(|folder| folder == shown).unwrap_or_default();
    if let Some(picked) = pick_name_ui(ui, "searches", &names, index) {
        commands.send(EditorCommand::ShowSearch(searches.folders[picked].clone()));
    }
}

fn record_ui(
    ui: &mut Ui,
    record: &SearchRecord,
    searches: &SearchesSnapshot,
    state: &mut SearchUiState,
    commands: &mut EditorCommands,
) {
    summary_ui(ui, record);
    if record.trials.is_empty() {
        return notice_ui(ui, "No trial has ended yet.");
    }
    values_ui(ui, record, searches, state, commands);
    trials_ui(ui, record, searches, state, commands);
    curves_ui(ui, record, searches);
    importance_ui(ui, record);
}

/// Draws the number of trials that have ended, and the metric that they are judged by.
fn summary_ui(ui: &mut Ui, record: &SearchRecord) {
    let ended = record.trials.iter().filter(|trial| trial.result.trial != 0).count() as u64;
    let text = format!("{} of {} trials, judged by {}", count(ended), count(record.wanted), record.metric);
    let hint = format!("{text}\nTrial 0, the config as it is, is not counted.");
    ui.add(Label::new(text).truncate()).on_hover_text(hint);
}
