//! Learning curves of trials.

/// Most points of a learning curve that a trial reports.
const MOST_POINTS: usize = 100;

/// The mean of a learning curve over its steps.
///
/// Before its first point, the curve has the value of that point. After its last, it has that value up to `steps` if
/// the run ended because it was good enough, else it ends there.
pub(super) fn area(curve: &[(u64, f64)], steps: u64, is_good_enough: bool) -> Option<f64> {
    let (&(_, first), &(last_steps, last)) = (curve.first()?, curve.last()?);
    let end = if is_good_enough { steps.max(last_steps) } else { last_steps };
    let mut area = last * (end - last_steps) as f64;
    let mut before = (0, first);
    for &(steps, mean) in curve {
        area += (steps - before.0) as f64 * 0.5 * (before.1 + mean);
        before = (steps, mean);
    }
    Some(area / end as f64)
}

/// At most [`MOST_POINTS`] points of a curve, with the last one among them.
pub(super) fn thinned(curve: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let stride = curve.len().div_ceil(MOST_POINTS).max(1);
    let mut points: Vec<_> = curve.iter().rev().step_by(stride).copied().collect();
    points.reverse();
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_mean_of_the_curve() {
        // From 0 to 2 it is 1; from 2 to 4 it rises from 1 to 3; from 4 to 8 it stays at 3.
        let curve = [(2, 1.0), (4, 3.0)];
        assert_eq!(area(&curve, 8, true), Some((2.0 + 4.0 + 12.0) / 8.0));
        assert_eq!(area(&curve, 8, false), Some((2.0 + 4.0) / 4.0));
        assert_eq!(area(&[], 8, true), None);
    }

    #[test]
    fn a_thinned_curve_keeps_its_end() {
        let curve: Vec<_> = (1..=1050).map(|step| (step, step as f64)).collect();
        let points = thinned(&curve);
        assert!(points.len() <= MOST_POINTS && points.last() == curve.last());
        assert_eq!(thinned(&curve[..7]), curve[..7]);
    }
}
