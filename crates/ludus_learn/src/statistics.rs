//! Means, deviations and the explained variance.

use serde::{Deserialize, Serialize};

/// The mean and the variance of numbers, taken one by one.
///
/// Sums are in double precision: with it, the textbook formula is exact enough for single-precision numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    /// Adds a number.
    #[inline]
    pub fn push(&mut self, value: f32) {
        let value = f64::from(value);
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    /// Returns the mean of the numbers; 0 if there are none.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    /// Returns the population variance of the numbers (not the sample estimate); 0 if there are none.
    pub fn variance(&self) -> f64 {
        (self.squares / self.count.max(1.0) - self.mean() * self.mean()).max(0.0)
    }
}

impl FromIterator<f32> for Sums {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Self {
        let mut sums = Self::default();
        values.into_iter().for_each(|value| sums.push(value));
        sums
    }
}

/// The mean and the variance of all the numbers of a run, taken batch by batch.
///
/// Chan et al. 1979, "Updating formulae and a pairwise algorithm for computing sample variances", eq. 2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// The count of the numbers.
    pub count: f64,
    /// The mean of the numbers; 0 if there are none.
    pub mean: f64,
    /// The population variance of the numbers; 0 if there are none.
    pub variance: f64,
}

impl Moments {
    /// Adds a batch of numbers.
    pub fn merge(&mut self, batch: &Sums) {
        let count = (self.count + batch.count).max(1.0);
        let share = batch.count / count;
        let distance = batch.mean() - self.mean;
        self.mean += distance * share;
        self.variance += (batch.variance() - self.variance) * share + distance * distance * share * (1.0 - share);
        self.count += batch.count;
    }

    /// Moves towards a batch of numbers, which weighs `newest` or, among few batches, as much as any of them. The count
    /// is that of batches. Does nothing without numbers.
    pub(crate) fn follow(&mut self, batch: &Sums, newest: f64) {
        if batch.count == 0.0 {
            return;
        }
        self.count += 1.0;
        let share = newest.max(1.0 / self.count);
        let distance = batch.mean() - self.mean;
        self.mean += distance * share;
        self.variance += (batch.variance() - self.variance) * share + distance * distance * share * (1.0 - share);
    }
}

/// A shift and a scale that bring numbers to mean 0 and deviation 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standardization {
    /// The mean, which is subtracted.
    pub shift: f32,
    /// One over the standard deviation: the factor after the subtraction.
    pub scale: f32,
}

impl Standardization {
    /// The standardisation that leaves numbers as they are.
    pub const NONE: Self = Self { shift: 0.0, scale: 1.0 };

    /// Returns the standardisation of the numbers in `values` at `indices`. Detail 9.
    ///
    /// Numbers that don't vary all become 0. A single number stays as it is. The 1e-8 that is added to the deviation is
    /// that of CleanRL.
    pub fn of(values: &[f32], indices: &[u32]) -> Self {
        if indices.len() < 2 {
            return Self::NONE;
        }
        let sums: Sums = indices.iter().map(|&index| values[index as usize]).collect();
        Self { shift: sums.mean() as f32, scale: (1.0 / (sums.variance().sqrt() + 1e-8)) as f32 }
    }

    /// Returns `(value − shift) · scale`.
    #[inline]
    pub fn apply(self, value: f32) -> f32 {
        (value - self.shift) * self.scale
    }
}

/// Returns the part of the returns' variance that the values explain: 1 is all of it, 0 none, below 0 is worse than a
/// constant.
///
/// Each sample has `heads` values and returns, of which the first counts, and only the samples at `indices` count. The
/// result is 0 if the returns don't vary. CleanRL reports it as
/// `losses/explained_variance`.
pub fn explained_variance(values: &[f32], returns: &[f32], heads: usize, indices: &[u32]) -> f32 {
    let (mut all, mut unexplained) = (Sums::default(), Sums::default());
    for &index in indices {
        let first = index as usize * heads;
        all.push(returns[first]);
        unexplained.push(returns[first] - values[first]);
    }
    if all.variance() > 0.0 { (1.0 - unexplained.variance() / all.variance()) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_know_mean_and_variance() {
        let sums: Sums = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().collect();
        assert_eq!((sums.mean(), sums.variance()), (5.0, 4.0));
        assert_eq!((Sums::default().mean(), Sums::default().variance()), (0.0, 0.0));
    }

    #[test]
    fn batches_add_up_to_all_their_numbers() {
        let mut moments = Moments::default();
        for batch in [[2.0, 4.0, 4.0].as_slice(), &[], &[4.0, 5.0, 5.0, 7.0], &[9.0]] {
            moments.merge(&batch.iter().copied().collect());
        }
        assert_eq!(moments.count, 8.0);
        assert!((moments.mean - 5.0).abs() < 1e-12 && (moments.variance - 4.0).abs() < 1e-12, "{moments:?}");
    }

    #[test]
    fn standardised_numbers_have_mean_0_and_deviation_1() {
        let values = [100.0, 1.0, 2.0, f32::NAN, 3.0];
        let standardization = Standardization::of(&values, &[1, 2, 4]);
        let found: Vec<f32> = [1, 2, 4].iter().map(|&index| standardization.apply(values[index])).collect();
        let expected = 1.5_f32.sqrt();
        assert!((found[0] + expected).abs() < 1e-5 && found[1] == 0.0 && (found[2] - expected).abs() < 1e-5);
    }

    #[test]
    fn equal_numbers_become_0() {
        assert_eq!(Standardization::of(&[0.5; 4], &[0, 1, 2, 3]).apply(0.5), 0.0);
    }

    #[test]
    fn a_single_number_stays_as_it_is() {
        assert_eq!(Standardization::of(&[0.5, 7.0], &[1]).apply(7.0), 7.0);
    }

    #[test]
    fn values_explain_as_much_of_the_returns_as_they_follow_them() {
        let check = |values: &[f32], expected: f32| {
            let found = explained_variance(values, &[1.0, 2.0, 3.0, 1000.0], 1, &[0, 1, 2]);
            assert!((found - expected).abs() < 1e-6, "{values:?}: {found}");
        };
        check(&[1.0, 2.0, 3.0, 0.0], 1.0);
        check(&[6.0, 7.0, 8.0, 0.0], 1.0);
        check(&[5.0, 5.0, 5.0, 0.0], 0.0);
        check(&[3.0, 2.0, 1.0, 0.0], -3.0);
        assert_eq!(explained_variance(&[1.0, 2.0], &[3.0, 3.0], 1, &[0, 1]), 0.0);
        assert_eq!(explained_variance(&[1.0, 9.0, 2.0, 7.0], &[1.0, 4.0, 2.0, 4.0], 2, &[0, 1]), 1.0);
    }
}
