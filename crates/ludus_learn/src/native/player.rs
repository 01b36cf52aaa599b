//! Rollouts: a thread plays one simulation from the first step to the last.

use ludus_net::Scratch;
use ludus_spec::{Clock, Seed};

use super::policy::Policy;
use crate::{PhaseTimes, Simulation, Slab, StepRows};

/// One thread's working memory for playing.
#[derive(Debug)]
pub(super) struct Player {
    scratch: Scratch,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

/// One simulation, its place in the rollout, and how long it took.
#[derive(Debug)]
pub(super) struct Game<'a, S> {
    pub simulation: &'a mut S,
    pub slab: Slab<'a>,
    pub times: PhaseTimes,
}

/// How all games of a rollout are played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub policy: Policy<'a>,
    pub steps: usize,
    pub seed: Seed,
    pub clock: Clock,
}

impl Player {
    pub fn new(scratch: Scratch) -> Self {
        Self { scratch, inputs: Vec::new(), outputs: Vec::new() }
    }

    /// Plays a whole rollout. Details 7 and 18.
    pub fn play<S: Simulation>(&mut self, rules: Rules<'_>, game: &mut Game<'_, S>) {
        let layout = rules.policy.network.layout();
        self.inputs.resize(game.slab.rows * layout.inputs(), 0.0);
        self.outputs.resize(game.slab.rows * layout.output_width(), 0.0);
        let mut timer = Timer::start(rules.clock);
        let first = game.slab.rows * layout.inputs();
        game.simulation.observe(&mut game.slab.observations[..first]);
        game.mask(0);
        timer.lap(&mut game.times.simulate);
        for step in 0..rules.steps {
            self.decide(rules, step, game, &mut timer);
            game.step(step, layout.inputs());
            game.mask(step + 1);
            timer.lap(&mut game.times.simulate);
        }
        self.value(rules, game, &mut timer);
    }

    /// Draws every row's action for a step, from the policy as it is now. Detail 19.
    fn decide<S>(&mut self, rules: Rules<'_>, step: usize, game: &mut Game<'_, S>, timer: &mut Timer) {
        let Game { slab, times, .. } = game;
        let network = rules.policy.network;
        let (rows, action_width) = (step * slab.rows..(step + 1) * slab.rows, network.layout().action_width());
        self.stage(rules, step, slab);
        timer.lap(&mut times.copy);
        network.forward(&self.inputs, &mut self.scratch, &mut self.outputs, &mut slab.values[rows.clone()]);
        let (seed, first_row) = (rules.seed.derive(step as u64), slab.first_row);
        let masks = slab.mask_place(step);
        network.distribution().masked(&slab.masks[masks]).sample(
            &self.outputs,
            |row| seed.derive((first_row + row) as u64),
            &mut slab.actions[rows.start * action_width..rows.end * action_width],
            &mut slab.log_probs[rows],
        );
        timer.lap(&mut times.forward);
    }

    /// Estimates what comes after the last step. Detail 5.
    fn value<S>(&mut self, rules: Rules<'_>, game: &mut Game<'_, S>, timer: &mut Timer) {
        let Game { slab, times, .. } = game;
        self.stage(rules, rules.steps, slab);
        timer.lap(&mut times.copy);
        let values = &mut slab.values[rules.steps * slab.rows..];
        rules.policy.network.forward_values(&self.inputs, &mut self.scratch, values);
        timer.lap(&mut times.forward);
    }

    fn stage(&mut self, rules: Rules<'_>, step: usize, slab: &Slab<'_>) {
        let numbers = self.inputs.len();
        rules.policy.stage(&slab.observations[step * numbers..][..numbers], &mut self.inputs);
    }
}

impl<S: Simulation> Game<'_, S> {
    /// Lets the simulation say what is allowed in a step, if not everything always is. Detail 19.
    fn mask(&mut self, step: usize) {
        if !self.slab.masks.is_empty() {
            let place = self.slab.mask_place(step);
            self.simulation.mask(&mut self.slab.masks[place]);
        }
    }

    /// Lets the simulation act on a step's actions and write what came of it.
    fn step(&mut self, step: usize, observation_width: usize) {
        let slab = &mut self.slab;
        let (start, end) = (step * slab.rows, (step + 1) * slab.rows);
        let action_width = slab.actions.len() / slab.values.len().max(1);
        self.simulation.step(
            &slab.actions[start * action_width..end * action_width],
            StepRows {
                rewards: &mut slab.rewards[start..end],
                outcomes: &mut slab.outcomes[start..end],
                observations: &mut slab.observations[end * observation_width..][..slab.rows * observation_width],
            },
        );
    }
}

/// Shares out the time between two moments and the next.
struct Timer {
    clock: Clock,
    last: u64,
}

impl Timer {
    fn start(clock: Clock) -> Self {
        Self { clock, last: clock() }
    }

    /// Adds the time since the last lap to a phase.
    fn lap(&mut self, phase: &mut u64) {
        let now = (self.clock)();
        *phase += now.saturating_sub(self.last);
        self.last = now;
    }
}
