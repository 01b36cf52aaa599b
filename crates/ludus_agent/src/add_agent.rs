//! The registration of a kind of agents in an app.

use std::sync::Arc;

use bevy::ecs::component::RequiredComponentsError;
use bevy::prelude::*;
use bevy::utils::prelude::ShortName;
use ludus_spec::AgentSpec;

use crate::arena::spawn_arenas;
use crate::restart::AgentsWithoutArena;
use crate::schedule::{RowSystems, add_tick};
use crate::{
    ActionMask, Agent, AgentKind, AgentKinds, AgentRows, Arena, ArenaCounts, Arenas, Controller, Episode,
    EpisodeParameters, EpisodeRng, EpisodeScope, HasEpisodes, MatchRestarts, MatchResult, ParameterPlan, SavedAgent,
    StartingArena, StepClock, Team, UnfilteredQuery, WorldSeed, restart, resume, step, turnover,
};

/// Registers kinds of agents in an app.
pub trait AgentAppExt {
    /// Registers a kind of agent: afterwards, every entity with the component `A` is an agent.
    ///
    /// Observation, action, reward, [`Episode`], [`EpisodeRng`], [`EpisodeScope`] and [`Controller`] are added as
    /// required components. A component that the agent itself requires, such as `#[require(EpisodeScope::Arena)]`, has
    /// the value that is given there. A second call does nothing. Masks are used only if the agent requires an
    /// [`ActionMask`].
    ///
    /// # Panics
    ///
    /// If an agent of that kind has been spawned already.
    fn add_agent<A: Agent>(&mut self) -> &mut Self;

    /// Registers parameters of the episodes of arenas (`add_episode_parameters::<Arena, Course>()`) or of a kind of
    /// agents (`add_episode_parameters::<Jumper, Course>()`), and makes `P` a required component of `O`.
    ///
    /// An agent's are drawn before its [`EpisodeStart`](crate::EpisodeStart) is sent. An arena's are drawn when its
    /// agents start an episode together, and before observers of `On<Add, Arena>` run. A second call does nothing.
    ///
    /// # Panics
    ///
    /// If an entity with `O` has been spawned already.
    fn add_episode_parameters<O: HasEpisodes, P: EpisodeParameters>(&mut self) -> &mut Self;
}

impl AgentAppExt for App {
    fn add_agent<A: Agent>(&mut self) -> &mut Self {
        if !self.is_plugin_added::<AgentPlugin>() {
            self.add_plugins(AgentPlugin);
        }
        if !self.world().contains_resource::<AgentRows<A>>() {
            add_components::<A>(self);
            add_systems::<A>(self);
            share_parameter_count(self.world_mut());
        }
        self
    }

    fn add_episode_parameters<O: HasEpisodes, P: EpisodeParameters>(&mut self) -> &mut Self {
        if !self.is_plugin_added::<AgentPlugin>() {
            self.add_plugins(AgentPlugin);
        }
        match self.try_register_required_components::<O, P>() {
            Ok(()) | Err(RequiredComponentsError::DuplicateRegistration(..)) => {}
            Err(error) => panic!("call `add_episode_parameters` before the first `{}` is spawned: {error}", O::OWNER),
        }
        self.world_mut().resource_mut::<ParameterPlan>().add::<O, P>();
        share_parameter_count(self.world_mut());
        self
    }
}

/// Makes room for the parameters of episodes in the rows of all kinds of agents.
fn share_parameter_count(world: &mut World) {
    let count = world.resource::<ParameterPlan>().parameters().len();
    let kinds: Vec<_> = world.resource::<AgentKinds>().iter().cloned().collect();
    for kind in kinds {
        kind.rows_mut(world).set_parameter_count(count);
    }
}

/// The resources and systems that all kinds of agents need; [`AgentAppExt::add_agent`] adds the plugin.
pub struct AgentPlugin;

impl Plugin for AgentPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<AgentKinds>().init_resource::<WorldSeed>().init_resource::<Arenas>();
        app.init_resource::<AgentsWithoutArena>().init_resource::<StartingArena>().init_resource::<ParameterPlan>();
        app.register_type::<Arena>().register_type::<ArenaCounts>().register_type::<Controller>();
        app.register_type::<Episode>().register_type::<EpisodeRng>().register_type::<SavedAgent>();
        app.register_type::<StepClock>();
        app.add_systems(FixedFirst, spawn_arenas.before(RowSystems::Resume));
        add_tick(app);
        restart::add_arenas(app);
    }
}

fn add_components<A: Agent>(app: &mut App) {
    let spec = Arc::new(A::spec());
    add_masks::<A>(app, &spec);
    app.insert_resource(AgentRows::<A>::new(spec.clone()));
    let kind = AgentKind::of::<A>(app.world_mut(), spec, step::act::<A>.system_type_id());
    app.world_mut().resource_mut::<AgentKinds>().add(kind);
    require::<A, A::Observation>(app);
    require::<A, A::Action>(app);
    require::<A, A::Reward>(app);
    require::<A, Episode>(app);
    require::<A, EpisodeRng>(app);
    if A::Team::NAMES.is_empty() {
        require::<A, EpisodeScope>(app);
    } else {
        add_matches::<A>(app);
    }
    require::<A, Controller>(app);
}

/// Gives arenas a result of their matches, in which the agents of the kind end and start together.
fn add_matches<A: Agent>(app: &mut App) {
    app.init_resource::<MatchRestarts>().register_type::<MatchResult>();
    let shared = app.try_register_required_components_with::<A, _>(|| EpisodeScope::Arena);
    let result = app.try_register_required_components::<Arena, MatchResult>();
    for registered in [shared, result] {
        match registered {
            Ok(()) | Err(RequiredComponentsError::DuplicateRegistration(..)) => {}
            Err(error) => panic!("call `add_agent` before the first `{}` is spawned: {error}", A::NAME),
        }
    }
}

fn require<A: Agent, Required: Component + Default>(app: &mut App) {
    match app.try_register_required_components::<A, Required>() {
        // The agent's own requirement sets the value; this one would set the default.
        Ok(()) | Err(RequiredComponentsError::DuplicateRegistration(..)) => {}
        Err(error) => panic!("call `add_agent` before the first `{}` is spawned: {error}", A::NAME),
    }
}

/// Adds the system that copies masks to rows. For agents without masks, adds an observer that refuses them instead.
fn add_masks<A: Agent>(app: &mut App, spec: &AgentSpec) {
    if !spec.masked {
        app.add_observer(refuse_mask::<A>);
    } else if spec.mask_width() > 0 {
        let sense = step::sense_masks::<A>.in_set(RowSystems::Sense).before(step::sense::<A>);
        app.add_systems(FixedLast, sense);
    }
}

type Masked<A> = (Has<A>, Has<ActionMask<<A as Agent>::Action>>);

/// Returns an error for a mask on an agent that doesn't require one: its rows have no columns for it, so it would be
/// ignored.
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
    let kind = app.world().resource::<AgentKinds>().iter().len();
    let restart = restart::restart::<A>.in_set(RowSystems::RestartKind(kind)).after(RowSystems::RestartKind(kind - 1));
    app.add_systems(FixedFirst, restart.in_set(RowSystems::Restart));
    let resume = resume::resume::<A>.in_set(RowSystems::ResumeKind(kind)).after(RowSystems::ResumeKind(kind - 1));
    let resume = resume.in_set(RowSystems::Resume).run_if(any_with_component::<SavedAgent>);
    app.add_systems(FixedFirst, resume);
    app.add_systems(FixedPreUpdate, step::act::<A>.in_set(RowSystems::Act));
    app.add_systems(FixedLast, step::score::<A>.in_set(RowSystems::Score));
    app.add_systems(FixedLast, step::sense::<A>.in_set(RowSystems::Sense));
}
