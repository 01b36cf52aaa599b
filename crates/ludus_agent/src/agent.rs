//! Agents: entities that decide, and how an app comes to know a kind of them.

use core::any::TypeId;
use std::sync::Arc;

use bevy::ecs::component::{ComponentId, Mutable, RequiredComponentsError};
use bevy::prelude::*;
use bevy::utils::prelude::ShortName;
pub use ludus_derive::Agent;
use ludus_spec::AgentSpec;

use crate::arena::spawn_arenas;
use crate::restart::Homeless;
use crate::schedule::{RowSystems, add_tick};
use crate::{
    Action, ActionMask, AgentRows, AgentSystems, Arena, Arenas, Controller, Episode, EpisodeRng, EpisodeScope,
    Observation, Reward, Rows, Slot, StartingArena, UnfilteredQuery, WorldSeed, restart, step, turnover,
};

/// A kind of agent: which components hold what it senses, what it does and what it is rewarded for.
///
/// Derive it; the derive wants `#[agent(observation = …, action = …, reward = …)]`.
pub trait Agent: Component + Sized {
    /// What it senses; the game's systems in [`Sense`](crate::Sense) write it.
    type Observation: Observation + Component<Mutability = Mutable> + Default;
    /// What it does; the game's systems in `FixedUpdate` read it.
    type Action: Action + Component<Mutability = Mutable> + Default;
    /// What it is rewarded for; the game's systems in [`Score`](crate::Score) write it.
    type Reward: Reward + Component<Mutability = Mutable> + Default;
    /// The kind's name in configs and policies: the type's name.
    const NAME: &'static str;

    /// The layout of its rows.
    fn spec() -> AgentSpec {
        let mut spec = AgentSpec {
            name: Self::NAME.to_owned(),
            reward: Self::Reward::terms(),
            masked: requires::<Self, ActionMask<Self::Action>>(),
            ..AgentSpec::default()
        };
        Self::Observation::fields("", "", &mut spec.observation);
        Self::Action::fields("", "", &mut spec.action);
        spec
    }
}

/// Makes a kind of agent known to an app.
pub trait AgentAppExt {
    /// Registers a kind of agent: from then on spawning the component `A` is enough.
    ///
    /// Observation, action, reward, [`Episode`], [`EpisodeRng`], [`EpisodeScope`] and [`Controller`] come by required
    /// components; what the agent requires by itself, such as `#[require(EpisodeScope::Arena)]`, has the value that it
    /// says there. A second call does nothing. Masks come where the agent requires an [`ActionMask`].
    ///
    /// # Panics
    ///
    /// If an agent of that kind has been spawned already.
    fn add_agent<A: Agent>(&mut self) -> &mut Self;
}

impl AgentAppExt for App {
    fn add_agent<A: Agent>(&mut self) -> &mut Self {
        if !self.is_plugin_added::<AgentPlugin>() {
            self.add_plugins(AgentPlugin);
        }
        if !self.world().contains_resource::<AgentRows<A>>() {
            add_components::<A>(self);
            add_systems::<A>(self);
        }
        self
    }
}

/// Whether an entity with the one component has the other too, by what the types themselves require.
fn requires<Requiring: Component, Required: Component>() -> bool {
    let mut world = World::new();
    let (requiring, required) = (world.register_component::<Requiring>(), world.register_component::<Required>());
    let info = world.components().get_info(requiring);
    info.is_some_and(|info| info.required_components().iter_ids().any(|id| id == required))
}

/// What all kinds of agents need; [`AgentAppExt::add_agent`] adds it.
pub struct AgentPlugin;

impl Plugin for AgentPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<AgentKinds>().init_resource::<WorldSeed>().init_resource::<Arenas>();
        app.init_resource::<Homeless>().init_resource::<StartingArena>();
        app.register_type::<Arena>().register_type::<Episode>().register_type::<Controller>();
        app.add_systems(FixedFirst, spawn_arenas.before(AgentSystems::Restart));
        add_tick(app);
        restart::add_arenas(app);
    }
}

/// The kinds of agents that an app has, in the order in which they were added.
#[derive(Resource, Default)]
pub struct AgentKinds(Vec<AgentKind>);

impl AgentKinds {
    /// The kinds.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &AgentKind> {
        self.0.iter()
    }
}

/// A kind of agent, with its type erased.
#[derive(Clone)]
pub struct AgentKind {
    spec: Arc<AgentSpec>,
    component: ComponentId,
    rows: fn(&World) -> &Rows,
    rows_mut: fn(&mut World) -> &mut Rows,
    written_actions: fn(&mut World) -> Vec<WrittenAction>,
    action: ComponentId,
    act: TypeId,
    write_action: fn(&mut World, Entity, &[f32]),
    idle: fn(&mut [f32]),
}

impl AgentKind {
    /// What its rows hold.
    pub fn spec(&self) -> &Arc<AgentSpec> {
        &self.spec
    }

    /// The component that makes an entity an agent of this kind.
    pub fn component(&self) -> ComponentId {
        self.component
    }

    /// Writes the row of an agent that does nothing: its default action.
    ///
    /// # Panics
    ///
    /// If `action` is shorter than an action row.
    pub fn write_idle(&self, action: &mut [f32]) {
        (self.idle)(action);
    }

    /// Its rows in this world.
    pub fn rows<'world>(&self, world: &'world World) -> &'world Rows {
        (self.rows)(world)
    }

    /// Its rows in this world, to write actions.
    pub fn rows_mut<'world>(&self, world: &'world mut World) -> &'world mut Rows {
        (self.rows_mut)(world)
    }

    /// The actions that stand in the components of agents that a policy controls, to find out whether anything else has
    /// written them. Slow.
    pub fn written_actions(&self, world: &mut World) -> Vec<WrittenAction> {
        (self.written_actions)(world)
    }

    /// The component that holds the agents' actions.
    pub fn action_component(&self) -> ComponentId {
        self.action
    }

    /// The library's own system that writes it, as [`System::system_type`] says.
    pub fn act_system(&self) -> TypeId {
        self.act
    }

    /// Makes an action row the action of an agent that nobody else decides for: one under
    /// [`Controller::External`](crate::Controller). Does nothing to what is no agent of this kind.
    ///
    /// # Panics
    ///
    /// If the row is shorter than the spec's action width.
    pub fn write_action(&self, world: &mut World, agent: Entity, row: &[f32]) {
        (self.write_action)(world, agent, row);
    }
}

/// What an agent's action component holds.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenAction {
    /// The agent's row.
    pub row: usize,
    /// The action as a row would have it.
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

fn rows<A: Agent>(world: &World) -> &Rows {
    world.resource::<AgentRows<A>>()
}

fn rows_mut<A: Agent>(world: &mut World) -> &mut Rows {
    world.resource_mut::<AgentRows<A>>().into_inner()
}

fn write_idle<A: Agent>(action: &mut [f32]) {
    A::Action::default().write(action);
}

fn add_components<A: Agent>(app: &mut App) {
    let spec = Arc::new(A::spec());
    add_masks::<A>(app, &spec);
    app.insert_resource(AgentRows::<A>::new(spec.clone()));
    let component = app.world_mut().register_component::<A>();
    let kind = AgentKind {
        spec,
        component,
        rows: rows::<A>,
        rows_mut: rows_mut::<A>,
        written_actions: written_actions::<A>,
        write_action: write_action::<A>,
        action: app.world_mut().register_component::<A::Action>(),
        idle: write_idle::<A>,
        act: step::act::<A>.system_type_id(),
    };
    app.world_mut().resource_mut::<AgentKinds>().0.push(kind);
    require::<A, A::Observation>(app);
    require::<A, A::Action>(app);
    require::<A, A::Reward>(app);
    require::<A, Episode>(app);
    require::<A, EpisodeRng>(app);
    require::<A, EpisodeScope>(app);
    require::<A, Controller>(app);
}

fn require<A: Agent, Required: Component + Default>(app: &mut App) {
    match app.try_register_required_components::<A, Required>() {
        // The agent's own requirement says which value; ours would be the default.
        Ok(()) | Err(RequiredComponentsError::DuplicateRegistration(..)) => {}
        Err(error) => panic!("call `add_agent` before the first `{}` is spawned: {error}", A::NAME),
    }
}

/// Most games never pay for masks.
fn add_masks<A: Agent>(app: &mut App, spec: &AgentSpec) {
    if !spec.masked {
        app.add_observer(refuse_mask::<A>);
    } else if spec.mask_width() > 0 {
        let sense = step::sense_masks::<A>.in_set(RowSystems::Sense).before(step::sense::<A>);
        app.add_systems(FixedLast, sense);
    }
}

type Masked<A> = (Has<A>, Has<ActionMask<<A as Agent>::Action>>);

/// A mask for which there is no room in the rows would be ignored.
fn refuse_mask<A: Agent>(on: On<Add, (A, ActionMask<A::Action>)>, agents: UnfilteredQuery<Masked<A>>) -> Result {
    if agents.get(on.entity)? == (true, true) {
        let (agent, action) = (A::NAME, ShortName::of::<A::Action>());
        let message = format!(
            "`{agent}` has an `ActionMask<{action}>` that it does not require: write \
             `#[require(ActionMask<{action}>)]` on `{agent}`, so that its rows have room for masks"
        );
        return Err(message.into());
    }
    Ok(())
}

fn add_systems<A: Agent>(app: &mut App) {
    turnover::add_observers::<A>(app);
    // Kinds restart in the order in which they were added, so that a game's draws don't depend on the scheduler.
    let kind = app.world().resource::<AgentKinds>().0.len();
    let restart = restart::restart::<A>.in_set(RowSystems::RestartKind(kind)).after(RowSystems::RestartKind(kind - 1));
    app.add_systems(FixedFirst, restart.in_set(RowSystems::Restart));
    app.add_systems(FixedPreUpdate, step::act::<A>.in_set(RowSystems::Act));
    app.add_systems(FixedLast, step::score::<A>.in_set(RowSystems::Score));
    app.add_systems(FixedLast, step::sense::<A>.in_set(RowSystems::Sense));
}
