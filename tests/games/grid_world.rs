//! The rules of `grid_world`, and the observations and masks of its agents.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_ludus::agent::Action;
use bevy_ludus::spec::{Block, Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings};

use crate::examples::grid_world::{Board, PICTURE, SCALE, SIDE, Square, Step, grid_world};

const FAR: usize = SIDE - 1;

/// Weights of goal, pit and step, as in the shipped config.
const WEIGHTS: [f32; 3] = [1.0, -1.0, -0.01];

fn world(arenas: u32) -> PooledWorld {
    let settings = WorldSettings {
        seed: Seed::new(3),
        world: 0,
        arenas: 0..arenas,
        decision_interval: NonZeroU32::MIN,
        agents: vec![AgentSettings { name: "Rover".to_owned(), weights: WEIGHTS.to_vec(), ..AgentSettings::default() }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    PooledWorld::build(&(Arc::new(grid_world) as _), settings).expect("the game can be trained")
}

fn boards(world: &mut PooledWorld) -> Vec<Board> {
    let world = world.world_mut();
    world.query::<&Board>().iter(world).copied().collect()
}

/// Returns a world with this board.
fn set(board: Board) -> PooledWorld {
    let mut world = world(1);
    let ecs = world.world_mut();
    *ecs.query::<&mut Board>().single_mut(ecs).expect("there is one board") = board;
    world
}

fn step(world: &mut PooledWorld, step: Step) {
    step.write(world.rows_mut(0).actions_mut());
    world.step().expect("the game doesn't panic");
}

fn square(y: usize, x: usize) -> Square {
    Square { y, x }
}

#[test]
fn steps_that_leave_the_board_are_masked() {
    use Step::{Down, Left, Right, Stay, Up};
    let check = |rover: Square, allowed: &[Step]| {
        let mut world = set(Board { rover, goal: square(2, 2), pit: square(2, 3) });
        step(&mut world, Stay);
        let expected = Step::ALL.map(|step| allowed.contains(&step));
        assert_eq!(world.rows(0).masks(), expected, "at {rover:?}");
    };
    check(square(1, 1), &Step::ALL);
    check(square(0, 3), &[Stay, Down, Left, Right]);
    check(square(FAR, 3), &[Stay, Up, Left, Right]);
    check(square(0, 0), &[Stay, Down, Right]);
    check(square(FAR, FAR), &[Stay, Up, Left]);
}

/// Checks the rover's square, the reward and the outcome of a step.
#[test]
fn rewards_are_those_of_ml_agents() {
    let check = |step: Step, place: Square, reward: f32, outcome: Outcome| {
        let mut world = set(Board { rover: square(2, 2), goal: square(2, 3), pit: square(1, 2) });
        self::step(&mut world, step);
        assert_eq!(boards(&mut world)[0].rover, place);
        assert_eq!((world.rows(0).rewards(), world.rows(0).outcomes()), (&[reward][..], &[outcome][..]));
    };
    check(Step::Right, square(2, 3), 1.0, Outcome::Terminated);
    check(Step::Up, square(1, 2), -1.0, Outcome::Terminated);
    check(Step::Left, square(2, 1), -0.01, Outcome::Running);
    check(Step::Down, square(3, 2), -0.01, Outcome::Running);
    check(Step::Stay, square(2, 2), -0.01, Outcome::Running);
}

/// A player has no mask.
#[test]
fn a_step_against_the_edge_leads_nowhere() {
    let mut world = set(Board { rover: square(0, 0), goal: square(2, 3), pit: square(1, 2) });
    step(&mut world, Step::Left);
    assert_eq!(boards(&mut world)[0].rover, square(0, 0));
}

#[test]
fn the_board_is_seen_as_it_is() {
    let mut world = world(16);
    for _ in 0..3 {
        let boards = boards(&mut world);
        for (board, seen) in boards.iter().zip(world.rows(0).observations().chunks_exact(PICTURE * PICTURE * 3)) {
            let (pixels, _) = seen.as_chunks::<3>();
            for (pixel, colours) in pixels.iter().enumerate() {
                let here = square(pixel / PICTURE / SCALE, pixel % PICTURE / SCALE);
                let expected = [board.rover, board.goal, board.pit].map(|square| f32::from(square == here));
                assert_eq!(colours, &expected, "at {here:?} of {board:?}");
            }
        }
        step_all(&mut world);
    }
    let spec = world.spec(0);
    assert_eq!(spec.observation_name((3 * PICTURE + 17) * 3 + 1).as_deref(), Some("picture.3.17.1"));
    assert!(matches!(&spec.observation[0].block, Block::Grid(grid) if grid.to_string() == "20×20×3"));
}

fn step_all(world: &mut PooledWorld) {
    world.rows_mut(0).actions_mut().fill(2.0);
    world.rows_mut(0).heed_masks();
    world.step().expect("the game doesn't panic");
}

#[test]
fn everything_starts_on_a_square_of_its_own_and_anywhere() {
    let boards = boards(&mut world(400));
    assert!(
        boards.iter().all(|board| board.rover != board.goal && board.rover != board.pit && board.goal != board.pit)
    );
    for place in [square(0, 0), square(2, 3), square(FAR, FAR)] {
        // One in 25: some 16 of 400, with a standard deviation of 4.
        let count = boards.iter().filter(|board| board.rover == place).count();
        assert!((3..=32).contains(&count), "{count} at {place:?}");
    }
}
