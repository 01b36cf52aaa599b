//! The categorical distribution: the probability of a choice is the softmax of its logit.

use super::CategoricalColumns;
use super::group::{Group, GroupMut, MaskGroup};
use crate::lanewise::{Lane, add, exp, ln, map, zip};
use crate::panels::LANES;

/// The logits and masks of one categorical head.
#[derive(Clone, Copy)]
pub(super) struct Categorical<'a> {
    pub outputs: Group<'a>,
    pub masks: MaskGroup<'a>,
    pub columns: CategoricalColumns,
}

/// The normalisation of a head's logits, which all of its functions use.
#[derive(Clone, Copy)]
struct Normalisation {
    greatest: Lane,
    /// Z = Σ exp(logit − greatest)
    total: Lane,
    log_total: Lane,
    entropy: Lane,
}

impl Categorical<'_> {
    /// Returns the choice that the draw `uniform` in `0.0..1.0` selects, and its log-probability.
    #[inline(always)]
    pub fn sample(self, uniform: Lane) -> (Lane, Lane) {
        let normalisation = self.normalisation();
        let threshold = zip(uniform, normalisation.total, |uniform, total| uniform * total);
        let (mut below, mut choice, mut picked) = ([0.0; LANES], self.first_allowed(), [0.0; LANES]);
        for index in 0..self.columns.choices {
            let shifted = self.shifted(index, normalisation);
            for lane in 0..LANES {
                let weight = exp(shifted[lane]);
                // A choice of weight 0 must not be drawn, even if rounding lets the threshold reach the total.
                let is_reached = below[lane] <= threshold[lane] && weight > 0.0;
                choice[lane] = if is_reached { index as f32 } else { choice[lane] };
                picked[lane] = if is_reached { shifted[lane] } else { picked[lane] };
                below[lane] += weight;
            }
        }
        (choice, zip(picked, normalisation.log_total, |picked, log_total| picked - log_total))
    }

    /// Returns the most probable choice; the first one of several.
    #[inline(always)]
    pub fn mode(self) -> Lane {
        let (mut choice, mut greatest) = (self.first_allowed(), self.logit(0));
        for index in 1..self.columns.choices {
            let logit = self.logit(index);
            for lane in 0..LANES {
                choice[lane] = if logit[lane] > greatest[lane] { index as f32 } else { choice[lane] };
                greatest[lane] = greatest[lane].max(logit[lane]);
            }
        }
        choice
    }

    /// Returns the log-probability of a choice, and the entropy.
    #[inline(always)]
    pub fn evaluate(self, choice: Lane) -> (Lane, Lane) {
        let normalisation = self.normalisation();
        let mut picked = [0.0; LANES];
        for index in 0..self.columns.choices {
            let shifted = self.shifted(index, normalisation);
            for lane in 0..LANES {
                picked[lane] = if choice[lane] == index as f32 { shifted[lane] } else { picked[lane] };
            }
        }
        let log_prob = zip(picked, normalisation.log_total, |picked, log_total| picked - log_total);
        (log_prob, normalisation.entropy)
    }

    /// Adds the derivatives with respect to the logits to `d_outputs`; 0 for choices that are not allowed.
    ///
    /// ```text
    /// ∂log p(a)/∂logit[k] = [k = a] − p[k]      ∂H/∂logit[k] = −p[k]·(ln p[k] + H)
    /// ```
    #[inline(always)]
    pub fn backward(self, choice: Lane, d_log_prob: Lane, d_entropy: Lane, d_outputs: &mut GroupMut<'_>) {
        let normalisation = self.normalisation();
        for index in 0..self.columns.choices {
            let log_prob = zip(self.shifted(index, normalisation), normalisation.log_total, |s, t| s - t);
            let mut gradient = [0.0; LANES];
            for lane in 0..LANES {
                let probability = exp(log_prob[lane]);
                let is_chosen = if choice[lane] == index as f32 { 1.0 } else { 0.0 };
                // A choice of probability 0 adds nothing to the entropy, even if its log-probability is −∞.
                let surprise = if probability == 0.0 { 0.0 } else { log_prob[lane] + normalisation.entropy[lane] };
                let by_entropy = -probability * surprise;
                gradient[lane] = d_log_prob[lane] * (is_chosen - probability) + d_entropy[lane] * by_entropy;
            }
            d_outputs.add(self.columns.output + index, gradient);
        }
    }

    /// Computes Z and `H = ln Z − Σ exp(s)·s / Z` with the shifted logits `s = logit − greatest`.
    #[inline(always)]
    fn normalisation(self) -> Normalisation {
        let mut greatest = self.logit(0);
        for index in 1..self.columns.choices {
            greatest = zip(greatest, self.logit(index), f32::max);
        }
        let (mut total, mut weighted) = ([0.0; LANES], [0.0; LANES]);
        for index in 0..self.columns.choices {
            let shifted = zip(self.logit(index), greatest, |logit, greatest| logit - greatest);
            let weight = map(shifted, exp);
            total = add(total, weight);
            weighted = add(weighted, zip(weight, shifted, |w, shifted| if w == 0.0 { 0.0 } else { w * shifted }));
        }
        let log_total = map(total, ln);
        let mean = zip(weighted, total, |weighted, total| weighted / total);
        Normalisation { greatest, total, log_total, entropy: zip(log_total, mean, |log_total, mean| log_total - mean) }
    }

    /// Returns the logits of a choice; −∞ in rows that don't allow it.
    #[inline(always)]
    fn logit(self, choice: usize) -> Lane {
        let logit = self.outputs.column(self.columns.output + choice);
        if self.masks.is_empty() { logit } else { add(logit, self.masks.penalty(self.columns.mask + choice)) }
    }

    /// Returns the first allowed choice: the result if the logits are not numbers.
    #[inline(always)]
    fn first_allowed(self) -> Lane {
        let mut first = [0.0; LANES];
        if !self.masks.is_empty() {
            for choice in (0..self.columns.choices).rev() {
                let penalty = self.masks.penalty(self.columns.mask + choice);
                first = zip(first, penalty, |first, penalty| if penalty == 0.0 { choice as f32 } else { first });
            }
        }
        first
    }

    #[inline(always)]
    fn shifted(self, choice: usize, normalisation: Normalisation) -> Lane {
        zip(self.logit(choice), normalisation.greatest, |logit, greatest| logit - greatest)
    }
}
