//! Elementary functions on [`LANES`] rows at a time, written so that the compiler vectorises them.
//!
//! They use only operations that round the same everywhere, so the results have the same bits on every machine.

use crate::kernel::{TANH_DENOMINATOR, TANH_LIMIT, TANH_NUMERATOR};
use crate::panels::LANES;

/// One number of each of [`LANES`] rows.
pub(crate) type Lane = [f32; LANES];

/// Applies `f` to each number.
#[inline(always)]
pub(crate) fn map(mut a: Lane, f: impl Fn(f32) -> f32) -> Lane {
    for a in &mut a {
        *a = f(*a);
    }
    a
}

/// Applies `f` to each pair of numbers.
#[inline(always)]
pub(crate) fn zip(mut a: Lane, b: Lane, f: impl Fn(f32, f32) -> f32) -> Lane {
    for (a, b) in a.iter_mut().zip(b) {
        *a = f(*a, b);
    }
    a
}

/// Adds each pair of numbers.
#[inline(always)]
pub(crate) fn add(a: Lane, b: Lane) -> Lane {
    zip(a, b, |a, b| a + b)
}

/// Returns eˣ with a relative error below 2e-7; 0 below -87, e⁸⁸ above 88, NaN for NaN.
///
/// `x = n·ln 2 + r` with `|r| ≤ ln 2 / 2`; then `eˣ = 2ⁿ·eʳ`, and eʳ by its Taylor series.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // It has so few bits that n·LN_2_HIGH is exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = (std::f64::consts::LN_2 - LN_2_HIGH as f64) as f32;
    // Adding it rounds to a whole number, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // In this order of comparisons NaN stays NaN, and each line is one instruction.
    let limited = if x > 88.0 { 88.0 } else { x };
    let limited = if limited < -87.0 { -87.0 } else { limited };
    let rounded = limited * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (limited - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut series = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * r + coefficient;
    }
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    if x < -87.0 { 0.0 } else { series * power }
}

/// Returns ln x of a positive normal number, with a relative error below 2e-7; NaN for NaN.
///
/// `x = 2ⁿ·m` with m about 1; `ln m = 2·artanh((m − 1)/(m + 1))` by its series.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    const SQRT_HALF_BITS: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    let above = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let n = ((above as i32) >> 23) as f32;
    let m = f32::from_bits((above & 0x007f_ffff).wrapping_add(SQRT_HALF_BITS));
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let mut series = 2.0 / 9.0;
    for coefficient in [2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0, 2.0] {
        series = series * square + coefficient;
    }
    if x.is_nan() { x } else { n * std::f32::consts::LN_2 + series * s }
}

/// Returns tanh x with an error below 6e-7, by the rational function of the kernels; NaN for NaN.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let limited = if x > TANH_LIMIT { TANH_LIMIT } else { x };
    let limited = if limited < -TANH_LIMIT { -TANH_LIMIT } else { limited };
    let square = limited * limited;
    let (mut above, mut below) = (TANH_NUMERATOR[3], TANH_DENOMINATOR[4]);
    for power in (0..3).rev() {
        above = above * square + TANH_NUMERATOR[power];
    }
    for power in (0..4).rev() {
        below = below * square + TANH_DENOMINATOR[power];
    }
    limited * above / below
}

/// Returns a normally distributed number from two uniform ones, by the Box–Muller transform.
#[inline(always)]
pub(crate) fn normal(radius: f32, angle: f32) -> f32 {
    (-2.0 * ln(1.0 - radius)).sqrt() * cos_of_turns(angle)
}

/// Returns cos(2π·turns) for `turns` in `0.0..1.0`, with an error below 3e-7.
#[inline(always)]
fn cos_of_turns(turns: f32) -> f32 {
    // cos(2πt) = sin(2π·a) with a in -1/4..=1/4
    let a = 0.25 - (turns - if turns < 0.5 { 0.0 } else { 1.0 }).abs();
    let x = a * std::f32::consts::TAU;
    let square = x * x;
    let mut series = -1.0 / 39_916_800.0;
    for coefficient in [1.0 / 362_880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0] {
        series = series * square + coefficient;
    }
    series * x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the greatest error of `f` relative to `exact`, over many points of a range.
    fn worst(range: std::ops::Range<f64>, f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, floor: f64) -> f64 {
        let points = 200_000;
        let error = |index: i32| {
            let x = (range.start + (range.end - range.start) * f64::from(index) / f64::from(points)) as f32;
            let expected = exact(f64::from(x));
            (f64::from(f(x)) - expected).abs() / expected.abs().max(floor)
        };
        (0..points).map(error).fold(0.0, f64::max)
    }

    #[test]
    fn elementary_functions_are_accurate() {
        let check = |name: &str, error: f64, limit: f64| assert!(error < limit, "{name}: {error:e}");
        check("exp", worst(-86.9..87.9, exp, f64::exp, 0.0), 3e-7);
        check("exp near 0", worst(-1.0..1.0, exp, f64::exp, 0.0), 2e-7);
        check("ln", worst(1e-7..1e4, ln, f64::ln, 0.0), 3e-7);
        check("ln near 1", worst(0.5..2.0, ln, f64::ln, 0.0), 3e-7);
        check("tanh", worst(-10.0..10.0, tanh, f64::tanh, 1e-9), 1e-6);
        check("cos", worst(0.0..1.0, cos_of_turns, |turns| (std::f64::consts::TAU * turns).cos(), 1.0), 3e-7);
    }

    #[test]
    fn exp_is_sane_outside_its_range() {
        assert_eq!(exp(-1000.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(1000.0) > 1e38);
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        assert!(exp(f32::NAN).is_nan() && exp(-f32::NAN).is_nan());
        assert!(ln(f32::NAN).is_nan() && ln(-f32::NAN).is_nan());
        assert!(tanh(f32::NAN).is_nan());
    }
}
