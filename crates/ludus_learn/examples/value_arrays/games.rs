//! Games on plain arrays: copies that step side by side, each in episodes of its own.

use ludus_learn::{LaneShape, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::{Head, Outcome, Seed};

use crate::cart_pole::{self, CartPoles};
use crate::pendulum::{self, Pendulums};

/// A simulation of one agent per row, whose policy has one head.
pub trait ArrayGame: Simulation {
    /// Columns of an observation.
    const WIDTH: usize;
    /// The head of the policy.
    const HEAD: Head;

    /// Makes this many copies of the game.
    fn of_copies(copies: usize, seed: Seed) -> Self;
}

impl ArrayGame for CartPoles {
    const WIDTH: usize = cart_pole::WIDTH;
    const HEAD: Head = Head::Categorical { choices: 2 };

    fn of_copies(copies: usize, seed: Seed) -> Self {
        Self::new(0..copies as u64, seed)
    }
}

impl ArrayGame for Pendulums {
    const WIDTH: usize = pendulum::WIDTH;
    const HEAD: Head = Head::Gaussian { width: 1 };

    fn of_copies(copies: usize, seed: Seed) -> Self {
        Self::new(copies, seed)
    }
}

/// A game of one agent.
pub trait Game: Send {
    /// Columns of an observation.
    const WIDTH: usize;
    /// The head of the policy.
    const HEAD: Head;
    /// Steps after which an episode is truncated.
    const EPISODE_LIMIT: u32;

    /// Returns the game at the start of an episode.
    fn start(seed: Seed) -> Self;

    /// Takes a step. Returns its reward, and true if it ends the episode.
    fn step(&mut self, action: f32) -> (f32, bool);

    /// Writes the observation.
    fn sense(&self, observation: &mut [f32]);
}

/// Copies of a game. The first step of each one's episode is a restart step.
pub struct Copies<G> {
    games: Vec<G>,
    lengths: Vec<u32>,
    has_ended: Vec<bool>,
    seeds: Vec<Seed>,
}

impl<G: Game> Copies<G> {
    fn step_row(&mut self, row: usize, action: f32) -> (f32, Outcome) {
        if std::mem::take(&mut self.has_ended[row]) {
            self.seeds[row] = self.seeds[row].derive(0);
            self.lengths[row] = 0;
            self.games[row] = G::start(self.seeds[row]);
            return (0.0, Outcome::Restart);
        }
        let (reward, is_over) = self.games[row].step(action);
        self.lengths[row] += 1;
        let outcome = match (is_over, self.lengths[row] == G::EPISODE_LIMIT) {
            (true, _) => Outcome::Terminated,
            (false, true) => Outcome::Truncated,
            (false, false) => Outcome::Running,
        };
        self.has_ended[row] = outcome.is_end();
        (reward, outcome)
    }
}

impl<G: Game> Simulation for Copies<G> {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.games.len(), observation_width: G::WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        for (game, observation) in self.games.iter().zip(now.observations.chunks_exact_mut(G::WIDTH)) {
            game.sense(observation);
        }
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let StepRows { actions, rewards, outcomes, next, .. } = lanes.lane(0);
        for (row, &action) in actions.iter().enumerate() {
            (rewards[row], outcomes[row]) = self.step_row(row, action);
        }
        self.observe(0, next);
    }
}

impl<G: Game> ArrayGame for Copies<G> {
    const WIDTH: usize = G::WIDTH;
    const HEAD: Head = G::HEAD;

    fn of_copies(copies: usize, seed: Seed) -> Self {
        let seeds: Vec<Seed> = (0..copies).map(|copy| seed.derive(copy as u64)).collect();
        let games = seeds.iter().map(|&seed| G::start(seed)).collect();
        Self { games, lengths: vec![0; copies], has_ended: vec![true; copies], seeds }
    }
}
