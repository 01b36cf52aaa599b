//! Gathers the snapshot of the scene that panels draw from, once per image.

use bevy::prelude::*;
use ludus_agent::{AgentKind, Arena, Controller, Episode, InArena, StepClock};
use ludus_policy::{HeadInsight, Insight, Sensed};
use ludus_spec::Outcome;

use crate::scene::{
    Decided, OfRival, Playback, Player, Players, Records, Replaying, RunRules, SceneKinds, Scores, Stage,
    shown_parameters,
};
use crate::selection::{Selection, ShownKind};
use crate::snapshot::{
    AgentEntry, AgentId, AgentSnapshot, Driver, HeadSnapshot, SceneKindSnapshot, SceneSnapshot, ValueSource,
};
use crate::takeover::TakeOver;

type Agents<'a> = (&'a Controller, &'a Episode, Option<&'a InArena>);
type Homes<'a> = (&'a Arena, Has<OfRival>);

/// Writes the [`SceneSnapshot`] that all panels of this image draw from.
pub fn gather(world: &mut World, agents: &mut QueryState<Agents>, homes: &mut QueryState<Homes>) {
    let kinds = world.resource::<SceneKinds>().clone();
    let agents = entries(world, &kinds, agents, homes);
    let selected = world.resource::<Selection>().agent();
    let selected = agents.iter().find(|agent| Some(agent.id) == selected).map(|agent| look_at(world, agent));
    let (stage, replaying) = (world.resource::<Stage>(), world.resource::<Replaying>());
    let (world_index, arenas) = replaying.place().unwrap_or_else(|| (stage.world(), stage.arenas()));
    let snapshot = SceneSnapshot {
        kinds: kinds.iter().enumerate().map(|(index, kind)| kind_snapshot(world, index, kind)).collect(),
        shown_kind: world.resource::<ShownKind>().0,
        tick_rate_hz: world.resource::<SceneSnapshot>().tick_rate_hz,
        decision_interval: world.resource::<StepClock>().decision_interval().get(),
        rivals: world.resource::<Players>().rival_place(),
        replay: replaying.playback().map(Playback::snapshot),
        world: world_index,
        arenas,
        parameters: shown_parameters(world),
        agents,
        selected,
    };
    *world.resource_mut::<SceneSnapshot>() = snapshot;
}

fn kind_snapshot(world: &World, index: usize, kind: &AgentKind) -> SceneKindSnapshot {
    let (players, scores) = (world.resource::<Players>(), world.resource::<Scores>().of(index));
    let label = |player: Option<&Player>| player.map(|player| player.label().clone());
    SceneKindSnapshot {
        spec: kind.spec().clone(),
        weights: kind.rows(world).weights().to_vec(),
        is_external: !world.resource::<RunRules>().is_driven(index),
        policy: label(players.own(index)),
        rival: label(players.rival(index)),
        score: scores.own,
        rival_score: scores.rival,
    }
}

/// Returns the entries of all agents, sorted by kind and row.
fn entries(
    world: &World,
    kinds: &SceneKinds,
    agents: &mut QueryState<Agents>,
    homes: &mut QueryState<Homes>,
) -> Vec<AgentEntry> {
    let (agents, homes) = (agents.query(world), homes.query(world));
    let (players, rules) = (world.resource::<Players>(), world.resource::<RunRules>());
    let taken = world.resource::<TakeOver>().agent();
    let is_replaying = world.resource::<Replaying>().playback().is_some();
    let entry = |(id, agent): (AgentId, Entity)| {
        let (controller, episode, home) = agents.get(agent).ok()?;
        let home = home.and_then(|home| homes.get(home.0).ok());
        let (name, row) = (&kinds[id.kind].spec().name, id.row);
        let controller = if rules.is_driven(id.kind) { *controller } else { Controller::External };
        let is_beside = home.is_some_and(|(_, is_beside)| is_beside);
        let has_rival = players.is_of_rival(id.kind, row, kinds[id.kind].rows(world), is_beside);
        Some(AgentEntry {
            id,
            name: home
                .map_or_else(|| format!("{name} {row}"), |(arena, _)| format!("{name} {row} · arena {}", arena.index)),
            driver: match driver(controller, taken == Some(id), has_rival) {
                Driver::Policy if is_replaying => Driver::Log,
                driver => driver,
            },
            steps: episode.steps(),
            episode_return: kinds[id.kind].rows(world).episode_returns().get(row).copied().unwrap_or(0.0),
        })
    };
    (0..kinds.len()).flat_map(|kind| kinds.agents(world, kind)).filter_map(entry).collect()
}

const fn driver(controller: Controller, is_taken: bool, is_rival: bool) -> Driver {
    match (controller, is_taken, is_rival) {
        (Controller::External, true, _) => Driver::Player,
        (Controller::External, false, _) | (Controller::Scripted, ..) => Driver::Game,
        (Controller::Idle, ..) => Driver::Nobody,
        (Controller::Policy | Controller::Waiting, _, true) => Driver::Rival,
        (Controller::Policy | Controller::Waiting, _, false) => Driver::Policy,
    }
}

/// Returns the snapshot of the selected agent.
fn look_at(world: &mut World, agent: &AgentEntry) -> AgentSnapshot {
    let (id, is_rival) = (agent.id, agent.driver == Driver::Rival);
    let kind = world.resource::<SceneKinds>()[id.kind].clone();
    let rows = kind.rows(world);
    let (senses, acts, flags) = (rows.spec().observation_width(), rows.spec().action_width(), rows.spec().mask_width());
    let observations = rows.observations()[id.row * senses..][..senses].to_vec();
    let masks = rows.masks()[id.row * flags..][..flags].to_vec();
    let begins = rows.outcomes()[id.row] == Outcome::Restart;
    let parameters = rows.episode_parameters().len() / rows.outcomes().len();
    let parameters = rows.episode_parameters()[id.row * parameters..][..parameters].to_vec();
    let action = rows.actions()[id.row * acts..][..acts].to_vec();
    let action = world.resource::<TakeOver>().action_of(id).map_or(action, <[f32]>::to_vec);
    let decides_next = world.resource::<StepClock>().is_last_tick() && kind.rows(world).decide_next();
    let mut players = world.resource_mut::<Players>();
    let decided = players.decided(id, is_rival);
    let value_source =
        players.of_mut(id.kind, is_rival).map_or_else(ValueSource::default, |player| player.value_source());
    let player = players.of_mut(id.kind, is_rival).filter(|_| decides_next);
    let next = player.map(|player| {
        let sensed = Sensed { observations: &observations, masks: &masks };
        player.decide(id.row, begins, sensed)
    });
    let action = if players.is_idle(id) { Vec::new() } else { action };
    let records = world.resource::<Records>();
    let decided_by = decided.as_ref().map(|decided| decided.label.clone());
    let memory = decided.as_ref().map_or(Vec::new(), |decided| decided.memory.clone());
    let ((heads, value), (next_heads, next_value)) = (shown(decided), shown(next));
    AgentSnapshot {
        id,
        name: agent.name.clone(),
        driver: agent.driver,
        columns: records.columns(id),
        heads,
        value,
        value_source,
        memory,
        decided_by,
        next_heads,
        next_value,
        action,
        parameters,
        episode: records.episode(id),
    }
}

/// Returns the distributions and the value of a decision; an empty list and NaN without one.
fn shown(decided: Option<Decided>) -> (Vec<HeadSnapshot>, f32) {
    let insight = decided.map(|decided| decided.insight);
    insight.map_or((Vec::new(), f32::NAN), |Insight { heads, value }| {
        (heads.into_iter().map(head).collect(), value.unwrap_or(f32::NAN))
    })
}

fn head(head: HeadInsight) -> HeadSnapshot {
    match head {
        HeadInsight::Gaussian { mean, deviation } => HeadSnapshot::Gaussian { mean, deviation },
        HeadInsight::Categorical { probabilities } => HeadSnapshot::Categorical { probabilities },
    }
}
