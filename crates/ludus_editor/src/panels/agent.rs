//! The panel of the selected agent: its observation, its action, its value and its rewards.

mod action;
mod episode;
mod memory;
mod observation;
mod parameters;

use crate::egui::{Button, ComboBox, Label, ScrollArea, Ui};
use crate::snapshot::{AgentEntry, AgentSnapshot, Driver, SceneKindSnapshot, SceneSnapshot};
use crate::widgets::{count, notice_ui};
use crate::{EditorCommand, EditorCommands};
use action::action_ui;
use episode::{episode_ui, rewards_ui, values_ui};
use memory::memory_ui;
use observation::{ObservationState, observation_ui};
use parameters::parameters_ui;

/// The state of the panel's inputs.
#[derive(Debug, Default)]
pub struct AgentUiState {
    /// The inputs about the observation, for each kind of agents.
    observations: Vec<ObservationState>,
    /// The values of episode parameters that are being dragged or typed.
    parameters: Vec<Option<f32>>,
}

/// Draws the panel: the picker of agents, the observation, the action, the value and the rewards of the selected one.
pub fn agent_ui(ui: &mut Ui, scene: &SceneSnapshot, state: &mut AgentUiState, commands: &mut EditorCommands) {
    if scene.agents.is_empty() {
        return notice_ui(ui, "No agent on screen.");
    }
    pick_ui(ui, scene, commands);
    let Some(agent) = &scene.selected else {
        return notice_ui(ui, "Click an agent in the scene, or pick one from the list.");
    };
    let Some(kind) = scene.kinds.get(agent.id.kind) else { return };
    state.observations.resize_with(scene.kinds.len(), ObservationState::default);
    let observation = &mut state.observations[agent.id.kind];
    driver_ui(ui, kind, agent, commands);
    ui.separator();
    ScrollArea::vertical().id_salt("agent").auto_shrink(false).show(ui, |ui| {
        // The inputs, the zoom and the unfolded parts are kept for each kind.
        ui.push_id(agent.id.kind, |ui| {
            episode_ui(ui, scene, agent);
            parameters_ui(ui, scene, &mut state.parameters, commands);
            observation_ui(ui, &kind.spec, agent, observation);
            action_ui(ui, kind, agent);
            memory_ui(ui, agent);
            values_ui(ui, kind, agent);
            rewards_ui(ui, kind, agent);
        });
    });
}

/// Draws the list of all agents.
fn pick_ui(ui: &mut Ui, scene: &SceneSnapshot, commands: &mut EditorCommands) {
    let selected = scene.selected.as_ref();
    let text = selected.map_or("pick an agent", |agent| agent.name.as_str());
    let combo = ComboBox::from_id_salt("agents").width(ui.available_width()).truncate().selected_text(text);
    combo.show_ui(ui, |ui| {
        for entry in &scene.agents {
            let is_selected = selected.is_some_and(|agent| agent.id == entry.id);
            if ui.selectable_label(is_selected, entry_text(entry)).clicked() {
                commands.send(EditorCommand::Select(entry.id));
            }
        }
    });
}

fn entry_text(entry: &AgentEntry) -> String {
    let return_so_far = crate::widgets::fixed(entry.episode_return.into());
    format!("{} · {} · return {return_so_far}", entry.name, driver_name(entry.driver))
}

/// Draws the source of the agent's actions, and a button to take the agent over or to let it go.
fn driver_ui(ui: &mut Ui, kind: &SceneKindSnapshot, agent: &AgentSnapshot, commands: &mut EditorCommands) {
    let (label, command, hint) = match agent.driver {
        Driver::Player => ("Let go", EditorCommand::LetGo, "Gives it back to its policy."),
        _ => ("Take over", EditorCommand::TakeOver, "Drives it with the keyboard; the keys are shown on the scene."),
    };
    ui.horizontal(|ui| {
        let is_free = agent.driver != Driver::Log && !kind.is_external;
        let button = ui.add_enabled(is_free, Button::new(label)).on_hover_text(hint);
        let why_not = if kind.is_external {
            "The game decides for all agents of this kind."
        } else {
            "What it does in a replay was decided when it was logged."
        };
        if button.on_disabled_hover_text(why_not).clicked() {
            commands.send(command);
        }
        let text = format!("driven by {}", driver_text(kind, agent.driver));
        ui.add(Label::new(text.as_str()).truncate()).on_hover_text(text);
    });
    if kind.policy.is_none() && !kind.is_external {
        ui.weak("No policy yet: press Start in Training, or open a run in Runs.");
    }
}

const fn driver_name(driver: Driver) -> &'static str {
    match driver {
        Driver::Policy => "policy",
        Driver::Rival => "other policy",
        Driver::Player => "you",
        Driver::Log => "the log",
        Driver::Game => "the game",
        Driver::Nobody => "nobody",
    }
}

fn driver_text(kind: &SceneKindSnapshot, driver: Driver) -> String {
    let label = match driver {
        Driver::Policy => &kind.policy,
        Driver::Rival => &kind.rival,
        Driver::Log => return "the log of its episode".to_owned(),
        _ => return driver_name(driver).to_owned(),
    };
    match label {
        Some(label) => format!("{}, step {}", label.name, count(label.steps)),
        None => "nobody".to_owned(),
    }
}
