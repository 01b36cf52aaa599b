//! Rollouts: all rows step together, and one forward pass decides for all of them.

use std::ops::Range;

use ludus_learn::{PhaseTimes, RolloutShape, Simulation, Slab, StepRows};
use ludus_spec::{Clock, Seed};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use tch::{Kind, Tensor};

use crate::attempt::attempt;
use crate::buffer::Buffer;
use crate::graphs::{Recorder, Recording};
use crate::heads::{Heads, Outputs};
use crate::inputs::Inputs;
use crate::link::Link;
use crate::network::{Forward, TorchNetwork};
use crate::parameters::Leaves;
use crate::storage::{Kept, Storage};

/// Some neighbouring simulations whose rows are decided on together, and what goes up and comes down for them.
#[derive(Debug)]
pub(crate) struct Part {
    simulations: Range<usize>,
    /// The rows of each simulation.
    rows: Vec<usize>,
    first_row: usize,
    row_count: usize,
    widths: Widths,
    /// Observations of all rows, then the draws of all rows, then their masks.
    up: Buffer,
    /// Actions, log-probability and value of each row.
    down: Buffer,
    recording: Recording,
    /// What a recorded decision reads and writes.
    decision: Option<Decision>,
}

/// Where a decision reads what went up, and what it makes of it.
#[derive(Debug)]
struct Decision {
    up: Tensor,
    /// What the network read.
    inputs: Tensor,
    masks: Option<Tensor>,
    /// What goes down.
    played: Tensor,
}

/// Columns of a row.
#[derive(Clone, Copy, Debug)]
struct Widths {
    observation: usize,
    draws: usize,
    action: usize,
    /// 0 where every choice is always allowed.
    mask: usize,
}

/// The policy, as it is during a rollout.
#[derive(Clone, Copy)]
pub(crate) struct Policy<'a> {
    pub network: &'a dyn TorchNetwork,
    pub heads: &'a Heads,
    pub leaves: &'a Leaves,
    pub inputs: &'a Inputs,
    pub kind: Kind,
    pub recorder: &'a Recorder,
}

/// How a rollout is played.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub heads: &'a Heads,
    pub steps: usize,
    pub seed: Seed,
    pub clock: Clock,
    pub pool: &'a ThreadPool,
}

/// One simulation and its place in the rollout.
struct Game<'a, S> {
    simulation: &'a mut S,
    slab: Slab<'a>,
    times: PhaseTimes,
}

/// A game, and its stretches of what goes up and of what came down.
struct Turn<'a, 'b, S> {
    game: &'a mut Game<'b, S>,
    observations: &'a mut [f32],
    draws: &'a mut [f32],
    masks: &'a mut [f32],
    played: &'a [f32],
}

/// Cuts the simulations of a rollout of this shape into `count` parts of about as many rows each.
pub(crate) fn parts(shape: &RolloutShape, count: usize, heads: &Heads, link: &Link) -> Vec<Part> {
    let rows = &shape.rows[..];
    let widths = Widths {
        observation: shape.observation_width,
        draws: heads.draw_count(),
        action: heads.action_width(),
        mask: shape.mask_width,
    };
    let mut first_row = 0;
    let mut make = |simulations: Range<usize>| {
        let rows = rows[simulations.clone()].to_vec();
        let row_count = rows.iter().sum();
        let part = Part {
            up: Buffer::new(row_count * (widths.observation + widths.draws + widths.mask), link),
            down: Buffer::new(row_count * (widths.action + 2), link),
            recording: Recording::default(),
            decision: None,
            simulations,
            rows,
            first_row,
            row_count,
            widths,
        };
        first_row += row_count;
        part
    };
    bounds(rows, count).into_iter().map(&mut make).collect()
}

/// Where to cut, so that the parts' rows are as equal as whole simulations allow. No part is empty.
fn bounds(rows: &[usize], count: usize) -> Vec<Range<usize>> {
    let total: usize = rows.iter().sum();
    let (mut start, mut rows_so_far, mut bounds) = (0, 0, Vec::new());
    for (simulation, &own) in rows.iter().enumerate() {
        rows_so_far += own;
        let is_last = simulation + 1 == rows.len();
        if is_last || rows_so_far * count >= total * (bounds.len() + 1) {
            bounds.push(start..simulation + 1);
            start = simulation + 1;
        }
    }
    bounds
}

/// Plays a whole rollout. Details 7 and 18.
///
/// With several parts, one part's rows step while another's actions are worked out.
///
/// # Errors
///
/// What libtorch said, if it fails; then the rollout ends there.
pub(crate) fn play<'a, S: Simulation + 'a>(
    policy: Policy<'_>,
    rules: Rules<'_>,
    table: (&mut [Part], &mut Storage),
    games: impl Iterator<Item = (&'a mut S, Slab<'a>)>,
) -> Result<PhaseTimes, String> {
    let start = (rules.clock)();
    let (parts, storage) = table;
    let mut games: Vec<Game<'_, S>> =
        games.map(|(simulation, slab)| Game { simulation, slab, times: PhaseTimes::default() }).collect();
    let mut left = &mut games[..];
    let mut tables: Vec<Table<'_, '_, S>> = Vec::with_capacity(parts.len());
    for part in parts {
        let (own, rest) = left.split_at_mut(part.simulations.len());
        left = rest;
        tables.push(Table { part, games: own, simulate_time: 0 });
    }
    let forward = play_tables(policy, rules, &mut tables, storage)?;
    let mut times = PhaseTimes { forward, ..PhaseTimes::default() };
    tables.iter().for_each(|table| times.add(&table.times()));
    Ok(times.shared_out((rules.clock)().saturating_sub(start)))
}

/// A part and its games.
struct Table<'a, 'b, S> {
    part: &'a mut Part,
    games: &'a mut [Game<'b, S>],
    /// Wall time that its games took \[ns\].
    simulate_time: u64,
}

/// In turn, each table's rows are decided on while the one before steps; the time that deciding took \[ns\], or what
/// libtorch said if it fails.
fn play_tables<S: Simulation>(
    policy: Policy<'_>,
    rules: Rules<'_>,
    tables: &mut [Table<'_, '_, S>],
    storage: &mut Storage,
) -> Result<u64, String> {
    let mut forward = 0;
    let mut timed = |work: &mut dyn FnMut()| {
        let start = (rules.clock)();
        let done = attempt(work);
        forward += (rules.clock)().saturating_sub(start);
        done
    };
    tables.iter_mut().for_each(|table| table.open(rules));
    let count = tables.len();
    let turns = rules.steps * count;
    if turns > 0 {
        timed(&mut || tables[0].part.decide(policy, 0, storage))?;
    }
    for turn in 0..turns {
        let (step, next) = (turn / count, turn + 1);
        if count == 1 {
            tables[0].step(rules, step);
            if next < turns {
                timed(&mut || tables[0].part.decide(policy, next, storage))?;
            }
            continue;
        }
        let [stepping, deciding] = two_of(tables, turn % count, next % count);
        rules.pool.in_place_scope(|scope| {
            scope.spawn(|_| stepping.step(rules, step));
            if next == turns {
                return Ok(());
            }
            timed(&mut || deciding.part.decide(policy, next / count, storage))
        })?;
    }
    for table in tables {
        timed(&mut || table.part.evaluate(policy))?;
        table.close(rules.steps);
    }
    Ok(forward)
}

/// Two different items.
fn two_of<T>(items: &mut [T], first: usize, second: usize) -> [&mut T; 2] {
    items.get_disjoint_mut([first, second]).expect("neighbours in turn are not the same")
}

impl Part {
    /// Draws every row's action for a step, from the policy as it is now, and keeps what the update needs.
    fn decide(&mut self, policy: Policy<'_>, step: usize, storage: &mut Storage) {
        // A guard, for `tch::no_grad` would leave it so if libtorch failed.
        let _guard = tch::no_grad_guard();
        let up = self.send_up(policy);
        let Self { recording, decision, widths, row_count, .. } = self;
        recording.run(policy.recorder, &mut || *decision = Some(policy.decide(&up, *widths, *row_count)));
        let Some(Decision { inputs, masks, played, .. }) = decision else { return };
        storage.keep(step, self.first_row, Kept { inputs, played, masks: masks.as_ref() });
        self.down.download(played);
    }

    /// Estimates what comes after the last step. Detail 5.
    fn evaluate(&mut self, policy: Policy<'_>) {
        let _guard = tch::no_grad_guard();
        let up = self.up.upload();
        let inputs = policy.inputs.stage(&self.widths.split(&up, self.row_count)[0]);
        let values = policy.forward(&inputs).values;
        self.down.download(&values);
    }

    /// What goes up, on the device; where a recorded decision reads it, if there is one.
    fn send_up(&self, policy: Policy<'_>) -> Tensor {
        let up = self.up.upload();
        match &self.decision {
            Some(decision) if policy.recorder.records() => {
                let mut place = decision.up.shallow_clone();
                place.copy_(&up);
                place
            }
            _ => up,
        }
    }

    /// Each game with its stretches of what goes up and of what came down.
    fn turns<'a, 'b, S>(&'a mut self, games: &'a mut [Game<'b, S>]) -> Vec<Turn<'a, 'b, S>> {
        let Widths { observation, draws, action, mask } = self.widths;
        let (mut observations, rest) = self.up.numbers().split_at_mut(self.row_count * observation);
        let (mut uniforms, mut masks) = rest.split_at_mut(self.row_count * draws);
        let mut down = self.down.read();
        let mut turns = Vec::with_capacity(games.len());
        for (game, &rows) in games.iter_mut().zip(&self.rows) {
            let played;
            (played, down) = down.split_at(rows * (action + 2));
            turns.push(Turn {
                game,
                observations: split_off_first(&mut observations, rows * observation),
                draws: split_off_first(&mut uniforms, rows * draws),
                masks: split_off_first(&mut masks, rows * mask),
                played,
            });
        }
        turns
    }
}

impl Widths {
    /// The observations, the draws and the masks of what went up, a row each.
    fn split(self, up: &Tensor, rows: usize) -> [Tensor; 3] {
        let block = |columns_before: usize, width: usize| {
            let (first, width) = ((rows * columns_before) as i64, width as i64);
            up.narrow(0, first, rows as i64 * width).view([rows as i64, width])
        };
        let Self { observation, draws, mask, .. } = self;
        [block(0, observation), block(observation, draws), block(observation + draws, mask)]
    }
}

impl Policy<'_> {
    /// Draws an action for each row.
    fn decide(&self, up: &Tensor, widths: Widths, rows: usize) -> Decision {
        let [observations, draws, masks] = widths.split(up, rows);
        let inputs = self.inputs.stage(&observations);
        let masks = (widths.mask > 0).then_some(masks);
        let Forward { outputs, values } = self.forward(&inputs);
        let outputs = Outputs { numbers: &outputs, log_std: self.leaves.log_std(), masks: masks.as_ref() };
        let (actions, log_probs) = self.heads.sample(outputs, &draws);
        let played = Tensor::cat(&[actions, log_probs, values], 1);
        Decision { up: up.shallow_clone(), inputs, masks, played }
    }

    /// What the network puts out, as full numbers; values are `[rows, 1]`.
    fn forward(&self, inputs: &Tensor) -> Forward {
        let parameters = self.leaves.of_network(self.kind);
        let Forward { outputs, values } = self.network.forward(&parameters, &inputs.to_kind(self.kind));
        Forward { outputs: outputs.to_kind(Kind::Float), values: values.to_kind(Kind::Float).unsqueeze(1) }
    }
}

impl<S: Simulation> Table<'_, '_, S> {
    /// Looks at what the rows observe before the first step.
    fn open(&mut self, rules: Rules<'_>) {
        self.for_each_game(rules, |turn| {
            let first = turn.observations.len();
            turn.simulate(rules, |game| {
                game.simulation.observe(&mut game.slab.observations[..first]);
                game.mask(0);
            });
            turn.stage(rules, 0);
        });
    }

    /// Lets every row act, and readies what goes up next.
    fn step(&mut self, rules: Rules<'_>, step: usize) {
        self.for_each_game(rules, |turn| {
            turn.take(rules, step);
            turn.simulate(rules, |game| {
                game.step(step);
                game.mask(step + 1);
            });
            turn.stage(rules, step + 1);
        });
    }

    /// Takes the values of what comes after the last step.
    fn close(&mut self, steps: usize) {
        let mut values = self.part.down.read();
        for game in &mut *self.games {
            let own;
            (own, values) = values.split_at(game.slab.rows);
            game.slab.values[steps * game.slab.rows..].copy_from_slice(own);
        }
    }

    /// Does `work` for every game, each whole on some thread.
    fn for_each_game(&mut self, rules: Rules<'_>, work: impl Fn(&mut Turn<'_, '_, S>) + Sync + Send) {
        let start = (rules.clock)();
        let mut turns = self.part.turns(self.games);
        if rules.pool.current_num_threads() == 1 || turns.len() == 1 {
            turns.iter_mut().for_each(work);
        } else {
            rules.pool.install(|| turns.par_iter_mut().with_max_len(1).for_each(work));
        }
        self.simulate_time += (rules.clock)().saturating_sub(start);
    }

    /// The wall time of the games, shared out as their threads spent theirs.
    fn times(&self) -> PhaseTimes {
        let mut times = PhaseTimes::default();
        self.games.iter().for_each(|game| times.add(&game.times));
        times.shared_out(self.simulate_time)
    }
}

impl<S: Simulation> Turn<'_, '_, S> {
    /// Takes what came down into the rollout.
    fn take(&mut self, rules: Rules<'_>, step: usize) {
        let start = (rules.clock)();
        let slab = &mut self.game.slab;
        let action_width = slab.actions.len() / slab.values.len().max(1);
        for (row, played) in self.played.chunks_exact(action_width + 2).enumerate() {
            let sample = step * slab.rows + row;
            let (action, log_prob_and_value) = played.split_at(action_width);
            slab.actions[sample * action_width..][..action_width].copy_from_slice(action);
            (slab.log_probs[sample], slab.values[sample]) = (log_prob_and_value[0], log_prob_and_value[1]);
        }
        self.game.times.copy += (rules.clock)().saturating_sub(start);
    }

    /// Does `work`, whose time is the game's.
    fn simulate(&mut self, rules: Rules<'_>, work: impl FnOnce(&mut Game<'_, S>)) {
        let start = (rules.clock)();
        work(self.game);
        self.game.times.simulate += (rules.clock)().saturating_sub(start);
    }

    /// Readies the observations and the draws of a step to go up. After the last step, nobody draws.
    fn stage(&mut self, rules: Rules<'_>, step: usize) {
        let between = (rules.clock)();
        let Self { game: Game { slab, times, .. }, observations, draws, masks, .. } = self;
        observations.copy_from_slice(&slab.observations[step * observations.len()..][..observations.len()]);
        let (seed, width) = (rules.seed.derive(step as u64), rules.heads.draw_count());
        if step < rules.steps {
            for (row, draws) in draws.chunks_exact_mut(width).enumerate() {
                rules.heads.draw(seed.derive((slab.first_row + row) as u64), draws);
            }
        }
        let allowed = &slab.masks[slab.mask_place(step)];
        masks.iter_mut().zip(allowed).for_each(|(mask, &is_allowed)| *mask = f32::from(is_allowed));
        times.copy += (rules.clock)().saturating_sub(between);
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
    fn step(&mut self, step: usize) {
        let slab = &mut self.slab;
        let samples = slab.values.len().max(1);
        let (action_width, width) = (slab.actions.len() / samples, slab.observations.len() / samples);
        let (start, end) = (step * slab.rows, (step + 1) * slab.rows);
        self.simulation.step(
            &slab.actions[start * action_width..end * action_width],
            StepRows {
                rewards: &mut slab.rewards[start..end],
                outcomes: &mut slab.outcomes[start..end],
                observations: &mut slab.observations[end * width..][..slab.rows * width],
            },
        );
    }
}

fn split_off_first<'a>(left: &mut &'a mut [f32], count: usize) -> &'a mut [f32] {
    left.split_off_mut(..count).expect("a part's buffer is as long as its games' stretches together")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_about_equal_and_never_empty() {
        let check = |rows: &[usize], count: usize, expected: &[usize]| {
            let ends: Vec<usize> = bounds(rows, count).iter().map(|part| part.end).collect();
            assert_eq!(ends, expected, "{rows:?} in {count}");
        };
        check(&[8, 8, 8, 8], 1, &[4]);
        check(&[8, 8, 8, 8], 2, &[2, 4]);
        check(&[8, 8, 8], 2, &[2, 3]);
        check(&[8], 2, &[1]);
        check(&[1, 100], 2, &[2]);
        check(&[100, 1], 2, &[1, 2]);
    }
}
