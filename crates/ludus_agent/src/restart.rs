//! The restart: agents get their rows, and ended episodes start anew.

use core::any::TypeId;

use bevy::ecs::system::SystemState;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use bevy::utils::prelude::ShortName;

use crate::arena::ArenaCounts;
use crate::episode::End;
use crate::parameters::{
    EpisodeStarts, comes_next, draw_arena_parameters, draw_for_arena, draw_parameters, note_parameters,
};
use crate::schedule::RowSystems;
use crate::turnover::watch_filters;
use crate::{
    Action, Agent, AgentRows, AgentSystems, Arena, ArenaMembers, Episode, EpisodeEntities, EpisodeLimit, EpisodeRng,
    EpisodeScope, EpisodeStart, FirstEpisodes, Home, InArena, MatchRestart, MatchRestarts, MatchResult, ParameterPlan,
    Slot, StepClock, Team, UnfilteredQuery, WorldSeed,
};

type Starting<'a> = (&'a mut Episode, &'a mut EpisodeRng, Has<EpisodeLimit>);
type Started<'a> = (&'a Episode, &'a EpisodeRng, Has<EpisodeEntities>);

/// Begins a step: agents that have restarted run, and agents that have ended or are new restart.
pub(crate) fn restart<A: Agent>(
    world: &mut World,
    agents: &mut QueryState<Starting>,
    started: &mut QueryState<Started>,
) {
    if !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    watch_filters::<A>(world);
    let mut rows = world.resource_mut::<AgentRows<A>>();
    rows.open_step();
    if rows.decisions.are_due() && !rows.turnover.restarting.is_empty() {
        run_restarted::<A>(world, agents);
    }
    collect_ended::<A>(world);
    admit_waiting::<A>(world);
    if world.resource::<AgentRows<A>>().turnover.starting.is_empty() {
        return;
    }
    // Taken out and put back: observers of the events may spawn and despawn agents, which changes the rows.
    let mut starting = core::mem::take(&mut world.resource_mut::<AgentRows<A>>().turnover.starting);
    starting.sort_unstable_by_key(|&(row, _)| row);
    let seed = *world.resource::<WorldSeed>();
    let limit = world.resource::<AgentRows<A>>().default_limit;
    let mut query = agents.query_mut(world);
    for (_, agent) in &starting {
        if let Ok((mut episode, mut rng, has_own_limit)) = query.get_mut(*agent) {
            if !has_own_limit {
                // The run's limit may have changed meanwhile.
                episode.set_limit(limit);
            }
            episode.restart();
            rng.restart(seed, episode.number());
        }
    }
    started.update_archetypes(world);
    begin_disturbances::<A>(world, started, &starting);
    if world.get_resource::<ParameterPlan>().is_some_and(|plan| !plan.sets().is_empty()) {
        starting.iter().for_each(|&(row, agent)| begin_parameters::<A>(world, row, agent));
    }
    if world.resource::<AgentRows<A>>().have_teams() {
        starting.iter().for_each(|&(row, agent)| note_team::<A>(world, row, agent));
    }
    let mut archetypes = world.archetypes().generation();
    for &(row, agent) in &starting {
        // An observer of another agent's start may have given it other components.
        if world.archetypes().generation() != archetypes {
            archetypes = world.archetypes().generation();
            started.update_archetypes(world);
        }
        // An observer of another agent's start may have removed it.
        if world.resource::<AgentRows<A>>().agent(row as usize) == Some(agent) {
            start_episode::<A>(world, started, agent);
        }
    }
    world.resource_mut::<StartingArena>().0 = None;
    let turnover = &mut world.resource_mut::<AgentRows<A>>().into_inner().turnover;
    turnover.restarting.extend(starting.iter().map(|&(_, agent)| agent));
    turnover.starting = starting;
}

/// Notes the arena and the team of an agent whose episode starts.
///
/// # Panics
///
/// If the agent of a kind with sides is on none.
pub(crate) fn note_team<A: Agent>(world: &mut World, row: u32, agent: Entity) {
    let Ok(entity) = world.get_entity(agent) else { return };
    let team = match entity.get::<A::Team>() {
        Some(team) => team.index() as u16,
        None if A::Team::NAMES.is_empty() => 0,
        None => {
            let team = ShortName::of::<A::Team>();
            panic!("an agent `{}` was spawned without its `{team}`: add it where the agent is spawned", A::NAME);
        }
    };
    let arena = entity.get::<EpisodeRng>().and_then(EpisodeRng::arena);
    world.resource_mut::<AgentRows<A>>().set_team(row as usize, arena, team);
}

/// Sets agents whose restart is over running, unless their arena's episode ended in it.
fn run_restarted<A: Agent>(world: &mut World, agents: &mut QueryState<Starting>) {
    let mut restarting = core::mem::take(&mut world.resource_mut::<AgentRows<A>>().turnover.restarting);
    let mut query = agents.query_mut(world);
    for agent in restarting.drain(..) {
        if let Ok((mut episode, ..)) = query.get_mut(agent) {
            episode.run();
        }
    }
    world.resource_mut::<AgentRows<A>>().turnover.restarting = restarting;
}

/// Collects the agents that restart because their episode ended, unless they are gone.
fn collect_ended<A: Agent>(world: &mut World) {
    let rows = &mut **world.resource_mut::<AgentRows<A>>().into_inner();
    let turnover = &mut rows.turnover;
    turnover.starting.clear();
    let agents = &turnover.agents;
    let is_there = |&(row, agent): &(u32, Entity)| agents[row as usize] == Some(agent);
    turnover.starting.extend(turnover.ended.drain(..).filter(is_there));
    for index in 0..rows.turnover.starting.len() {
        rows.begin_episode(rows.turnover.starting[index].0);
    }
}

/// Gives rows to the agents that came since the last step, as long as there are any.
fn admit_waiting<A: Agent>(world: &mut World) {
    if world.resource::<AgentRows<A>>().turnover.waiting.is_empty() {
        return;
    }
    let waiting = core::mem::take(&mut world.resource_mut::<AgentRows<A>>().turnover.waiting);
    for agent in waiting {
        admit::<A>(world, agent);
    }
}

fn admit<A: Agent>(world: &mut World, agent: Entity) {
    let mut rows = world.resource_mut::<AgentRows<A>>();
    let Some(row) = rows.take_row(agent) else {
        return rows.turnover.waiting.push(agent);
    };
    rows.begin_episode(row);
    rows.turnover.starting.push((row, agent));
    let limit = rows.default_limit;
    world.entity_mut(agent).insert(Slot::new(row));
    if let Some(mut episode) = world.get_mut::<Episode>(agent) {
        episode.set_default_limit(limit);
    }
    // An agent that returns keeps its identity and the count of its episodes.
    if world.get::<EpisodeRng>(agent).is_some_and(|rng| rng.home() == Home::default()) {
        settle::<A>(world, agent);
    }
}

/// Sets the identity of a new agent's random numbers and the number of its first episode.
pub(crate) fn settle<A: Agent>(world: &mut World, agent: Entity) {
    let home = home(world, agent);
    let seed = *world.resource::<WorldSeed>();
    let first = world.get_resource::<FirstEpisodes>().map_or(1, |first| first.of(home.member));
    // Agents that come later start at other times than the first ones anyway.
    let is_first_step = world.resource::<StepClock>().ticks() <= 1;
    let staggers = is_first_step && first == 1 && world.resource::<AgentRows<A>>().staggers;
    if let Some(mut episode) = world.get_mut::<Episode>(agent) {
        episode.skip_to(first);
        if staggers {
            episode.stagger(home.phase(seed));
        }
    }
    if let Some(mut rng) = world.get_mut::<EpisodeRng>(agent) {
        rng.settle(home);
    }
}

/// Numbers a new agent among those of its arena, or of the world if it is in none.
fn home(world: &mut World, agent: Entity) -> Home {
    let arena = world.get::<InArena>(agent).map(|home| home.0);
    if let Some(mut arena) = arena.and_then(|arena| world.get_entity_mut(arena).ok())
        && let Some(index) = arena.get::<Arena>().map(|arena| arena.index)
        && let Some(mut counts) = arena.get_mut::<ArenaCounts>()
    {
        counts.agents += 1;
        return Home { arena: Some(index), member: counts.agents };
    }
    let mut without_arena = world.resource_mut::<AgentsWithoutArena>();
    without_arena.0 += 1;
    Home { arena: None, member: without_arena.0 }
}

/// The count of agents of all kinds that have come outside of arenas; seeds derive from it.
#[derive(Resource, Default)]
pub(crate) struct AgentsWithoutArena(pub u32);

/// Begins the noise on the observations of agents whose episode starts, and empties what delays their actions.
fn begin_disturbances<A: Agent>(world: &mut World, agents: &QueryState<Started>, starting: &[(u32, Entity)]) {
    let disturbance = &world.resource::<AgentRows<A>>().disturbance;
    if !disturbance.has_noise() && !disturbance.delays() {
        return;
    }
    let seed = *world.resource::<WorldSeed>();
    let mut idle = vec![0.0; A::Action::WIDTH];
    A::Action::default().write(&mut idle);
    for &(row, agent) in starting {
        let Ok((episode, rng, _)) = agents.get_manual(world, agent) else { continue };
        let noise = rng.home().noise(seed, episode.number());
        world.resource_mut::<AgentRows<A>>().disturbance.begin_episode(row as usize, noise, &idle);
    }
}

/// Draws the parameters of an agent's episode, and notes them in its row.
fn begin_parameters<A: Agent>(world: &mut World, row: u32, agent: Entity) {
    let Ok(entity) = world.get_entity(agent) else { return };
    let (Some(episode), Some(rng)) = (entity.get::<Episode>(), entity.get::<EpisodeRng>()) else { return };
    let start = EpisodeStarts { owner: TypeId::of::<A>(), home: rng.home(), number: episode.number() };
    let arena = entity.get::<InArena>().map(|home| home.0);
    draw_parameters(&mut DeferredWorld::from(&mut *world), agent, start);
    note_parameters::<A>(world, agent, row, arena);
}

/// Despawns the entities of the agent's last episode and triggers [`EpisodeStart`].
fn start_episode<A: Agent>(world: &mut World, agents: &QueryState<Started>, agent: Entity) {
    let Ok((episode, rng, has_left_over)) = agents.get_manual(world, agent) else { return };
    let (number, arena) = (episode.number(), rng.arena());
    if has_left_over {
        world.entity_mut(agent).despawn_related::<EpisodeEntities>();
    }
    world.resource_mut::<StartingArena>().0 = arena;
    world.trigger(EpisodeStart::<A>::new(agent, number));
}

/// The index of the arena in which an episode is being started, if one is.
///
/// It is the arena of a panic in an observer of [`EpisodeStart`]. The arena of a panic in a system is not known,
/// because systems visit all arenas.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartingArena(pub Option<u32>);

/// True once any agent has [`EpisodeScope::Arena`]. Before that, the systems for shared episodes do nothing.
#[derive(Resource, Default)]
pub(crate) struct SharedEpisodes(bool);

/// Adds the systems for arenas with episodes of their own.
pub(crate) fn add_arenas(app: &mut App) {
    app.init_resource::<SharedEpisodes>();
    app.add_observer(note_scope);
    let start = (draw_arena_parameters, start_arenas).chain();
    app.add_systems(FixedFirst, start.in_set(AgentSystems::Restart).before(RowSystems::Restart));
    let shared = resource_equals_shared;
    let end = end_together.in_set(AgentSystems::Score).before(RowSystems::Score).run_if(shared);
    app.add_systems(FixedLast, end.after(crate::schedule::run_score));
}

fn resource_equals_shared(shared: Res<SharedEpisodes>) -> bool {
    shared.0
}

fn note_scope(
    on: On<Insert, EpisodeScope>,
    scopes: UnfilteredQuery<&EpisodeScope>,
    mut shared: ResMut<SharedEpisodes>,
) {
    shared.0 |= scopes.get(on.entity).is_ok_and(|scope| *scope == EpisodeScope::Arena);
}

type SharedArenas<'w, 's> =
    (UnfilteredQuery<'w, 's, (Entity, &'static ArenaMembers)>, Query<'w, 's, Sharing, With<Slot>>);
type Sharing = (&'static EpisodeScope, &'static Episode);

/// Starts the episodes of arenas whose agents with a shared episode have all ended or are new, before their agents'.
fn start_arenas(world: &mut World, shared: &mut SystemState<SharedArenas<'static, 'static>>) {
    if !world.resource::<SharedEpisodes>().0 || !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    if let Some(mut restarts) = world.get_resource_mut::<MatchRestarts>() {
        restarts.clear();
    }
    let Ok((arenas, agents)) = shared.get(world) else { return };
    let is_starting = |members: &ArenaMembers| {
        let mut shared =
            members.iter().filter_map(|member| agents.get(member).ok()).filter(|agent| *agent.0 == EpisodeScope::Arena);
        match shared.next() {
            Some((_, first)) => first.wants_restart() && shared.all(|(_, next)| next.wants_restart()),
            None => members.iter().any(|member| comes_next(world, member, EpisodeScope::Arena)),
        }
    };
    let starting: Vec<_> = arenas.iter().filter(|(_, members)| is_starting(members)).map(|(arena, _)| arena).collect();
    for arena in starting {
        start_arena(world, arena);
    }
}

fn start_arena(world: &mut World, arena: Entity) {
    let seed = *world.resource::<WorldSeed>();
    let mut entity = world.entity_mut(arena);
    let Some(mut counts) = entity.get_mut::<ArenaCounts>() else { return };
    counts.episodes += 1;
    let number = counts.episodes;
    finish_match(world, arena, number);
    let mut entity = world.entity_mut(arena);
    let mut index = None;
    if let Some(mut rng) = entity.get_mut::<EpisodeRng>() {
        rng.restart(seed, number);
        index = rng.arena();
    }
    entity.despawn_related::<EpisodeEntities>();
    draw_for_arena(&mut DeferredWorld::from(&mut *world), arena);
    world.resource_mut::<StartingArena>().0 = index;
    world.trigger(EpisodeStart::<Arena>::new(arena, number));
    world.resource_mut::<StartingArena>().0 = None;
}

/// Reports the match that has ended in an arena and clears its result. `number` is that of the episode that starts.
fn finish_match(world: &mut World, arena: Entity, number: u32) {
    let Ok(entity) = world.get_entity(arena) else { return };
    let (Some(&result), Some(&Arena { index })) = (entity.get::<MatchResult>(), entity.get::<Arena>()) else { return };
    let members = entity.get::<ArenaMembers>().map(|members| members.iter().collect()).unwrap_or(Vec::new());
    let is_staggered = members.iter().any(|&member| world.get::<Episode>(member).is_some_and(Episode::is_staggered));
    let ended = (number > 1 && !is_staggered).then_some(result);
    world.resource_mut::<MatchRestarts>().add(MatchRestart { arena: index, ended });
    if let Some(mut result) = world.get_mut::<MatchResult>(arena) {
        *result = MatchResult::default();
    }
}

/// Ends the episodes of all agents that share the arena's episode, once one of them has ended or their match has a
/// result.
pub(crate) fn end_together(
    clock: Res<StepClock>,
    arenas: UnfilteredQuery<(&ArenaMembers, Option<&MatchResult>)>,
    mut agents: Query<(&EpisodeScope, &mut Episode), With<Slot>>,
) {
    for (members, result) in arenas.iter() {
        let is_decided = result.is_some_and(|result| result.places().is_some());
        let mut end = is_decided.then_some(End::Terminated);
        let mut success = None;
        let mut shared = agents.iter_many_mut(members.iter());
        while let Some((scope, mut episode)) = shared.fetch_next() {
            if *scope == EpisodeScope::Arena {
                // A result in the last step that the limit allows is a result.
                if clock.is_last_tick() && !is_decided {
                    episode.heed_limit();
                }
                end = end.max(episode.ended());
                success = success.max(episode.success().filter(|_| episode.has_ended()));
            }
        }
        let Some(end) = end else { continue };
        let mut shared = agents.iter_many_mut(members.iter());
        while let Some((scope, mut episode)) = shared.fetch_next() {
            if *scope == EpisodeScope::Arena {
                episode.end_with_others(end, success);
            }
        }
    }
}
