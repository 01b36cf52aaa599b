//! The loss of a temporal-difference error.

/// The loss of one error, and its derivative with respect to the estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TdError {
    /// The loss.
    pub loss: f32,
    /// `∂loss/∂estimate`.
    pub slope: f32,
}

/// Returns the loss of an estimate of a value: half the squared error, or beyond `huber` a line of that slope, which
/// limits the weight of a far target.
///
/// # Source
///
/// Huber 1964, doi:10.1214/aoms/1177703732; Mnih et al. 2015, doi:10.1038/nature14236, methods, clip the error alike.
pub fn td_error(estimate: f32, target: f32, huber: Option<f32>) -> TdError {
    let error = estimate - target;
    match huber {
        Some(limit) if error.abs() > limit => {
            TdError { loss: limit * (error.abs() - 0.5 * limit), slope: limit.copysign(error) }
        }
        _ => TdError { loss: 0.5 * error * error, slope: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_far_target_has_a_limited_slope() {
        let check = |estimate, target, huber, loss, slope| {
            assert_eq!(td_error(estimate, target, huber), TdError { loss, slope });
        };
        check(3.0, 1.0, None, 2.0, 2.0);
        check(1.0, 3.0, Some(2.5), 2.0, -2.0);
        check(3.0, 1.0, Some(1.0), 1.5, 1.0);
        check(1.0, 3.0, Some(1.0), 1.5, -1.0);
        check(1.0, 2.0, Some(1.0), 0.5, -1.0);
    }

    #[test]
    fn an_error_that_is_no_number_stays_one() {
        assert!(td_error(f32::NAN, 0.0, Some(1.0)).loss.is_nan());
        assert_eq!(td_error(f32::INFINITY, 0.0, Some(1.0)).loss, f32::INFINITY);
    }
}
