//! The critic's squared error.

/// The critic's loss of a sample, and its derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueError {
    /// Half the squared error.
    pub loss: f32,
    /// The derivative of the loss with respect to the value.
    pub slope: f32,
}

/// Returns half the squared error of one value. Detail 11.
///
/// With `clip`, the error of the value limited to `old_value ± clip` is computed too. The larger of the two errors
/// counts; if that is the clipped one, the slope is 0.
///
/// # Source
///
/// Huang et al. 2022, "The 37 implementation details of PPO", core detail 9; Engstrom et al. 2020, arXiv:2005.12729,
/// §3.
#[inline]
pub fn value_error(value: f32, old_value: f32, target: f32, clip: Option<f32>) -> ValueError {
    let plain = half_square(value - target);
    let Some(clip) = clip else { return plain };
    let moved = value - old_value;
    let limited = moved.clamp(-clip, clip);
    if limited == moved {
        // `old_value + moved` equals the value only up to rounding, which must not decide if there is a gradient.
        return plain;
    }
    let clipped = half_square(old_value + limited - target);
    if clipped.loss > plain.loss { ValueError { slope: 0.0, ..clipped } } else { plain }
}

const fn half_square(error: f32) -> ValueError {
    ValueError { loss: 0.5 * error * error, slope: error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f32, target: f32, clip: Option<f32>, loss: f32, slope: f32) {
        assert_eq!(value_error(value, 1.0, target, clip), ValueError { loss, slope });
    }

    /// The old value is 1 throughout.
    #[test]
    fn a_value_that_moved_too_far_towards_its_target_no_longer_pulls() {
        check(3.0, 4.0, None, 0.5, -1.0);
        check(3.0, 4.0, Some(0.5), 3.125, 0.0);
        check(1.25, 4.0, Some(0.5), 3.78125, -2.75);
        // It moved away from the target: the plain error is the larger one.
        check(3.0, 0.0, Some(0.5), 4.5, 3.0);
    }

    /// `-0.3 + (0.1 + 0.3)` is more than 0.1, as rounding has it.
    #[test]
    fn within_the_clip_a_value_pulls_however_it_is_rounded() {
        for (old_value, value) in [(-0.3, 0.1), (-0.7, 0.123), (1e-3, 0.9), (0.3, -0.1)] {
            for target in [-2.0, 2.0] {
                let found = value_error(value, old_value, target, Some(1.0));
                assert_eq!(found, value_error(value, old_value, target, None));
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        assert!(value_error(f32::NAN, 1.0, 1.0, Some(0.5)).loss.is_nan());
        assert!(value_error(1.0, 1.0, f32::NAN, None).loss.is_nan());
    }
}
