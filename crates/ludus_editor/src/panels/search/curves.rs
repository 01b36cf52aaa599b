//! The part of the panel with the curves of the chosen trials.

use ludus_train::tune::{RunCurves, SearchRecord, TrialRecord};

use crate::egui::{Label, RichText, Ui};
use crate::snapshot::SearchesSnapshot;
use crate::theme;
use crate::widgets::{Curve, CurvePlot, notice_ui};

use super::super::training::{heading_ui, zoom_hint_ui};
use super::words::{fresh, name_of};

/// Height of the plot [points].
const HEIGHT: f32 = 180.0;

/// Draws the mean return of each run of the chosen trials over its steps, and the values of these trials.
pub(super) fn curves_ui(ui: &mut Ui, record: &SearchRecord, searches: &SearchesSnapshot) {
    heading_ui(ui, "Mean return of the chosen trials");
    let trial = |number: u64| record.trials.iter().find(|trial| trial.result.trial == number);
    let chosen: Vec<_> =
        searches.chosen.iter().filter_map(|chosen| Some((trial(chosen.trial)?, chosen.color))).collect();
    if chosen.is_empty() {
        return notice_ui(ui, "Click a trial to see its curves.");
    }
    let text = "Lines are training, dots are evaluations, one for each seed";
    ui.add(Label::new(RichText::new(text).weak().small()).truncate()).on_hover_text(text);
    zoom_hint_ui(ui);
    let curves = |of: fn(&RunCurves) -> &Vec<[f64; 2]>, suffix: &str| {
        let curves = chosen.iter().flat_map(|(trial, color)| {
            trial.runs.iter().map(move |run| Curve {
                name: format!("{}, seed {}{suffix}", name_of(trial.result.trial), run.seed),
                color: theme::series(*color),
                points: of(run).clone(),
            })
        });
        curves.collect::<Vec<_>>()
    };
    let plot = CurvePlot { id: "search", height: HEIGHT, x: "steps", y: "return" };
    plot.show_with_dots(ui, curves(|run| &run.training, ""), curves(|run| &run.evaluations, ", evaluated"));
    for (trial, color) in chosen {
        chosen_ui(ui, trial, color);
    }
}

/// Draws the values of a chosen trial as arguments of a command line.
fn chosen_ui(ui: &mut Ui, trial: &TrialRecord, color: usize) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("■").color(theme::series(color)));
        ui.add(Label::new(format!("{}: {}", name_of(trial.result.trial), trial.outcome)).truncate());
    });
    let arguments = trial.result.arguments();
    for text in [arguments].into_iter().chain(fresh(trial)).chain(trial.result.reason.clone()) {
        if !text.is_empty() {
            ui.label(RichText::new(text).weak().small());
        }
    }
}
