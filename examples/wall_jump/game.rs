//! ML-Agents' `WallJump`: behind a wall is a goal. A low wall can be jumped over; at a high one, a block has to be pushed
//! to it first, to jump from. The height of the wall is an episode parameter.

use core::f32::consts::PI;

use bevy::prelude::*;
use bevy_ludus::agent::ArenaLayout;
use bevy_ludus::prelude::*;
use rand::RngExt;

/// The distance from the middle of the yard to its sides [m].
pub const HALF_WIDTH: f32 = 4.0;
/// The length of the yard [m], from its start at z = 0 towards -z.
pub const LENGTH: f32 = 16.0;
/// The middle of the wall and the middle of the goal, as distances from the start [m].
pub const WALL_AT: f32 = 9.0;
pub const GOAL_AT: f32 = 14.0;
/// Half of the wall's thickness [m].
pub const HALF_WALL: f32 = 0.5;
/// Half of the goal's length [m]; it is as wide as the yard.
pub const HALF_GOAL: f32 = 1.0;
/// The size of the block: half of its width and of its length, and its height [m].
pub const HALF_BLOCK: f32 = 0.9;
pub const BLOCK_HEIGHT: f32 = 1.2;
/// The radius of the jumper [m].
pub const RADIUS: f32 = 0.4;
/// The highest wall [m]: a jump from the ground reaches 1.4 m, one from the block 2.6 m.
pub const HIGHEST: f32 = 2.4;

/// The speed on the ground and in the air [m/s], with a block in front [m/s], and when turning [rad/s].
const SPEED: f32 = 5.0;
const PUSHING: f32 = 3.0;
const TURN: f32 = 3.5;
/// The acceleration of a fall [m/s²], and the speed of a take-off [m/s].
const GRAVITY: f32 = 20.0;
const TAKE_OFF: f32 = 7.5;
/// A step that needs no jump [m].
const STEP: f32 = 0.05;
/// Between the origins of neighbouring yards [m].
const SPACING: f32 = 24.0;

/// The numbers by which episodes differ.
#[derive(Component, EpisodeParameters, Reflect, Clone, Copy)]
pub struct Course {
    /// Height of the wall [m]. Up to 1.3 m it can be jumped over from the ground.
    #[parameter(range = 0.0..=2.4)]
    pub wall_height: f32,
}

impl Default for Course {
    fn default() -> Self {
        Self { wall_height: HIGHEST }
    }
}

/// Runs, turns and jumps.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[agent(observation = JumperSenses, action = Move, reward = JumperReward)]
pub struct Jumper;

/// The agent's observation.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct JumperSenses {
    /// Its place: 0 in the middle of the wall, in half widths of the yard.
    pub place: Vec2,
    /// Cosine and sine of its heading; (1, 0) looks at the wall.
    pub heading: Vec2,
    /// The place of the block, seen from the jumper: to its right and ahead of it, in half widths of the yard.
    pub block: Vec2,
    /// The distance from the block to the wall, in half widths of the yard.
    pub block_to_wall: f32,
    /// The height of its feet [m].
    #[observation(range = 0.0..=4.0)]
    pub height: f32,
    /// Its speed upwards [10 m/s].
    pub rising: f32,
    /// True if it stands on something.
    pub stands: bool,
    /// The height of the wall [m].
    #[observation(range = 0.0..=2.4)]
    pub wall_height: f32,
}

/// The agent's action: three choices at once.
#[derive(Component, Action, Reflect, Default, Clone, Copy, PartialEq)]
pub struct Move {
    /// Along its heading.
    #[action(discrete)]
    pub run: Run,
    /// On the spot.
    #[action(discrete)]
    pub turn: Turn,
    /// True to jump, if it stands on something.
    #[action(discrete)]
    pub jump: bool,
}

#[derive(Action, Reflect, Default, Clone, Copy, PartialEq)]
pub enum Run {
    #[default]
    Stay,
    Forward,
    Backward,
}

#[derive(Action, Reflect, Default, Clone, Copy, PartialEq)]
pub enum Turn {
    #[default]
    Straight,
    Left,
    Right,
}

/// The terms of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct JumperReward {
    /// 1 for reaching the goal.
    pub goal: f32,
    /// 1 for every tick.
    pub time: f32,
}

/// The yard of a jumper, and its state in it.
#[derive(Component, Reflect, Clone, Copy)]
pub struct Yard {
    /// The start of the yard, in its middle.
    origin: Vec3,
    block: Entity,
    wall: Entity,
    wall_height: f32,
    /// The jumper's speed upwards [m/s].
    rising: f32,
    stands: bool,
}

/// A block that can be pushed.
#[derive(Component, Reflect, Default, Clone)]
pub struct Block;

/// The wall, with its height [m].
#[derive(Component, Reflect, Default, Clone)]
pub struct Wall(pub f32);

/// The place to reach.
#[derive(Component, Reflect, Default, Clone)]
pub struct Goal;

/// The whole game: no window, no policy.
pub fn wall_jump(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0))
        .insert_resource(ArenaLayout { spacing: SPACING })
        .add_agent::<Jumper>()
        .add_episode_parameters::<Arena, Course>()
        .hash_component::<Transform>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, act)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let arena = InArena(on.entity);
    let start = *arenas.get(on.entity)?;
    let at = |distance: f32| start.with_translation(start.translation - Vec3::Z * distance);
    let block = commands.spawn((Block, start, arena)).id();
    let wall = commands.spawn((Wall(HIGHEST), at(WALL_AT), arena)).id();
    commands.spawn((Goal, at(GOAL_AT), arena));
    let yard = Yard { origin: start.translation, block, wall, wall_height: HIGHEST, rising: 0.0, stands: true };
    commands.spawn((Jumper, yard, start, arena));
    Ok(())
}

/// Places the jumper and the block, and gives the wall its height.
fn restart(
    on: On<EpisodeStart<Jumper>>,
    mut jumpers: Query<(&InArena, &mut Yard, &mut EpisodeRng)>,
    courses: Query<&Course>,
    mut walls: Query<&mut Wall>,
    mut places: Query<&mut Transform>,
) -> Result {
    let (arena, mut yard, mut rng) = jumpers.get_mut(on.entity)?;
    yard.wall_height = courses.get(arena.0)?.wall_height;
    (yard.rising, yard.stands) = (0.0, true);
    walls.get_mut(yard.wall)?.0 = yard.wall_height;
    let mut place = |margin: f32, near: f32, far: f32| {
        let x = rng.random_range(margin - HALF_WIDTH..=HALF_WIDTH - margin);
        yard.origin + Vec3::new(x, 0.0, -rng.random_range(near..=far))
    };
    let block = place(HALF_BLOCK + 0.5, 4.0, 6.0);
    let apart = HALF_BLOCK + RADIUS;
    // Anywhere before the wall, but not in the block. So some begin near the goal, and find it by chance.
    let mut jumper = place(RADIUS, 1.0, 7.5);
    while (jumper.x - block.x).abs() < apart && (jumper.z - block.z).abs() < apart {
        jumper = place(RADIUS, 1.0, 7.5);
    }
    *places.get_mut(yard.block)? = Transform::from_translation(block);
    let heading = Quat::from_rotation_y(rng.random_range(-PI / 2.0..=PI / 2.0));
    *places.get_mut(on.entity)? = Transform::from_translation(jumper).with_rotation(heading);
    Ok(())
}

/// Moves jumpers, the blocks that they push, and lets them fall. Skips the restart step.
fn act(
    time: Res<Time>,
    mut jumpers: Query<(&mut Transform, &Move, &mut Yard, &Episode), Without<Block>>,
    mut blocks: Query<&mut Transform, With<Block>>,
) -> Result {
    let seconds = time.delta_secs();
    for (mut jumper, action, mut yard, _) in jumpers.iter_mut().filter(|(.., episode)| episode.is_running()) {
        match action.turn {
            Turn::Straight => {}
            Turn::Left => jumper.rotate_y(TURN * seconds),
            Turn::Right => jumper.rotate_y(-TURN * seconds),
        }
        let mut block = blocks.get_mut(yard.block)?;
        let ahead = jumper.forward();
        match action.run {
            Run::Stay => {}
            Run::Forward => go(&mut jumper, &mut block, &yard, SPEED * seconds * ahead),
            Run::Backward => go(&mut jumper, &mut block, &yard, -SPEED * seconds * ahead),
        }
        if action.jump && yard.stands {
            yard.rising = TAKE_OFF;
        }
        yard.rising -= GRAVITY * seconds;
        let support = yard.origin.y + yard.support(jumper.translation, block.translation);
        let height = jumper.translation.y + yard.rising * seconds;
        yard.stands = height <= support;
        if yard.stands {
            yard.rising = 0.0;
        }
        jumper.translation.y = height.max(support);
    }
    Ok(())
}

/// Moves a jumper within its yard. Pushes the block if that is in the way, and stops at what is too high.
fn go(jumper: &mut Transform, block: &mut Transform, yard: &Yard, by: Vec3) {
    let feet = jumper.translation.y - yard.origin.y;
    if yard.is_free(jumper.translation + by, block.translation, feet) {
        jumper.translation = yard.within(jumper.translation + by, RADIUS);
        return;
    }
    let slowly = by * (PUSHING / SPEED);
    if yard.support(jumper.translation + by, block.translation) == BLOCK_HEIGHT && feet <= STEP {
        let pushed =
            yard.before_the_wall(along_one_axis(jumper.translation, block.translation, slowly) + block.translation);
        let moved = pushed - block.translation;
        block.translation = pushed;
        jumper.translation = yard.within(jumper.translation + moved, RADIUS);
        return;
    }
    // Slides along the wall.
    let along = jumper.translation + Vec3::X * by.x;
    if yard.is_free(along, block.translation, feet) {
        jumper.translation = yard.within(along, RADIUS);
    }
}

/// The part of a push that is along the side of the block on which the jumper stands.
fn along_one_axis(jumper: Vec3, block: Vec3, by: Vec3) -> Vec3 {
    let away = block - jumper;
    let push = if away.x.abs() > away.z.abs() { Vec3::X * by.x } else { Vec3::Z * by.z };
    // Nothing pulls.
    if push.dot(away) > 0.0 { push } else { Vec3::ZERO }
}

impl Yard {
    /// The height of what is below a jumper at a place [m].
    fn support(&self, place: Vec3, block: Vec3) -> f32 {
        let is_over = |other: Vec3, half: Vec2| {
            let away = (place - other).abs();
            away.x < half.x + RADIUS && away.z < half.y + RADIUS
        };
        let wall = self.origin - Vec3::Z * WALL_AT;
        let mut height = 0.0;
        if is_over(block, Vec2::splat(HALF_BLOCK)) {
            height = BLOCK_HEIGHT;
        }
        if is_over(wall, Vec2::new(HALF_WIDTH, HALF_WALL)) {
            height = self.wall_height.max(height);
        }
        height
    }

    /// True if a jumper whose feet are at a height can move to a place.
    fn is_free(&self, place: Vec3, block: Vec3, feet: f32) -> bool {
        self.support(place, block) <= feet + STEP
    }

    /// The nearest place in the yard, for something of this radius.
    fn within(&self, place: Vec3, radius: f32) -> Vec3 {
        let (least, most) =
            (Vec3::new(radius - HALF_WIDTH, -1.0, radius - LENGTH), Vec3::new(HALF_WIDTH - radius, 9.0, -radius));
        place.clamp(self.origin + least, self.origin + most)
    }

    /// The nearest place for a block on this side of the wall.
    fn before_the_wall(&self, place: Vec3) -> Vec3 {
        let place = self.within(place, HALF_BLOCK);
        Vec3 { z: place.z.max(self.origin.z - WALL_AT + HALF_WALL + HALF_BLOCK), ..place }
    }
}

fn score(mut jumpers: Query<(&Transform, &Yard, &mut JumperReward, &mut Episode)>) {
    for (jumper, yard, mut reward, mut episode) in &mut jumpers {
        reward.time = 1.0;
        let along = yard.origin.z - jumper.translation.z;
        if (along - GOAL_AT).abs() < HALF_GOAL {
            reward.goal = 1.0;
            episode.succeed();
        }
    }
}

fn sense(mut jumpers: Query<(&Transform, &Yard, &mut JumperSenses)>, blocks: Query<&Transform, With<Block>>) -> Result {
    for (jumper, yard, mut senses) in &mut jumpers {
        let block = blocks.get(yard.block)?.translation;
        let wall = yard.origin - Vec3::Z * WALL_AT;
        let ahead = *jumper.forward();
        let to_block = jumper.rotation.inverse() * (block - jumper.translation);
        *senses = JumperSenses {
            place: (jumper.translation - wall).xz() / HALF_WIDTH,
            heading: Vec2::new(-ahead.z, ahead.x),
            block: Vec2::new(to_block.x, -to_block.z) / HALF_WIDTH,
            block_to_wall: (block.z - wall.z) / HALF_WIDTH,
            height: jumper.translation.y - yard.origin.y,
            rising: yard.rising / 10.0,
            stands: yard.stands,
            wall_height: yard.wall_height,
        };
    }
    Ok(())
}
