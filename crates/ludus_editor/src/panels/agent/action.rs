//! The part of the agent's panel about its action and the distributions of its policy.

use ludus_agent::spec::{ActionField, ActionKind, AgentSpec};

use crate::egui::{CollapsingHeader, Label, RichText, Ui};
use crate::snapshot::{AgentSnapshot, Driver, HeadSnapshot, SceneKindSnapshot, ValueSource};
use crate::widgets::{Bell, ShownChoice, bell_ui, choice_ui, count, fact_ui, fixed};

use super::super::training::heading_ui;

/// The largest number of choices that are drawn; of more, the most probable ones.
const MOST_CHOICES: usize = 16;

/// Draws the action of the present step with the distribution that it was chosen from and, apart from it, the next
/// decision.
pub(super) fn action_ui(ui: &mut Ui, kind: &SceneKindSnapshot, agent: &AgentSnapshot) {
    heading_ui(ui, "Action");
    let (text, hint) = origin(kind, agent);
    ui.add(Label::new(RichText::new(text.as_str()).weak()).truncate()).on_hover_text(format!("{text}. {hint}"));
    fields_ui(ui, &kind.spec, &agent.heads, &agent.action);
    value_ui(ui, agent.value, agent.value_source);
    CollapsingHeader::new("Next decision").show(ui, |ui| {
        if agent.next_heads.is_empty() {
            ui.weak("Known when the present step is over, if there is a policy.");
            return;
        }
        fields_ui(ui, &kind.spec, &agent.next_heads, &[]);
        value_ui(ui, agent.next_value, agent.value_source);
    });
}

/// Returns the source of the action and the policy of the distributions, and a hint.
fn origin(kind: &SceneKindSnapshot, agent: &AgentSnapshot) -> (String, &'static str) {
    if kind.is_external {
        return ("The game decides.".to_owned(), "No policy is learned for agents of this kind.");
    }
    if kind.policy.is_none() && agent.heads.is_empty() {
        return ("No policy, so no distribution.".to_owned(), "Press Start in Training, or open a run in Runs.");
    }
    let Some(policy) = &agent.decided_by else {
        return ("None: the agent idles while its episode starts.".to_owned(), "It decides from the next step on.");
    };
    let policy = format!("{}, step {}", policy.name, count(policy.steps));
    match agent.driver {
        Driver::Log => (
            format!("▶ from the log; distribution of {policy}"),
            "The policy that played the episode is not in its log. What is shown is what the policy on screen makes of \
             what the agent saw when the action was chosen.",
        ),
        Driver::Player => (
            format!("▶ yours; distribution of {policy}"),
            "What is shown is what the policy would have done. It does not decide.",
        ),
        _ => (
            format!("chosen by {policy}"),
            "The distribution is that of the decision, and stays until the next one. On screen the most probable action \
             is taken.",
        ),
    }
}

/// Draws the policy's value estimate with its source; `–` if it is NaN.
fn value_ui(ui: &mut Ui, value: f32, source: ValueSource) {
    let shown = if value.is_nan() { "–".to_owned() } else { fixed(value.into()) };
    let name = match source {
        ValueSource::Critic => "value",
        ValueSource::Outputs => "value of the best choice",
        ValueSource::SmallerCritic => "value, by the smaller critic",
        ValueSource::Missing => "value: its critics are not at hand",
    };
    fact_ui(ui, name, &shown);
}

/// Draws the distribution and the action of every field.
fn fields_ui(ui: &mut Ui, spec: &AgentSpec, heads: &[HeadSnapshot], action: &[f32]) {
    let mut first = 0;
    for (index, field) in spec.action.iter().enumerate() {
        let width = field.head().action_width();
        let action = action.get(first..first + width).unwrap_or_default();
        field_ui(ui, field, heads.get(index), action);
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

/// Draws the action of a field without a distribution.
fn undecided_ui(ui: &mut Ui, field: &ActionField, action: &[f32]) {
    let shown = match field.kind {
        ActionKind::Continuous { .. } => action.iter().map(|&value| fixed(value.into())).collect(),
        ActionKind::Discrete => action.iter().map(|&choice| part_name(field, choice as usize)).collect::<Vec<_>>(),
    };
    fact_ui(ui, if field.name.is_empty() { "action" } else { &field.name }, &shown.join(", "));
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
        // A mask sets the probability to 0; without a mask, only rounding could.
        let is_allowed = probability != 0.0;
        choice_ui(ui, &ShownChoice { name: &name, probability, is_chosen: chosen == Some(index), is_allowed });
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
