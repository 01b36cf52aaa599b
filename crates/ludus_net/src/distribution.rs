//! Distributions over actions, described by the output rows of a policy.
//!
//! Rows are worked on in groups of 16, column by column, so that every step is one vector instruction; a row's results
//! do not depend on its group.

mod categorical;
mod divergence;
mod gaussian;
mod group;
mod rows;
mod squashed;

use ludus_spec::{Head, Seed};

use crate::simd::SimdLevel;
use divergence::{RowGradient, RowPair};
use rows::{Backward, Evaluate, Mode, Sample};

pub use squashed::{SquashedDraw, SquashedGaussian, normal_draw};

/// The action distributions of a policy, computed from output rows by its heads.
///
/// An action row holds one number per Gaussian dimension, unbounded unless the head is squashed, and one per categorical
/// head: the index of the choice. Log-probabilities and entropies are sums over all heads, in nats. The entropy of a
/// squashed head is that of its numbers before they are squashed, since theirs has no closed form.
///
/// A mask row holds one flag per choice of each categorical head: true if the choice is allowed. See [`Self::masked`].
#[derive(Clone, Copy, Debug)]
pub struct Distribution<'a> {
    heads: &'a [Head],
    log_std: &'a [f32],
    /// Empty if every choice is allowed.
    masks: &'a [bool],
    level: SimdLevel,
}

/// The derivatives of a loss with respect to the results of [`Distribution::evaluate`] for some rows.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a> {
    /// `∂L/∂log_prob`, `[rows]`
    pub d_log_probs: &'a [f32],
    /// `∂L/∂entropy`, `[rows]`
    pub d_entropies: &'a [f32],
}

/// The distributions of another policy with the same heads in the same rows, which this one learns from.
#[derive(Clone, Copy, Debug)]
pub struct TeacherRows<'a> {
    /// Its heads and deviations. Its masks are not used: those of the learning policy hold for both.
    pub distribution: Distribution<'a>,
    /// Its outputs `[rows, output_width]`.
    pub outputs: &'a [f32],
}

impl<'a> Distribution<'a> {
    /// Makes the distributions of these heads.
    ///
    /// `log_std` holds the natural logarithm of each Gaussian dimension's standard deviation, head after head.
    ///
    /// # Panics
    ///
    /// If `log_std` does not have one number per Gaussian dimension.
    pub fn new(heads: &'a [Head], log_std: &'a [f32]) -> Self {
        let dimensions = |head: &Head| if matches!(head, Head::Gaussian { .. }) { head.output_width() } else { 0 };
        assert_eq!(log_std.len(), heads.iter().map(dimensions).sum::<usize>(), "one `log_std` per Gaussian dimension");
        Self { heads, log_std, masks: &[], level: SimdLevel::best() }
    }

    /// Returns the logarithms of the deviations, one for each Gaussian dimension.
    pub const fn log_std(self) -> &'a [f32] {
        self.log_std
    }

    /// Returns the distributions over the choices that are allowed in each row. Other choices have probability 0 and no
    /// gradient.
    ///
    /// Logits of choices that are not allowed count as −∞. [`sample`](Self::sample) and [`evaluate`](Self::evaluate) of
    /// a row need the same masks. If a head has no allowed choice or a logit that is not a number, its
    /// log-probabilities and entropies are NaN.
    ///
    /// # Shapes
    ///
    /// `masks` is `[rows, mask_width]`, of the same rows as all other arrays; empty if every choice is allowed.
    ///
    /// # Source
    ///
    /// Huang and Ontañón 2020, arXiv:2006.14171, §3.
    pub fn masked(self, masks: &'a [bool]) -> Self {
        Self { masks, ..self }
    }

    /// Draws an action for each row, and computes its log-probability.
    ///
    /// All draws of a row derive from `seed_of(row)`: that of action column c from its children 2c and 2c + 1.
    ///
    /// # Shapes
    ///
    /// `outputs` is `[rows, output_width]`, `actions` `[rows, action_width]`, `log_probs` `[rows]`.
    ///
    /// # Panics
    ///
    /// If the slices' lengths don't fit together, as in all other functions.
    pub fn sample(self, outputs: &[f32], seed_of: impl Fn(usize) -> Seed, actions: &mut [f32], log_probs: &mut [f32]) {
        self.check(log_probs.len(), outputs.len(), actions.len());
        self.level.run(Sample { of: self, outputs, seed_of, actions, log_probs });
    }

    /// Computes the most probable action of each row: the mean, and the allowed choice with the greatest logit. The number
    /// of a squashed head is the squashed mean.
    ///
    /// # Shapes
    ///
    /// `outputs` is `[rows, output_width]`, `actions` `[rows, action_width]`.
    pub fn mode(self, outputs: &[f32], actions: &mut [f32]) {
        self.check(actions.len() / self.action_width(), outputs.len(), actions.len());
        self.level.run(Mode { of: self, outputs, actions });
    }

    /// Computes the log-probability of each row's action, and the entropy of its distribution.
    ///
    /// # Shapes
    ///
    /// `outputs` is `[rows, output_width]`, `actions` `[rows, action_width]`, `log_probs` and `entropies` `[rows]`.
    pub fn evaluate(self, outputs: &[f32], actions: &[f32], log_probs: &mut [f32], entropies: &mut [f32]) {
        self.check(log_probs.len(), outputs.len(), actions.len());
        assert_eq!(entropies.len(), log_probs.len(), "one entropy per row");
        self.level.run(Evaluate { of: self, outputs, actions, log_probs, entropies });
    }

    /// The backward pass of [`Distribution::evaluate`]: adds to the derivatives of a loss with respect to outputs and
    /// `log_std`.
    ///
    /// # Shapes
    ///
    /// `outputs` and `d_outputs` are `[rows, output_width]`, `actions` `[rows, action_width]`, `d_log_std` is
    /// `[dimensions]`.
    pub fn backward(
        self,
        outputs: &[f32],
        actions: &[f32],
        upstream: Upstream<'_>,
        d_outputs: &mut [f32],
        d_log_std: &mut [f32],
    ) {
        self.check(upstream.d_log_probs.len(), outputs.len(), actions.len());
        assert_eq!(upstream.d_entropies.len(), upstream.d_log_probs.len(), "one derivative per row");
        assert_eq!(d_outputs.len(), outputs.len(), "one derivative per output");
        assert_eq!(d_log_std.len(), self.log_std.len(), "one derivative per `log_std`");
        self.level.run(Backward { of: self, outputs, actions, upstream, d_outputs, d_log_std });
    }

    /// Computes the divergence of a teacher's distribution from each row's own, in nats: what the teacher's actions cost
    /// more to describe by this policy than by the teacher.
    ///
    /// ```text
    /// KL(teacher ‖ own) = Σ over actions of p_teacher·(ln p_teacher − ln p_own)
    /// ```
    ///
    /// It is the sum over all parts of an action, since they are independent, and at least 0. Where a choice is not
    /// allowed, neither policy makes it. That of a squashed number is that of the number before it is squashed.
    ///
    /// # Shapes
    ///
    /// `outputs` is `[rows, output_width]`, `divergences` `[rows]`.
    ///
    /// # Panics
    ///
    /// If the teacher has other heads, or if the slices' lengths don't fit together.
    ///
    /// # Source
    ///
    /// Hinton et al. 2015, arXiv:1503.02531; Rusu et al. 2016, arXiv:1511.06295, for policies.
    pub fn divergences(self, outputs: &[f32], teacher: TeacherRows<'_>, divergences: &mut [f32]) {
        self.check_teacher(divergences.len(), outputs.len(), teacher);
        for (row, divergence) in divergences.iter_mut().enumerate() {
            *divergence = divergence::divergence(self, teacher.distribution, self.pair(row, outputs, teacher));
        }
    }

    /// The backward pass of [`Distribution::divergences`]: adds to the derivatives of a loss with respect to outputs and
    /// `log_std`.
    ///
    /// # Shapes
    ///
    /// `outputs` and `d_outputs` are `[rows, output_width]`, `d_divergences` is `[rows]`, `d_log_std` `[dimensions]`.
    pub fn divergence_backward(
        self,
        outputs: &[f32],
        teacher: TeacherRows<'_>,
        d_divergences: &[f32],
        d_outputs: &mut [f32],
        d_log_std: &mut [f32],
    ) {
        self.check_teacher(d_divergences.len(), outputs.len(), teacher);
        assert_eq!(d_outputs.len(), outputs.len(), "one derivative per output");
        assert_eq!(d_log_std.len(), self.log_std.len(), "one derivative per `log_std`");
        let rows = d_outputs.chunks_exact_mut(self.output_width()).zip(d_divergences);
        for (row, (d_outputs, &weight)) in rows.enumerate() {
            let mut gradient = RowGradient { d_outputs, d_log_std: &mut *d_log_std };
            let pair = self.pair(row, outputs, teacher);
            divergence::backward(self, teacher.distribution, pair, weight, &mut gradient);
        }
    }

    /// Returns a row of both policies.
    fn pair<'b>(self, row: usize, outputs: &'b [f32], teacher: TeacherRows<'b>) -> RowPair<'b>
    where
        'a: 'b,
    {
        let (width, mask_width) = (self.output_width(), self.mask_width());
        RowPair {
            own: &outputs[row * width..][..width],
            teacher: &teacher.outputs[row * width..][..width],
            mask: if self.masks.is_empty() { &[] } else { &self.masks[row * mask_width..][..mask_width] },
        }
    }

    fn check_teacher(self, row_count: usize, output_count: usize, teacher: TeacherRows<'_>) {
        assert_eq!(self.heads, teacher.distribution.heads, "a teacher has the heads of the policy that learns from it");
        assert_eq!(teacher.outputs.len(), output_count, "one output row of the teacher per row");
        self.check(row_count, output_count, row_count * self.action_width());
    }

    /// Returns the columns of an output row.
    pub fn output_width(self) -> usize {
        self.heads.iter().map(|head| head.output_width()).sum()
    }

    /// Returns the columns of an action row.
    pub fn action_width(self) -> usize {
        self.heads.iter().map(|head| head.action_width()).sum()
    }

    /// Returns the columns of a mask row.
    pub fn mask_width(self) -> usize {
        self.heads.iter().map(|head| head.mask_width()).sum()
    }

    fn check(self, row_count: usize, output_count: usize, action_count: usize) {
        assert_eq!(output_count, row_count * self.output_width(), "one output row per row");
        assert_eq!(action_count, row_count * self.action_width(), "one action row per row");
        if !self.masks.is_empty() {
            assert_eq!(self.masks.len(), row_count * self.mask_width(), "one mask row per row");
        }
    }

    /// Returns all columns of an action row, in order.
    #[inline(always)]
    fn parts(self) -> Parts<'a> {
        Parts { heads: self.heads, log_std: self.log_std, output: 0, action: 0, mask: 0, dimension: 0 }
    }
}

/// One column of an action row, and the columns that its distribution depends on.
#[derive(Clone, Copy)]
enum ActionColumn {
    /// The index of a categorical head's choice.
    Categorical(CategoricalColumns),
    /// A Gaussian dimension, with its mean in column `output`.
    Gaussian { output: usize, action: usize, log_std: f32 },
    /// A dimension of a squashed Gaussian, with its mean in column `output` and its deviation in column `spread`.
    Squashed { output: usize, spread: usize, action: usize },
}

/// The columns of one categorical head.
#[derive(Clone, Copy)]
struct CategoricalColumns {
    choices: usize,
    /// The column of the first logit in an output row.
    output: usize,
    /// The column of the first flag in a mask row.
    mask: usize,
    /// The column of the choice in an action row.
    action: usize,
}

/// Iterates over the columns of an action row.
struct Parts<'a> {
    heads: &'a [Head],
    log_std: &'a [f32],
    output: usize,
    action: usize,
    mask: usize,
    /// The index of the next dimension of the current head, if it is Gaussian or squashed.
    dimension: usize,
}

impl Iterator for Parts<'_> {
    type Item = ActionColumn;

    // Always inlined, as all functions inside a kernel: else it would not be compiled for the kernel's instructions.
    #[inline(always)]
    fn next(&mut self) -> Option<ActionColumn> {
        let (&head, later) = self.heads.split_first()?;
        let (output, action, mask) = (self.output, self.action, self.mask);
        self.action += 1;
        let (part, is_last) = match head {
            Head::Categorical { choices } => {
                self.output += choices;
                self.mask += choices;
                (ActionColumn::Categorical(CategoricalColumns { choices, output, mask, action }), true)
            }
            Head::Gaussian { width } => {
                self.output += 1;
                self.dimension += 1;
                let (&log_std, rest) = self.log_std.split_first()?;
                self.log_std = rest;
                (ActionColumn::Gaussian { output, action, log_std }, self.dimension == width)
            }
            Head::SquashedGaussian { width } => {
                self.dimension += 1;
                let is_last = self.dimension == width;
                self.output += if is_last { 1 + width } else { 1 };
                (ActionColumn::Squashed { output, spread: output + width, action }, is_last)
            }
        };
        if is_last {
            self.heads = later;
            self.dimension = 0;
        }
        Some(part)
    }
}
