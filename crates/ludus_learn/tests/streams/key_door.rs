//! A grid with a key, a door and a goal: too far for a random walk, solved with curiosity.

use ludus_learn::{CuriosityConfig, LaneShape, PpoConfig, Schedule, SensedRows, Simulation, StepLanes, StepRows};
use ludus_net::NetworkConfig;
use ludus_spec::{AgentSpec, Block, ObservationKind, Outcome};

use crate::{Curious, field, spec};

const WIDTH: usize = 15;
const HEIGHT: usize = 11;
/// The wall between the rooms, and the place of its door.
const WALL: usize = 7;
const DOOR: (usize, usize) = (WALL, HEIGHT - 1);
const START: (usize, usize) = (0, HEIGHT / 2);
const KEY: (usize, usize) = (WALL - 1, 0);
const GOAL: (usize, usize) = (WIDTH - 1, 0);
/// Steps of an episode. The shortest way takes 11 to the key, 11 to the door and 17 to the goal.
const LIMIT: usize = 100;
const OBSERVED: usize = WIDTH + HEIGHT + 1;
const ROWS: usize = 64;

/// Rows of walkers. The only reward is 1 at the goal.
#[derive(Clone)]
pub struct KeyDoor {
    walkers: Vec<Walker>,
    /// Episodes that ended, and those that ended at the goal, since the last count.
    ended: usize,
    solved: usize,
}

#[derive(Clone, Copy)]
struct Walker {
    place: (usize, usize),
    has_key: bool,
    steps: usize,
    has_ended: bool,
}

const BEGIN: Walker = Walker { place: START, has_key: false, steps: 0, has_ended: false };

impl KeyDoor {
    pub fn new(rows: usize) -> Self {
        // Rows begin apart, so that episodes don't end all at once.
        let walker = |row| Walker { steps: row * LIMIT / rows, has_ended: false, ..BEGIN };
        Self { walkers: (0..rows).map(walker).collect(), ended: 0, solved: 0 }
    }

    pub fn spec() -> AgentSpec {
        let flags = |name: &str, count: usize| {
            field(name, Block::values((0..count).map(|part| part.to_string())), ObservationKind::Flag)
        };
        spec(vec![flags("column", WIDTH), flags("line", HEIGHT), flags("has_key", 1)], 4)
    }

    fn sense(&self, observations: &mut [f32]) {
        observations.fill(0.0);
        for (walker, observation) in self.walkers.iter().zip(observations.chunks_exact_mut(OBSERVED)) {
            observation[walker.place.0] = 1.0;
            observation[WIDTH + walker.place.1] = 1.0;
            observation[OBSERVED - 1] = f32::from(u8::from(walker.has_key));
        }
    }
}

impl Walker {
    /// Moves right, left, down or up, unless there is a wall, a shut door or the edge.
    fn go(&mut self, direction: usize) -> Outcome {
        let (x, y) = self.place;
        let next = match direction {
            0 => (x + 1, y),
            1 => (x.wrapping_sub(1), y),
            2 => (x, y + 1),
            _ => (x, y.wrapping_sub(1)),
        };
        let is_inside = next.0 < WIDTH && next.1 < HEIGHT;
        if is_inside && (next.0 != WALL || next == DOOR && self.has_key) {
            self.place = next;
        }
        self.has_key |= self.place == KEY;
        self.steps += 1;
        match self.place {
            GOAL => Outcome::Terminated,
            _ if self.steps >= LIMIT => Outcome::Truncated,
            _ => Outcome::Running,
        }
    }
}

impl Simulation for KeyDoor {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.walkers.len(), observation_width: OBSERVED, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.sense(now.observations);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let StepRows { actions, rewards, outcomes, next, .. } = lanes.lane(0);
        for (row, walker) in self.walkers.iter_mut().enumerate() {
            if walker.has_ended {
                *walker = BEGIN;
                (rewards[row], outcomes[row]) = (0.0, Outcome::Restart);
                continue;
            }
            outcomes[row] = walker.go(actions[row] as usize);
            walker.has_ended = outcomes[row] != Outcome::Running;
            rewards[row] = f32::from(u8::from(outcomes[row] == Outcome::Terminated));
            self.ended += usize::from(walker.has_ended);
            self.solved += usize::from(outcomes[row] == Outcome::Terminated);
        }
        self.sense(next.observations);
    }
}

/// Returns the share of the last episodes that ended at the goal, after 140 iterations of 64 steps of 64 rows.
fn solved(curiosity: Option<CuriosityConfig>) -> f32 {
    const ITERATIONS: usize = 140;
    let spec = KeyDoor::spec();
    let ppo = PpoConfig {
        rollout_steps: 64,
        epochs: 3,
        minibatch: 512,
        learning_rate: Schedule::Constant(1e-3).into(),
        entropy: Schedule::Constant(0.01),
        normalize_observations: false,
        ..PpoConfig::default()
    };
    let network = NetworkConfig { hidden: vec![64], ..NetworkConfig::default() };
    let run = Curious { spec: &spec, network, ppo, curiosity, threads: 1, seed: 1 };
    let mut worlds = [KeyDoor::new(ROWS)];
    let mut ppo = run.build(&worlds);
    for iteration in 0..ITERATIONS {
        if iteration + 10 == ITERATIONS {
            (worlds[0].ended, worlds[0].solved) = (0, 0);
        }
        ppo.iterate(&mut worlds, iteration as f32 / ITERATIONS as f32).unwrap();
    }
    worlds[0].solved as f32 / worlds[0].ended.max(1) as f32
}

/// The same steps with and without.
#[test]
fn a_sparse_grid_is_solved_with_curiosity_and_not_without() {
    let curiosity = CuriosityConfig {
        weight: Schedule::Linear { from: 1.0, to: 0.0 },
        gamma: 0.95,
        hidden: vec![64],
        ..CuriosityConfig::default()
    };
    let with = solved(Some(curiosity));
    assert!(with > 0.9, "with curiosity, {with} of the episodes end at the goal");
    assert_eq!(solved(None), 0.0, "without it, none does");
}
