//! The panel of a run's matches: its players by their ratings, and their shares of the points against each other.

use std::path::{Path, PathBuf};

use ludus_train::LadderEntry;

use crate::egui::{Align, Button, Label, Layout, Rect, RichText, ScrollArea, Sense, StrokeKind, Ui, vec2};
use crate::snapshot::{RunEntry, RunsSnapshot};
use crate::widgets::{counted, fixed, legend_ui, notice_ui, pick_name_ui, viridis};
use crate::{EditorCommand, EditorCommands};

use super::runs::rivals_ui;

/// Size of a cell of the shares [points].
const CELL: f32 = 12.0;
/// Number of players whose shares are drawn: the strongest.
const MOST_CELLS: usize = 16;
/// Part of a line that shares may take.
const CELLS_WIDTH: f32 = 0.4;

/// A command for the policy of a file.
type CommandOfFile = fn(PathBuf) -> EditorCommand;

/// The state of the panel: the run whose matches are shown.
#[derive(Debug, Default)]
pub struct LadderUiState {
    /// The folder of the run that was picked; `None` for the newest one that has matches.
    picked: Option<PathBuf>,
}

/// Draws the panel: a line for each player, the strongest first, with its rating, the shares of the points that it won,
/// and buttons that let it play.
pub fn ladder_ui(ui: &mut Ui, runs: &RunsSnapshot, state: &mut LadderUiState, commands: &mut EditorCommands) {
    let found: Vec<&RunEntry> = runs.runs.iter().filter(|run| !run.ladder.is_empty()).collect();
    let picked = found.iter().find(|run| Some(&run.path) == state.picked.as_ref());
    let Some(run) = picked.or(found.first()).copied() else {
        return notice_ui(ui, "No matches yet: train with `self_play: ()`. They come with the first checkpoint.");
    };
    ScrollArea::vertical().id_salt("ladder").auto_shrink(false).show(ui, |ui| {
        rivals_ui(ui, runs, commands);
        pick_run_ui(ui, &found, run, state);
        let text = "Rating ± 95 %, and the share of the points by row against column";
        let hint = "The first version has 0; 400 points more win ten times as often.\nColumns are in the order of rows.\nA victory is 1 point, a draw 0.5. Hollow: no matches.";
        ui.add(Label::new(text).truncate()).on_hover_text(hint);
        legend_ui(ui, Some([0.0, 1.0]));
        for place in 0..run.ladder.len() {
            rung_ui(ui, run, place, commands);
        }
    });
}

/// Draws a choice of the run, if several have matches.
fn pick_run_ui(ui: &mut Ui, found: &[&RunEntry], shown: &RunEntry, state: &mut LadderUiState) {
    let names: Vec<_> = found.iter().map(|run| run.name.as_str()).collect();
    let index = found.iter().position(|run| run.path == shown.path).unwrap_or_default();
    if let Some(picked) = pick_name_ui(ui, "run", &names, index) {
        state.picked = Some(found[picked].path.clone());
    }
}

/// Draws the line of the player at this place of the ladder.
fn rung_ui(ui: &mut Ui, run: &RunEntry, place: usize, commands: &mut EditorCommands) {
    let rung = &run.ladder[place];
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            buttons_ui(ui, &run.path, rung, commands);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                shares_ui(ui, &run.ladder, place);
                let text = format!("{:.0} ± {:.0}  {}", rung.rating, 1.96 * rung.error, rung.player);
                let hint = format!("{text}\n{}", counted(rung.matches, "match against others"));
                ui.add(Label::new(RichText::new(text)).truncate()).on_hover_text(hint);
            });
        });
    });
}

/// Draws the buttons of a player, which are disabled for one without a file.
fn buttons_ui(ui: &mut Ui, run: &Path, rung: &LadderEntry, commands: &mut EditorCommands) {
    let file = rung.file.as_ref().map(|file| run.join("versions").join(file));
    let buttons: [(&str, &str, CommandOfFile); 3] = [
        ("Beside", "Shows it beside the policy on screen, on the same seeds.", EditorCommand::Compare),
        ("Load", "Lets it play all sides on screen.", EditorCommand::LoadPolicy),
        (
            "Against",
            "Lets it play all sides but the first. Take over an agent of the first side to play against it yourself.",
            EditorCommand::PlayAgainst,
        ),
    ];
    for (label, hint, command) in buttons {
        let button = ui.add_enabled(file.is_some(), Button::new(label).small());
        let none = "Its file is not kept: old versions are thinned out.";
        if button.on_hover_text(hint).on_disabled_hover_text(none).clicked()
            && let Some(file) = &file
        {
            commands.send(command(file.clone()));
        }
    }
}

/// Draws the shares of the points that a player won against the strongest players, as many as there is room for.
fn shares_ui(ui: &mut Ui, ladder: &[LadderEntry], place: usize) {
    let room = (CELLS_WIDTH * ui.available_width() / CELL) as usize;
    let shares = &ladder[place].shares;
    let count = shares.len().min(MOST_CELLS).min(room);
    let (rect, response) = ui.allocate_exact_size(vec2(CELL * count as f32, CELL), Sense::hover());
    for (column, share) in shares[..count].iter().enumerate() {
        let corner = rect.min + vec2(CELL * column as f32, 0.0);
        let cell = Rect::from_min_size(corner, vec2(CELL, CELL)).shrink(0.5);
        match share {
            Some(share) => ui.painter().rect_filled(cell, 0.0, viridis(*share as f32)),
            None => {
                ui.painter().rect_stroke(cell, 0.0, ui.visuals().widgets.noninteractive.bg_stroke, StrokeKind::Inside)
            }
        };
    }
    let pointed = response.hover_pos().map(|pointer| ((pointer.x - rect.left()) / CELL) as usize);
    if let Some(other) = pointed.filter(|&column| column < count) {
        let share = shares[other].map_or_else(|| "no matches".to_owned(), fixed);
        response.on_hover_text(format!("{} against {}: {share}", ladder[place].player, ladder[other].player));
    }
}
