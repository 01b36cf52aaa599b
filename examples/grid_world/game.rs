//! ML-Agents' `GridWorld`: walk over a board to the goal and around the pit.
//!
//! The rules are the original's: rover, goal and pit start on squares of their own, drawn at random; a step costs 0.01,
//! the goal brings 1, the pit costs 1, and both end the episode; steps that would leave the board are masked. And as
//! there, the rover sees a picture of the board from above, 20 × 20 pixels of three colours.

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use rand::{Rng, RngExt};

/// Squares along each side of the board.
pub const SIDE: usize = 5;
/// Pixels along each side of a square.
pub const SCALE: usize = 4;
/// Pixels along each side of the picture.
pub const PICTURE: usize = SIDE * SCALE;

/// Walks over the board.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Board, ActionMask<Step>)]
#[agent(observation = BoardSenses, action = Step, reward = BoardReward)]
pub struct Rover;

/// The squares of the rover, the goal and the pit.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board {
    /// The agent.
    pub rover: Square,
    /// The square that the agent should reach.
    pub goal: Square,
    /// The square that the agent should avoid.
    pub pit: Square,
}

/// A place on the board, from its upper left corner.
#[derive(Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Square {
    /// Counted downwards.
    pub y: usize,
    /// Counted to the right.
    pub x: usize,
}

/// The agent's observation: a picture of the whole board.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct BoardSenses {
    /// The rover in the first colour, the goal in the second, the pit in the third: 1 where it stands, else 0.
    #[observation(range = 0.0..=1.0)]
    pub picture: Grid<PICTURE, PICTURE, 3>,
}

/// The agent's action: a step to a neighbouring square, or none.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// None.
    #[default]
    Stay,
    /// One up.
    Up,
    /// One down.
    Down,
    /// One to the left.
    Left,
    /// One to the right.
    Right,
}

/// The terms of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct BoardReward {
    /// 1 for reaching the goal.
    pub goal: f32,
    /// 1 for falling into the pit.
    pub pit: f32,
    /// 1 for every step that does neither.
    pub step: f32,
}

/// The whole game: no window, no policy.
pub fn grid_world(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(8.0))
        .add_agent::<Rover>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, walk)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, (sense, mask_edges));
}

impl Step {
    /// All steps, in the order of their variants.
    pub const ALL: [Self; 5] = [Self::Stay, Self::Up, Self::Down, Self::Left, Self::Right];
}

impl Square {
    /// Returns the square after a step from here; `None` if it is off the board.
    pub fn after(self, step: Step) -> Option<Self> {
        let Self { y, x } = self;
        let next = |place: usize| Some(place + 1).filter(|&next| next < SIDE);
        match step {
            Step::Stay => Some(self),
            Step::Up => y.checked_sub(1).map(|y| Self { y, x }),
            Step::Down => next(y).map(|y| Self { y, x }),
            Step::Left => x.checked_sub(1).map(|x| Self { y, x }),
            Step::Right => next(x).map(|x| Self { y, x }),
        }
    }

    /// Draws a square other than these.
    fn draw(rng: &mut impl Rng, taken: &[Self]) -> Self {
        loop {
            let square = Self { y: rng.random_range(0..SIDE), x: rng.random_range(0..SIDE) };
            if !taken.contains(&square) {
                return square;
            }
        }
    }
}

fn build_arena(on: On<Add, Arena>, mut commands: Commands) {
    commands.spawn((Rover, InArena(on.entity)));
}

fn restart(on: On<EpisodeStart<Rover>>, mut boards: Query<(&mut Board, &mut EpisodeRng)>) -> Result {
    let (mut board, mut rng) = boards.get_mut(on.entity)?;
    let goal = Square::draw(&mut **rng, &[]);
    let pit = Square::draw(&mut **rng, &[goal]);
    *board = Board { goal, pit, rover: Square::draw(&mut **rng, &[goal, pit]) };
    Ok(())
}

/// A player may still step against the edge, because masks restrict only a policy. Such a step changes nothing.
fn walk(mut boards: Query<(&mut Board, &Step)>) {
    for (mut board, step) in &mut boards {
        board.rover = board.rover.after(*step).unwrap_or(board.rover);
    }
}

fn score(mut boards: Query<(&Board, &mut BoardReward, &mut Episode)>) {
    for (board, mut reward, mut episode) in &mut boards {
        if board.rover == board.goal {
            reward.goal = 1.0;
            episode.terminate();
        } else if board.rover == board.pit {
            reward.pit = 1.0;
            episode.terminate();
        } else {
            reward.step = 1.0;
        }
    }
}

fn sense(mut boards: Query<(&Board, &mut BoardSenses)>) {
    for (board, mut senses) in &mut boards {
        senses.picture.clear();
        for (channel, square) in [board.rover, board.goal, board.pit].into_iter().enumerate() {
            paint(&mut senses.picture, square, channel);
        }
    }
}

fn paint(picture: &mut Grid<PICTURE, PICTURE, 3>, square: Square, channel: usize) {
    for y in square.y * SCALE..(square.y + 1) * SCALE {
        for x in square.x * SCALE..(square.x + 1) * SCALE {
            picture[(y, x)][channel] = 1.0;
        }
    }
}

fn mask_edges(mut boards: Query<(&Board, &mut ActionMask<Step>)>) {
    for (board, mut mask) in &mut boards {
        mask.allow_only(Step::ALL.into_iter().filter(|&step| board.rover.after(step).is_some()));
    }
}
