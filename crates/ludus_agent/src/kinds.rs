//! The kinds of agents that an app has, with their types erased.

use core::any::TypeId;
use std::sync::Arc;

use bevy::ecs::component::ComponentId;
use bevy::prelude::*;
use ludus_spec::AgentSpec;

use crate::{Action, Agent, AgentRows, Controller, Rows, Slot};

/// The kinds of agents that an app has, in the order in which they were added.
#[derive(Resource, Default)]
pub struct AgentKinds(Vec<AgentKind>);

impl AgentKinds {
    /// Returns the kinds, in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &AgentKind> {
        self.0.iter()
    }

    /// Adds a kind.
    pub(crate) fn add(&mut self, kind: AgentKind) {
        self.0.push(kind);
    }
}

/// A kind of agent, with its type erased.
#[derive(Clone)]
pub struct AgentKind {
    spec: Arc<AgentSpec>,
    component: ComponentId,
    has_rows: fn(&World) -> bool,
    insert_rows: fn(&mut World, &Arc<AgentSpec>),
    rows: fn(&World) -> &Rows,
    rows_mut: fn(&mut World) -> &mut Rows,
    written_actions: fn(&mut World) -> Vec<WrittenAction>,
    observation: ComponentId,
    action: ComponentId,
    reward: ComponentId,
    act: TypeId,
    write_action: fn(&mut World, Entity, &[f32]),
    read_action: fn(&World, Entity, &mut [f32]) -> bool,
    idle: fn(&mut [f32]),
}

impl AgentKind {
    /// The kind `A`. `act` is the type of the system that writes its actions.
    pub(crate) fn of<A: Agent>(world: &mut World, spec: Arc<AgentSpec>, act: TypeId) -> Self {
        Self {
            spec,
            component: world.register_component::<A>(),
            has_rows: has_rows::<A>,
            insert_rows: insert_rows::<A>,
            rows: rows::<A>,
            rows_mut: rows_mut::<A>,
            written_actions: written_actions::<A>,
            write_action: write_action::<A>,
            read_action: read_action::<A>,
            observation: world.register_component::<A::Observation>(),
            action: world.register_component::<A::Action>(),
            reward: world.register_component::<A::Reward>(),
            idle: write_idle::<A>,
            act,
        }
    }

    /// The layout of its rows.
    pub fn spec(&self) -> &Arc<AgentSpec> {
        &self.spec
    }

    /// The component that makes an entity an agent of this kind.
    pub fn component(&self) -> ComponentId {
        self.component
    }

    /// Writes the default action, that of an idle agent, to an action row.
    ///
    /// # Panics
    ///
    /// If `action` is shorter than an action row.
    pub fn write_idle(&self, action: &mut [f32]) {
        (self.idle)(action);
    }

    /// True if this world has its rows. A world whose entities were all cleared has lost them.
    pub fn has_rows(&self, world: &World) -> bool {
        (self.has_rows)(world)
    }

    /// Inserts empty rows into a world, in place of those that are there.
    pub fn insert_rows(&self, world: &mut World) {
        (self.insert_rows)(world, &self.spec);
    }

    /// Returns its rows in this world.
    ///
    /// # Panics
    ///
    /// If there are [none](Self::has_rows).
    pub fn rows<'world>(&self, world: &'world World) -> &'world Rows {
        (self.rows)(world)
    }

    /// Returns its rows in this world, mutably, to write actions.
    ///
    /// # Panics
    ///
    /// If there are [none](Self::has_rows).
    pub fn rows_mut<'world>(&self, world: &'world mut World) -> &'world mut Rows {
        (self.rows_mut)(world)
    }

    /// Reads the actions back from the components of all agents that a policy controls.
    ///
    /// A caller compares them with the rows to find out if anything else has written them. Slow: it allocates for every
    /// agent.
    pub fn written_actions(&self, world: &mut World) -> Vec<WrittenAction> {
        (self.written_actions)(world)
    }

    /// The component that holds the agents' actions.
    pub fn action_component(&self) -> ComponentId {
        self.action
    }

    /// The component that holds the agents' observations.
    pub fn observation_component(&self) -> ComponentId {
        self.observation
    }

    /// The component that holds the agents' rewards.
    pub fn reward_component(&self) -> ComponentId {
        self.reward
    }

    /// The type of the library's own system that writes the action, as [`System::system_type`] returns it.
    pub fn act_system(&self) -> TypeId {
        self.act
    }

    /// Writes an action row to the action component of an agent under [`Controller::External`](crate::Controller), for
    /// which nothing else decides. Does nothing if the entity has no such component.
    ///
    /// # Panics
    ///
    /// If the row is shorter than the spec's action width.
    pub fn write_action(&self, world: &mut World, agent: Entity, row: &[f32]) {
        (self.write_action)(world, agent, row);
    }
}

impl AgentKind {
    /// Reads the action component of an agent, whoever wrote it, to an action row. Returns false if the entity has no such
    /// component.
    ///
    /// # Panics
    ///
    /// If the row is shorter than the spec's action width.
    pub fn read_action(&self, world: &World, agent: Entity, row: &mut [f32]) -> bool {
        (self.read_action)(world, agent, row)
    }
}

/// An action that was read back from an agent's component.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenAction {
    /// The agent's row.
    pub row: usize,
    /// The action in the form of a row.
    pub action: Vec<f32>,
}

fn written_actions<A: Agent>(world: &mut World) -> Vec<WrittenAction> {
    let mut agents = world.query_filtered::<(&Slot, &Controller, &A::Action), With<A>>();
    let of_policy = agents.iter(world).filter(|(_, controller, _)| **controller == Controller::Policy);
    let written = |(slot, _, action): (&Slot, &Controller, &A::Action)| {
        let mut written = vec![0.0; A::Action::WIDTH];
        action.write(&mut written);
        WrittenAction { row: slot.index(), action: written }
    };
    of_policy.map(written).collect()
}

fn write_action<A: Agent>(world: &mut World, agent: Entity, row: &[f32]) {
    if let Some(mut action) = world.get_mut::<A::Action>(agent) {
        action.read(row);
    }
}

fn read_action<A: Agent>(world: &World, agent: Entity, row: &mut [f32]) -> bool {
    let action = world.get::<A::Action>(agent);
    action.map(|action| action.write(row)).is_some()
}

fn has_rows<A: Agent>(world: &World) -> bool {
    world.get_resource::<AgentRows<A>>().is_some()
}

fn insert_rows<A: Agent>(world: &mut World, spec: &Arc<AgentSpec>) {
    world.insert_resource(AgentRows::<A>::new(spec.clone()));
}

fn rows<A: Agent>(world: &World) -> &Rows {
    world.resource::<AgentRows<A>>()
}

fn rows_mut<A: Agent>(world: &mut World) -> &mut Rows {
    world.resource_mut::<AgentRows<A>>().into_inner()
}

fn write_idle<A: Agent>(action: &mut [f32]) {
    A::Action::default().write(action);
}
