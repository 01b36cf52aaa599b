//! The distribution's functions for any number of rows, one group at a time.

use std::iter::repeat;

use super::categorical::Categorical;
use super::gaussian::Gaussian;
use super::group::{Group, GroupMut, MaskGroup, lane};
use super::squashed::SquashedGaussian;
use super::{ActionColumn, Distribution, Upstream};
use crate::lanewise::{Lane, add, normal};
use crate::panels::LANES;
use crate::simd::{Kernel, Lanes};
use ludus_spec::Seed;

pub(super) struct Sample<'a, F> {
    pub of: Distribution<'a>,
    pub outputs: &'a [f32],
    pub seed_of: F,
    pub actions: &'a mut [f32],
    pub log_probs: &'a mut [f32],
}

impl<F: Fn(usize) -> Seed> Kernel for Sample<'_, F> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let widths = Widths::of(self.of);
        let logits = widths.logits(self.outputs, self.of.masks);
        let results = widths.actions_mut(self.actions).zip(self.log_probs.chunks_mut(LANES));
        for (index, (logits, (actions, log_probs))) in logits.zip(results).enumerate() {
            let mut seeds = [Seed::default(); LANES];
            for (row, seed) in seeds.iter_mut().enumerate().take(log_probs.len()) {
                *seed = (self.seed_of)(index * LANES + row);
            }
            let log_prob = sample_group(self.of, logits, &seeds, actions);
            log_probs.copy_from_slice(&log_prob[..log_probs.len()]);
        }
    }
}

#[inline(always)]
fn sample_group(of: Distribution<'_>, logits: Logits<'_>, seeds: &[Seed; LANES], mut actions: GroupMut<'_>) -> Lane {
    let Logits { outputs, masks } = logits;
    let mut log_prob = [0.0; LANES];
    for part in of.parts() {
        let (column, (action, log_prob_of_part)) = match part {
            ActionColumn::Categorical(columns) => {
                let categorical = Categorical { outputs, masks, columns };
                (columns.action, categorical.sample(draws(seeds, 2 * columns.action)))
            }
            ActionColumn::Gaussian { output, action, log_std } => {
                let gaussian = Gaussian { mean: outputs.column(output), log_std };
                (action, gaussian.sample(draws(seeds, 2 * action), draws(seeds, 2 * action + 1)))
            }
            ActionColumn::Squashed { output, spread, action } => {
                let squashed = Squashed { mean: outputs.column(output), spread: outputs.column(spread) };
                (action, squashed.sample(draws(seeds, 2 * action), draws(seeds, 2 * action + 1)))
            }
        };
        actions.set(column, action);
        log_prob = add(log_prob, log_prob_of_part);
    }
    log_prob
}

/// Returns the uniform draw of one child of each row's seed.
#[inline(always)]
fn draws(seeds: &[Seed; LANES], child: usize) -> Lane {
    let mut uniforms = [0.0; LANES];
    for (uniform, seed) in uniforms.iter_mut().zip(seeds) {
        *uniform = seed.derive(child as u64).uniform();
    }
    uniforms
}

pub(super) struct Mode<'a> {
    pub of: Distribution<'a>,
    pub outputs: &'a [f32],
    pub actions: &'a mut [f32],
}

impl Kernel for Mode<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let widths = Widths::of(self.of);
        let logits = widths.logits(self.outputs, self.of.masks);
        for (Logits { outputs, masks }, mut actions) in logits.zip(widths.actions_mut(self.actions)) {
            for part in self.of.parts() {
                match part {
                    ActionColumn::Categorical(columns) => {
                        actions.set(columns.action, Categorical { outputs, masks, columns }.mode());
                    }
                    ActionColumn::Gaussian { output, action, .. } => actions.set(action, outputs.column(output)),
                    ActionColumn::Squashed { output, spread, action } => {
                        let squashed = Squashed { mean: outputs.column(output), spread: outputs.column(spread) };
                        actions.set(action, squashed.mode());
                    }
                }
            }
        }
    }
}

pub(super) struct Evaluate<'a> {
    pub of: Distribution<'a>,
    pub outputs: &'a [f32],
    pub actions: &'a [f32],
    pub log_probs: &'a mut [f32],
    pub entropies: &'a mut [f32],
}

impl Kernel for Evaluate<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let widths = Widths::of(self.of);
        let results = self.log_probs.chunks_mut(LANES).zip(self.entropies.chunks_mut(LANES));
        let logits = widths.logits(self.outputs, self.of.masks);
        for ((logits, actions), (log_probs, entropies)) in logits.zip(widths.actions(self.actions)).zip(results) {
            let (log_prob, entropy) = evaluate_group(self.of, logits, actions);
            log_probs.copy_from_slice(&log_prob[..log_probs.len()]);
            entropies.copy_from_slice(&entropy[..entropies.len()]);
        }
    }
}

#[inline(always)]
fn evaluate_group(of: Distribution<'_>, logits: Logits<'_>, actions: Group<'_>) -> (Lane, Lane) {
    let Logits { outputs, masks } = logits;
    let (mut log_prob, mut entropy) = ([0.0; LANES], [0.0; LANES]);
    for part in of.parts() {
        let (log_prob_of_part, entropy_of_part) = match part {
            ActionColumn::Categorical(columns) => {
                Categorical { outputs, masks, columns }.evaluate(actions.column(columns.action))
            }
            ActionColumn::Gaussian { output, action, log_std } => {
                Gaussian { mean: outputs.column(output), log_std }.evaluate(actions.column(action))
            }
            ActionColumn::Squashed { output, spread, action } => {
                let squashed = Squashed { mean: outputs.column(output), spread: outputs.column(spread) };
                squashed.evaluate(actions.column(action))
            }
        };
        log_prob = add(log_prob, log_prob_of_part);
        entropy = add(entropy, entropy_of_part);
    }
    (log_prob, entropy)
}

pub(super) struct Backward<'a> {
    pub of: Distribution<'a>,
    pub outputs: &'a [f32],
    pub actions: &'a [f32],
    pub upstream: Upstream<'a>,
    pub d_outputs: &'a mut [f32],
    pub d_log_std: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let widths = Widths::of(self.of);
        let logits = widths.logits(self.outputs, self.of.masks);
        let rows = logits.zip(widths.actions(self.actions));
        let upstream = self.upstream.d_log_probs.chunks(LANES).zip(self.upstream.d_entropies.chunks(LANES));
        let gradients = widths.outputs_mut(self.d_outputs);
        for (((logits, actions), (d_log_probs, d_entropies)), mut d_outputs) in rows.zip(upstream).zip(gradients) {
            let Logits { outputs, masks } = logits;
            let (d_log_prob, d_entropy) = (lane(d_log_probs), lane(d_entropies));
            let mut d_log_std = self.d_log_std.iter_mut();
            for part in self.of.parts() {
                match part {
                    ActionColumn::Categorical(columns) => {
                        let (categorical, choice) =
                            (Categorical { outputs, masks, columns }, actions.column(columns.action));
                        categorical.backward(choice, d_log_prob, d_entropy, &mut d_outputs);
                    }
                    ActionColumn::Gaussian { output, action, log_std } => {
                        let gaussian = Gaussian { mean: outputs.column(output), log_std };
                        let (d_mean, by_log_std) = gaussian.backward(actions.column(action), d_log_prob, d_entropy);
                        d_outputs.add(output, d_mean);
                        d_log_std.next().into_iter().for_each(|sum| *sum += by_log_std.iter().sum::<f32>());
                    }
                    ActionColumn::Squashed { output, spread, action } => {
                        let squashed = Squashed { mean: outputs.column(output), spread: outputs.column(spread) };
                        let [d_mean, d_spread] = squashed.backward(actions.column(action), d_log_prob, d_entropy);
                        d_outputs.add(output, d_mean);
                        d_outputs.add(spread, d_spread);
                    }
                }
            }
        }
    }
}

/// One dimension of a squashed head, of a group of rows.
#[derive(Clone, Copy)]
struct Squashed {
    mean: Lane,
    spread: Lane,
}

impl Squashed {
    #[inline(always)]
    fn of(self, row: usize) -> SquashedGaussian {
        SquashedGaussian::new(self.mean[row], self.spread[row])
    }

    /// Returns the numbers that two uniform draws select, and their log-densities.
    #[inline(always)]
    fn sample(self, radius: Lane, angle: Lane) -> (Lane, Lane) {
        let (mut actions, mut log_densities) = ([0.0; LANES], [0.0; LANES]);
        for row in 0..LANES {
            let draw = self.of(row).draw(normal(radius[row], angle[row]));
            (actions[row], log_densities[row]) = (draw.action, draw.log_density);
        }
        (actions, log_densities)
    }

    #[inline(always)]
    fn mode(self) -> Lane {
        let mut actions = [0.0; LANES];
        for (row, action) in actions.iter_mut().enumerate() {
            *action = self.of(row).mode();
        }
        actions
    }

    /// Returns the log-densities of these numbers, and the entropies before they are squashed.
    #[inline(always)]
    fn evaluate(self, action: Lane) -> (Lane, Lane) {
        let (mut log_densities, mut entropies) = ([0.0; LANES], [0.0; LANES]);
        for row in 0..LANES {
            log_densities[row] = self.of(row).log_density(action[row]);
            entropies[row] = self.of(row).entropy_before();
        }
        (log_densities, entropies)
    }

    /// Returns the derivatives with respect to both outputs.
    #[inline(always)]
    fn backward(self, action: Lane, d_log_prob: Lane, d_entropy: Lane) -> [Lane; 2] {
        let mut gradients = [[0.0; LANES]; 2];
        for row in 0..LANES {
            let own = self.of(row).backward(action[row], d_log_prob[row], d_entropy[row]);
            (gradients[0][row], gradients[1][row]) = (own[0], own[1]);
        }
        gradients
    }
}

/// A group's output rows and mask rows.
#[derive(Clone, Copy)]
struct Logits<'a> {
    outputs: Group<'a>,
    masks: MaskGroup<'a>,
}

/// Widths of output, mask and action rows.
#[derive(Clone, Copy)]
struct Widths {
    output: usize,
    mask: usize,
    action: usize,
}

impl Widths {
    fn of(distribution: Distribution<'_>) -> Self {
        Self {
            output: distribution.output_width(),
            mask: distribution.mask_width(),
            action: distribution.action_width(),
        }
    }

    fn outputs<'a>(self, rows: &'a [f32]) -> impl Iterator<Item = Group<'a>> {
        rows.chunks(LANES * self.output).map(move |rows| Group { rows, width: self.output })
    }

    fn logits<'a>(self, outputs: &'a [f32], masks: &'a [bool]) -> impl Iterator<Item = Logits<'a>> {
        self.outputs(outputs).zip(self.masks(masks)).map(|(outputs, masks)| Logits { outputs, masks })
    }

    fn outputs_mut<'a>(self, rows: &'a mut [f32]) -> impl Iterator<Item = GroupMut<'a>> {
        rows.chunks_mut(LANES * self.output).map(move |rows| GroupMut { rows, width: self.output })
    }

    /// Returns the groups of mask rows, followed by an endless sequence of empty groups, for the case without masks.
    fn masks<'a>(self, rows: &'a [bool]) -> impl Iterator<Item = MaskGroup<'a>> {
        let groups = rows.chunks((LANES * self.mask).max(1)).chain(repeat(&[][..]));
        groups.map(move |rows| MaskGroup { rows, width: self.mask })
    }

    fn actions<'a>(self, rows: &'a [f32]) -> impl Iterator<Item = Group<'a>> {
        rows.chunks(LANES * self.action).map(move |rows| Group { rows, width: self.action })
    }

    fn actions_mut<'a>(self, rows: &'a mut [f32]) -> impl Iterator<Item = GroupMut<'a>> {
        rows.chunks_mut(LANES * self.action).map(move |rows| GroupMut { rows, width: self.action })
    }
}
