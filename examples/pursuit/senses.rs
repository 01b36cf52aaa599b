//! What chasers and runners sense: walls by rays, and others as far as no wall stands between.

use core::f32::consts::TAU;

use bevy::prelude::*;
use bevy_ludus::agent::StepClock;
use bevy_ludus::prelude::*;

use super::yard::{YARD, clear_way, sees};
use super::{Body, CHASER_SPEED, CHASERS, Dash, RUNNER_RADIUS, Runner, Seat, Yard};

/// Rays all around.
pub const RAYS: usize = 8;
/// [m]
pub const SIGHT: f32 = 8.0;
/// Nearest runners that a chaser senses.
pub const PREY: usize = 2;
/// After which an agent forgets where it saw one of the other kind [s].
pub const MEMORY: f32 = 3.0;
/// A runner that is nearer to a wall may not run towards it [m].
const SHY: f32 = RUNNER_RADIUS + 0.1;

/// The observation of a chaser, all of it from where it is and looks.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct ChaserSenses {
    /// Own place in the yard, as a share of half its side.
    #[observation(range = -1.0..=1.0)]
    pub place: Vec2,
    /// The direction in which it looks, in the yard.
    #[observation(range = -1.0..=1.0)]
    pub ahead: Vec2,
    /// Own speed, as a share of the full one.
    pub speed: f32,
    /// To walls and edges, from ahead to the left, as a share of the sight.
    #[observation(range = 0.0..=1.0)]
    pub rays: [f32; RAYS],
    /// The nearest runners that it sees.
    pub runners: [Sighting; PREY],
    /// The other chasers that it sees, nearest first.
    pub partners: [Sighting; CHASERS - 1],
    /// The place at which it last saw a runner, ahead and to the left, as a share of the sight.
    pub trail: Vec2,
    /// The freshness of that place: 1 now, 0 when it is forgotten.
    #[observation(range = 0.0..=1.0)]
    pub freshness: f32,
}

/// The observation of a runner, all of it along the yard's sides.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct RunnerSenses {
    /// Own place in the yard, as a share of half its side.
    #[observation(range = -1.0..=1.0)]
    pub place: Vec2,
    /// Its own, as a share of a chaser's full speed.
    pub velocity: Vec2,
    /// To walls and edges in the directions of [`Dash`], as a share of the sight.
    #[observation(range = 0.0..=1.0)]
    pub rays: [f32; RAYS],
    /// The chasers that it sees, nearest first.
    pub chasers: [Sighting; CHASERS],
    /// The place at which it last saw a chaser, as a share of the sight.
    pub trail: Vec2,
    /// The freshness of that place: 1 now, 0 when it is forgotten.
    #[observation(range = 0.0..=1.0)]
    pub freshness: f32,
}

/// Somebody else.
#[derive(Observation, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// True if there is anybody to be seen; else the rest is 0.
    pub seen: bool,
    /// Its place, as a share of the sight.
    pub place: Vec2,
    /// Its velocity, as a share of a chaser's full speed.
    pub velocity: Vec2,
}

/// The place at which an agent last saw one of the other kind.
#[derive(Component, Reflect, Default, Clone, Copy, Debug)]
pub struct Trail {
    place: Vec2,
    /// For how long it is still remembered [s].
    left: f32,
}

impl Trail {
    /// Remembers the nearest of those that are seen now by who looks along `ahead`, `seconds` after it last looked.
    fn follow(&mut self, nearest: Sighting, body: &Body, ahead: Vec2, seconds: f32) {
        self.left = (self.left - seconds).max(0.0);
        if nearest.seen {
            *self = Self { place: body.place + nearest.place.rotate(ahead) * SIGHT, left: MEMORY };
        }
    }

    /// The place as who looks along `ahead` sees it, as a share of the sight; zero if it is forgotten.
    fn seen_from(&self, body: &Body, ahead: Vec2) -> Vec2 {
        if self.left > 0.0 { from_ahead(self.place - body.place, ahead) / SIGHT } else { Vec2::ZERO }
    }

    fn freshness(&self) -> f32 {
        self.left / MEMORY
    }
}

impl ChaserSenses {
    /// The speed at which the nearest runner that it sees comes nearer [m/s].
    pub fn closing_speed(&self) -> f32 {
        self.runners[0].closing_speed(Vec2::X * self.speed)
    }
}

impl Sighting {
    /// The speed at which it comes nearer, where `velocity` is that of who sees it [m/s]; 0 if nobody is seen.
    fn closing_speed(&self, velocity: Vec2) -> f32 {
        (velocity - self.velocity).dot(self.place.normalize_or_zero()) * CHASER_SPEED
    }
}

pub fn sense_chasers(
    time: Res<Time>,
    clock: Res<StepClock>,
    yards: Query<&Yard>,
    mut chasers: Query<(&InArena, &Seat, &Body, &mut Trail, &mut ChaserSenses)>,
) -> Result {
    let seconds = time.delta_secs() * clock.decision_interval().get() as f32;
    for (home, seat, body, mut trail, mut senses) in &mut chasers {
        let yard = yards.get(home.0)?;
        let others = yard.chasers.iter().enumerate().filter(|(other, _)| *other != seat.0);
        let runners: [Sighting; PREY] = look(body, body.ahead, yard.runners.iter().flatten());
        trail.follow(runners[0], body, body.ahead, seconds);
        *senses = ChaserSenses {
            place: body.place / YARD,
            ahead: body.ahead,
            speed: body.velocity.dot(body.ahead) / CHASER_SPEED,
            rays: cast_rays(body.place, body.ahead),
            runners,
            partners: look(body, body.ahead, others.filter_map(|(_, other)| other.as_ref())),
            trail: trail.seen_from(body, body.ahead),
            freshness: trail.freshness(),
        };
    }
    Ok(())
}

pub fn sense_runners(
    time: Res<Time>,
    clock: Res<StepClock>,
    yards: Query<&Yard>,
    mut runners: Query<(&InArena, &Body, &mut Trail, &mut RunnerSenses)>,
) -> Result {
    let seconds = time.delta_secs() * clock.decision_interval().get() as f32;
    for (home, body, mut trail, mut senses) in &mut runners {
        let chasers: [Sighting; CHASERS] = look(body, Vec2::X, yards.get(home.0)?.chasers.iter().flatten());
        trail.follow(chasers[0], body, Vec2::X, seconds);
        *senses = RunnerSenses {
            place: body.place / YARD,
            velocity: body.velocity / CHASER_SPEED,
            rays: cast_rays(body.place, Vec2::X),
            chasers,
            trail: trail.seen_from(body, Vec2::X),
            freshness: trail.freshness(),
        };
    }
    Ok(())
}

/// A runner does not run into a wall that it stands at.
pub fn mask_walls(mut runners: Query<(&RunnerSenses, &mut ActionMask<Dash>), With<Runner>>) {
    for (senses, mut mask) in &mut runners {
        mask.allow_all();
        for (dash, ray) in Dash::DIRECTIONS.into_iter().zip(senses.rays) {
            if ray * SIGHT < SHY {
                mask.forbid(dash);
            }
        }
    }
}

/// The nearest `N` of `others` that no wall hides, seen by who looks along `ahead`.
fn look<'a, const N: usize>(body: &Body, ahead: Vec2, others: impl Iterator<Item = &'a Body>) -> [Sighting; N] {
    let mut found = [(f32::INFINITY, Sighting::default()); N];
    for other in others {
        let offset = other.place - body.place;
        let distance = offset.length();
        let rank = found.iter().position(|&(farther, _)| distance < farther);
        let Some(rank) = rank.filter(|_| distance < SIGHT && sees(body.place, other.place)) else { continue };
        found[rank..].rotate_right(1);
        let place = from_ahead(offset, ahead) / SIGHT;
        let velocity = from_ahead(other.velocity, ahead) / CHASER_SPEED;
        found[rank] = (distance, Sighting { seen: true, place, velocity });
    }
    found.map(|(_, sighting)| sighting)
}

/// A vector as who looks along `ahead` sees it: how far ahead, and how far to the left.
fn from_ahead(vector: Vec2, ahead: Vec2) -> Vec2 {
    Vec2::new(vector.dot(ahead), vector.dot(ahead.perp()))
}

/// As shares of the sight, from `ahead` to the left.
fn cast_rays(from: Vec2, ahead: Vec2) -> [f32; RAYS] {
    core::array::from_fn(|ray| {
        let direction = ahead.rotate(Vec2::from_angle(TAU / RAYS as f32 * ray as f32));
        (clear_way(from, direction) / SIGHT).min(1.0)
    })
}
