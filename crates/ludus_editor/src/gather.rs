//! Gathers what panels draw from, once per image.

use bevy::prelude::*;
use ludus_agent::{Arena, Controller, Episode, InArena, Slot, StepClock};
use ludus_policy::{HeadInsight, Insight, Sensed};

use crate::scene::{Decided, OfRival, Playback, Players, Records, Replaying, SceneKind, Scores, Stage};
use crate::selection::Selection;
use crate::snapshot::{AgentEntry, AgentSnapshot, Driver, HeadSnapshot, SceneSnapshot};
use crate::takeover::TakeOver;

type Agents<'a> = (&'a Slot, &'a Controller, &'a Episode, Option<&'a InArena>);
type Homes<'a> = (&'a Arena, Has<OfRival>);

/// Takes the picture of the scene that all panels of this image share.
pub fn gather(world: &mut World, agents: &mut QueryState<Agents>, homes: &mut QueryState<Homes>) {
    let kind = world.resource::<SceneKind>().0.clone();
    let (agents, homes) = (agents.query(world), homes.query(world));
    let taken = world.resource::<TakeOver>().row();
    let replay = world.resource::<Replaying>().playback().map(Playback::snapshot);
    let name = &kind.spec().name;
    let rows = kind.rows(world);
    let entry = |(slot, controller, episode, home): (&Slot, &Controller, &Episode, Option<&InArena>)| {
        let home = home.and_then(|home| homes.get(home.0).ok());
        let row = slot.index();
        AgentEntry {
            row,
            name: home
                .map_or_else(|| format!("{name} {row}"), |(arena, _)| format!("{name} {row} · arena {}", arena.index)),
            driver: match driver(*controller, taken == Some(row), home.is_some_and(|(_, is_rival)| is_rival)) {
                Driver::Policy if replay.is_some() => Driver::Log,
                driver => driver,
            },
            steps: episode.steps(),
            episode_return: rows.episode_returns().get(row).copied().unwrap_or(0.0),
        }
    };
    let mut agents: Vec<_> = agents.iter().map(entry).collect();
    agents.sort_unstable_by_key(|agent| agent.row);
    let selected = world.resource::<Selection>().row();
    let selected = agents.iter().find(|agent| Some(agent.row) == selected).map(|agent| look_at(world, agent));
    let weights = kind.rows(world).weights().to_vec();
    let (stage, replaying) = (world.resource::<Stage>(), world.resource::<Replaying>());
    let (world_index, arenas) = replaying.place().unwrap_or_else(|| (stage.world(), stage.arenas()));
    let decision_interval = world.resource::<StepClock>().decision_interval().get();
    let players = world.resource::<Players>();
    let (policy, rival) =
        (players.own().map(|own| own.label().clone()), players.rival().map(|rival| rival.label().clone()));
    let scores = *world.resource::<Scores>();
    let mut scene = world.resource_mut::<SceneSnapshot>();
    let SceneSnapshot { spec, tick_rate_hz, .. } = core::mem::take(&mut *scene);
    *scene = SceneSnapshot {
        spec,
        weights,
        tick_rate_hz,
        decision_interval,
        policy,
        rival,
        score: scores.own,
        rival_score: scores.rival,
        replay,
        world: world_index,
        arenas,
        agents,
        selected,
    };
}

const fn driver(controller: Controller, is_taken: bool, is_rival: bool) -> Driver {
    match (controller, is_taken, is_rival) {
        (Controller::External, true, _) => Driver::Player,
        (Controller::External, false, _) => Driver::Game,
        (Controller::Idle, ..) => Driver::Nobody,
        (Controller::Policy | Controller::Waiting, _, true) => Driver::Rival,
        (Controller::Policy | Controller::Waiting, _, false) => Driver::Policy,
    }
}

/// Everything about one agent.
fn look_at(world: &mut World, agent: &AgentEntry) -> AgentSnapshot {
    let kind = world.resource::<SceneKind>().0.clone();
    let (row, is_rival) = (agent.row, agent.driver == Driver::Rival);
    let rows = kind.rows_mut(world);
    let (senses, acts, flags) = (rows.spec().observation_width(), rows.spec().action_width(), rows.spec().mask_width());
    let observations = rows.observations()[row * senses..][..senses].to_vec();
    let masks = rows.masks()[row * flags..][..flags].to_vec();
    let action = rows.actions_mut()[row * acts..][..acts].to_vec();
    let action = world.resource::<TakeOver>().action_of(row).map_or(action, <[f32]>::to_vec);
    let is_step_over = world.resource::<StepClock>().is_last_tick();
    let mut players = world.resource_mut::<Players>();
    let decided = players.decided(row, is_rival);
    let player = players.of_mut(is_rival).filter(|_| is_step_over);
    let next = player.map(|player| player.decide(Sensed { observations: &observations, masks: &masks }));
    let action = if players.is_idle(row) { Vec::new() } else { action };
    let records = world.resource::<Records>();
    let decided_by = decided.as_ref().map(|decided| decided.label.clone());
    let ((heads, value), (next_heads, next_value)) = (shown(decided), shown(next));
    AgentSnapshot {
        row,
        name: agent.name.clone(),
        driver: agent.driver,
        columns: records.columns(row),
        heads,
        value,
        decided_by,
        next_heads,
        next_value,
        action,
        episode: records.episode(row),
    }
}

/// The distributions and the value; none and NaN where nobody decided.
fn shown(decided: Option<Decided>) -> (Vec<HeadSnapshot>, f32) {
    let insight = decided.map(|decided| decided.insight);
    insight.map_or((Vec::new(), f32::NAN), |Insight { heads, value }| (heads.into_iter().map(head).collect(), value))
}

fn head(head: HeadInsight) -> HeadSnapshot {
    match head {
        HeadInsight::Gaussian { mean, deviation } => HeadSnapshot::Gaussian { mean, deviation },
        HeadInsight::Categorical { probabilities } => HeadSnapshot::Categorical { probabilities },
    }
}
