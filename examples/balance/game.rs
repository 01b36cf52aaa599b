//! Unity ML-Agents' `3DBall` on rapier: tilt a plate so that the ball on it stays there.
//!
//! As in the original the plate is a block that turns about its centre, a decision is due every 5 ticks of 20 ms,
//! and the ball is lost 2 m below the plate's centre or 3 m beside it. The original does not notice if it is lost
//! between two decisions; here every tick is scored.

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use bevy_ludus::rapier::ArenaPhysicsPlugin;
use bevy_rapier3d::prelude::*;
use rand::RngExt;

/// Side of the plate, which is as thick as it is wide [m].
pub const PLATE_SIZE: f32 = 5.0;
pub const BALL_RADIUS: f32 = 0.5;
const BALL_MASS: f32 = 1.0;
/// The turn of the plate in a tick at full rate [rad]: 2°.
const TURN: f32 = 2.0 * core::f32::consts::PI / 180.0;
/// Once the x or z of the plate's rotation (a quaternion) is beyond this, the plate turns no further that way.
const MAX_TILT: f32 = 0.25;
/// Below the plate's centre by this much the ball is lost [m].
const MAX_DROP: f32 = 2.0;
/// Beside the plate's centre by this much, along x or z, the ball is lost [m].
const MAX_SLIP: f32 = 3.0;
/// The plate starts turned by up to this about x and z [rad]: 10°.
const START_TILT: f32 = 10.0 * core::f32::consts::PI / 180.0;
/// The ball starts above a point of the plate this near its centre, along x and z [m].
const START_SLIP: f32 = 1.5;
/// The ball starts this high above the plate's centre [m].
const START_HEIGHT: f32 = 4.0;
/// Between the centres of neighbouring arenas [m]. Plate and ball stay within 5 m of them.
const SPACING: f32 = 12.0;

/// Tilts a plate to keep a ball on it.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[agent(observation = PlateSenses, action = Tilt, reward = PlateReward)]
pub struct Plate;

/// The agent's observation.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct PlateSenses {
    /// x and z of the plate's rotation, a quaternion, / 0.25.
    #[observation(range = -1.2..=1.2)]
    pub tilt: Vec2,
    /// Ball position relative to the plate's centre [m] / 2.5.
    #[observation(range = -4.0..=4.0)]
    pub ball: Vec3,
    /// Ball velocity [m/s] / 10.
    #[observation(range = -2.0..=2.0)]
    pub ball_velocity: Vec3,
}

/// The agent's action.
#[derive(Component, Action, Reflect, Default, Clone)]
pub struct Tilt {
    /// How fast the plate turns about x and z; 1 is 2° a tick.
    #[action(continuous)]
    pub rate: Vec2,
}

/// The terms of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct PlateReward {
    /// 1 for every tick that the ball is on the plate or above it.
    pub balanced: f32,
    /// 1 when it is lost.
    pub dropped: f32,
}

/// Links a plate to its ball.
#[derive(Component, Reflect, Clone, Copy)]
struct Balances(Entity);

/// The ball to keep on the plate.
#[derive(Component, Reflect, Default, Clone)]
pub struct Ball;

/// The whole game: no window, no policy.
pub fn balance(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0))
        .add_plugins(ArenaPhysicsPlugin::shared(SPACING))
        .add_agent::<Plate>()
        .hash_component::<Transform>()
        .hash_component::<Velocity>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, tilt_plates)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let arena = InArena(on.entity);
    let centre = *arenas.get(on.entity)?;
    let half = PLATE_SIZE / 2.0;
    let ball = (Ball, RigidBody::Dynamic, Collider::ball(BALL_RADIUS), ColliderMassProperties::Mass(BALL_MASS));
    let ball = commands.spawn((ball, Velocity::zero(), Sleeping::disabled(), centre, arena)).id();
    let plate = (Plate, RigidBody::KinematicPositionBased, Collider::cuboid(half, half, half));
    commands.spawn((plate, Balances(ball), centre, arena));
    Ok(())
}

fn restart(
    on: On<EpisodeStart<Plate>>,
    mut plates: Query<(&mut Transform, &mut EpisodeRng, &Balances)>,
    mut balls: Query<(&mut Transform, &mut Velocity), Without<Balances>>,
) -> Result {
    let (mut plate, mut rng, balances) = plates.get_mut(on.entity)?;
    let (mut ball, mut velocity) = balls.get_mut(balances.0)?;
    let mut draw = |limit: f32| rng.random_range(-limit..=limit);
    plate.rotation = Quat::from_rotation_x(draw(START_TILT)) * Quat::from_rotation_z(draw(START_TILT));
    let start = Vec3::new(draw(START_SLIP), START_HEIGHT, draw(START_SLIP));
    *ball = Transform::from_translation(plate.translation + start);
    *velocity = Velocity::zero();
    Ok(())
}

fn tilt_plates(mut plates: Query<(&mut Transform, &Tilt), With<Plate>>) {
    for (mut plate, tilt) in &mut plates {
        let rotation = turned_about_z(plate.rotation, tilt.rate.y * TURN);
        plate.rotation = turned_about_x(rotation, tilt.rate.x * TURN).normalize();
    }
}

fn turned_about_z(rotation: Quat, angle: f32) -> Quat {
    if may_turn(rotation.z, angle) { rotation * Quat::from_rotation_z(angle) } else { rotation }
}

fn turned_about_x(rotation: Quat, angle: f32) -> Quat {
    if may_turn(rotation.x, angle) { rotation * Quat::from_rotation_x(angle) } else { rotation }
}

/// True if a tilt is within its limit, or would come closer to it.
fn may_turn(tilt: f32, angle: f32) -> bool {
    tilt * angle.signum() < MAX_TILT
}

fn score(
    mut plates: Query<(&Transform, &Balances, &mut PlateReward, &mut Episode), With<Plate>>,
    balls: Query<&Transform, With<Ball>>,
) -> Result {
    for (plate, balances, mut reward, mut episode) in &mut plates {
        let ball = balls.get(balances.0)?.translation - plate.translation;
        if ball.y < -MAX_DROP || ball.x.abs() > MAX_SLIP || ball.z.abs() > MAX_SLIP {
            reward.dropped = 1.0;
            episode.terminate();
        } else {
            reward.balanced = 1.0;
        }
    }
    Ok(())
}

fn sense(
    mut plates: Query<(&Transform, &Balances, &mut PlateSenses), With<Plate>>,
    balls: Query<(&Transform, &Velocity), With<Ball>>,
) -> Result {
    for (plate, balances, mut senses) in &mut plates {
        let (ball, velocity) = balls.get(balances.0)?;
        *senses = PlateSenses {
            tilt: Vec2::new(plate.rotation.x, plate.rotation.z) / MAX_TILT,
            ball: (ball.translation - plate.translation) / (PLATE_SIZE / 2.0),
            ball_velocity: velocity.linear / 10.0,
        };
    }
    Ok(())
}
