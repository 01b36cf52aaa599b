//! Activation functions and their slopes on vectors.

use crate::Activation;
use crate::simd::{Lanes, Vector};

/// Beyond this, tanh is 1 to within 4e-7.
pub(crate) const TANH_LIMIT: f32 = 7.75;

/// Numerator and denominator of `tanh(x)/x` as polynomials of `x²`, lowest power first: fitted by ourselves for the
/// least relative error (1.2e-7) on `0..=TANH_LIMIT`.
pub(crate) const TANH_NUMERATOR: [f32; 4] = [0.999_999_9, 0.129_474_52, 2.974_592_4e-3, 1.168_791_3e-5];
pub(crate) const TANH_DENOMINATOR: [f32; 5] = [1.0, 0.462_806_94, 2.391_151e-2, 2.420_268_4e-4, 2.543_237_7e-7];

/// Applies the activation to a vector of sums.
#[inline(always)]
pub(super) fn activate<L: Lanes>(lanes: L, activation: Activation, sums: Vector<L>) -> Vector<L> {
    match activation {
        Activation::Tanh => tanh(lanes, sums),
        Activation::Relu => lanes.positive_part(sums),
    }
}

/// Returns the gradient of a loss with respect to the sums. `gradient` is that with respect to the activations.
#[inline(always)]
pub(super) fn backward<L: Lanes>(
    lanes: L,
    activation: Activation,
    activated: Vector<L>,
    gradient: Vector<L>,
) -> Vector<L> {
    match activation {
        // tanh' = 1 − tanh²
        Activation::Tanh => {
            let slope = lanes.negative_mul_add(activated, activated, lanes.splat(1.0));
            lanes.mul(gradient, slope)
        }
        Activation::Relu => lanes.keep_where_positive(activated, gradient),
    }
}

/// The logistic function σ(x) = ½ + ½·tanh(x/2).
#[inline(always)]
pub(crate) fn sigmoid<L: Lanes>(lanes: L, value: Vector<L>) -> Vector<L> {
    let half = lanes.splat(0.5);
    lanes.mul_add(tanh(lanes, lanes.mul(value, half)), half, half)
}

/// Returns σ′ where the function has this value: σ·(1 − σ).
#[inline(always)]
pub(crate) fn sigmoid_slope<L: Lanes>(lanes: L, activated: Vector<L>) -> Vector<L> {
    lanes.negative_mul_add(activated, activated, activated)
}

/// Returns tanh′ where the function has this value: 1 − tanh².
#[inline(always)]
pub(crate) fn tanh_slope<L: Lanes>(lanes: L, activated: Vector<L>) -> Vector<L> {
    lanes.negative_mul_add(activated, activated, lanes.splat(1.0))
}

/// Returns `value + ½` where `value` is greater than 0, else σ(`value`).
#[inline(always)]
pub(crate) fn positive_candidate<L: Lanes>(lanes: L, value: Vector<L>) -> Vector<L> {
    let raised = lanes.add(value, lanes.splat(0.5));
    lanes.choose_where_positive(value, raised, sigmoid(lanes, value))
}

/// Returns the slope of [`positive_candidate`] where the function has this value.
#[inline(always)]
pub(crate) fn positive_candidate_slope<L: Lanes>(lanes: L, activated: Vector<L>) -> Vector<L> {
    let above = lanes.sub(activated, lanes.splat(0.5));
    lanes.choose_where_positive(above, lanes.splat(1.0), sigmoid_slope(lanes, activated))
}

/// Computes tanh by a rational function. The library's tanh is twelve times slower.
#[inline(always)]
pub(crate) fn tanh<L: Lanes>(lanes: L, value: Vector<L>) -> Vector<L> {
    let x = lanes.clamp(value, TANH_LIMIT);
    let square = lanes.mul(x, x);
    let numerator = lanes.mul(x, polynomial(lanes, square, TANH_NUMERATOR));
    lanes.div(numerator, polynomial(lanes, square, TANH_DENOMINATOR))
}

/// Evaluates a polynomial by Horner's scheme; coefficients start from the lowest power.
#[inline(always)]
fn polynomial<L: Lanes, const N: usize>(lanes: L, x: Vector<L>, coefficients: [f32; N]) -> Vector<L> {
    let mut sum = lanes.splat(coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = lanes.mul_add(sum, x, lanes.splat(coefficient));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Kernel, SimdLevel};

    struct Tanh<'a>(&'a mut [f32]);

    impl Kernel for Tanh<'_> {
        #[inline(always)]
        fn run<L: Lanes>(self, lanes: L) {
            for vector in lanes.vectors_mut(self.0) {
                *vector = tanh(lanes, *vector);
            }
        }
    }

    #[test]
    fn tanh_is_accurate() {
        for level in SimdLevel::available() {
            let points: Vec<_> = (-80_000..80_000).map(|index| index as f32 / 8_000.0).collect();
            let mut results = points.clone();
            level.run(Tanh(&mut results));
            for (point, result) in points.into_iter().zip(results) {
                let exact = f64::from(point).tanh();
                let error = (f64::from(result) - exact).abs() / exact.abs().max(1e-9);
                assert!(error < 6e-7, "{}: tanh({point}) = {result}, not {exact}", level.name());
            }
        }
    }

    #[test]
    fn tanh_keeps_what_is_not_a_number() {
        let mut numbers = [f32::NAN; 16];
        SimdLevel::best().run(Tanh(&mut numbers));
        assert!(numbers.iter().all(|number| number.is_nan()));
        numbers = [f32::INFINITY; 16];
        SimdLevel::best().run(Tanh(&mut numbers));
        assert!(numbers.iter().all(|number| (number - 1.0).abs() < 1e-6));
    }
}
