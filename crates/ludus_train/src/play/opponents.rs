//! Policies that play all sides of a game but the first.

use bevy::prelude::*;
use ludus_agent::{AgentKind, AgentKinds, AgentSystems, Controller};
use ludus_play::{PolicyAsset, PolicyRunner};
use ludus_policy::ActionChoice;

use super::{PlayedKind, PlayedPolicy};

/// The policies of all sides but the first.
#[derive(Clone)]
pub(crate) struct PlayedOpponents {
    pub kinds: Vec<PlayedKind>,
    pub first_side: FirstSide,
}

/// The player of the first side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstSide {
    /// A policy.
    Policy,
    /// A person: the game's own input decides.
    Input,
}

/// The policies of other sides in a game that is played.
#[derive(Resource)]
struct OtherSides {
    kinds: Vec<(AgentKind, PolicyRunner)>,
    first_side: FirstSide,
}

impl PlayedOpponents {
    /// Lets these policies decide for the agents of all sides but the first.
    pub fn add_to(&self, app: &mut App, choice: ActionChoice) {
        let all: Vec<AgentKind> = app.world().resource::<AgentKinds>().iter().cloned().collect();
        let mut kinds = Vec::new();
        for kind in all.into_iter().filter(|kind| !kind.spec().teams.is_empty()) {
            let of_kind = self.kinds.iter().find(|played| played.name == kind.spec().name);
            // A network of the game's own plays all sides.
            let Some(PlayedKind { policy: PlayedPolicy::Asset(policy), .. }) = of_kind else { continue };
            let policy = app.world_mut().resource_mut::<Assets<PolicyAsset>>().add(policy.clone());
            kinds.push((kind, PolicyRunner::new(policy).choosing(choice)));
        }
        app.insert_resource(OtherSides { kinds, first_side: self.first_side });
        app.add_systems(FixedFirst, take_sides.after(AgentSystems::Restart));
    }
}

/// Gives the agents whose episode has just started the player of their side.
fn take_sides(world: &mut World) {
    world.resource_scope(|world, sides: Mut<OtherSides>| {
        for (kind, runner) in &sides.kinds {
            let rows = kind.rows(world);
            let started = (0..rows.len()).filter(|&row| rows.has_started(row));
            let started = started.filter_map(|row| Some((rows.agent(row)?, rows.teams()[row].team)));
            for (agent, team) in started.collect::<Vec<_>>() {
                take_side(&mut world.entity_mut(agent), (team > 0).then_some(runner), sides.first_side);
            }
        }
    });
}

/// Lets an agent be played by `runner`, or as the first side is.
fn take_side(agent: &mut EntityWorldMut<'_>, runner: Option<&PolicyRunner>, first_side: FirstSide) {
    match runner {
        Some(runner) if agent.get::<PolicyRunner>().is_none_or(|own| own.policy != runner.policy) => {
            agent.insert(runner.clone());
        }
        None if first_side == FirstSide::Input => {
            agent.insert(Controller::External);
        }
        _ => {}
    }
}
