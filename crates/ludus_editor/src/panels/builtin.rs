//! The built-in panels, as systems that pass snapshots to the functions that draw them.

use bevy::prelude::*;
use bevy_egui::egui::Ui;

use super::{
    AgentUiState, LadderUiState, PanelSide, RunsUiState, TrainingUiState, WorldsUiState, add_panel_at, agent_ui,
    ladder_ui, runs_ui, training_ui, worlds_ui,
};
#[cfg(feature = "tune")]
use super::{SearchUiState, search_ui};
use crate::selection::ShownKind;
#[cfg(feature = "tune")]
use crate::snapshot::SearchesSnapshot;
use crate::snapshot::{RunsSnapshot, SceneSnapshot};
use crate::training::Training;
use crate::{EditorCommand, EditorCommands};

/// Adds the built-in panels. Call it before the game's visuals, so that their panels come after these.
///
/// `has_matches` is true if the game has teams: then there is a panel of their matches.
pub(crate) fn add_builtin(app: &mut App, has_matches: bool) {
    add_panel_at(app, "Training", PanelSide::Left, training);
    add_panel_at(app, "Runs", PanelSide::Left, runs);
    #[cfg(feature = "tune")]
    add_panel_at(app, "Search", PanelSide::Left, search);
    add_panel_at(app, "Agent", PanelSide::Right, agent);
    add_panel_at(app, "Worlds", PanelSide::Below, worlds);
    if has_matches {
        add_panel_at(app, "Ladder", PanelSide::Below, ladder);
    }
}

fn training(
    InMut(ui): InMut<Ui>,
    training: Res<Training>,
    shown: Res<ShownKind>,
    mut state: Local<TrainingUiState>,
    mut answers: MessageWriter<EditorCommand>,
) {
    let mut commands = EditorCommands::default();
    training_ui(ui, training.snapshot(), shown.0, &mut state, &mut commands);
    answers.write_batch(commands.drain());
}

fn runs(
    InMut(ui): InMut<Ui>,
    runs: Res<RunsSnapshot>,
    mut state: Local<RunsUiState>,
    mut answers: MessageWriter<EditorCommand>,
) {
    let mut commands = EditorCommands::default();
    runs_ui(ui, &runs, &mut state, &mut commands);
    answers.write_batch(commands.drain());
}

#[cfg(feature = "tune")]
fn search(
    InMut(ui): InMut<Ui>,
    searches: Res<SearchesSnapshot>,
    mut state: Local<SearchUiState>,
    mut answers: MessageWriter<EditorCommand>,
) {
    let mut commands = EditorCommands::default();
    search_ui(ui, &searches, &mut state, &mut commands);
    answers.write_batch(commands.drain());
}

fn ladder(
    InMut(ui): InMut<Ui>,
    runs: Res<RunsSnapshot>,
    mut state: Local<LadderUiState>,
    mut answers: MessageWriter<EditorCommand>,
) {
    let mut commands = EditorCommands::default();
    ladder_ui(ui, &runs, &mut state, &mut commands);
    answers.write_batch(commands.drain());
}

fn agent(
    InMut(ui): InMut<Ui>,
    scene: Res<SceneSnapshot>,
    mut state: Local<AgentUiState>,
    mut answers: MessageWriter<EditorCommand>,
) {
    let mut commands = EditorCommands::default();
    agent_ui(ui, &scene, &mut state, &mut commands);
    answers.write_batch(commands.drain());
}

fn worlds(
    InMut(ui): InMut<Ui>,
    training: Res<Training>,
    scene: Res<SceneSnapshot>,
    mut state: Local<WorldsUiState>,
    mut answers: MessageWriter<EditorCommand>,
) {
    let mut commands = EditorCommands::default();
    worlds_ui(ui, training.snapshot(), &scene, &mut state, &mut commands);
    answers.write_batch(commands.drain());
}
