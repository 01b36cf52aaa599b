//! The optimiser.

use pulp::Simd;

use crate::NetError;
use crate::panels::LANES;
use crate::simd::{Kernel, Lanes, SimdLevel};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
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
/// Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; ε as in the PPO of OpenAI's baselines.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    mean: Vec<f32>,
    variance: Vec<f32>,
    step: u64,
}

impl Adam {
    /// For this many parameters, before its first step.
    pub fn new(count: usize) -> Self {
        Self { mean: vec![0.0; count], variance: vec![0.0; count], step: 0 }
    }

    /// Goes on from saved state.
    ///
    /// # Errors
    ///
    /// If the moments differ in length, or hold something that no step could have left there.
    pub fn from_state(mean: Vec<f32>, variance: Vec<f32>, step: u64) -> Result<Self, NetError> {
        if mean.len() != variance.len() {
            let (expected, actual) = (mean.len(), variance.len());
            return Err(NetError::WrongLength { what: "the optimiser's second moments", expected, actual });
        }
        check_finite("the optimiser's first moment", &mean)?;
        check_finite("the optimiser's second moment", &variance)?;
        Ok(Self { mean, variance, step })
    }

    /// The running mean of the gradient (m).
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// The running mean of the squared gradient (v).
    pub fn variance(&self) -> &[f32] {
        &self.variance
    }

    /// Steps made so far (t).
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Moves the parameters against the gradient; returns the gradient's norm before clipping.
    ///
    /// Where that norm is not finite nothing changes, so that the caller can stop with good parameters.
    ///
    /// # Panics
    ///
    /// If `parameters` or `gradient` has another length than [`Adam::new`] was told.
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

/// `1 − βᵗ`
fn unbias(beta: f32, step: u64) -> f64 {
    1.0 - f64::from(beta).powf(step as f64)
}

/// The Euclidean norm, summed in double precision and in an order that does not depend on the machine.
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
    fn run<S: Simd, const FUSED: bool>(self, _: Lanes<S, FUSED>) {
        let Rates { clip, learning_rate, unbias_2 } = self.rates;
        let moments = self.mean.iter_mut().zip(self.variance);
        for ((parameter, gradient), (mean, variance)) in self.parameters.iter_mut().zip(self.gradient).zip(moments) {
            let gradient = gradient * clip;
            *mean += (gradient - *mean) * (1.0 - BETA_1);
            *variance += (gradient * gradient - *variance) * (1.0 - BETA_2);
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
    fn run<S: Simd, const FUSED: bool>(self, _: Lanes<S, FUSED>) {
        let mut sums = [0.0_f64; LANES];
        let (whole, rest) = self.numbers.as_chunks::<LANES>();
        for numbers in whole {
            sums.iter_mut().zip(numbers).for_each(|(sum, &number)| *sum += f64::from(number) * f64::from(number));
        }
        sums.iter_mut().zip(rest).for_each(|(sum, &number)| *sum += f64::from(number) * f64::from(number));
        *self.sums = sums;
    }
}

pub(crate) fn check_finite(what: &str, numbers: &[f32]) -> Result<(), NetError> {
    match numbers.iter().position(|number| !number.is_finite()) {
        Some(index) => Err(NetError::NotFinite { what: what.to_owned(), index, value: f64::from(numbers[index]) }),
        None => Ok(()),
    }
}
