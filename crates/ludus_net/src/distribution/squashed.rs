//! One dimension of a Gaussian that is squashed into -1..=1.

use ludus_spec::Seed;

use crate::lanewise::{exp, ln, normal, tanh};

/// ln √(2π)
const LOG_SQRT_TAU: f32 = 0.918_938_5;

/// The middle of the range of ln σ, and the distance from there to its ends: -5 and 2.
const MIDDLE: f32 = -1.5;
const REACH: f32 = 3.5;

/// The greatest action whose number before it was squashed is computed: beyond it, single precision can't tell numbers
/// apart.
const MOST: f32 = 0.999_999;

/// A number in -1..=1: the hyperbolic tangent of a normally distributed one.
///
/// ```text
/// a = tanh(x)      x = μ + σ·z      z ~ N(0, 1)      ln σ = −1.5 + 3.5·tanh(spread)
/// ln p(a) = −z²/2 − ln σ − ln √(2π) − ln(1 − a²)      ln(1 − a²) = 2·(ln 2 − |x| − ln(1 + e^(−2·|x|)))
/// ```
///
/// μ and `spread` are two outputs of a network. Between -5 and 2, ln σ has a slope everywhere, unlike a number that is
/// cut off, so a deviation never gets stuck at an end.
///
/// # Sources
///
/// Haarnoja et al. 2018, arXiv:1801.01290, appendix C, for the density; Huang et al. 2022, CleanRL,
/// `sac_continuous_action.py`, for the range of ln σ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquashedGaussian {
    pub(super) mean: f32,
    pub(super) log_std: f32,
    /// ∂ln σ/∂spread
    pub(super) slope: f32,
}

/// A number that was drawn from a [`SquashedGaussian`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquashedDraw {
    /// The number, in -1..=1.
    pub action: f32,
    /// The logarithm of its probability density.
    pub log_density: f32,
    /// The normally distributed number that it was made from.
    z: f32,
}

impl SquashedGaussian {
    /// The middle of the range of ln σ, and the distance from there to its ends.
    pub const LOG_STD_MIDDLE_AND_REACH: [f32; 2] = [MIDDLE, REACH];

    /// Makes the distribution that these two outputs of a network describe.
    #[inline(always)]
    pub fn new(mean: f32, spread: f32) -> Self {
        let bounded = tanh(spread);
        Self { mean, log_std: MIDDLE + REACH * bounded, slope: REACH * (1.0 - bounded * bounded) }
    }

    /// Returns the number that the policy chooses where it does not draw: that of the mean.
    #[inline(always)]
    pub fn mode(self) -> f32 {
        squash(self.mean)
    }

    /// Returns the standard deviation before the number is squashed (σ).
    #[inline(always)]
    pub fn std(self) -> f32 {
        exp(self.log_std)
    }

    /// Returns mean and standard deviation of the number itself, for display.
    pub fn moments(self) -> (f32, f32) {
        // A sum over 97 points between ±6 standard deviations.
        let points = (-48..=48).map(|step| step as f32 / 8.0);
        let weighted = points.map(|z| (exp(-0.5 * z * z), squash(self.mean + self.std() * z)));
        let (mut total, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (weight, action) in weighted {
            total += weight;
            sum += weight * action;
            squares += weight * action * action;
        }
        let mean = sum / total;
        (mean, (squares / total - mean * mean).max(0.0).sqrt())
    }

    /// Returns the number that a normally distributed one selects.
    #[inline(always)]
    pub fn draw(self, z: f32) -> SquashedDraw {
        let x = self.mean + self.std() * z;
        SquashedDraw { action: squash(x), log_density: self.log_density_at(x, z), z }
    }

    /// Returns the derivatives of a loss with respect to both outputs of the network, through a drawn number and its
    /// log-density.
    ///
    /// ```text
    /// ∂a/∂x = 1 − a²      ∂ln p/∂x = 2·a      ∂x/∂μ = 1      ∂x/∂ln σ = σ·z
    /// ```
    #[inline(always)]
    pub fn backward_draw(self, draw: SquashedDraw, d_action: f32, d_log_density: f32) -> [f32; 2] {
        let SquashedDraw { action, z, .. } = draw;
        let d_x = d_action * (1.0 - action * action) + d_log_density * 2.0 * action;
        [d_x, self.slope * (d_x * self.std() * z - d_log_density)]
    }

    /// Returns the log-density of any number in -1..=1.
    #[inline(always)]
    pub fn log_density(self, action: f32) -> f32 {
        let x = unsquash(action);
        self.log_density_at(x, self.standardised(x))
    }

    /// Returns the entropy of the number before it is squashed. That of the squashed number has no closed form.
    #[inline(always)]
    pub fn entropy_before(self) -> f32 {
        self.log_std + LOG_SQRT_TAU + 0.5
    }

    /// Returns the derivatives of a loss with respect to both outputs of the network, through the log-density of a given
    /// number and [`entropy_before`](Self::entropy_before).
    #[inline(always)]
    pub fn backward(self, action: f32, d_log_density: f32, d_entropy: f32) -> [f32; 2] {
        let z = self.standardised(unsquash(action));
        let d_log_std = d_log_density * (z * z - 1.0) + d_entropy;
        [d_log_density * z * exp(-self.log_std), self.slope * d_log_std]
    }

    #[inline(always)]
    fn standardised(self, x: f32) -> f32 {
        (x - self.mean) * exp(-self.log_std)
    }

    #[inline(always)]
    fn log_density_at(self, x: f32, z: f32) -> f32 {
        let far = x.abs();
        let log_slope = 2.0 * (std::f32::consts::LN_2 - far - ln(1.0 + exp(-2.0 * far)));
        -0.5 * z * z - self.log_std - LOG_SQRT_TAU - log_slope
    }
}

/// Returns the normally distributed number of an action's column, the same as [`Distribution::sample`] draws from the
/// row's seed.
///
/// [`Distribution::sample`]: crate::Distribution::sample
pub fn normal_draw(row: Seed, column: usize) -> f32 {
    let child = 2 * column as u64;
    normal(row.derive(child).uniform(), row.derive(child + 1).uniform())
}

/// Returns tanh, never beyond -1..=1.
#[inline(always)]
fn squash(x: f32) -> f32 {
    let squashed = tanh(x);
    let limited = if squashed > 1.0 { 1.0 } else { squashed };
    if limited < -1.0 { -1.0 } else { limited }
}

#[inline(always)]
fn unsquash(action: f32) -> f32 {
    let limited = if action > MOST { MOST } else { action };
    let limited = if limited < -MOST { -MOST } else { limited };
    0.5 * ln((1.0 + limited) / (1.0 - limited))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(f32, f32); 5] = [(0.0, 0.0), (0.7, 0.6), (-1.5, -0.5), (0.2, 2.5), (4.0, 0.3)];

    /// The density of actions adds up to 1, and the density of each is the exact one.
    #[test]
    fn a_log_density_is_that_of_numerical_integration() {
        for (mean, spread) in CASES {
            let of = SquashedGaussian::new(mean, spread);
            // In steps of x, so that the ends of the range are resolved: da = (1 − tanh²)·dx.
            let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
            let step = 1e-3;
            for index in -20_000..20_000 {
                let x = (f64::from(index) + 0.5) * step;
                let z = ((x - f64::from(mean)) / f64::from(of.std())) as f32;
                let action = x.tanh();
                let mass = f64::from(of.log_density_at(x as f32, z)).exp() * (1.0 - action * action) * step;
                // Beyond, the slope of tanh has no digits left in double precision.
                if x.abs() < 15.0 {
                    total += mass;
                    first += mass * action;
                    second += mass * action * action;
                }
            }
            // Of the widest, a few percent are beyond.
            let is_wide = spread > 2.0;
            assert!((total - 1.0).abs() < if is_wide { 0.05 } else { 1e-4 }, "{mean}, {spread}: {total}");
            if !is_wide {
                let (own, deviation) = of.moments();
                assert!((f64::from(own) - first).abs() < 1e-4, "{mean}, {spread}: {own}, {first}");
                assert!((f64::from(deviation) - (second - first * first).sqrt()).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn a_draw_has_the_density_of_its_action() {
        for (mean, spread) in CASES {
            let of = SquashedGaussian::new(mean, spread);
            for z in [-1.0, -0.25, 0.5, 1.5] {
                let draw = of.draw(z);
                assert!((-1.0..=1.0).contains(&draw.action));
                if draw.action.abs() < 0.999 {
                    let other = of.log_density(draw.action);
                    assert!((draw.log_density - other).abs() < 2e-2, "{mean}, {spread}, {z}: {draw:?}, {other}");
                }
            }
        }
        assert!(SquashedGaussian::new(f32::NAN, 0.0).draw(0.1).action.is_nan());
        assert!(SquashedGaussian::new(0.0, f32::NAN).draw(0.1).log_density.is_nan());
        let far = SquashedGaussian::new(200.0, 0.0).draw(0.5);
        assert!(far.action > 0.999_999 && far.action <= 1.0 && far.log_density.is_finite(), "{far:?}");
        assert!(SquashedGaussian::new(0.0, 0.0).log_density(1.0).is_finite());
    }

    /// Differences of the same formulas in single precision, with large steps.
    #[test]
    fn gradients_are_those_of_finite_differences() {
        let step = 1e-2;
        let check = |what: &str, own: [f32; 2], mean: f32, spread: f32, loss: &dyn Fn(SquashedGaussian) -> f32| {
            let moved = |mean: f32, spread: f32| loss(SquashedGaussian::new(mean, spread));
            let expected = [
                (moved(mean + step, spread) - moved(mean - step, spread)) / (2.0 * step),
                (moved(mean, spread + step) - moved(mean, spread - step)) / (2.0 * step),
            ];
            for (own, expected) in own.into_iter().zip(expected) {
                let error = (own - expected).abs() / (1.0 + expected.abs());
                assert!(error < 5e-3, "{what} at {mean}, {spread}: {own}, not {expected}");
            }
        };
        for (mean, spread) in [(0.0, 0.0), (0.7, 0.4), (-1.1, -0.5), (0.3, 0.2)] {
            let of = SquashedGaussian::new(mean, spread);
            for z in [-1.2, 0.3, 0.9] {
                let through_draw = of.backward_draw(of.draw(z), 1.7, -0.6);
                check("a draw", through_draw, mean, spread, &|of| {
                    let draw = of.draw(z);
                    1.7 * draw.action - 0.6 * draw.log_density
                });
                let action = of.draw(z).action;
                let given = of.backward(action, 0.8, 0.3);
                check("an action", given, mean, spread, &|of| 0.8 * of.log_density(action) + 0.3 * of.entropy_before());
            }
        }
    }
}
