//! The restart: agents get their rows, ended episodes start anew, agents that went leave their rows.

use bevy::prelude::*;
use ludus_spec::Outcome;

use crate::arena::ArenaCounts;
use crate::schedule::RowSystems;
use crate::{
    Agent, AgentRows, AgentSystems, Arena, ArenaMembers, Controller, Episode, EpisodeEntities, EpisodeRng,
    EpisodeScope, EpisodeStart, FirstEpisodes, Home, InArena, Slot, StepClock, WorldSeed,
};

/// A new agent waits for its row until the next step begins.
pub(crate) fn await_row<A: Agent>(on: On<Add, A>, mut rows: ResMut<AgentRows<A>>) {
    rows.turnover.waiting.push(on.entity);
}

/// An agent that goes leaves its row, whatever it was doing. If that cuts an episode short, it terminates it.
pub(crate) fn release_row<A: Agent>(
    on: On<Remove, A>,
    mut rows: ResMut<AgentRows<A>>,
    agents: Query<(&Slot, &Episode, &Controller)>,
) {
    rows.turnover.waiting.retain(|&agent| agent != on.entity);
    let Ok((slot, episode, controller)) = agents.get(on.entity) else { return };
    let row = slot.index() as u32;
    let is_reported = || rows.turnover.ended.contains(&(row, on.entity));
    if episode.is_running() || (episode.ended().is_some() && !is_reported()) {
        // There is no observation left to bootstrap from.
        let is_learned_from = *controller == Controller::Policy;
        rows.outcomes[slot.index()] = if is_learned_from { Outcome::Terminated } else { Outcome::Vacant };
        rows.finish_episode(row, episode.steps() + 1, Outcome::Terminated);
    }
    rows.release_row(row);
}

type Starting<'a> = (&'a mut Episode, &'a mut EpisodeRng, Option<&'a EpisodeEntities>);

/// Begins a step: whoever restarted runs, whoever ended or came restarts.
pub(crate) fn restart<A: Agent>(world: &mut World, agents: &mut QueryState<Starting>) {
    if !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    world.resource_mut::<AgentRows<A>>().vacate_rows();
    run_restarted::<A>(world, agents);
    collect_ended::<A>(world);
    admit_waiting::<A>(world);
    // Taken out and put back: observers of the events may spawn and despawn agents, which changes the rows.
    let mut starting = core::mem::take(&mut world.resource_mut::<AgentRows<A>>().turnover.starting);
    starting.sort_unstable_by_key(|&(row, _)| row);
    let seed = *world.resource::<WorldSeed>();
    let mut query = agents.query_mut(world);
    for (_, agent) in &starting {
        if let Ok((mut episode, mut rng, _)) = query.get_mut(*agent) {
            episode.restart();
            rng.restart(seed, episode.number());
        }
    }
    for &(_, agent) in &starting {
        start_episode::<A>(world, agents, agent);
    }
    world.resource_mut::<AgentRows<A>>().turnover.starting = starting;
}

/// Agents whose restart step is over run from now on.
fn run_restarted<A: Agent>(world: &mut World, agents: &mut QueryState<Starting>) {
    let mut restarted = core::mem::take(&mut world.resource_mut::<AgentRows<A>>().turnover.starting);
    let mut query = agents.query_mut(world);
    for (_, agent) in restarted.drain(..) {
        if let Ok((mut episode, ..)) = query.get_mut(agent) {
            episode.run();
        }
    }
    world.resource_mut::<AgentRows<A>>().turnover.starting = restarted;
}

/// Agents whose episode ended restart, unless they are gone.
fn collect_ended<A: Agent>(world: &mut World) {
    let rows = &mut **world.resource_mut::<AgentRows<A>>().into_inner();
    let turnover = &mut rows.turnover;
    let agents = &turnover.agents;
    let is_there = |&(row, agent): &(u32, Entity)| agents[row as usize] == Some(agent);
    turnover.starting.extend(turnover.ended.drain(..).filter(is_there));
    for &(row, _) in &turnover.starting {
        rows.outcomes[row as usize] = Outcome::Restart;
    }
    for index in 0..rows.turnover.starting.len() {
        rows.begin_episode(rows.turnover.starting[index].0);
    }
}

/// Agents that came since the last step get rows, as long as there are any.
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
    rows.outcomes[row as usize] = Outcome::Restart;
    rows.begin_episode(row);
    rows.turnover.starting.push((row, agent));
    let (limit, staggers) = (rows.default_limit, rows.staggers);
    let home = home(world, agent);
    let seed = *world.resource::<WorldSeed>();
    let first = world.get_resource::<FirstEpisodes>().map_or(1, |first| first.of(home.member));
    let mut agent = world.entity_mut(agent);
    agent.insert(Slot::new(row));
    if let Some(mut episode) = agent.get_mut::<Episode>() {
        episode.set_default_limit(limit);
        episode.skip_to(first);
        if staggers && first == 1 {
            episode.stagger(home.phase(seed));
        }
    }
    if let Some(mut rng) = agent.get_mut::<EpisodeRng>() {
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
    let mut homeless = world.resource_mut::<Homeless>();
    homeless.0 += 1;
    Home { arena: None, member: homeless.0 }
}

/// How many agents have come outside any arena, of all kinds; seeds derive from it.
#[derive(Resource, Default)]
pub(crate) struct Homeless(u32);

/// Clears what the last episode left and tells the game.
fn start_episode<A: Agent>(world: &mut World, agents: &mut QueryState<Starting>, agent: Entity) {
    let Ok((episode, rng, left_over)) = agents.get_manual(world, agent) else { return };
    let (number, arena) = (episode.number(), rng.arena());
    if left_over.is_some() {
        world.entity_mut(agent).despawn_related::<EpisodeEntities>();
    }
    in_arena(world, arena, |world| world.trigger(EpisodeStart::<A>::new(agent, number)));
}

/// The arena whose episode is being started, if one is: where the game is when it panics there.
///
/// A system of the game visits all arenas, so of a panic in one nobody knows where it was.
#[derive(Resource, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartingArena(pub Option<u32>);

fn in_arena(world: &mut World, arena: Option<u32>, start: impl FnOnce(&mut World)) {
    world.resource_mut::<StartingArena>().0 = arena;
    start(world);
    world.resource_mut::<StartingArena>().0 = None;
}

/// Whether any agent's episode is its arena's; most games never pay for it.
#[derive(Resource, Default)]
pub(crate) struct SharedEpisodes(bool);

/// Adds what arenas with episodes of their own need.
pub(crate) fn add_arenas(app: &mut App) {
    app.init_resource::<SharedEpisodes>();
    app.add_observer(note_scope);
    app.add_systems(FixedFirst, start_arenas.in_set(AgentSystems::Restart).before(RowSystems::Restart));
    let shared = resource_equals_shared;
    let end = end_together.in_set(AgentSystems::Score).before(RowSystems::Score).run_if(shared);
    app.add_systems(FixedLast, end.after(crate::schedule::run_score));
}

fn resource_equals_shared(shared: Res<SharedEpisodes>) -> bool {
    shared.0
}

fn note_scope(on: On<Insert, EpisodeScope>, scopes: Query<&EpisodeScope>, mut shared: ResMut<SharedEpisodes>) {
    shared.0 |= scopes.get(on.entity).is_ok_and(|scope| *scope == EpisodeScope::Arena);
}

/// Arenas whose agents have all ended or just come start an episode of their own, before their agents do.
fn start_arenas(
    world: &mut World,
    arenas: &mut QueryState<(Entity, &ArenaMembers)>,
    agents: &mut QueryState<(&EpisodeScope, &Episode)>,
) {
    if !world.resource::<SharedEpisodes>().0 || !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    let (arenas, agents) = (arenas.query(world), agents.query(world));
    let is_starting = |members: &ArenaMembers| {
        let mut shared =
            members.iter().filter_map(|member| agents.get(member).ok()).filter(|agent| *agent.0 == EpisodeScope::Arena);
        shared.next().is_some_and(|(_, first)| first.wants_restart()) && shared.all(|(_, next)| next.wants_restart())
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
    let mut index = None;
    if let Some(mut rng) = entity.get_mut::<EpisodeRng>() {
        rng.restart(seed, number);
        index = rng.arena();
    }
    entity.despawn_related::<EpisodeEntities>();
    in_arena(world, index, |world| world.trigger(EpisodeStart::<Arena>::new(arena, number)));
}

/// Where one agent of an arena has ended, those who share its episode end too.
pub(crate) fn end_together(
    clock: Res<StepClock>,
    arenas: Query<&ArenaMembers>,
    mut agents: Query<(&EpisodeScope, &mut Episode)>,
) {
    for members in &arenas {
        let mut end = None;
        let mut shared = agents.iter_many_mut(members.iter());
        while let Some((scope, mut episode)) = shared.fetch_next() {
            if *scope == EpisodeScope::Arena {
                if clock.is_last_tick() {
                    episode.heed_limit();
                }
                end = end.max(episode.ended());
            }
        }
        let Some(end) = end else { continue };
        let mut shared = agents.iter_many_mut(members.iter());
        while let Some((scope, mut episode)) = shared.fetch_next() {
            if *scope == EpisodeScope::Arena {
                episode.end(end);
            }
        }
    }
}
