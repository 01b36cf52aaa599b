//! The clipped surrogate.

/// The policy's loss of a sample, and its derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surrogate {
    /// `−min(ratio·A, clamp(ratio, 1 − ε, 1 + ε)·A)`.
    pub loss: f32,
    /// The derivative of the loss with respect to the new policy's log-probability.
    pub slope: f32,
    /// The probability of the action under the new policy, divided by that under the old.
    pub ratio: f32,
}

/// Returns the clipped surrogate of one sample. Detail 10.
///
/// `log_ratio` is the new policy's log-probability of the action less the old one's; `clip` is ε.
/// If the clipped term is the smaller one, the slope is 0: the sample has no gradient.
///
/// # Source
///
/// Schulman et al. 2017, arXiv:1707.06347, eq. 7.
#[inline]
pub fn surrogate(log_ratio: f32, advantage: f32, clip: f32) -> Surrogate {
    let ratio = log_ratio.exp();
    let gain = ratio * advantage;
    let clipped_gain = ratio.clamp(1.0 - clip, 1.0 + clip) * advantage;
    if gain <= clipped_gain {
        Surrogate { loss: -gain, slope: -gain, ratio }
    } else {
        Surrogate { loss: -clipped_gain, slope: 0.0, ratio }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ratio: f32, advantage: f32, loss: f32, slope: f32) {
        let found = surrogate(ratio.ln(), advantage, 0.2);
        let close = |a: f32, b: f32| (a - b).abs() < 1e-5;
        assert!(close(found.loss, loss) && close(found.slope, slope), "{ratio} {advantage}: {found:?}");
    }

    #[test]
    fn the_clip_takes_a_gain_but_never_a_loss() {
        check(1.0, 2.0, -2.0, -2.0);
        check(1.1, 2.0, -2.2, -2.2);
        // Positive advantage: no gradient if the action is already likelier, the full gradient if it is less likely.
        check(1.5, 2.0, -2.4, 0.0);
        check(0.5, 2.0, -1.0, -1.0);
        // Negative advantage: no gradient if the action is already less likely, the full gradient if it is likelier.
        check(0.5, -2.0, 1.6, 0.0);
        check(1.5, -2.0, 3.0, 3.0);
    }

    #[test]
    fn the_slope_is_the_loss_s_derivative() {
        for (log_ratio, advantage) in [(0.1, 0.7), (-0.1, -0.4), (0.5, 1.0), (-0.6, -1.0), (0.4, -1.0), (-0.5, 1.0)] {
            let loss = |log_ratio| surrogate(log_ratio, advantage, 0.2).loss;
            let difference = (loss(log_ratio + 1e-3) - loss(log_ratio - 1e-3)) / 2e-3;
            assert!((difference - surrogate(log_ratio, advantage, 0.2).slope).abs() < 1e-3);
        }
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        assert!(surrogate(f32::NAN, 1.0, 0.2).loss.is_nan());
        assert!(surrogate(0.0, f32::NAN, 0.2).loss.is_nan());
    }
}
