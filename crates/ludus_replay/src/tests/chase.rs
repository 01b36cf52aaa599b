//! Chasers, runners and a wind on a line. Every episode draws where all of them begin.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Episode, EpisodeRng, EpisodeScope, EpisodeStart, InArena, Observation, Reward,
    ScoreAgents, SenseAgents,
};
use ludus_worlds::Game;
use rand::RngExt;

#[derive(Component, Agent, Default)]
#[require(Place, EpisodeScope::Arena)]
#[agent(observation = ChaserSight, action = Chase, reward = ChaserReward)]
pub struct Chaser;

#[derive(Component, Agent, Default)]
#[require(Place, EpisodeScope::Arena)]
#[agent(observation = RunnerSight, action = Run, reward = RunnerReward)]
pub struct Runner;

/// Moves in every tick by its random numbers. No policy decides for it.
#[derive(Component, Agent, Default)]
#[require(Place, EpisodeScope::Arena)]
#[agent(observation = WindSight, action = Blow, reward = WindReward)]
pub struct Wind;

#[derive(Component, Default)]
pub struct Place(f32);

/// The slope that each episode of an arena draws anew.
#[derive(Component, Default)]
struct Slope(f32);

#[derive(Component, Observation, Default)]
pub struct ChaserSight {
    own: f32,
    runner: f32,
}

#[derive(Component, Action, Default)]
pub struct Chase {
    #[action(continuous)]
    speed: f32,
    #[action(discrete)]
    dashes: bool,
}

#[derive(Component, Reward, Default)]
pub struct ChaserReward {
    close: f32,
}

#[derive(Component, Observation, Default)]
pub struct RunnerSight {
    own: f32,
    chasers: f32,
    wind: f32,
}

#[derive(Component, Action, Default)]
pub struct Run {
    #[action(discrete = 3)]
    way: u32,
}

#[derive(Component, Reward, Default)]
pub struct RunnerReward {
    away: f32,
    time: f32,
}

#[derive(Component, Observation, Default)]
pub struct WindSight {
    own: f32,
}

#[derive(Component, Action, Default)]
pub struct Blow {
    #[action(continuous)]
    strength: f32,
}

#[derive(Component, Reward, Default)]
pub struct WindReward {
    nothing: f32,
}

/// The speed of a chaser that makes the game panic, unless it dashes.
pub const PANIC: f32 = 0.75;

/// The kinds that the game has. Chasers are always there: two in each arena, beside one of each other kind.
#[derive(Clone, Copy, Default)]
pub struct Cast {
    pub has_runner: bool,
    pub has_wind: bool,
    /// Leaves all arenas but the first without a runner.
    pub is_first_arena_special: bool,
    /// Gives each agent episodes of its own.
    pub is_apart: bool,
}

/// The game. Its kinds are `Chaser`, `Wind` and `Runner`, in that order.
pub fn chase(cast: Cast) -> Game {
    Arc::new(move |app: &mut App| add_chase(app, cast))
}

fn add_chase(app: &mut App, cast: Cast) {
    app.add_agent::<Chaser>();
    if cast.has_wind {
        app.add_agent::<Wind>().add_observer(begin::<Wind>);
    }
    if cast.has_runner {
        app.add_agent::<Runner>().add_observer(begin::<Runner>);
    }
    app.add_observer(begin::<Chaser>).add_observer(begin_arena);
    app.add_observer(move |on: On<Add, Arena>, arenas: Query<&Arena>, mut commands: Commands| {
        let is_first = arenas.get(on.entity).is_ok_and(|arena| arena.index == 0);
        let has_runner = cast.has_runner && (is_first || !cast.is_first_arena_special);
        spawn(&mut commands, on.entity, Cast { has_runner, ..cast });
    });
    app.add_systems(FixedUpdate, (blow, run, move_chasers).chain());
    app.add_systems(ScoreAgents, (score_chasers, score_runners).chain());
    app.add_systems(SenseAgents, sense);
}

fn spawn(commands: &mut Commands, arena: Entity, cast: Cast) {
    let scope = if cast.is_apart { EpisodeScope::Agent } else { EpisodeScope::Arena };
    commands.entity(arena).insert(Slope::default());
    if cast.has_runner {
        commands.spawn((Runner, scope, InArena(arena)));
    }
    commands.spawn((Chaser, scope, InArena(arena)));
    if cast.has_wind {
        commands.spawn((Wind, scope, InArena(arena)));
    }
    commands.spawn((Chaser, scope, InArena(arena)));
}

fn begin<A: Agent>(on: On<EpisodeStart<A>>, mut agents: Query<(&mut Place, &mut EpisodeRng)>) -> Result {
    let (mut place, mut rng) = agents.get_mut(on.entity)?;
    place.0 = rng.random_range(-1.0..1.0);
    Ok(())
}

fn begin_arena(on: On<EpisodeStart<Arena>>, mut arenas: Query<(&mut Slope, &mut EpisodeRng)>) -> Result {
    let (mut slope, mut rng) = arenas.get_mut(on.entity)?;
    slope.0 = rng.random_range(-0.01..0.01);
    Ok(())
}

fn blow(mut winds: Query<(&mut Place, &mut EpisodeRng), With<Wind>>) {
    for (mut place, mut rng) in &mut winds {
        place.0 = rng.random_range(-1.0..1.0);
    }
}

fn run(
    mut runners: Query<(&mut Place, &Run, &InArena, &Episode), Without<Wind>>,
    winds: Query<(&Place, &InArena), With<Wind>>,
) {
    for (mut place, run, home, episode) in &mut runners {
        let wind = winds.iter().filter(|(_, of)| of.0 == home.0).map(|(place, _)| place.0).sum::<f32>();
        if episode.is_running() {
            place.0 += 0.05 * (run.way as f32 - 1.0) + 0.01 * wind;
        }
    }
}

fn move_chasers(
    mut chasers: Query<(&mut Place, &Chase, &InArena, &Episode), With<Chaser>>,
    slopes: Query<&Slope>,
) -> Result {
    for (mut place, chase, home, episode) in &mut chasers {
        assert!(chase.speed != PANIC || chase.dashes, "a chaser stumbled");
        if episode.is_running() {
            let speed = chase.speed * if chase.dashes { 0.1 } else { 0.05 };
            place.0 += speed + slopes.get(home.0)?.0;
        }
    }
    Ok(())
}

type Runners<'w, 's> = Query<'w, 's, (&'static Place, &'static InArena), With<Runner>>;

/// The place of an arena's runner; without one, the origin.
fn runner_of(runners: &Runners, arena: Entity) -> f32 {
    runners.iter().find(|(_, of)| of.0 == arena).map_or(0.0, |(place, _)| place.0)
}

fn score_chasers(
    mut chasers: Query<(&Place, &InArena, &mut ChaserReward, &mut Episode), With<Chaser>>,
    runners: Runners,
) {
    for (place, home, mut reward, mut episode) in &mut chasers {
        let distance = (place.0 - runner_of(&runners, home.0)).abs();
        reward.close = 1.0 - distance;
        if distance < 0.01 {
            episode.terminate();
        }
    }
}

fn score_runners(
    mut runners: Query<(&Place, &InArena, &mut RunnerReward, &mut Episode), With<Runner>>,
    chasers: Query<(&Place, &InArena), With<Chaser>>,
) {
    for (place, home, mut reward, mut episode) in &mut runners {
        let nearest = chasers.iter().filter(|(_, of)| of.0 == home.0).map(|(other, _)| (other.0 - place.0).abs());
        *reward = RunnerReward { away: nearest.fold(10.0, f32::min), time: 1.0 };
        if place.0.abs() > 2.0 {
            episode.terminate();
        }
    }
}

fn sense(
    mut chasers: Query<(&Place, &InArena, &mut ChaserSight), With<Chaser>>,
    mut sights: Query<(&Place, &InArena, &mut RunnerSight), With<Runner>>,
    runners: Runners,
    winds: Query<(&Place, &InArena), With<Wind>>,
) {
    for (place, home, mut sight, ..) in &mut chasers {
        *sight = ChaserSight { own: place.0, runner: runner_of(&runners, home.0) };
    }
    let in_arena = |others: &mut dyn Iterator<Item = (&Place, &InArena)>, arena: Entity| {
        others.filter(|(_, of)| of.0 == arena).map(|(place, _)| place.0).sum::<f32>()
    };
    for (place, home, mut sight) in &mut sights {
        let chasers = in_arena(&mut chasers.iter().map(|(place, of, _)| (place, of)), home.0);
        let wind = in_arena(&mut winds.iter(), home.0);
        *sight = RunnerSight { own: place.0, chasers, wind };
    }
}
