//! Means and variances of columns, computed in parts that are merged.

use crate::{NetError, SetBlock};

/// Mean and variance of each column of some rows.
///
/// Threads gather statistics of their own rows, which are then merged in a fixed order.
///
/// The elements of a set share mean and variance part by part: those of the elements that are present, of all rows. The
/// mean of the column of the count times the count of rows is the count of these elements.
///
/// # Source
///
/// Chan et al. 1979, "Updating formulae and a pairwise algorithm for computing sample variances", eq. 2.1.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    count: f64,
    mean: Vec<f64>,
    variance: Vec<f64>,
    sets: Vec<SetBlock>,
    batch: BatchMoments,
}

/// Working memory: mean and variance of the rows that are being added.
#[derive(Clone, Debug, Default)]
struct BatchMoments {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

/// Working memory is not part of the statistics, so it never makes them differ.
impl PartialEq for BatchMoments {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Statistics {
    /// Makes empty statistics of rows of this width.
    pub fn new(width: usize) -> Self {
        let zeros = || vec![0.0; width];
        let batch = BatchMoments { mean: zeros(), variance: zeros() };
        Self { count: 0.0, mean: zeros(), variance: zeros(), sets: Vec::new(), batch }
    }

    /// Makes empty statistics of rows of this width with these sets.
    pub fn with_sets(width: usize, sets: Vec<SetBlock>) -> Self {
        Self { sets, ..Self::new(width) }
    }

    /// Makes statistics from known numbers; `variance` is that of the population, σ².
    ///
    /// # Errors
    ///
    /// If there are not as many variances as means, or if a number is not finite, or a variance or the count negative.
    pub fn from_parts(mean: Vec<f64>, variance: Vec<f64>, count: f64) -> Result<Self, NetError> {
        check(&mean, &variance, count).map_err(NetError::Statistics)?;
        let mut statistics = Self::new(mean.len());
        (statistics.mean, statistics.variance, statistics.count) = (mean, variance, count);
        Ok(statistics)
    }

    /// Returns the number of rows.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Returns the mean of each column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Returns the population variance of each column; 0 before the first row.
    pub fn variance(&self) -> &[f64] {
        &self.variance
    }

    /// Removes all rows.
    pub fn clear(&mut self) {
        self.count = 0.0;
        self.mean.fill(0.0);
        self.variance.fill(0.0);
    }

    /// Adds the rows whose index `is_counted` accepts.
    ///
    /// # Shapes
    ///
    /// `rows` is `[rows, width]`.
    pub fn observe(&mut self, rows: &[f32], is_counted: impl Fn(usize) -> bool) {
        let width = self.mean.len().max(1);
        let counted = || rows.chunks_exact(width).enumerate().filter(|(row, _)| is_counted(*row)).map(|(_, row)| row);
        let count = counted().count() as f64;
        if count == 0.0 {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.gather(counted, count);
        self.sets.iter().for_each(|&set| batch.gather_elements(counted, set));
        self.combine(count, &batch.mean, &batch.variance, |_| true);
        self.batch = batch;
    }

    /// Adds the rows of other statistics.
    ///
    /// # Panics
    ///
    /// If they have another width.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.mean.len(), other.mean.len(), "statistics of rows of equal width");
        if other.count > 0.0 {
            self.combine(other.count, &other.mean, &other.variance, |_| true);
        }
    }

    /// As [`merge`](Self::merge), but only for the columns with a true `is_merged`.
    pub(crate) fn merge_columns(&mut self, other: &Self, is_merged: &[bool]) {
        assert_eq!(self.mean.len(), other.mean.len(), "statistics of rows of equal width");
        if other.count > 0.0 {
            self.combine(other.count, &other.mean, &other.variance, |column| is_merged[column]);
        }
    }

    /// Sets mean and variance of one column.
    pub(crate) fn set_column(&mut self, column: usize, mean: f64, variance: f64) {
        (self.mean[column], self.variance[column]) = (mean, variance);
    }

    fn combine(&mut self, count: f64, mean: &[f64], variance: &[f64], is_merged: impl Fn(usize) -> bool) {
        self.combine_elements(count, [mean, variance], &is_merged);
        let total = self.count + count;
        let shares = [self.count / total, count / total];
        let is_element = |column: usize| self.sets.iter().any(|set| set.elements().contains(&column));
        let columns = self.mean.iter_mut().zip(&mut self.variance).zip(mean.iter().zip(variance));
        for (_, (own, (&mean, &variance))) in
            columns.enumerate().filter(|&(column, _)| is_merged(column) && !is_element(column))
        {
            combine_column(own, [mean, variance], shares);
        }
        self.count = total;
    }

    /// Adds the elements of sets. The columns of the counts still have the means of the rows so far.
    fn combine_elements(&mut self, count: f64, [mean, variance]: [&[f64]; 2], is_merged: &impl Fn(usize) -> bool) {
        for set in &self.sets {
            let counts = set.count_column();
            let (own, others) = (self.mean[counts] * self.count, mean[counts] * count);
            if others <= 0.0 {
                continue;
            }
            let shares = [own / (own + others), others / (own + others)];
            for column in set.elements().filter(|&column| is_merged(column)) {
                let own = (&mut self.mean[column], &mut self.variance[column]);
                combine_column(own, [mean[column], variance[column]], shares);
            }
        }
    }

    /// Replaces the sets. All elements of a set get the mean and the variance of its first.
    pub(crate) fn set_sets(&mut self, sets: Vec<SetBlock>) {
        self.sets = sets;
        for set in &self.sets {
            share_first(&mut self.mean, *set);
            share_first(&mut self.variance, *set);
        }
    }
}

/// Merges mean and variance of a column, each with its share of the numbers.
#[inline]
fn combine_column(own: (&mut f64, &mut f64), [mean, variance]: [f64; 2], [own_share, share]: [f64; 2]) {
    let (own_mean, own_variance) = own;
    let offset = mean - *own_mean;
    *own_mean += offset * share;
    *own_variance = *own_variance * own_share + variance * share + offset * offset * (own_share * share);
}

/// Copies the numbers of a set's first element to the others.
fn share_first(numbers: &mut [f64], set: SetBlock) {
    for element in 1..set.capacity {
        numbers.copy_within(set.element_columns(0), set.element_columns(element).start);
    }
}

impl BatchMoments {
    /// Computes mean and variance in two passes. The second is about the mean, so that no digits cancel.
    fn gather<'a, I: Iterator<Item = &'a [f32]>>(&mut self, rows: impl Fn() -> I, count: f64) {
        self.mean.fill(0.0);
        self.variance.fill(0.0);
        for row in rows() {
            self.mean.iter_mut().zip(row).for_each(|(sum, &number)| *sum += f64::from(number));
        }
        self.mean.iter_mut().for_each(|sum| *sum /= count);
        for row in rows() {
            for ((sum, mean), &number) in self.variance.iter_mut().zip(&self.mean).zip(row) {
                *sum += (f64::from(number) - mean).powi(2);
            }
        }
        self.variance.iter_mut().for_each(|sum| *sum /= count);
    }

    /// Computes mean and variance of the elements that are present, for all places of the set.
    fn gather_elements<'a, I: Iterator<Item = &'a [f32]>>(&mut self, rows: impl Fn() -> I, set: SetBlock) {
        let elements =
            || rows().flat_map(move |row| row[set.elements()].chunks_exact(set.parts).take(set.present(row)));
        let count = (elements().count() as f64).max(1.0);
        let (mean, variance) = (&mut self.mean[..], &mut self.variance[..]);
        mean[set.elements()].fill(0.0);
        variance[set.elements()].fill(0.0);
        let first = set.element_columns(0);
        for element in elements() {
            mean[first.clone()].iter_mut().zip(element).for_each(|(sum, &number)| *sum += f64::from(number));
        }
        mean[first.clone()].iter_mut().for_each(|sum| *sum /= count);
        for element in elements() {
            for ((sum, mean), &number) in variance[first.clone()].iter_mut().zip(&mean[first.clone()]).zip(element) {
                *sum += (f64::from(number) - mean).powi(2);
            }
        }
        variance[first].iter_mut().for_each(|sum| *sum /= count);
        share_first(mean, set);
        share_first(variance, set);
    }
}

fn check(mean: &[f64], variance: &[f64], count: f64) -> Result<(), String> {
    if mean.len() != variance.len() {
        return Err(format!("{} means, but {} variances", mean.len(), variance.len()));
    }
    if !(count.is_finite() && count >= 0.0) {
        return Err(format!("the count is {count}"));
    }
    for (column, (mean, variance)) in mean.iter().zip(variance).enumerate() {
        if !(mean.is_finite() && variance.is_finite() && *variance >= 0.0) {
            return Err(format!("column {column} has mean {mean} and variance {variance}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ludus_spec::Seed;

    use super::*;

    const WIDTH: usize = 3;

    /// Columns of very different mean and spread.
    fn rows(count: usize) -> Vec<f32> {
        let number = |index: usize| {
            let uniform = Seed::new(1).derive(index as u64).uniform();
            [uniform, 1000.0 + uniform, -5.0 * uniform * uniform][index % WIDTH]
        };
        (0..count * WIDTH).map(number).collect()
    }

    fn of(rows: &[f32]) -> Statistics {
        let mut statistics = Statistics::new(WIDTH);
        statistics.observe(rows, |_| true);
        statistics
    }

    #[track_caller]
    fn assert_same(actual: &Statistics, expected: &Statistics) {
        assert_eq!(actual.count(), expected.count());
        let pairs = |a: &Statistics, b: &Statistics| {
            let (a, b) = ([a.mean(), a.variance()].concat(), [b.mean(), b.variance()].concat());
            a.into_iter().zip(b).collect::<Vec<_>>()
        };
        for (actual, expected) in pairs(actual, expected) {
            assert!((actual - expected).abs() < 1e-12 * expected.abs().max(1.0), "{actual} instead of {expected}");
        }
    }

    #[test]
    fn three_rows_by_hand() {
        let mut statistics = Statistics::new(1);
        statistics.observe(&[1.0, 2.0], |_| true);
        statistics.observe(&[6.0], |_| true);
        assert_eq!(
            (statistics.count(), statistics.mean(), statistics.variance()),
            (3.0, &[3.0][..], &[14.0 / 3.0][..])
        );
    }

    #[test]
    fn parts_merge_to_the_whole() {
        let rows = rows(1000);
        for cut in [0, 1, 10, 999] {
            let (a, b) = rows.split_at(cut * WIDTH);
            let mut merged = of(a);
            merged.merge(&of(b));
            assert_same(&merged, &of(&rows));
            let mut observed = of(a);
            observed.observe(b, |_| true);
            assert_same(&observed, &of(&rows));
        }
    }

    #[test]
    fn rows_that_do_not_count_leave_no_trace() {
        let mut all = rows(10);
        let even: Vec<f32> = all.chunks(WIDTH).step_by(2).flatten().copied().collect();
        all[WIDTH] = f32::NAN;
        let mut statistics = Statistics::new(WIDTH);
        statistics.observe(&all, |row| row % 2 == 0);
        assert_eq!(statistics, of(&even));
    }

    /// A set of two elements of one part among other columns. Present are 1, 3 and 5: mean 3, variance 8/3.
    #[test]
    fn elements_share_statistics_of_those_that_are_present() {
        let set = SetBlock { first: 1, capacity: 2, parts: 1 };
        let rows = [[7.0, 1.0, 99.0, 1.0], [7.0, 99.0, 99.0, 0.0], [7.0, 3.0, 5.0, 2.0], [9.0, 8.0, 8.0, 0.0]];
        let of = |rows: &[[f32; 4]]| {
            let mut statistics = Statistics::with_sets(4, vec![set]);
            statistics.observe(rows.as_flattened(), |_| true);
            statistics
        };
        let check = |statistics: &Statistics| {
            let expected = [7.5, 3.0, 3.0, 0.75, 0.75, 8.0 / 3.0, 8.0 / 3.0, 11.0 / 16.0];
            let found = [statistics.mean(), statistics.variance()].concat();
            assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{found:?}");
        };
        check(&of(&rows));
        for cut in 0..4 {
            let mut merged = of(&rows[..cut]);
            merged.merge(&of(&rows[cut..]));
            check(&merged);
        }
    }

    #[test]
    fn contradictions_are_errors() {
        let check = |mean: f64, variance: &[f64], count: f64, expected: &str| {
            let error = Statistics::from_parts(vec![mean], variance.to_vec(), count).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(0.0, &[], 1.0, "1 means, but 0 variances");
        check(0.0, &[-1.0], 1.0, "column 0 has mean 0 and variance -1");
        check(f64::NAN, &[1.0], 1.0, "column 0 has mean NaN");
        check(0.0, &[1.0], -1.0, "the count is -1");
    }
}
