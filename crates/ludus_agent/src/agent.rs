//! Agents: entities that decide.

use bevy::ecs::component::Mutable;
use bevy::prelude::*;
pub use ludus_derive::Agent;
use ludus_spec::AgentSpec;

use crate::{Action, ActionMask, Observation, Reward, Team};

/// A kind of agent: the components that hold its observation, its action and its reward.
///
/// Derive it; the derive needs `#[agent(observation = …, action = …, reward = …)]`.
pub trait Agent: Component + Sized {
    /// The observation; the game's systems in [`SenseAgents`](crate::SenseAgents) write it.
    type Observation: Observation + Component<Mutability = Mutable> + Default;
    /// The action; the game's systems in `FixedUpdate` read it.
    type Action: Action + Component<Mutability = Mutable> + Default;
    /// The reward; the game's systems in [`ScoreAgents`](crate::ScoreAgents) write its terms.
    type Reward: Reward + Component<Mutability = Mutable> + Default;
    /// The team of each agent: a component that derives [`Team`], or [`NoTeam`](crate::NoTeam).
    type Team: Team;
    /// The kind's name in configs and policies: the type's name.
    const NAME: &'static str;

    /// Returns the layout of its rows, as its types describe it.
    fn spec() -> AgentSpec {
        let mut spec = AgentSpec {
            name: Self::NAME.to_owned(),
            reward: Self::Reward::terms(),
            masked: requires::<Self, ActionMask<Self::Action>>(),
            teams: Self::Team::NAMES.iter().map(|&name| name.to_owned()).collect(),
            ..AgentSpec::default()
        };
        Self::Observation::fields("", "", &mut spec.observation);
        Self::Action::fields("", "", &mut spec.action);
        spec
    }
}

/// True if the component `Requiring` requires `Required`, directly or through others, by the types' own declarations.
fn requires<Requiring: Component, Required: Component>() -> bool {
    let mut world = World::new();
    let (requiring, required) = (world.register_component::<Requiring>(), world.register_component::<Required>());
    let info = world.components().get_info(requiring);
    info.is_some_and(|info| info.required_components().iter_ids().any(|id| id == required))
}
