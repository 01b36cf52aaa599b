//! The kinds of agents of a world, and the application of a run's settings to them.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::World;
use ludus_agent::spec::AgentSpec;
use ludus_agent::{AgentKind, AgentKinds, Rows};

use crate::game_app::bare_app;
use crate::settings::spec_settings;
use crate::{AgentSettings, EpisodeOrigin, Game, WorldError, WorldSettings};

/// A kind of agents in a world.
pub(crate) struct WorldKind {
    pub kind: AgentKind,
    /// The count of rows after the first step, which stays the same; 0 for a kind that the game decides for.
    pub row_count: usize,
    /// True if the settings list it; else the game decides.
    pub is_listed: bool,
}

impl WorldKind {
    pub fn name(&self) -> &str {
        &self.kind.spec().name
    }
}

/// Returns the spec of each kind of agents of a game, in the order in which the game adds them.
///
/// # Errors
///
/// A game without agents, with two kinds of one name, or one that panics.
pub fn specs_of(game: &Game) -> Result<Vec<Arc<AgentSpec>>, WorldError> {
    let app = bare_app(game, &spec_settings(), &EpisodeOrigin::default())?;
    Ok(kinds_of(app.world())?.iter().map(|kind| kind.spec().clone()).collect())
}

/// Returns the spec of a game that has one kind of agents.
///
/// # Errors
///
/// As [`specs_of`], and a game with several kinds.
pub fn spec_of(game: &Game) -> Result<Arc<AgentSpec>, WorldError> {
    let mut specs = specs_of(game)?;
    match specs.len() {
        1 => Ok(specs.remove(0)),
        _ => Err(WorldError::SeveralKinds(specs.iter().map(|spec| spec.name.clone()).collect())),
    }
}

/// Returns the kinds of a world's agents, in the order in which they were added.
fn kinds_of(world: &World) -> Result<Vec<AgentKind>, WorldError> {
    let kinds: Vec<_> = world.get_resource::<AgentKinds>().map_or(Vec::new(), |kinds| kinds.iter().cloned().collect());
    if kinds.is_empty() {
        return Err(WorldError::NoAgents);
    }
    for (index, kind) in kinds.iter().enumerate() {
        let name = &kind.spec().name;
        if kinds[..index].iter().any(|other| other.spec().name == *name) {
            return Err(WorldError::SameName(name.clone()));
        }
    }
    Ok(kinds)
}

/// Applies the settings to the kinds of agents of a world; `step` is the number of the step that comes next.
pub(crate) fn configure_kinds(
    world: &mut World,
    settings: &WorldSettings,
    step: u64,
) -> Result<Vec<WorldKind>, WorldError> {
    let kinds = kinds_of(world)?;
    let names = || kinds.iter().map(|kind| kind.spec().name.clone()).collect::<Vec<_>>();
    if let Some(unknown) = settings.agents.iter().find(|agent| !names().contains(&agent.name)) {
        return Err(WorldError::NoSuchKind { agent: unknown.name.clone(), kinds: names() });
    }
    let mut configured = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let listed = settings.agent(&kind.spec().name);
        let rows = kind.rows_mut(world);
        match listed {
            Some(agent) => configure_rows(rows, agent, steps_per_decision(settings, agent)?, step)?,
            None => rows.leave_to_the_game(),
        }
        configured.push(WorldKind { is_listed: listed.is_some(), kind, row_count: 0 });
    }
    Ok(configured)
}

fn configure_rows(rows: &mut Rows, agent: &AgentSettings, every: NonZeroU32, step: u64) -> Result<(), WorldError> {
    let (terms, weights) = (rows.spec().reward.len(), agent.weights.len());
    if terms != weights {
        return Err(WorldError::WrongWeights { agent: agent.name.clone(), terms, weights });
    }
    rows.drive();
    rows.set_weights(&agent.weights);
    rows.set_reward_streams(&agent.reward_streams);
    rows.set_episode_limit(agent.episode_limit);
    if agent.stagger {
        rows.stagger_first_episodes();
    }
    rows.decide_every(every, steps_to_decision(every, step));
    if !agent.observation_noise.is_empty() {
        rows.set_observation_noise(&agent.observation_noise);
    }
    rows.set_action_delay(agent.action_delay);
    Ok(())
}

/// Returns the steps of the world from one decision of a kind to the next.
fn steps_per_decision(settings: &WorldSettings, agent: &AgentSettings) -> Result<NonZeroU32, WorldError> {
    let (interval, smallest) = (settings.interval(agent), settings.ticks_per_step());
    let steps = NonZeroU32::new(interval.get() / smallest).filter(|_| interval.get().is_multiple_of(smallest.get()));
    steps.ok_or_else(|| {
        let fastest = settings.agents.iter().find(|agent| settings.interval(agent) == smallest);
        let fastest = fastest.map(|agent| agent.name.clone()).unwrap_or_default();
        WorldError::UnevenInterval { agent: agent.name.clone(), interval, fastest, smallest }
    })
}

/// Returns the count of steps that a kind waits for its next decision, if the next step has this number.
///
/// Step 0 of a world is part of building it. Agents of all kinds decide in step 1, the first step of a driver, and then
/// in every `every`-th step.
pub fn steps_to_decision(every: NonZeroU32, step: u64) -> u32 {
    let every = u64::from(every.get());
    ((every + 1 - step % every) % every) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_decide_in_the_step_after_the_first_and_in_every_so_many_after_it() {
        let waits = |every, steps: core::ops::Range<u64>| -> Vec<u32> {
            let every = NonZeroU32::new(every).expect("not zero");
            steps.map(|step| steps_to_decision(every, step)).collect()
        };
        assert_eq!(waits(1, 0..3), [0, 0, 0]);
        assert_eq!(waits(2, 0..4), [1, 0, 1, 0]);
        assert_eq!(waits(4, 0..7), [1, 0, 3, 2, 1, 0, 3]);
    }
}
