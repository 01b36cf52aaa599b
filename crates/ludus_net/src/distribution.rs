//! What a policy's output row means: a distribution over actions.
//!
//! Rows are worked on in groups of 16, column by column, so that every step is one vector instruction; a row's results
//! do not depend on its group.

mod categorical;
mod gaussian;
mod group;
mod rows;

use ludus_spec::{Head, Seed};

use crate::simd::SimdLevel;
use rows::{Backward, Evaluate, Mode, Sample};

/// The action distributions of a policy: what its heads make of its output rows.
///
/// An action row holds one number per Gaussian dimension, unbounded, and one per categorical head: the index of the
/// choice. Log-probabilities and entropies are sums over all heads, in nats.
///
/// A mask row holds one flag per choice of each categorical head: whether it is allowed. See [`Self::masked`].
#[derive(Clone, Copy, Debug)]
pub struct Distribution<'a> {
    heads: &'a [Head],
    log_std: &'a [f32],
    /// Empty if every choice is allowed.
    masks: &'a [bool],
    level: SimdLevel,
}

/// The derivatives of a loss by what [`Distribution::evaluate`] returned for some rows.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a> {
    /// `∂L/∂log_prob`, `[rows]`
    pub d_log_probs: &'a [f32],
    /// `∂L/∂entropy`, `[rows]`
    pub d_entropies: &'a [f32],
}

impl<'a> Distribution<'a> {
    /// The distributions that these heads read off an output row.
    ///
    /// `log_std` holds the natural logarithm of each Gaussian dimension's standard deviation, head after head.
    ///
    /// # Panics
    ///
    /// If there are more or fewer of them than Gaussian dimensions.
    pub fn new(heads: &'a [Head], log_std: &'a [f32]) -> Self {
        let dimensions = |head: &Head| if matches!(head, Head::Gaussian { .. }) { head.output_width() } else { 0 };
        assert_eq!(log_std.len(), heads.iter().map(dimensions).sum::<usize>(), "one `log_std` per Gaussian dimension");
        Self { heads, log_std, masks: &[], level: SimdLevel::best() }
    }

    /// The distributions over what is allowed in each row: all else has probability 0, and no gradient.
    ///
    /// Logits of what is not allowed count as −∞, whatever they are. Where masks are given, [`sample`](Self::sample) and
    /// [`evaluate`](Self::evaluate) of a row want the same ones. A head with nothing allowed has log-probabilities and
    /// entropies that are not a number, as one whose logits are not.
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

    /// Draws an action for each row, and its log-probability.
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

    /// The most probable action of each row: the mean, and the allowed choice with the greatest logit.
    ///
    /// # Shapes
    ///
    /// `outputs` is `[rows, output_width]`, `actions` `[rows, action_width]`.
    pub fn mode(self, outputs: &[f32], actions: &mut [f32]) {
        self.check(actions.len() / self.action_width(), outputs.len(), actions.len());
        self.level.run(Mode { of: self, outputs, actions });
    }

    /// The log-probability of each row's action, and the entropy of its distribution.
    ///
    /// # Shapes
    ///
    /// `outputs` is `[rows, output_width]`, `actions` `[rows, action_width]`, `log_probs` and `entropies` `[rows]`.
    pub fn evaluate(self, outputs: &[f32], actions: &[f32], log_probs: &mut [f32], entropies: &mut [f32]) {
        self.check(log_probs.len(), outputs.len(), actions.len());
        assert_eq!(entropies.len(), log_probs.len(), "one entropy per row");
        self.level.run(Evaluate { of: self, outputs, actions, log_probs, entropies });
    }

    /// The backward pass of [`Distribution::evaluate`]: adds to the derivatives of a loss by outputs and `log_std`.
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

    /// Columns of an output row.
    pub fn output_width(self) -> usize {
        self.heads.iter().map(|head| head.output_width()).sum()
    }

    /// Columns of an action row.
    pub fn action_width(self) -> usize {
        self.heads.iter().map(|head| head.action_width()).sum()
    }

    /// Columns of a mask row.
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

    /// All columns of an action row, in order.
    #[inline(always)]
    fn parts(self) -> Parts<'a> {
        Parts { heads: self.heads, log_std: self.log_std, output: 0, action: 0, mask: 0, dimension: 0 }
    }
}

/// One column of an action row, and what decides it.
#[derive(Clone, Copy)]
enum Part {
    /// A choice.
    Choice(Choice),
    /// A Gaussian dimension, with its mean in column `output`.
    Number { output: usize, action: usize, log_std: f32 },
}

/// The columns of one categorical head.
#[derive(Clone, Copy)]
struct Choice {
    choices: usize,
    /// The first logit's in an output row.
    output: usize,
    /// The first flag's in a mask row.
    mask: usize,
    /// The choice's in an action row.
    action: usize,
}

/// Walks over the columns of an action row.
struct Parts<'a> {
    heads: &'a [Head],
    log_std: &'a [f32],
    output: usize,
    action: usize,
    mask: usize,
    /// The next dimension of the first head that is left, if it is Gaussian.
    dimension: usize,
}

impl Iterator for Parts<'_> {
    type Item = Part;

    // Inlined by force, as all that runs inside a kernel: else it would not be compiled for the kernel's instructions.
    #[inline(always)]
    fn next(&mut self) -> Option<Part> {
        let (&head, later) = self.heads.split_first()?;
        let (output, action, mask) = (self.output, self.action, self.mask);
        self.action += 1;
        let (part, is_last) = match head {
            Head::Categorical { choices } => {
                self.output += choices;
                self.mask += choices;
                (Part::Choice(Choice { choices, output, mask, action }), true)
            }
            Head::Gaussian { width } => {
                self.output += 1;
                self.dimension += 1;
                let (&log_std, rest) = self.log_std.split_first()?;
                self.log_std = rest;
                (Part::Number { output, action, log_std }, self.dimension == width)
            }
        };
        if is_last {
            self.heads = later;
            self.dimension = 0;
        }
        Some(part)
    }
}
