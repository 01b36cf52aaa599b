//! The kinds of agents on screen, and the entity that each agent is.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::AgentSpec;
use ludus_agent::{AgentKind, AgentKinds, Slot};

use crate::snapshot::AgentId;

/// The kinds of agents that the game has, in the order in which it adds them: an index into them is a *kind*.
#[derive(Resource, Clone, Deref)]
pub struct SceneKinds(Arc<[AgentKind]>);

impl SceneKinds {
    /// Returns the kinds of the game that was added to this world; none without a game.
    pub fn of(world: &World) -> Self {
        let kinds = world.get_resource::<AgentKinds>().map_or(Vec::new(), |kinds| kinds.iter().cloned().collect());
        Self(kinds.into())
    }

    /// The spec of each kind.
    pub fn specs(&self) -> impl Iterator<Item = &Arc<AgentSpec>> {
        self.iter().map(AgentKind::spec)
    }

    /// The entity of an agent, if it exists.
    pub fn entity(&self, world: &World, id: AgentId) -> Option<Entity> {
        self.get(id.kind)?.rows(world).agent(id.row)
    }

    /// Returns all agents of a kind that exist, sorted by row.
    pub fn agents<'a>(&self, world: &'a World, kind: usize) -> impl Iterator<Item = (AgentId, Entity)> + 'a {
        let rows = self[kind].rows(world);
        (0..rows.len()).filter_map(move |row| Some((AgentId { kind, row }, rows.agent(row)?)))
    }
}

/// The agents on screen and their entities, for systems without access to the rows.
#[derive(Resource, Default)]
pub struct SceneAgents {
    /// The entity in each row of each kind.
    entities: Vec<Vec<Option<Entity>>>,
}

impl SceneAgents {
    /// The entity of an agent, if it exists.
    pub fn entity(&self, id: AgentId) -> Option<Entity> {
        self.entities.get(id.kind)?.get(id.row).copied().flatten()
    }

    /// Returns the id of the agent that an entity with this slot is.
    pub fn id(&self, agent: Entity, slot: Slot) -> Option<AgentId> {
        let row = slot.index();
        let is_there = |rows: &Vec<Option<Entity>>| rows.get(row) == Some(&Some(agent));
        self.entities.iter().position(is_there).map(|kind| AgentId { kind, row })
    }
}

/// Finds the entities of all agents. Runs at the beginning of an image, and again after its ticks.
pub fn find_agents(world: &mut World) {
    let kinds = world.resource::<SceneKinds>().clone();
    world.resource_scope(|world, mut agents: Mut<SceneAgents>| {
        agents.entities.resize_with(kinds.len(), Vec::new);
        for (kind, entities) in kinds.iter().zip(&mut agents.entities) {
            let rows = kind.rows(world);
            entities.clear();
            entities.extend((0..rows.len()).map(|row| rows.agent(row)));
        }
    });
}
