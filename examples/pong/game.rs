//! Pong: two paddles and a ball. The paddle that misses the ball loses the match.
//!
//! Where a paddle hits the ball decides in which direction it flies on, and every hit makes it faster. Both paddles see
//! the table from their own side, so one policy plays both. [`script`] decides for paddles that no policy controls.

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use rand::RngExt;

// Named by file, so that tests find it from where they are.
#[path = "script.rs"]
pub mod script;

/// Half of the table's length and width: paddles are at the ends of its length [m].
pub const HALF_TABLE: Vec2 = Vec2::new(1.0, 0.6);
/// Half of a paddle's length [m].
pub const HALF_PADDLE: f32 = 0.1;
pub const BALL_RADIUS: f32 = 0.02;
/// The speed of a paddle [m/s].
pub const PADDLE_SPEED: f32 = 0.8;
/// The speed of a ball that is served [m/s].
const SERVE_SPEED: f32 = 0.9;
/// The highest speed of the ball [m/s].
const MAX_SPEED: f32 = 4.0;
/// The ball is faster by this factor after every hit.
const SPEED_UP: f32 = 1.1;
/// The angle to the table's length at which a ball flies that was hit by the end of a paddle [rad].
const STEEPEST: f32 = 1.05;

/// Hits the ball.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Height)]
#[agent(observation = PaddleSenses, action = Slide, reward = PaddleReward, team = Side)]
pub struct Paddle;

/// The side of the table at which a paddle stands.
#[derive(Component, Team, Reflect, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// The place of a paddle across the table, from its middle [m].
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Height(pub f32);

/// The table as a paddle sees it from its own side: x is the distance from its own end towards the other one.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct PaddleSenses {
    /// Its own place across the table [m].
    #[observation(range = -0.6..=0.6)]
    pub own: f32,
    /// The other paddle's place across the table [m].
    #[observation(range = -0.6..=0.6)]
    pub other: f32,
    /// The ball's place, from its own end and from the middle [m].
    #[observation(range = -0.8..=2.2)]
    pub ball: Vec2,
    /// The ball's velocity [m/s].
    #[observation(range = -4.0..=4.0)]
    pub velocity: Vec2,
}

/// The action of a paddle.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slide {
    #[default]
    Stay,
    Up,
    Down,
}

/// The reward of a paddle.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct PaddleReward {
    /// 1 for a match that it wins, -1 for one that it loses.
    pub won: f32,
}

/// The ball of a table, and the places of its paddles: a copy, so that nobody has to be looked up.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Table {
    /// From the middle of the table [m].
    pub ball: Vec2,
    /// [m/s]
    pub velocity: Vec2,
    /// The paddles' places across the table, by side [m].
    pub paddles: [f32; 2],
}

/// The whole game: no window, no policy.
pub fn pong(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(30.0))
        .add_agent::<Paddle>()
        .hash_component::<Height>()
        .add_observer(build_arena)
        .add_observer(serve)
        .add_observer(centre_paddle)
        .add_systems(FixedPreUpdate, script::slide.before(AgentSystems::Act))
        .add_systems(FixedUpdate, (slide, fly).chain())
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

impl Side {
    /// The direction from the middle of the table to this side.
    pub const fn sign(self) -> f32 {
        match self {
            Self::Left => -1.0,
            Self::Right => 1.0,
        }
    }

    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Left => 0,
            Self::Right => 1,
        }
    }
}

fn build_arena(on: On<Add, Arena>, mut commands: Commands) {
    commands.entity(on.entity).insert(Table::default());
    commands.spawn((Paddle, Side::Left, InArena(on.entity)));
    commands.spawn((Paddle, Side::Right, InArena(on.entity)));
}

/// Serves the ball from the middle to one of the sides.
fn serve(on: On<EpisodeStart<Arena>>, mut tables: Query<(&mut Table, &mut EpisodeRng)>) -> Result {
    let (mut table, mut rng) = tables.get_mut(on.entity)?;
    let side = if rng.random() { Side::Left } else { Side::Right };
    let angle = rng.random_range(-STEEPEST / 2.0..STEEPEST / 2.0);
    let ball = Vec2::new(0.0, rng.random_range(-HALF_TABLE.y / 2.0..HALF_TABLE.y / 2.0));
    *table = Table { ball, velocity: direction(side, angle) * SERVE_SPEED, paddles: [0.0; 2] };
    Ok(())
}

fn centre_paddle(on: On<EpisodeStart<Paddle>>, mut paddles: Query<&mut Height>) -> Result {
    *paddles.get_mut(on.entity)? = Height(0.0);
    Ok(())
}

/// The direction towards a side, at this angle to the table's length [rad].
fn direction(side: Side, angle: f32) -> Vec2 {
    Vec2::new(side.sign() * angle.cos(), angle.sin())
}

fn slide(
    time: Res<Time>,
    mut paddles: Query<(&InArena, &Side, &Slide, &mut Height)>,
    mut tables: Query<&mut Table>,
) -> Result {
    let step = PADDLE_SPEED * time.delta_secs();
    let most = HALF_TABLE.y - HALF_PADDLE;
    for (home, side, slide, mut height) in &mut paddles {
        let change = match slide {
            Slide::Stay => 0.0,
            Slide::Up => step,
            Slide::Down => -step,
        };
        height.0 = (height.0 + change).clamp(-most, most);
        tables.get_mut(home.0)?.paddles[side.place()] = height.0;
    }
    Ok(())
}

/// Moves the balls of the tables on which a match goes on.
fn fly(time: Res<Time>, mut tables: Query<(Entity, &mut Table)>, paddles: Query<(&InArena, &Episode)>) {
    let resting: Vec<Entity> =
        paddles.iter().filter(|(_, episode)| !episode.is_running()).map(|(home, _)| home.0).collect();
    for (arena, mut table) in &mut tables {
        if !resting.contains(&arena) {
            table.fly(time.delta_secs());
        }
    }
}

impl Table {
    /// The side that has missed the ball, once one has.
    pub fn missed(&self) -> Option<Side> {
        let beyond = HALF_TABLE.x + BALL_RADIUS;
        [Side::Left, Side::Right].into_iter().find(|side| self.ball.x * side.sign() > beyond)
    }

    /// Moves the ball for some time [s]. Cushions and paddles throw it back.
    fn fly(&mut self, seconds: f32) {
        let before = self.ball;
        self.ball += self.velocity * seconds;
        let cushion = HALF_TABLE.y - BALL_RADIUS;
        if self.ball.y.abs() > cushion {
            self.ball.y = self.ball.y.signum() * 2.0 * cushion - self.ball.y;
            self.velocity.y = -self.velocity.y;
        }
        for side in [Side::Left, Side::Right] {
            let (from, to) = (before.x * side.sign(), self.ball.x * side.sign());
            if from < HALF_TABLE.x && to >= HALF_TABLE.x {
                self.hit(side, before.y.lerp(self.ball.y, (HALF_TABLE.x - from) / (to - from)));
            }
        }
    }

    /// Throws a ball back that reaches a side at this height, if the paddle is there.
    fn hit(&mut self, side: Side, height: f32) {
        let offset = (height - self.paddles[side.place()]) / (HALF_PADDLE + BALL_RADIUS);
        if offset.abs() <= 1.0 {
            let speed = (self.velocity.length() * SPEED_UP).min(MAX_SPEED);
            self.velocity = direction(side.other(), offset * STEEPEST) * speed;
            self.ball = Vec2::new(side.sign() * HALF_TABLE.x, height);
        }
    }

    /// Returns the observation of a paddle on this side.
    pub fn seen_from(&self, side: Side) -> PaddleSenses {
        let [own, other] = [side, side.other()].map(|side| self.paddles[side.place()]);
        PaddleSenses {
            own,
            other,
            ball: Vec2::new(HALF_TABLE.x - self.ball.x * side.sign(), self.ball.y),
            velocity: Vec2::new(-self.velocity.x * side.sign(), self.velocity.y),
        }
    }
}

fn score(
    mut tables: Query<(&Table, &mut MatchResult)>,
    mut paddles: Query<(&InArena, &Side, &Episode, &mut PaddleReward)>,
) -> Result {
    for (home, side, _, mut reward) in paddles.iter_mut().filter(|(_, _, episode, _)| episode.is_running()) {
        let (table, mut result) = tables.get_mut(home.0)?;
        if let Some(missed) = table.missed() {
            reward.won = if missed == *side { -1.0 } else { 1.0 };
            result.won_by(missed.other());
        }
    }
    Ok(())
}

fn sense(mut paddles: Query<(&InArena, &Side, &mut PaddleSenses)>, tables: Query<&Table>) -> Result {
    for (home, side, mut senses) in &mut paddles {
        *senses = tables.get(home.0)?.seen_from(*side);
    }
    Ok(())
}
