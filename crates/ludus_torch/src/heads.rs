//! Action distributions on tensors: as `ludus_net`'s, formula for formula.

use std::f64::consts::TAU;

use ludus_spec::{Head, Seed};
use tch::{Kind, Tensor};

use crate::TorchError;
use crate::behavior::{BehaviorPolicy, BehaviorRows, Decisions};
use crate::network::Forward;

/// The reason that no head is squashed.
const REFUSED: &str = "squashed heads are refused where the columns are found";

/// ln √(2π)
pub(crate) const LOG_SQRT_TAU: f64 = 0.918_938_533_204_672_8;

/// The action distributions that a network's outputs describe, head after head.
#[derive(Clone, Debug)]
pub(crate) struct Heads {
    parts: Vec<HeadColumns>,
    /// For each uniform draw of a row, the index of the child of the row's seed that the draw derives from.
    children: Vec<u64>,
    action_width: usize,
}

/// The inputs of the heads, for some rows.
#[derive(Clone, Copy)]
pub(crate) struct Outputs<'a> {
    /// The network's outputs: `[rows, output width]`.
    pub numbers: &'a Tensor,
    pub log_std: Option<&'a Tensor>,
    /// 1 for each choice that is allowed, else 0: `[rows, mask width]`, with no columns for Gaussian heads. Without
    /// masks, all choices are allowed.
    pub masks: Option<&'a Tensor>,
}

/// One head, and the first of its columns in each array.
#[derive(Clone, Copy, Debug)]
struct HeadColumns {
    head: Head,
    output: i64,
    action: i64,
    /// The index of its first draw.
    draw: i64,
    /// The index of its first standard deviation.
    dimension: i64,
    /// The index of its mask's first column.
    mask: i64,
}

impl Heads {
    /// Finds the columns of these heads.
    ///
    /// # Errors
    ///
    /// [`TorchError::Squashed`] if a head is squashed.
    pub fn new(heads: &[Head]) -> Result<Self, TorchError> {
        let mut this = Self { parts: Vec::new(), children: Vec::new(), action_width: 0 };
        let (mut output, mut dimension, mut mask) = (0, 0, 0);
        for &head in heads {
            if matches!(head, Head::SquashedGaussian { .. }) {
                return Err(TorchError::Squashed);
            }
            let action = this.action_width as i64;
            this.parts.push(HeadColumns { head, output, action, draw: this.children.len() as i64, dimension, mask });
            // As in `ludus_net`: column c draws from children 2c and 2c + 1, all radii before all angles.
            let columns = || (action as u64..).take(head.action_width());
            this.children.extend(columns().map(|column| 2 * column));
            if let Head::Gaussian { width } = head {
                this.children.extend(columns().map(|column| 2 * column + 1));
                dimension += width as i64;
            } else {
                mask += head.output_width() as i64;
            }
            output += head.output_width() as i64;
            this.action_width += head.action_width();
        }
        Ok(this)
    }

    /// Returns the number of uniform draws for a row's action.
    pub fn draw_count(&self) -> usize {
        self.children.len()
    }

    /// Writes the uniform draws of the row with this seed.
    pub fn draw(&self, seed: Seed, draws: &mut [f32]) {
        for (draw, &child) in draws.iter_mut().zip(&self.children) {
            *draw = seed.derive(child).uniform();
        }
    }

    /// Draws an action for each row, and its log-probability.
    ///
    /// # Shapes
    ///
    /// `draws` is `[rows, draw count]`; the actions are `[rows, action width]`, the log-probabilities `[rows, 1]`.
    pub fn sample(&self, outputs: Outputs<'_>, draws: &Tensor) -> (Tensor, Tensor) {
        let drawn = |part: &HeadColumns| match part.head {
            Head::Categorical { .. } => sample_choice(&part.logits(outputs), &draws.narrow(1, part.draw, 1)),
            Head::SquashedGaussian { .. } => unreachable!("{REFUSED}"),
            Head::Gaussian { width } => {
                let width = width as i64;
                let uniforms = [part.draw, part.draw + width].map(|first| draws.narrow(1, first, width));
                sample_numbers(&part.outputs(outputs), &part.log_std(outputs), &uniforms)
            }
        };
        let (actions, log_probs): (Vec<Tensor>, Vec<Tensor>) = self.parts.iter().map(drawn).unzip();
        (side_by_side(actions), total(log_probs))
    }

    /// Returns the most probable action of each row, `[rows, action width]`.
    pub fn mode(&self, outputs: Outputs<'_>) -> Tensor {
        let most_probable = |part: &HeadColumns| match part.head {
            Head::Categorical { .. } => part.logits(outputs).argmax(-1, true).to_kind(Kind::Float),
            Head::SquashedGaussian { .. } => unreachable!("{REFUSED}"),
            Head::Gaussian { .. } => part.outputs(outputs),
        };
        side_by_side(self.parts.iter().map(most_probable).collect())
    }

    /// Returns the log-probability of each row's action, and the entropy of its distribution, each `[rows, 1]`.
    pub fn evaluate(&self, outputs: Outputs<'_>, actions: &Tensor) -> (Tensor, Tensor) {
        let evaluated = |part: &HeadColumns| {
            let actions = actions.narrow(1, part.action, part.head.action_width() as i64);
            match part.head {
                Head::Categorical { .. } => evaluate_choice(&part.logits(outputs), &actions),
                Head::SquashedGaussian { .. } => unreachable!("{REFUSED}"),
                Head::Gaussian { .. } => evaluate_numbers(&part.outputs(outputs), &part.log_std(outputs), &actions),
            }
        };
        let (log_probs, entropies): (Vec<Tensor>, Vec<Tensor>) = self.parts.iter().map(evaluated).unzip();
        (total(log_probs), total(entropies))
    }

    /// Returns the divergence `KL(teacher ‖ own)` of each row's distributions, `[rows, 1]`, as
    /// [`ludus_net::Distribution::divergences`].
    pub fn divergences(&self, outputs: Outputs<'_>, teacher: Outputs<'_>) -> Tensor {
        let diverged = |part: &HeadColumns| match part.head {
            Head::Categorical { .. } => diverge_choice(&part.logits(outputs), &part.logits(teacher)),
            Head::SquashedGaussian { .. } => unreachable!("{REFUSED}"),
            Head::Gaussian { .. } => {
                let normal = |outputs| NormalColumns { means: part.outputs(outputs), log_std: part.log_std(outputs) };
                normal(outputs).divergence_from(&normal(teacher))
            }
        };
        total(self.parts.iter().map(diverged).collect())
    }
}

/// Draws from the distributions.
impl BehaviorPolicy for Heads {
    fn action_width(&self) -> usize {
        self.action_width
    }

    fn children(&self) -> &[u64] {
        &self.children
    }

    fn decide(&self, forward: &Forward, rows: BehaviorRows<'_>) -> Decisions {
        let outputs = Outputs { numbers: &forward.outputs, log_std: rows.log_std, masks: rows.masks };
        let (actions, log_probs) = self.sample(outputs, rows.draws);
        Decisions { actions, log_probs, values: forward.values.shallow_clone() }
    }

    fn values(&self, forward: &Forward, _: Option<&Tensor>) -> Tensor {
        forward.values.shallow_clone()
    }
}

impl HeadColumns {
    fn outputs(&self, all: Outputs<'_>) -> Tensor {
        all.numbers.narrow(1, self.output, self.head.output_width() as i64)
    }

    /// Returns the logits; −∞ for choices that are not allowed.
    fn logits(&self, all: Outputs<'_>) -> Tensor {
        let logits = self.outputs(all);
        let Some(masks) = all.masks else { return logits };
        let allowed = masks.narrow(1, self.mask, self.head.output_width() as i64);
        logits.masked_fill(&allowed.le(0.5), f64::NEG_INFINITY)
    }

    fn log_std(&self, all: Outputs<'_>) -> Tensor {
        let all = all.log_std.expect("a policy with a Gaussian head has standard deviations");
        all.narrow(0, self.dimension, self.head.output_width() as i64)
    }
}

/// Returns the choice whose interval of the cumulative weight contains the draw, and its log-probability.
pub(crate) fn sample_choice(logits: &Tensor, uniform: &Tensor) -> (Tensor, Tensor) {
    let log_probs = logits.log_softmax(-1, Kind::Float);
    let weights = (logits - logits.amax(-1, true)).exp();
    let below = weights.cumsum(-1, Kind::Float) - &weights;
    let threshold = weights.sum_dim_intlist(-1, true, Kind::Float) * uniform;
    // A choice of weight 0 must not be drawn, even if rounding lets the threshold reach the total.
    let is_reached = below.le_tensor(&threshold).logical_and(&weights.gt(0.0));
    let indices = Tensor::arange(logits.size()[1], (Kind::Int64, logits.device()));
    let choice = (is_reached * indices).amax(-1, true);
    (choice.to_kind(Kind::Float), log_probs.gather(1, &choice, false))
}

fn evaluate_choice(logits: &Tensor, choice: &Tensor) -> (Tensor, Tensor) {
    let log_probs = logits.log_softmax(-1, Kind::Float);
    // A choice of probability 0 adds nothing to the entropy; without the clamp it would add 0 · −∞ = NaN.
    let finite = log_probs.clamp_min(f64::from(f32::MIN));
    let entropy = -(log_probs.exp() * finite).sum_dim_intlist(-1, true, Kind::Float);
    (log_probs.gather(1, &choice.to_kind(Kind::Int64), false), entropy)
}

/// Returns standard normal numbers from uniform ones by the Box–Muller transform, as [`ludus_net::normal_draw`].
pub(crate) fn normal_numbers(radii: &Tensor, angles: &Tensor) -> Tensor {
    ((-radii).log1p() * -2.0).sqrt() * (angles * TAU).cos()
}

/// Returns normally distributed numbers, and their log-probability density.
fn sample_numbers(means: &Tensor, log_std: &Tensor, [radii, angles]: &[Tensor; 2]) -> (Tensor, Tensor) {
    let z = normal_numbers(radii, angles);
    (means + log_std.exp() * &z, log_density(&z, log_std))
}

fn evaluate_numbers(means: &Tensor, log_std: &Tensor, numbers: &Tensor) -> (Tensor, Tensor) {
    let z = (numbers - means) * (-log_std).exp();
    let log_density = log_density(&z, log_std);
    let entropy = (log_std + (LOG_SQRT_TAU + 0.5)).sum(Kind::Float).expand_as(&log_density);
    (log_density, entropy)
}

/// Returns the log-density of standardised numbers, summed over each row, `[rows, 1]`.
fn log_density(z: &Tensor, log_std: &Tensor) -> Tensor {
    (z.square() * -0.5 - log_std - LOG_SQRT_TAU).sum_dim_intlist(-1, true, Kind::Float)
}

/// Returns `Σ pₜ·(ln pₜ − ln p)` of each row, `[rows, 1]`.
fn diverge_choice(own: &Tensor, teacher: &Tensor) -> Tensor {
    let [own, teacher] = [own, teacher].map(|logits| logits.log_softmax(-1, Kind::Float));
    let probabilities = teacher.exp();
    // A choice that the teacher never makes adds nothing, even if its log-probability is −∞.
    let gaps = (teacher - own).masked_fill(&probabilities.le(0.0), 0.0);
    (probabilities * gaps).sum_dim_intlist(-1, true, Kind::Float)
}

/// Normally distributed numbers of some rows.
struct NormalColumns {
    /// `[rows, dimensions]`.
    means: Tensor,
    /// `[dimensions]`.
    log_std: Tensor,
}

impl NormalColumns {
    /// Returns the divergence of each row, summed over its dimensions, `[rows, 1]`.
    ///
    /// ```text
    /// KL = ln(σ/σₜ) + (σₜ² + (μ − μₜ)²) / (2·σ²) − ½
    /// ```
    fn divergence_from(&self, teacher: &Self) -> Tensor {
        let ratios = ((&teacher.log_std - &self.log_std) * 2.0).exp();
        let distances = (&self.means - &teacher.means) * (-&self.log_std).exp();
        let divergences = &self.log_std - &teacher.log_std + (ratios + distances.square() - 1.0) * 0.5;
        divergences.sum_dim_intlist(-1, true, Kind::Float)
    }
}

/// Returns all columns as one array, `[rows, columns]`.
pub(crate) fn side_by_side(mut columns: Vec<Tensor>) -> Tensor {
    if columns.len() == 1 { columns.remove(0) } else { Tensor::cat(&columns, 1) }
}

fn total(columns: Vec<Tensor>) -> Tensor {
    let sum = columns.into_iter().reduce(|sum, column| sum + column);
    sum.expect("a policy has at least one head")
}
