//! The components that a game's systems access, and systems that can't run in a world.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bevy::ecs::component::ComponentId;
use bevy::ecs::query::Access;
use bevy::ecs::schedule::graph::Direction;
use bevy::ecs::schedule::{NodeId, Schedule, ScheduleGraph, Schedules, SystemKey};
use bevy::ecs::system::{RunSystemError, System};
use bevy::ecs::world::World;

use crate::game_app::{catch_panic, plain_app};
use crate::names::shown;
use crate::settings::spec_settings;
use crate::world_app::WorldApp;
use crate::{EpisodeOrigin, Game, PooledWorld, WorldError};

/// Schedules that run once in an update.
const FRAME_SCHEDULES: [&str; 5] = ["First", "PreUpdate", "Update", "PostUpdate", "Last"];

/// Schedules that run in every tick, or in every step.
const TICK_SCHEDULES: [&str; 7] =
    ["FixedFirst", "FixedPreUpdate", "FixedUpdate", "FixedPostUpdate", "FixedLast", "SenseAgents", "ScoreAgents"];

/// Bevy's message about a `Single` that matches more than one entity.
const SEVERAL: &str = "Multiple matching entities";

/// The systems of a game, to inspect them in one of its worlds.
///
/// Observers are not inspected, nor are systems with access to the whole world: their effects are not declared.
pub struct GameSystems {
    app: WorldApp,
}

/// A system of a game.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GameSystem {
    /// The schedule that it is in, such as `FixedUpdate`.
    pub schedule: String,
    /// The function's name, where Bevy was built with its feature `debug`.
    pub system: Option<String>,
}

/// The uses of an agent by a system in a schedule such as `Update`, which runs only once per step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameUse {
    /// It reads the action.
    Acts,
    /// It writes the observation.
    Observes,
    /// It writes the reward.
    Rewards,
}

impl GameSystems {
    /// Collects the systems that a game adds to its app.
    ///
    /// # Errors
    ///
    /// If the game panics.
    pub fn of(game: &Game) -> Result<Self, WorldError> {
        let settings = spec_settings();
        let mut app = plain_app(&settings, &EpisodeOrigin::default());
        let added = catch_panic(&settings, settings.seed, || game(&mut app));
        let app = WorldApp::new(app);
        added?;
        Ok(Self { app })
    }

    /// Returns the systems that may write the action of a kind of agents, by their declared access.
    pub fn action_writers(&mut self, world: &mut PooledWorld, kind: usize) -> Vec<GameSystem> {
        let (action, own) = (world.kind(kind).action_component(), world.kind(kind).act_system());
        self.find(world.world_mut(), keys, |_, system, world| {
            let writes = writes(system.initialize(world).combined_access(), action);
            (writes && system.system_type() != own).then_some(())
        })
        .into_iter()
        .map(|(system, ())| system)
        .collect()
    }

    /// Returns the systems in `Update` and similar schedules that read the action of a kind of agents, or write its
    /// observation or its reward.
    pub fn in_frames(&mut self, world: &mut PooledWorld, kind: usize) -> Vec<(GameSystem, FrameUse)> {
        let kind = world.kind(kind).clone();
        self.find(world.world_mut(), keys, |schedule, system, world| {
            if !FRAME_SCHEDULES.contains(&schedule) {
                return None;
            }
            let access = system.initialize(world);
            let access = access.combined_access();
            if writes(access, kind.observation_component()) {
                Some(FrameUse::Observes)
            } else if writes(access, kind.reward_component()) {
                Some(FrameUse::Rewards)
            } else {
                reads(access, kind.action_component()).then_some(FrameUse::Acts)
            }
        })
    }

    /// Returns the systems that can't run in the present state of the world, because a `Single` of theirs matches
    /// several entities.
    ///
    /// Systems with a condition of their own or of a set are left out: they may not be meant to run.
    /// The check runs systems, so the world must not be stepped afterwards.
    pub fn with_ambiguous_single(&mut self, world: &mut PooledWorld) -> Vec<GameSystem> {
        self.find(world.world_mut(), unconditional_keys, |schedule, system, world| {
            let is_regular = FRAME_SCHEDULES.contains(&schedule) || TICK_SCHEDULES.contains(&schedule);
            if !is_regular || system.is_exclusive() {
                return None;
            }
            system.initialize(world);
            // Commands are not applied, so that no entity is spawned or despawned.
            match system.run_without_applying_deferred((), world) {
                Err(RunSystemError::Skipped(reason)) => (reason.message == SEVERAL).then_some(()),
                _ => None,
            }
        })
        .into_iter()
        .map(|(system, ())| system)
        .collect()
    }

    /// Calls `look` with chosen systems of all schedules, and collects its results.
    fn find<T: Ord>(
        &mut self,
        world: &mut World,
        choose: fn(&Schedule) -> Vec<SystemKey>,
        mut look: impl FnMut(&str, &mut dyn System<In = (), Out = ()>, &mut World) -> Option<T>,
    ) -> Vec<(GameSystem, T)> {
        let mut found = Vec::new();
        let mut schedules = self.app.world_mut().resource_mut::<Schedules>();
        for (label, schedule) in schedules.iter_mut() {
            let label = format!("{label:?}");
            for key in choose(schedule) {
                let Some(system) = schedule.graph_mut().systems.get_mut(key) else { continue };
                let name = system.name();
                // It may well panic, since it runs on its own.
                let seen = catch_unwind(AssertUnwindSafe(|| look(&label, system, world)));
                let system = || GameSystem { schedule: label.clone(), system: shown(name) };
                found.extend(seen.ok().flatten().map(|seen| (system(), seen)));
            }
        }
        // Bevy stores schedules in no fixed order.
        found.sort();
        found
    }
}

fn keys(schedule: &Schedule) -> Vec<SystemKey> {
    schedule.graph().systems.iter().map(|(key, ..)| key).collect()
}

/// Returns the systems that run whenever their schedule does.
fn unconditional_keys(schedule: &Schedule) -> Vec<SystemKey> {
    keys(schedule).into_iter().filter(|&key| !has_conditions(schedule.graph(), key)).collect()
}

/// True if a system has a condition of its own, or is in a set that has one.
fn has_conditions(graph: &ScheduleGraph, key: SystemKey) -> bool {
    let mut inner = vec![NodeId::System(key)];
    while let Some(node) = inner.pop() {
        for set in graph.hierarchy().graph().neighbors_directed(node, Direction::Incoming) {
            if matches!(set, NodeId::Set(set) if graph.system_sets.has_conditions(set)) {
                return true;
            }
            inner.push(set);
        }
    }
    graph.systems.has_conditions(key)
}

/// True if the access includes writing this component. False for systems that may write everything: the components that
/// they do write are not known.
fn writes(access: &Access, component: ComponentId) -> bool {
    access.try_writes().is_ok_and(|writes| writes.contains(component))
}

fn reads(access: &Access, component: ComponentId) -> bool {
    access.try_reads_and_writes().is_ok_and(|used| used.contains(component))
}
