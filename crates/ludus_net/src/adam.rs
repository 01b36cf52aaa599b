//! The Adam optimiser.

use crate::NetError;
use crate::panels::LANES;
use crate::simd::{Kernel, Lanes, SimdLevel};

/// The decay rates of the running means, and the ε of the denominator.
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f32 = 1e-5;

/// Adam over one flat parameter array, with the gradient clipped by its norm.
///
/// ```text
/// g ← g·min(1, max_norm/(‖g‖ + 1e-6))
/// m ← 0.9·m + 0.1·g        v ← 0.999·v + 0.001·g²
/// p ← p − rate · m/(1 − 0.9ᵗ) / (√(v/(1 − 0.999ᵗ)) + 1e-5)
/// ```
///
/// # Source
///
/// Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; ε as in Huang et al. 2022, "The 37 implementation
/// details of PPO", detail 3.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    mean: Vec<f32>,
    variance: Vec<f32>,
    step: u64,
}

impl Adam {
    /// Makes the state before the first step, for this many parameters.
    pub fn new(count: usize) -> Self {
        Self { mean: vec![0.0; count], variance: vec![0.0; count], step: 0 }
    }

    /// Restores a saved state.
    ///
    /// # Errors
    ///
    /// If the moments differ in length, or hold a number that is not finite.
    pub fn from_state(mean: Vec<f32>, variance: Vec<f32>, step: u64) -> Result<Self, NetError> {
        if mean.len() != variance.len() {
            let (expected, actual) = (mean.len(), variance.len());
            return Err(NetError::WrongLength { what: "the optimiser's second moments", expected, actual });
        }
        check_finite("the optimiser's first moment", &mean)?;
        check_finite("the optimiser's second moment", &variance)?;
        Ok(Self { mean, variance, step })
    }

    /// Returns the running mean of the gradient (m).
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Returns the running mean of the squared gradient (v).
    pub fn variance(&self) -> &[f32] {
        &self.variance
    }

    /// Returns the number of steps so far (t).
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Takes a step on the parameters. Returns the gradient's norm before clipping.
    ///
    /// If that norm is not finite, nothing changes, so that the caller can stop with good parameters.
    ///
    /// # Panics
    ///
    /// If the length of `parameters` or `gradient` is not the count of [`Adam::new`].
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32], learning_rate: f32, max_grad_norm: f32) -> f32 {
        assert_eq!(parameters.len(), self.mean.len(), "one pair of moments per parameter");
        assert_eq!(gradient.len(), self.mean.len(), "one derivative per parameter");
        let norm = norm(gradient);
        if !norm.is_finite() {
            return norm;
        }
        self.step += 1;
        let rates = Rates {
            clip: (max_grad_norm / (norm + 1e-6)).min(1.0),
            learning_rate: (f64::from(learning_rate) / unbias(BETA_1, self.step)) as f32,
            unbias_2: unbias(BETA_2, self.step).sqrt().recip() as f32,
        };
        SimdLevel::best().run(Step { rates, parameters, gradient, mean: &mut self.mean, variance: &mut self.variance });
        norm
    }
}

/// Returns the bias correction `1 − βᵗ`.
fn unbias(beta: f64, step: u64) -> f64 {
    1.0 - beta.powf(step as f64)
}

/// Returns the Euclidean norm, summed in double precision and in an order that does not depend on the machine.
pub(crate) fn norm(numbers: &[f32]) -> f32 {
    let mut sums = [0.0_f64; LANES];
    SimdLevel::best().run(SquareSum { numbers, sums: &mut sums });
    sums.iter().sum::<f64>().sqrt() as f32
}

#[derive(Clone, Copy)]
struct Rates {
    clip: f32,
    learning_rate: f32,
    unbias_2: f32,
}

struct Step<'a> {
    rates: Rates,
    parameters: &'a mut [f32],
    gradient: &'a [f32],
    mean: &'a mut [f32],
    variance: &'a mut [f32],
}

impl Kernel for Step<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        const NEW_1: f32 = (1.0 - BETA_1) as f32;
        const NEW_2: f32 = (1.0 - BETA_2) as f32;
        let Rates { clip, learning_rate, unbias_2 } = self.rates;
        let moments = self.mean.iter_mut().zip(self.variance);
        for ((parameter, gradient), (mean, variance)) in self.parameters.iter_mut().zip(self.gradient).zip(moments) {
            let gradient = gradient * clip;
            *mean += (gradient - *mean) * NEW_1;
            *variance += (gradient * gradient - *variance) * NEW_2;
            *parameter -= learning_rate * *mean / (variance.sqrt() * unbias_2 + EPSILON);
        }
    }
}

struct SquareSum<'a> {
    numbers: &'a [f32],
    sums: &'a mut [f64; LANES],
}

impl Kernel for SquareSum<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let mut sums = [0.0_f64; LANES];
        let (whole, rest) = self.numbers.as_chunks::<LANES>();
        for numbers in whole {
            sums.iter_mut().zip(numbers).for_each(|(sum, &number)| *sum += f64::from(number) * f64::from(number));
        }
        sums.iter_mut().zip(rest).for_each(|(sum, &number)| *sum += f64::from(number) * f64::from(number));
        *self.sums = sums;
    }
}

/// Checks that all numbers of an array, which `what` names, are finite.
///
/// # Errors
///
/// [`NetError::NotFinite`] with the first number that is NaN or infinite.
pub fn check_finite(what: &str, numbers: &[f32]) -> Result<(), NetError> {
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(index) => Err(NetError::NotFinite { what: what.to_owned(), index, value: f64::from(numbers[index]) }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(actual: &[f32], expected: &[f64]) {
        for (&actual, &expected) in actual.iter().zip(expected) {
            assert!((f64::from(actual) - expected).abs() < 1e-6 * expected.abs(), "{actual} instead of {expected}");
        }
    }

    /// The gradients are (2, −1), then (1, 3); the rate is 0.1; nothing is clipped.
    #[test]
    fn two_steps_by_hand() {
        let (mut adam, mut parameters) = (Adam::new(2), [1.0, 1.0]);
        let norm = adam.step(&mut parameters, &[2.0, -1.0], 0.1, 1e9);
        assert_close(&[norm], &[5.0_f64.sqrt()]);
        // m̂ = g and √v̂ = |g|, so the first step is 0.1·g/(|g| + 1e-5).
        let first = [1.0 - 0.1 * 2.0 / 2.00001, 1.0 + 0.1 / 1.00001];
        assert_close(&parameters, &first);

        adam.step(&mut parameters, &[1.0, 3.0], 0.1, 1e9);
        // m = 0.9·0.1·g₁ + 0.1·g₂ = 0.28 and 0.21;  v = 0.999·0.001·g₁² + 0.001·g₂² = 0.004996 and 0.009999
        assert_close(adam.mean(), &[0.28, 0.21]);
        assert_close(adam.variance(), &[0.004_996, 0.009_999]);
        // 1 − 0.9² = 0.19;  1 − 0.999² = 0.001999
        let moved = |start: f64, m: f64, v: f64| start - 0.1 * (m / 0.19) / ((v / 0.001_999).sqrt() + 1e-5);
        assert_close(&parameters, &[moved(first[0], 0.28, 0.004_996), moved(first[1], 0.21, 0.009_999)]);
        assert_eq!(adam.step_count(), 2);
    }

    #[test]
    fn a_long_gradient_is_shortened_to_the_norm() {
        let mut clipped = Adam::new(2);
        let norm = clipped.step(&mut [0.0; 2], &[30.0, 40.0], 0.1, 5.0);
        assert_eq!(norm, 50.0);
        assert_close(clipped.mean(), &[0.3, 0.4]);
        let mut short = Adam::new(2);
        short.step(&mut [0.0; 2], &[3.0, 4.0], 0.1, 6.0);
        assert_close(short.mean(), &[0.3, 0.4]);
    }

    #[test]
    fn the_norm_of_many_numbers_is_exact() {
        let numbers = vec![0.1_f32; 100_003];
        let expected = f64::from(0.1_f32) * f64::from(100_003).sqrt();
        assert!((f64::from(norm(&numbers)) - expected).abs() < 1e-6 * expected);
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        for bad in [f32::NAN, f32::INFINITY] {
            let (mut adam, mut parameters) = (Adam::new(2), [1.0, 2.0]);
            assert!(!adam.step(&mut parameters, &[bad, 1.0], 0.1, 1.0).is_finite());
            assert_eq!((adam, parameters), (Adam::new(2), [1.0, 2.0]));
        }
    }

    #[test]
    fn saved_state_goes_on_where_it_stopped() {
        let (mut adam, mut parameters) = (Adam::new(1), [1.0]);
        adam.step(&mut parameters, &[0.5], 0.1, 1.0);
        let mut copy = Adam::from_state(adam.mean().to_vec(), adam.variance().to_vec(), adam.step_count()).unwrap();
        let mut copied = parameters;
        copy.step(&mut copied, &[0.25], 0.1, 1.0);
        adam.step(&mut parameters, &[0.25], 0.1, 1.0);
        assert_eq!((copy, copied), (adam, parameters));
        assert!(Adam::from_state(vec![0.0], vec![f32::NAN], 1).is_err());
        assert!(Adam::from_state(vec![0.0], vec![], 1).is_err());
    }
}
