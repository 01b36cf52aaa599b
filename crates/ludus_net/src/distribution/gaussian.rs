//! One dimension of a diagonal Gaussian.

use crate::lanewise::{Lane, exp, map, normal, zip};
use crate::panels::LANES;

/// ln √(2π)
const LOG_SQRT_TAU: f32 = 0.918_938_5;

/// A normal distribution: a mean per row, one standard deviation for all.
#[derive(Clone, Copy)]
pub(super) struct Gaussian {
    pub mean: Lane,
    pub log_std: f32,
}

impl Gaussian {
    /// Returns the number that two uniform draws select, and its log-probability density.
    #[inline(always)]
    pub fn sample(self, radius: Lane, angle: Lane) -> (Lane, Lane) {
        let std = exp(self.log_std);
        let z = zip(radius, angle, normal);
        (zip(self.mean, z, |mean, z| mean + std * z), self.log_density(z))
    }

    /// Returns the log-probability density of a number, and the entropy.
    #[inline(always)]
    pub fn evaluate(self, action: Lane) -> (Lane, Lane) {
        (self.log_density(self.standardised(action)), [self.log_std + LOG_SQRT_TAU + 0.5; LANES])
    }

    /// Returns each row's derivatives with respect to the mean and to `log_std`.
    ///
    /// ```text
    /// ∂log p/∂μ = z/σ      ∂log p/∂ln σ = z² − 1      ∂H/∂ln σ = 1      z = (a − μ)/σ
    /// ```
    #[inline(always)]
    pub fn backward(self, action: Lane, d_log_prob: Lane, d_entropy: Lane) -> (Lane, Lane) {
        let precision = exp(-self.log_std);
        let z = self.standardised(action);
        let d_mean = zip(d_log_prob, z, |d_log_prob, z| d_log_prob * z * precision);
        let by_log_prob = zip(d_log_prob, z, |d_log_prob, z| d_log_prob * (z * z - 1.0));
        (d_mean, zip(by_log_prob, d_entropy, |a, b| a + b))
    }

    #[inline(always)]
    fn standardised(self, action: Lane) -> Lane {
        let precision = exp(-self.log_std);
        zip(action, self.mean, |action, mean| (action - mean) * precision)
    }

    #[inline(always)]
    fn log_density(self, z: Lane) -> Lane {
        let at_mean = -self.log_std - LOG_SQRT_TAU;
        map(z, |z| at_mean - 0.5 * z * z)
    }
}
