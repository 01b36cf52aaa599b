//! The panels that every window has: systems that hand snapshots to what draws them.

use bevy::prelude::*;
use bevy_egui::egui::Ui;

use super::{
    AgentUiState, Place, RunsUiState, TrainingUiState, WorldsUiState, add_panel_at, agent_ui, runs_ui, training_ui,
    worlds_ui,
};
use crate::selection::ShownKind;
use crate::snapshot::{RunsSnapshot, SceneSnapshot};
use crate::training::Training;
use crate::{EditorCommand, EditorCommands};

/// Adds them. Before a game's own, so that those come after them.
pub(crate) fn add_builtin(app: &mut App) {
    add_panel_at(app, "Training", Place::Left, training);
    add_panel_at(app, "Runs", Place::Left, runs);
    add_panel_at(app, "Agent", Place::Right, agent);
    add_panel_at(app, "Worlds", Place::Below, worlds);
}

fn training(
    InMut(ui): InMut<Ui>,
    (training, shown): (Res<Training>, Res<ShownKind>),
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
    (training, scene): (Res<Training>, Res<SceneSnapshot>),
    mut state: Local<WorldsUiState>,
    mut answers: MessageWriter<EditorCommand>,
) {
    let mut commands = EditorCommands::default();
    worlds_ui(ui, training.snapshot(), &scene, &mut state, &mut commands);
    answers.write_batch(commands.drain());
}
