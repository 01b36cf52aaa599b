//! Episode parameters of the game on screen: those of the run's config, or values that were set by hand.

use bevy::prelude::*;
use ludus_agent::ParameterPlan;
use ludus_agent::spec::{Distribution, EpisodeParameter};

use super::RunRules;
use crate::EditorCommand;
use crate::snapshot::ParameterSnapshot;

/// Sets values by hand. They hold for all episodes that start later, also if the arenas are replaced; a replay has those
/// of its log. A name that no parameter has is left out.
pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    mut rules: ResMut<RunRules>,
    mut plan: Option<ResMut<ParameterPlan>>,
) {
    for command in commands.read() {
        let (EditorCommand::SetParameter { name, value }, Some(plan)) = (command, &mut plan) else { continue };
        let parameter = plan.parameters().iter().find(|parameter| parameter.name == *name).cloned();
        let Some(parameter) = parameter else { continue };
        match value.filter(|value| value.is_finite()) {
            Some(value) => rules.by_hand.insert(name.clone(), within(&parameter, value)),
            None => rules.by_hand.remove(name),
        };
        let distribution = distribution(&rules, &parameter);
        plan.set(name, Some(distribution)).expect("the plan has the parameter: it was found there");
    }
}

fn within(parameter: &EpisodeParameter, value: f32) -> f32 {
    parameter.range.map_or(value, |(low, high)| value.clamp(low, high))
}

/// Returns the distribution of a parameter's values: that which was set by hand, else that of the run's config, else the
/// default of the game's component.
fn distribution(rules: &RunRules, parameter: &EpisodeParameter) -> Distribution {
    let of_run = || rules.parameters.iter().find(|(name, _)| *name == parameter.name).map(|(_, of_run)| of_run.clone());
    let by_hand = rules.by_hand.get(&parameter.name).map(|&value| Distribution::Constant(value));
    by_hand.or_else(of_run).unwrap_or(Distribution::Constant(parameter.default))
}

/// Returns the game's episode parameters, in its order.
pub fn shown_parameters(world: &World) -> Vec<ParameterSnapshot> {
    let Some(plan) = world.get_resource::<ParameterPlan>() else { return Vec::new() };
    let rules = world.resource::<RunRules>();
    let owners = plan.sets().iter().flat_map(|set| set.columns().map(|_| set.owner));
    let shown = |(parameter, owner): (&EpisodeParameter, &'static str)| ParameterSnapshot {
        parameter: parameter.clone(),
        owner: owner.to_owned(),
        distribution: distribution(rules, parameter).to_string(),
        by_hand: rules.by_hand.get(&parameter.name).copied(),
    };
    plan.parameters().iter().zip(owners).map(shown).collect()
}
