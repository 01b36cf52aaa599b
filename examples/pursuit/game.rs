//! Chasers and runners in a yard with walls that block the sight.
//!
//! Chasers are fast and turn like cars; runners are slower and turn at once. A runner that is caught is gone, and another
//! one comes after a while. Both kinds learn, each from what it senses itself; see [`scripts`] for what decides where no
//! policy does.

use core::f32::consts::TAU;

use bevy::prelude::*;
use bevy_ludus::agent::left_to_the_game;
use bevy_ludus::prelude::*;
use rand::RngExt;

// Named by file, so that tests find them from where they are.
#[path = "scripts.rs"]
pub mod scripts;
#[path = "senses.rs"]
pub mod senses;
#[path = "yard.rs"]
pub mod yard;

use senses::{ChaserSenses, RunnerSenses, Trail};
use yard::{free_place, keep_out};

pub const CHASERS: usize = 3;
pub const RUNNERS: usize = 3;
/// [m]
pub const CHASER_RADIUS: f32 = 0.4;
/// [m]
pub const RUNNER_RADIUS: f32 = 0.3;
/// [m/s]
pub const CHASER_SPEED: f32 = 4.5;
/// [m/s]
pub const RUNNER_SPEED: f32 = 3.2;
/// Of chasers [m/s²].
const CHASER_ACCELERATION: f32 = 6.0;
/// Of runners, in any direction [m/s²].
const RUNNER_ACCELERATION: f32 = 20.0;
/// Of chasers, at full lock [rad/s].
pub const TURN: f32 = 1.5;
/// Ticks from a catch until another runner comes.
pub const ABSENCE: u32 = 30;
/// Between a newcomer and those of the other kind [m].
const DISTANCE_AT_START: f32 = 4.0;

/// Catches runners.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Body, Seat, Trail)]
#[agent(observation = ChaserSenses, action = Drive, reward = ChaserReward)]
pub struct Chaser;

/// Runs away from chasers.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Body, Seat, Trail, ActionMask<Dash>)]
#[agent(observation = RunnerSenses, action = Dash, reward = RunnerReward)]
pub struct Runner;

/// The action of a chaser.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Drive {
    /// Forwards, as a share of the full speed.
    #[action(continuous, range = -0.25..=1.0)]
    pub speed: f32,
    /// To the left, as a share of the full lock.
    #[action(continuous)]
    pub turn: f32,
}

/// The action of a runner: a direction at full speed, counted from east to the left, or none.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    #[default]
    Stay,
    East,
    NorthEast,
    North,
    NorthWest,
    West,
    SouthWest,
    South,
    SouthEast,
}

/// The reward of a chaser.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct ChaserReward {
    /// 1 for every runner that it catches.
    pub caught: f32,
    /// 1 for every runner that another chaser of its yard catches.
    pub team_caught: f32,
    /// The way by which the nearest runner that it sees came nearer in this tick [m].
    pub approach: f32,
}

/// The reward of a runner.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct RunnerReward {
    /// For how long it has not been caught [s].
    pub survived: f32,
    /// 1 for being caught.
    pub caught: f32,
}

/// The place of an agent in its yard, and its motion.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// From the middle of the yard [m].
    pub place: Vec2,
    /// [m/s]
    pub velocity: Vec2,
    /// The direction in which it looks, a unit vector.
    pub ahead: Vec2,
}

/// The agent's number among the chasers or among the runners of its yard.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat(pub usize);

/// The agents in a yard: a copy, so that nobody has to be looked up. Whose episode does not run is not in it.
#[derive(Component, Default, Clone, Copy, Debug)]
pub struct Yard {
    pub chasers: [Option<Body>; CHASERS],
    pub runners: [Option<Body>; RUNNERS],
    /// The number of runners that each chaser has caught in this tick.
    pub catches: [f32; CHASERS],
    /// Ticks until a runner comes in place of one that was caught.
    pub absences: [Option<u32>; RUNNERS],
}

/// The whole game: no window, no policy.
pub fn pursuit(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(30.0))
        .add_agent::<Chaser>()
        .add_agent::<Runner>()
        .hash_component::<Body>()
        .add_observer(build_arena)
        .add_observer(restart_chaser)
        .add_observer(restart_runner)
        .add_systems(
            FixedPreUpdate,
            (
                scripts::decide_chasers.run_if(left_to_the_game::<Chaser>),
                scripts::decide_runners.run_if(left_to_the_game::<Runner>),
            )
                .before(AgentSystems::Act),
        )
        // Who starts keeps away from those whose episode runs, and not from where others ended.
        .add_systems(FixedFirst, note_places.before(AgentSystems::Restart))
        .add_systems(FixedUpdate, (bring_runners, drive, dash, note_places).chain())
        .add_systems(ScoreAgents, (catch, pay_chasers).chain())
        .add_systems(SenseAgents, (senses::sense_chasers, senses::sense_runners, senses::mask_walls));
}

impl Dash {
    /// All directions, counted from east to the left.
    pub const DIRECTIONS: [Self; 8] = [
        Self::East,
        Self::NorthEast,
        Self::North,
        Self::NorthWest,
        Self::West,
        Self::SouthWest,
        Self::South,
        Self::SouthEast,
    ];

    /// The direction as a unit vector; zero for none.
    pub fn direction(self) -> Vec2 {
        let eighths = Self::DIRECTIONS.iter().position(|&other| other == self);
        eighths.map_or(Vec2::ZERO, |eighths| Vec2::from_angle(TAU / 8.0 * eighths as f32))
    }
}

fn build_arena(on: On<Add, Arena>, mut commands: Commands) {
    commands.entity(on.entity).insert(Yard::default());
    for seat in 0..CHASERS {
        commands.spawn((Chaser, Seat(seat), InArena(on.entity)));
    }
    for seat in 0..RUNNERS {
        commands.spawn((Runner, Seat(seat), InArena(on.entity)));
    }
}

type Starting<'a> = (&'a InArena, &'a Seat, &'a mut EpisodeRng, &'a mut Body);

fn restart_chaser(
    on: On<EpisodeStart<Chaser>>,
    mut chasers: Query<(Starting, &mut Trail)>,
    mut yards: Query<&mut Yard>,
) -> Result {
    let ((home, seat, mut rng, mut body), mut trail) = chasers.get_mut(on.entity)?;
    let mut yard = yards.get_mut(home.0)?;
    *body = draw_start(&mut rng, CHASER_RADIUS, yard.runners.iter().flatten());
    *trail = Trail::default();
    // Runners that start in the same tick keep away from it.
    yard.chasers[seat.0] = Some(*body);
    Ok(())
}

fn restart_runner(
    on: On<EpisodeStart<Runner>>,
    mut runners: Query<(Starting, &mut Trail), With<Runner>>,
    yards: Query<&Yard>,
) -> Result {
    let ((home, _, mut rng, mut body), mut trail) = runners.get_mut(on.entity)?;
    *trail = Trail::default();
    *body = draw_start(&mut rng, RUNNER_RADIUS, yards.get(home.0)?.chasers.iter().flatten());
    Ok(())
}

fn draw_start<'a>(rng: &mut EpisodeRng, radius: f32, others: impl Iterator<Item = &'a Body> + Clone) -> Body {
    let others = others.map(|other| other.place);
    let place = free_place(&mut **rng, radius, others, DISTANCE_AT_START);
    Body { place, velocity: Vec2::ZERO, ahead: Vec2::from_angle(rng.random_range(0.0..TAU)) }
}

/// In place of runners that were caught.
fn bring_runners(mut yards: Query<(Entity, &mut Yard)>, mut commands: Commands) {
    for (arena, mut yard) in &mut yards {
        for (seat, absence) in yard.absences.iter_mut().enumerate() {
            *absence = absence.and_then(|ticks| ticks.checked_sub(1));
            if *absence == Some(0) {
                *absence = None;
                commands.spawn((Runner, Seat(seat), InArena(arena)));
            }
        }
    }
}

fn drive(
    time: Res<Time>,
    mut chasers: Query<(&InArena, &Seat, &Drive, &Episode, &mut Body)>,
    yards: Query<&Yard>,
) -> Result {
    let seconds = time.delta_secs();
    for (home, seat, drive, _, mut body) in chasers.iter_mut().filter(|(.., episode, _)| episode.is_running()) {
        let speed = body.velocity.dot(body.ahead);
        let change =
            (drive.speed * CHASER_SPEED - speed).clamp(-CHASER_ACCELERATION * seconds, CHASER_ACCELERATION * seconds);
        let ahead = body.ahead.rotate(Vec2::from_angle(drive.turn * TURN * seconds)).normalize();
        let others = yards.get(home.0)?.chasers.iter().enumerate().filter(|(other, _)| *other != seat.0);
        let aside = make_room(body.place, others.filter_map(|(_, other)| *other));
        let place = keep_out(body.place + ahead * (speed + change) * seconds + aside, CHASER_RADIUS);
        // What a wall takes off the speed is gone.
        *body = Body { place, velocity: (place - body.place) / seconds, ahead };
    }
    Ok(())
}

/// Chasers push each other aside, each by half of what they overlap.
fn make_room(place: Vec2, others: impl Iterator<Item = Body>) -> Vec2 {
    let aside = |other: Body| {
        let gap = place - other.place;
        let overlap = (2.0 * CHASER_RADIUS - gap.length()).max(0.0);
        gap.normalize_or_zero() * overlap / 2.0
    };
    others.map(aside).sum()
}

fn dash(time: Res<Time>, mut runners: Query<(&Dash, &Episode, &mut Body)>) {
    let seconds = time.delta_secs();
    for (dash, _, mut body) in runners.iter_mut().filter(|(_, episode, _)| episode.is_running()) {
        let change = dash.direction() * RUNNER_SPEED - body.velocity;
        let velocity = body.velocity + change.clamp_length_max(RUNNER_ACCELERATION * seconds);
        let place = keep_out(body.place + velocity * seconds, RUNNER_RADIUS);
        *body = Body { place, velocity: (place - body.place) / seconds, ahead: velocity.normalize_or(body.ahead) };
    }
}

type Placed<'a> = (&'a InArena, &'a Seat, &'a Body);

/// For all who look at others.
fn note_places(
    mut yards: Query<&mut Yard>,
    chasers: Query<(Placed, &Episode), With<Chaser>>,
    runners: Query<(Placed, &Episode), With<Runner>>,
) -> Result {
    for mut yard in &mut yards {
        *yard = Yard { absences: yard.absences, ..Yard::default() };
    }
    for ((home, seat, body), _) in chasers.iter().filter(|(_, episode)| episode.is_running()) {
        yards.get_mut(home.0)?.chasers[seat.0] = Some(*body);
    }
    for ((home, seat, body), _) in runners.iter().filter(|(_, episode)| episode.is_running()) {
        yards.get_mut(home.0)?.runners[seat.0] = Some(*body);
    }
    Ok(())
}

/// The chaser that catches a runner at `place`: the nearest one that touches it.
fn catcher(yard: &Yard, place: Vec2) -> Option<usize> {
    let distances = yard.chasers.iter().enumerate().filter_map(|(seat, chaser)| {
        let distance = chaser.as_ref()?.place.distance(place);
        (distance < CHASER_RADIUS + RUNNER_RADIUS).then_some((seat, distance))
    });
    distances.min_by(|one, other| one.1.total_cmp(&other.1)).map(|(seat, _)| seat)
}

/// Caught runners are gone.
fn catch(
    time: Res<Time>,
    mut yards: Query<&mut Yard>,
    mut runners: Query<(Entity, Placed, &mut RunnerReward, &mut Episode)>,
    mut commands: Commands,
) -> Result {
    for (runner, (home, seat, body), mut reward, mut episode) in &mut runners {
        if !episode.is_running() {
            continue;
        }
        reward.survived = time.delta_secs();
        let mut yard = yards.get_mut(home.0)?;
        if let Some(catcher) = catcher(&yard, body.place) {
            yard.catches[catcher] += 1.0;
            yard.absences[seat.0] = Some(ABSENCE);
            reward.caught = 1.0;
            episode.terminate();
            commands.entity(runner).despawn();
        }
    }
    Ok(())
}

fn pay_chasers(
    time: Res<Time>,
    mut chasers: Query<(&InArena, &Seat, &ChaserSenses, &mut ChaserReward)>,
    yards: Query<&Yard>,
) -> Result {
    for (home, seat, senses, mut reward) in &mut chasers {
        let catches = &yards.get(home.0)?.catches;
        let caught = catches[seat.0];
        let approach = senses.closing_speed() * time.delta_secs();
        *reward = ChaserReward { caught, team_caught: catches.iter().sum::<f32>() - caught, approach };
    }
    Ok(())
}
