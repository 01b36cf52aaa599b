//! ML-Agents' `SoccerTwos` on rapier: two teams of two players, a ball and two goals. The first goal wins the match.
//!
//! As in the original, a player runs, strafes and turns, and a player that runs into the ball kicks it. All players see
//! the pitch as if they played towards the same goal, so one policy plays all of them.

use core::f32::consts::{PI, SQRT_2};

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use bevy_ludus::rapier::ArenaPhysicsPlugin;
use bevy_rapier3d::prelude::*;
use rand::RngExt;

// Named by file, so that tests find it from where they are.
#[path = "senses.rs"]
pub mod senses;

use senses::PlayerSenses;

/// Half of the pitch's length and width: goals are at the ends of its length [m].
pub const HALF_PITCH: Vec2 = Vec2::new(7.0, 4.0);
/// Half of a goal's width [m].
pub const HALF_GOAL: f32 = 2.0;
pub const BALL_RADIUS: f32 = 0.3;
pub const PLAYER_RADIUS: f32 = 0.45;
/// The players of a team.
pub const TEAM: usize = 2;
/// The length that a corner's slanting wall takes off the walls beside it [m]. From a right angle, no ball would come out:
/// a player kicks it away from itself.
const CORNER: f32 = 1.2;
/// Half of the thickness of the walls, so thick that no ball gets through, and half of their height [m].
const HALF_WALL: f32 = 0.5;
/// The mass of a player and of the ball [kg].
const PLAYER_MASS: f32 = 10.0;
const BALL_MASS: f32 = 0.5;
/// The share of its speed that the ball loses in a second, as far as it is slow [1/s].
const BALL_DAMPING: f32 = 0.5;
/// The share of its speed that the ball keeps when it bounces.
const BOUNCE: f32 = 0.7;
/// The speed forwards and backwards, and to a side [m/s].
pub const SPEED: f32 = 4.0;
const STRAFE_SPEED: f32 = 2.5;
/// The highest change of a player's velocity [m/s²].
const ACCELERATION: f32 = 25.0;
/// The angular velocity of a turn [rad/s].
const TURN: f32 = 4.0;
/// The speed of the ball after a kick [m/s].
pub const KICK: f32 = 8.0;
/// A player that runs kicks a ball that is near to its front: the largest gap between them [m], and the least cosine of
/// the angle between the ball and the player's heading.
const KICK_GAP: f32 = 0.08;
const KICK_COSINE: f32 = 0.5;
/// The time after which a goal is worth the least [s].
const FULL_TIME: f32 = 30.0;
/// Between the middles of neighbouring pitches [m].
const SPACING: f32 = 20.0;

/// Plays for its team.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Seat)]
#[agent(observation = PlayerSenses, action = Move, reward = PlayerReward, team = Side)]
pub struct Player;

/// The team of a player.
#[derive(Component, Team, Reflect, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Plays towards positive x.
    Blue,
    /// Plays towards negative x.
    Orange,
}

/// The number of a player in its team.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat(pub usize);

/// The action of a player: three choices at once.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Along its heading.
    #[action(discrete)]
    pub run: Run,
    /// To its side.
    #[action(discrete)]
    pub strafe: Strafe,
    /// About itself.
    #[action(discrete)]
    pub turn: Turn,
}

#[derive(Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    #[default]
    Stay,
    Forward,
    Backward,
}

#[derive(Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strafe {
    #[default]
    Stay,
    Left,
    Right,
}

#[derive(Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    #[default]
    Straight,
    Left,
    Right,
}

/// The terms of the reward of a player.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct PlayerReward {
    /// 1 for a goal of its team. The player who is nearest to the ball scores it.
    #[reward(team)]
    pub scored: f32,
    /// 1 for a goal of the other team. The player who is nearest to the ball concedes it.
    #[reward(team)]
    pub conceded: f32,
    /// The share of the full time that has passed, for a goal of its team.
    #[reward(team)]
    pub late: f32,
    /// The way of the ball towards the goal of the other team in this tick [m].
    pub advance: f32,
    /// The way by which the player and the ball came nearer in this tick [m].
    pub approach: f32,
}

/// The place and the motion of a player or of the ball on its pitch.
#[derive(Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Body {
    /// From the middle of the pitch, along its length and its width [m].
    pub place: Vec2,
    /// [m/s]
    pub velocity: Vec2,
    /// The direction in which it looks, a unit vector; zero for the ball.
    pub ahead: Vec2,
}

/// The pitch of a match, and all that is on it: a copy, so that nobody has to be looked up.
#[derive(Component, Reflect, Clone, Copy, Debug)]
pub struct Pitch {
    middle: Vec3,
    ball_entity: Entity,
    pub ball: Body,
    /// By side and seat.
    pub players: [[Body; TEAM]; 2],
    /// The places of the ball and of the players a tick ago.
    ball_before: Vec2,
    players_before: [[Vec2; TEAM]; 2],
    /// The change of the ball's velocity by the kicks of this tick [m/s].
    kick: Vec2,
    /// The time since the match has begun [s].
    seconds: f32,
}

/// The ball.
#[derive(Component, Reflect, Default, Clone)]
pub struct Ball;

/// A wall around the pitch, with half of its length and width [m].
#[derive(Component, Reflect, Default, Clone)]
pub struct Wall(pub Vec2);

/// The whole game: no window, no policy.
pub fn soccer(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(30.0))
        .add_plugins(ArenaPhysicsPlugin::shared(SPACING))
        .add_agent::<Player>()
        .hash_component::<Transform>()
        .hash_component::<Velocity>()
        .add_observer(build_arena)
        .add_observer(place_ball)
        .add_observer(place_player)
        .add_systems(FixedUpdate, (play, kick).chain())
        .add_systems(ScoreAgents, (note_places, score).chain())
        .add_systems(SenseAgents, senses::sense);
}

impl Side {
    /// The direction along the pitch's length in which this team plays.
    pub const fn sign(self) -> f32 {
        match self {
            Self::Blue => 1.0,
            Self::Orange => -1.0,
        }
    }

    pub const fn other(self) -> Self {
        match self {
            Self::Blue => Self::Orange,
            Self::Orange => Self::Blue,
        }
    }
}

impl Pitch {
    /// The team that has scored, once one has: there is no other way off the pitch than through a goal.
    pub fn scorer(&self) -> Option<Side> {
        let beyond = HALF_PITCH.x + BALL_RADIUS;
        [Side::Blue, Side::Orange].into_iter().find(|side| self.ball.place.x * side.sign() > beyond)
    }

    /// The seat of a team's player who is nearest to the ball.
    fn nearest(&self, side: Side) -> usize {
        let distances = self.players[side as usize].map(|player| player.place.distance_squared(self.ball.place));
        usize::from(distances[1] < distances[0])
    }

    /// The body of what is at this place in the scene.
    fn body(&self, place: &Transform, velocity: &Velocity) -> Body {
        let place_on_pitch = (place.translation - self.middle).xz();
        Body { place: place_on_pitch, velocity: velocity.linear.xz(), ahead: place.forward().xz() }
    }
}

const PLAYERS: Group = Group::GROUP_1;
const BALLS: Group = Group::GROUP_2;
const WALLS: Group = Group::GROUP_3;

/// Bodies stay upright on the plane in which the middle of the pitch is. No floor is needed.
const UPRIGHT: LockedAxes =
    LockedAxes::TRANSLATION_LOCKED_Y.union(LockedAxes::ROTATION_LOCKED_X).union(LockedAxes::ROTATION_LOCKED_Z);

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let arena = InArena(on.entity);
    let middle = *arenas.get(on.entity)?;
    let fixed = |place: Vec2, half: Vec2, stops: Group| {
        let place = middle.with_translation(middle.translation + Vec3::new(place.x, 0.0, place.y));
        (Collider::cuboid(half.x, HALF_WALL, half.y), CollisionGroups::new(WALLS, stops), place, arena)
    };
    let along = Vec2::new(HALF_PITCH.x + 2.0 * HALF_WALL, HALF_WALL);
    let beside = Vec2::new(HALF_WALL, (HALF_PITCH.y - HALF_GOAL) / 2.0);
    let slant = Vec2::new(CORNER / SQRT_2, HALF_WALL);
    for sign in [-1.0, 1.0] {
        let side = Vec2::new(0.0, sign * (HALF_PITCH.y + HALF_WALL));
        commands.spawn((Wall(along), fixed(side, along, Group::ALL)));
        let goal = Vec2::new(sign * (HALF_PITCH.x + HALF_WALL), 0.0);
        for part in [-1.0, 1.0] {
            let place = goal + Vec2::Y * part * (HALF_GOAL + beside.y);
            commands.spawn((Wall(beside), fixed(place, beside, Group::ALL)));
            let outwards = Vec2::new(sign, part);
            let place = HALF_PITCH * outwards + outwards.normalize() * HALF_WALL - outwards * CORNER / 2.0;
            let (collider, groups, place, arena) = fixed(place, slant, Group::ALL);
            let place = place.with_rotation(Quat::from_rotation_y(sign * part * PI / 4.0));
            commands.spawn((Wall(slant), collider, groups, place, arena));
        }
        // Players stay out of the goals.
        commands.spawn(fixed(goal, Vec2::new(HALF_WALL, HALF_GOAL), PLAYERS));
    }
    let body = |mass: f32, radius: f32, group: Group| {
        let collider = (Collider::ball(radius), ColliderMassProperties::Mass(mass), Friction::new(0.0));
        let groups = CollisionGroups::new(group, Group::ALL);
        (RigidBody::Dynamic, collider, groups, Velocity::zero(), Sleeping::disabled(), middle, arena)
    };
    let damping = Damping { linear_damping: BALL_DAMPING, angular_damping: 0.0 };
    let restitution = Restitution { coefficient: BOUNCE, combine_rule: CoefficientCombineRule::Max };
    let locked = UPRIGHT.union(LockedAxes::ROTATION_LOCKED_Y);
    let ball = (Ball, body(BALL_MASS, BALL_RADIUS, BALLS), damping, restitution, locked);
    let ball = commands.spawn(ball).id();
    for side in [Side::Blue, Side::Orange] {
        for seat in 0..TEAM {
            commands.spawn((Player, side, Seat(seat), body(PLAYER_MASS, PLAYER_RADIUS, PLAYERS), UPRIGHT));
        }
    }
    commands.entity(on.entity).insert(Pitch::new(middle.translation, ball));
    Ok(())
}

impl Pitch {
    fn new(middle: Vec3, ball_entity: Entity) -> Self {
        Self {
            middle,
            ball_entity,
            ball: Body::default(),
            players: default(),
            ball_before: Vec2::ZERO,
            players_before: default(),
            kick: Vec2::ZERO,
            seconds: 0.0,
        }
    }

    /// The place in the scene of a place on the pitch.
    fn in_scene(&self, place: Vec2) -> Vec3 {
        self.middle + Vec3::new(place.x, 0.0, place.y)
    }
}

/// Places the ball on the line between the halves.
fn place_ball(
    on: On<EpisodeStart<Arena>>,
    mut pitches: Query<(&mut Pitch, &mut EpisodeRng)>,
    mut balls: Query<(&mut Transform, &mut Velocity), With<Ball>>,
) -> Result {
    let (mut pitch, mut rng) = pitches.get_mut(on.entity)?;
    let place = Vec2::new(0.0, rng.random_range(-HALF_PITCH.y / 2.0..=HALF_PITCH.y / 2.0));
    pitch.ball = Body { place, ..default() };
    (pitch.kick, pitch.seconds) = (Vec2::ZERO, 0.0);
    let (mut ball, mut velocity) = balls.get_mut(pitch.ball_entity)?;
    *ball = Transform::from_translation(pitch.in_scene(place));
    *velocity = Velocity::zero();
    Ok(())
}

type Starting<'a> = (&'a InArena, &'a Side, &'a Seat, &'a mut EpisodeRng, &'a mut Transform, &'a mut Velocity);

/// Places a player in its half and in its part of the pitch's width, looking more or less at the other goal.
fn place_player(
    on: On<EpisodeStart<Player>>,
    mut players: Query<Starting, With<Player>>,
    mut pitches: Query<&mut Pitch>,
) -> Result {
    let (home, side, seat, mut rng, mut player, mut velocity) = players.get_mut(on.entity)?;
    let mut pitch = pitches.get_mut(home.0)?;
    let part = if seat.0 == 0 { -1.0 } else { 1.0 };
    let away = Vec2::new(-rng.random_range(1.5..=5.5), part * rng.random_range(0.6..=3.2));
    let turn = Quat::from_rotation_y(-side.sign() * PI / 2.0 + rng.random_range(-PI / 4.0..=PI / 4.0));
    *player = Transform::from_translation(pitch.in_scene(away * side.sign())).with_rotation(turn);
    *velocity = Velocity::zero();
    pitch.players[*side as usize][seat.0] = pitch.body(&player, &velocity);
    Ok(())
}

type Playing<'a> = (&'a InArena, &'a Move, &'a Episode, &'a Transform, &'a mut Velocity);

/// Moves the players, and adds up their kicks. A player whose episode does not run stops.
fn play(time: Res<Time>, mut players: Query<Playing>, mut pitches: Query<&mut Pitch>) -> Result {
    let most = ACCELERATION * time.delta_secs();
    for (home, action, episode, player, mut velocity) in &mut players {
        let action = if episode.is_running() { *action } else { Move::default() };
        let ahead = player.forward().xz();
        let wanted = ahead * action.forwards() + ahead.perp() * action.rightwards();
        let now = velocity.linear.xz();
        let next = now + (wanted - now).clamp_length_max(most);
        velocity.linear = Vec3::new(next.x, 0.0, next.y);
        velocity.angular = Vec3::Y * action.leftwards_turn();
        if action.run == Run::Forward {
            let mut pitch = pitches.get_mut(home.0)?;
            let kick = pitch.kicked((player.translation - pitch.middle).xz(), ahead);
            pitch.kick += kick;
        }
    }
    Ok(())
}

impl Move {
    /// [m/s]
    fn forwards(self) -> f32 {
        match self.run {
            Run::Stay => 0.0,
            Run::Forward => SPEED,
            Run::Backward => -SPEED,
        }
    }

    /// [m/s]
    fn rightwards(self) -> f32 {
        match self.strafe {
            Strafe::Stay => 0.0,
            Strafe::Left => -STRAFE_SPEED,
            Strafe::Right => STRAFE_SPEED,
        }
    }

    /// [rad/s]
    fn leftwards_turn(self) -> f32 {
        match self.turn {
            Turn::Straight => 0.0,
            Turn::Left => TURN,
            Turn::Right => -TURN,
        }
    }
}

impl Pitch {
    /// The change of the ball's velocity by a player who runs at this place, looking ahead [m/s].
    ///
    /// Players who kick in the same tick add to the same velocity, so nobody comes last.
    fn kicked(&self, player: Vec2, ahead: Vec2) -> Vec2 {
        let away = self.ball.place - player;
        let direction = away.normalize_or_zero();
        if away.length() > PLAYER_RADIUS + BALL_RADIUS + KICK_GAP || direction.dot(ahead) < KICK_COSINE {
            return Vec2::ZERO;
        }
        direction * (KICK - self.ball.velocity.dot(direction)).max(0.0)
    }
}

fn kick(mut pitches: Query<&mut Pitch>, mut balls: Query<&mut Velocity, With<Ball>>) -> Result {
    for mut pitch in &mut pitches {
        if pitch.kick != Vec2::ZERO {
            balls.get_mut(pitch.ball_entity)?.linear += Vec3::new(pitch.kick.x, 0.0, pitch.kick.y);
            pitch.kick = Vec2::ZERO;
        }
    }
    Ok(())
}

/// Notes where all are after this tick's physics.
fn note_places(
    time: Res<Time>,
    mut pitches: Query<&mut Pitch>,
    balls: Query<(&Transform, &Velocity), With<Ball>>,
    players: Query<(&InArena, &Side, &Seat, &Transform, &Velocity)>,
) -> Result {
    for mut pitch in &mut pitches {
        let (place, velocity) = balls.get(pitch.ball_entity)?;
        pitch.ball_before = pitch.ball.place;
        pitch.players_before = pitch.players.map(|team| team.map(|player| player.place));
        pitch.ball = Body { ahead: Vec2::ZERO, ..pitch.body(place, velocity) };
        pitch.seconds += time.delta_secs();
    }
    for (home, side, seat, place, velocity) in &players {
        let mut pitch = pitches.get_mut(home.0)?;
        pitch.players[*side as usize][seat.0] = pitch.body(place, velocity);
    }
    Ok(())
}

fn score(
    mut pitches: Query<(&Pitch, &mut MatchResult)>,
    mut players: Query<(&InArena, &Side, &Seat, &Episode, &mut PlayerReward)>,
) -> Result {
    for (home, side, seat, _, mut reward) in players.iter_mut().filter(|(.., episode, _)| episode.is_running()) {
        let (pitch, mut result) = pitches.get_mut(home.0)?;
        reward.advance = (pitch.ball.place.x - pitch.ball_before.x) * side.sign();
        let team = *side as usize;
        let (before, now) = (pitch.players_before[team][seat.0], pitch.players[team][seat.0].place);
        reward.approach = before.distance(pitch.ball_before) - now.distance(pitch.ball.place);
        let Some(scorer) = pitch.scorer() else { continue };
        result.won_by(scorer);
        // The others of the team get it too, as terms of a team are shared.
        if pitch.nearest(*side) == seat.0 {
            if scorer == *side {
                reward.scored = 1.0;
                reward.late = (pitch.seconds / FULL_TIME).min(1.0);
            } else {
                reward.conceded = 1.0;
            }
        }
    }
    Ok(())
}
