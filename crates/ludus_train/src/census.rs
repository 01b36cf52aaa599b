//! Counts of the agents, rows and arenas of a run, with findings about agents that can't learn.

use std::num::NonZeroU32;

use bevy::ecs::archetype::Archetype;
use bevy::ecs::component::ComponentId;
use bevy::ecs::entity::Entity;
use bevy::ecs::entity_disabling::DefaultQueryFilters;
use bevy::ecs::relationship::RelationshipTarget;
use bevy::ecs::world::World;
use ludus_agent::{Arena, ArenaMembers, Controller, InArena};
use ludus_spec::AgentSpec;
use ludus_worlds::PooledWorld;

use crate::finding::Finding;
use crate::group::WorldGroup;

/// The share of rows without an agent up to which nothing is reported.
pub(crate) const FEW_VACANT: f64 = 0.1;

/// The remedy for agents that are despawned.
const RESPAWN: &str = "spawn an agent in place of one that goes, or end its episode with `Episode::terminate` instead of \
                       despawning it";

/// Agents of a kind, their rows and arenas in some worlds, as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    worlds: usize,
    /// Agents, disabled ones included.
    agents: usize,
    /// Most agents of one world.
    most_agents: usize,
    /// Agents that are disabled: Bevy's queries do not find them.
    disabled: usize,
    /// Agents with `Controller::External`, of those that are not disabled.
    external: usize,
    /// Agents with `Controller::Idle`, of those that are not disabled.
    idle: usize,
    /// Agents that wait for a row, less the rows that are free.
    without_row: usize,
    rows: usize,
    /// Rows without an agent.
    vacant_rows: usize,
    arenas: usize,
    /// Arenas without an agent.
    empty_arenas: usize,
    /// Agents that belong to an arena.
    in_arenas: usize,
}

impl Census {
    /// Adds the agents of a kind in a world, their rows, and the arenas.
    pub fn add(&mut self, world: &PooledWorld, kind: usize) {
        let rows = world.rows(kind);
        let agent = world.kind(kind).component();
        let vacant = (0..rows.len()).filter(|&row| rows.agent(row).is_none()).count();
        self.worlds += 1;
        self.rows += rows.len();
        self.vacant_rows += vacant;
        self.without_row += rows.waiting().saturating_sub(vacant);
        let before = self.agents;
        self.add_agents(world.world(), agent);
        self.add_arenas(world.world(), agent);
        self.most_agents = self.most_agents.max(self.agents - before);
    }

    fn add_agents(&mut self, world: &World, agent: ComponentId) {
        let hiding = hiding_components(world);
        let in_arena = world.component_id::<InArena>();
        for archetype in world.archetypes().iter().filter(|archetype| archetype.contains(agent)) {
            self.add_archetype(world, archetype, &hiding);
            if in_arena.is_some_and(|id| archetype.contains(id)) {
                self.in_arenas += archetype.entities().len();
            }
        }
    }

    fn add_archetype(&mut self, world: &World, archetype: &Archetype, hiding: &[ComponentId]) {
        let count = archetype.entities().len();
        self.agents += count;
        if hiding.iter().any(|&id| archetype.contains(id)) {
            self.disabled += count;
            return;
        }
        for entity in archetype.entities() {
            match world.get::<Controller>(entity.id()) {
                Some(Controller::External | Controller::Scripted) => self.external += 1,
                Some(Controller::Idle) => self.idle += 1,
                Some(Controller::Policy | Controller::Waiting) | None => {}
            }
        }
    }

    fn add_arenas(&mut self, world: &World, agent: ComponentId) {
        let Some(arena) = world.component_id::<Arena>() else { return };
        let is_agent = |entity: Entity| world.get_entity(entity).is_ok_and(|entity| entity.contains_id(agent));
        for archetype in world.archetypes().iter().filter(|archetype| archetype.contains(arena)) {
            for entity in archetype.entities() {
                let members = world.get::<ArenaMembers>(entity.id());
                self.arenas += 1;
                self.empty_arenas += usize::from(!members.is_some_and(|members| members.iter().any(is_agent)));
            }
        }
    }

    /// Counts the agents of a kind in the worlds of these groups.
    pub fn of(groups: &[WorldGroup], kind: usize) -> Self {
        let mut census = Self::default();
        groups.iter().flat_map(WorldGroup::worlds).for_each(|world| census.add(world, kind));
        census
    }

    /// The finding that agents idle because all rows are taken, if they do.
    pub fn too_few_rows(&self, spec: &AgentSpec) -> Option<Finding> {
        if self.without_row == 0 {
            return None;
        }
        let Self { without_row, agents, rows, most_agents, .. } = self;
        let what = format!(
            "{without_row} of {agents} agents of `{}` idle without a row and are not learned from, all {rows} rows are \
             taken and a world has up to {most_agents} agents",
            spec.name,
        );
        let remedy = "set `rows` in the agent's section of the config to the most agents that a world has at once; \
                      without it, a world has as many rows as agents come in its first step";
        Some(Finding::new(what, remedy))
    }

    /// The finding that many rows have no agent, if they do. `configured` is the value of `rows` in the config.
    pub fn too_many_rows(&self, spec: &AgentSpec, configured: Option<NonZeroU32>) -> Option<Finding> {
        let Self { vacant_rows, rows: all, agents, most_agents, .. } = self;
        if *vacant_rows as f64 <= FEW_VACANT * *all as f64 || *agents == 0 || self.without_row > 0 {
            return None;
        }
        let what = format!(
            "{vacant_rows} of {all} rows of `{}` have no agent and cost time all the same, a world has up to \
             {most_agents} agents",
            spec.name
        );
        let remedy = match configured {
            Some(_) => "set `rows` in the agent's section of the config to the most agents that a world has at once",
            None => RESPAWN,
        };
        Some(Finding::new(what, remedy))
    }

    /// The finding that arenas have no agent, if there are such arenas.
    pub fn empty_arenas(&self, spec: &AgentSpec) -> Option<Finding> {
        let Self { arenas, empty_arenas, agents, in_arenas, .. } = self;
        // A game may leave `InArena` out, so that its agents belong to no arena.
        let is_said = *in_arenas > 0 || agents < arenas;
        if *empty_arenas == 0 || *agents == 0 || !is_said {
            return None;
        }
        let what = format!("{empty_arenas} of {arenas} arenas have no agent of `{}`", spec.name);
        let remedy = "spawn agents with `InArena` in an observer of `On<Add, Arena>`; a game that has one playing field \
                      needs `arenas: 1` in the config, and more `worlds`";
        Some(Finding::new(what, remedy))
    }

    /// The reason that nothing can be learned from these agents, and the remedy.
    pub fn reason(&self, spec: &AgentSpec) -> Finding {
        let name = &spec.name;
        let Self { agents, disabled, external, idle, without_row, .. } = *self;
        if agents == 0 {
            let what = format!("no world has an agent of `{name}`");
            return Finding::new(what, RESPAWN);
        }
        let parts = [
            (disabled, "are disabled", "enable them, or despawn them and spawn others"),
            (external, "have `Controller::External`", "leave `Controller::Policy` to those that are to learn"),
            (idle, "have `Controller::Idle`", "leave `Controller::Policy` to those that are to learn"),
            (
                without_row,
                "have no row",
                "set `rows` in the agent's section of the config to the most agents of a world",
            ),
        ];
        let mut parts: Vec<_> = parts.into_iter().filter(|(count, ..)| *count > 0).collect();
        let known: usize = parts.iter().map(|(count, ..)| count).sum();
        if known < agents {
            let faulty = "have no step that can be learned from: they restart in every step, or a number in every step \
                          is not finite";
            parts.push((agents - known, faulty, "mend what earlier warnings name"));
        }
        let whats: Vec<_> = parts.iter().map(|(count, what, _)| format!("{count} {what}")).collect();
        let mut remedies: Vec<_> = parts.iter().map(|(.., remedy)| *remedy).collect();
        remedies.dedup();
        Finding::new(format!("of {agents} agents of `{name}` {}", whats.join(", ")), remedies.join("; "))
    }
}

/// The components that hide an entity from queries which do not name them.
fn hiding_components(world: &World) -> Vec<ComponentId> {
    world.get_resource::<DefaultQueryFilters>().map_or(Vec::new(), |filters| filters.disabling_ids().collect())
}
