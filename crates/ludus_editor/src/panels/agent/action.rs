//! What an agent's policy thinks of its choices.

use ludus_agent::spec::{ActionField, ActionKind, AgentSpec};

use crate::egui::Ui;
use crate::snapshot::{AgentSnapshot, HeadSnapshot};
use crate::widgets::{Bell, Choice, bell_ui, choice_ui};

use super::super::training::heading_ui;

/// Choices that are drawn; of more, the likeliest.
const MOST_CHOICES: usize = 16;

/// The distribution of every field of the action, and what was done.
pub(super) fn action_ui(ui: &mut Ui, spec: &AgentSpec, agent: &AgentSnapshot) {
    heading_ui(ui, "Action");
    if agent.heads.is_empty() {
        ui.weak("No policy, so no distribution.");
    }
    let mut first = 0;
    for (index, field) in spec.action.iter().enumerate() {
        let width = field.head().action_width();
        let action = agent.action.get(first..first + width).unwrap_or_default();
        field_ui(ui, field, agent.heads.get(index), action);
        first += width;
    }
}

fn field_ui(ui: &mut Ui, field: &ActionField, head: Option<&HeadSnapshot>, action: &[f32]) {
    match (field.kind, head) {
        (ActionKind::Continuous { low, high }, Some(HeadSnapshot::Gaussian { mean, deviation })) => {
            for (index, (&mean, &deviation)) in mean.iter().zip(deviation).enumerate() {
                let name = part_name(field, index);
                let action = action.get(index).copied().unwrap_or(f32::NAN);
                bell_ui(ui, &Bell { name: &name, mean, deviation, action, range: [low, high] });
            }
        }
        (ActionKind::Discrete, Some(HeadSnapshot::Categorical { probabilities })) => {
            choices_ui(ui, field, probabilities, action);
        }
        _ => undecided_ui(ui, field, action),
    }
}

/// What is done without a policy.
fn undecided_ui(ui: &mut Ui, field: &ActionField, action: &[f32]) {
    let shown = match field.kind {
        ActionKind::Continuous { .. } => action.iter().map(|&value| crate::widgets::fixed(value.into())).collect(),
        ActionKind::Discrete => action.iter().map(|&choice| part_name(field, choice as usize)).collect::<Vec<_>>(),
    };
    crate::widgets::fact_ui(ui, if field.name.is_empty() { "action" } else { &field.name }, &shown.join(", "));
}

fn choices_ui(ui: &mut Ui, field: &ActionField, probabilities: &[f32], action: &[f32]) {
    if !field.name.is_empty() {
        ui.label(&field.name);
    }
    let chosen = action.first().map(|&choice| choice as usize);
    let mut shown = (0..probabilities.len()).collect::<Vec<_>>();
    if shown.len() > MOST_CHOICES {
        shown.sort_by(|&one, &other| probabilities[other].total_cmp(&probabilities[one]));
        shown.truncate(MOST_CHOICES);
    }
    for &index in &shown {
        let probability = probabilities[index];
        let name = field.parts.get(index).map_or_else(|| index.to_string(), Clone::clone);
        // A mask takes all probability away; without one, only rounding could.
        let is_allowed = probability != 0.0;
        choice_ui(ui, &Choice { name: &name, probability, is_chosen: chosen == Some(index), is_allowed });
    }
    if shown.len() < probabilities.len() {
        ui.weak(format!("and {} less likely ones", probabilities.len() - shown.len()));
    }
}

fn part_name(field: &ActionField, index: usize) -> String {
    let part = field.parts.get(index).map_or_else(|| index.to_string(), Clone::clone);
    match (field.kind, field.name.as_str(), part.as_str()) {
        (ActionKind::Discrete, ..) | (_, "", _) => part,
        (_, name, "") => name.to_owned(),
        (_, name, part) => format!("{name}.{part}"),
    }
}
