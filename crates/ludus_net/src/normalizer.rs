//! The normalisation of observations to zero mean and unit variance, by running statistics.

use ludus_spec::AgentSpec;
use serde::{Deserialize, Serialize};

use crate::simd::{Kernel, Lanes, SimdLevel};
use crate::{NetError, SetBlock, Statistics};

/// Added to the variance, so that a constant column is not divided by 0.
const VARIANCE_FLOOR: f64 = 1e-8;

/// Running statistics of observations, and their use.
///
/// ```text
/// out = clamp((x − mean)/√(variance + 1e-8), ±clip)
/// ```
///
/// It belongs to a policy as its weights do: without it the policy's inputs would differ from those of the training.
///
/// Columns that are not followed, such as flags, keep mean 0 and variance 1: they are only clipped. 1 / √(1 + 1e-8) is
/// 1 in single precision.
///
/// In a [set](Self::with_sets), the count of elements stays as it is and is not clipped either. The elements share their
/// statistics, and those that are absent become 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Saved", into = "Saved")]
pub struct Normalizer {
    statistics: Statistics,
    clip: f32,
    /// The statistics in the form in which they are applied: single precision, and a factor in place of a division and
    /// a root.
    means: Vec<f32>,
    factors: Vec<f32>,
    /// True for each column whose statistics follow the observations. It comes from the spec and is not saved.
    is_followed: Vec<bool>,
    /// The sets among the columns. They come from the spec and are not saved.
    sets: Vec<SetBlock>,
}

/// The serialised form of a normaliser.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    mean: Vec<f64>,
    variance: Vec<f64>,
    count: f64,
    clip: f32,
}

impl Normalizer {
    /// Makes a normaliser without statistics. Until rows are [merged](Self::merge), it limits observations to `±clip`
    /// and changes nothing else.
    ///
    /// `clip` is usually 10.
    ///
    /// # Panics
    ///
    /// If `clip` is not positive and finite.
    pub fn new(width: usize, clip: f32) -> Self {
        assert!(is_clip(clip), "the clip is {clip}, but has to be positive and finite");
        Self {
            statistics: Statistics::new(width),
            clip,
            means: vec![0.0; width],
            factors: vec![1.0; width],
            is_followed: vec![true; width],
            sets: Vec::new(),
        }
    }

    /// As [`new`](Self::new), but only the columns with a true `is_followed` follow the observations. The others stay
    /// as they are, up to the clip.
    ///
    /// # Panics
    ///
    /// If `clip` is not positive and finite.
    pub fn of_columns(is_followed: Vec<bool>, clip: f32) -> Self {
        let mut normalizer = Self::new(is_followed.len(), clip);
        for column in (0..is_followed.len()).filter(|&column| !is_followed[column]) {
            normalizer.statistics.set_column(column, 0.0, 1.0);
        }
        Self { is_followed, ..normalizer }
    }

    /// Makes an empty normaliser of an agent's observations. Flags, grids and counts stay as they are.
    ///
    /// # Panics
    ///
    /// If `clip` is not positive and finite.
    pub fn of_agent(spec: &AgentSpec, clip: f32) -> Self {
        Self::of_columns(spec.normalized_columns(), clip).with_sets(SetBlock::of_agent(spec))
    }

    /// As it is, but some of its columns are sets.
    ///
    /// All elements of a set get the statistics of its first. The column of the count gets statistics too, which weigh
    /// those of the elements and are not applied.
    ///
    /// # Panics
    ///
    /// If a set has a column that is not there.
    #[must_use]
    pub fn with_sets(mut self, sets: Vec<SetBlock>) -> Self {
        sets.iter().for_each(|set| self.is_followed[set.count_column()] = true);
        self.sets = sets;
        self.share_among_elements();
        self
    }

    /// Makes empty statistics of rows of its columns, to [merge](Self::merge).
    pub fn empty_statistics(&self) -> Statistics {
        Statistics::with_sets(self.width(), self.sets.clone())
    }

    /// Makes a normaliser that leaves finite observations as they are.
    pub fn identity(width: usize) -> Self {
        Self::new(width, f32::MAX)
    }

    /// Makes a normaliser with these statistics.
    ///
    /// # Errors
    ///
    /// If there are not as many variances as means, or if a number is not finite, a variance or the count is negative,
    /// or `clip` is not positive.
    pub fn from_parts(mean: Vec<f64>, variance: Vec<f64>, count: f64, clip: f32) -> Result<Self, NetError> {
        if !is_clip(clip) {
            return Err(NetError::Statistics(format!("the clip is {clip}, but has to be positive and finite")));
        }
        let mut normalizer = Self::new(mean.len(), clip);
        normalizer.statistics = Statistics::from_parts(mean, variance, count)?;
        normalizer.refresh();
        Ok(normalizer)
    }

    /// Returns the columns of an observation row.
    pub fn width(&self) -> usize {
        self.means.len()
    }

    /// Checks that an observation row has `expected` columns.
    ///
    /// # Errors
    ///
    /// [`NetError::WrongLength`] if it has more or fewer.
    pub fn check_width(&self, expected: usize) -> Result<(), NetError> {
        let actual = self.width();
        if actual == expected {
            return Ok(());
        }
        Err(NetError::WrongLength { what: "the observation normaliser", expected, actual })
    }

    /// Returns the statistics so far.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Returns the sets among the columns.
    pub fn sets(&self) -> &[SetBlock] {
        &self.sets
    }

    /// Returns the greatest absolute value of a normalised number.
    pub fn clip(&self) -> f32 {
        self.clip
    }

    /// Returns the number that is subtracted from each column.
    pub fn means(&self) -> &[f32] {
        &self.means
    }

    /// Returns the factor of each column after the subtraction.
    pub fn factors(&self) -> &[f32] {
        &self.factors
    }

    /// True if any column follows the observations.
    pub fn is_following(&self) -> bool {
        self.is_followed.contains(&true)
    }

    /// Takes the statistics and the clip of `saved`, and keeps its own followed columns and sets.
    ///
    /// A column that is no longer followed keeps the statistics that it was saved with: the policy was trained on them.
    ///
    /// # Panics
    ///
    /// If `saved` has another width.
    pub fn go_on_from(&mut self, saved: &Self) {
        assert_eq!(self.width(), saved.width(), "statistics of rows of equal width");
        self.statistics.clone_from(&saved.statistics);
        self.clip = saved.clip;
        self.means.clone_from(&saved.means);
        self.factors.clone_from(&saved.factors);
        self.share_among_elements();
    }

    /// Merges the statistics of further rows.
    ///
    /// The result depends on the order in which statistics are merged, if only in the last bits: keep it fixed.
    ///
    /// # Panics
    ///
    /// If they have another width.
    pub fn merge(&mut self, statistics: &Statistics) {
        self.statistics.merge_columns(statistics, &self.is_followed);
        self.refresh();
    }

    /// Gives columns that have been constant so far a variance of 1, so that they are shifted and not scaled.
    ///
    /// For statistics that stay as they are: otherwise the least change of such a column would be beyond the clip.
    pub fn unscale_constants(&mut self) {
        for column in (0..self.width()).filter(|&column| self.is_followed[column]) {
            let (mean, variance) = (self.statistics.mean()[column], self.statistics.variance()[column]);
            if variance <= VARIANCE_FLOOR {
                self.statistics.set_column(column, mean, 1.0);
            }
        }
        self.refresh();
    }

    /// Normalises rows.
    ///
    /// # Shapes
    ///
    /// `raw` and `out` are `[rows, width]`.
    ///
    /// # Panics
    ///
    /// If they are not of equal length.
    pub fn apply(&self, raw: &[f32], out: &mut [f32]) {
        assert_eq!(raw.len(), out.len(), "one normalised number per raw one");
        SimdLevel::best().run(Apply { of: self, raw, out });
    }

    fn share_among_elements(&mut self) {
        if self.sets.is_empty() {
            return;
        }
        self.statistics.set_sets(self.sets.clone());
        self.refresh();
    }

    fn refresh(&mut self) {
        if self.statistics.count() == 0.0 {
            return;
        }
        for (mean, exact) in self.means.iter_mut().zip(self.statistics.mean()) {
            *mean = *exact as f32;
        }
        for (factor, variance) in self.factors.iter_mut().zip(self.statistics.variance()) {
            *factor = (variance + VARIANCE_FLOOR).sqrt().recip() as f32;
        }
        for set in &self.sets {
            let counts = set.count_column();
            // Before the first element, there are no statistics to apply.
            let unscaled =
                if self.statistics.mean()[counts] > 0.0 { counts..counts + 1 } else { set.first..counts + 1 };
            self.means[unscaled.clone()].fill(0.0);
            self.factors[unscaled].fill(1.0);
        }
    }
}

fn is_clip(clip: f32) -> bool {
    clip.is_finite() && clip > 0.0
}

/// Converts observations to inputs of a network: normalised if there is a normaliser, and finite.
///
/// Observations come from a game, unchecked. With a normaliser, an infinite observation becomes `±clip`, as any other
/// far value. All inputs that are still not finite become 0, so that even a faulty row's action is finite.
///
/// # Shapes
///
/// `observations` and `inputs` are `[rows, width]`.
///
/// # Panics
///
/// If they are not of equal length.
pub fn stage(normalizer: Option<&Normalizer>, observations: &[f32], inputs: &mut [f32]) {
    match normalizer {
        Some(normalizer) => normalizer.apply(observations, inputs),
        None => inputs.copy_from_slice(observations),
    }
    for input in inputs {
        *input = if input.is_finite() { *input } else { 0.0 };
    }
}

impl TryFrom<Saved> for Normalizer {
    type Error = NetError;

    fn try_from(saved: Saved) -> Result<Self, NetError> {
        Self::from_parts(saved.mean, saved.variance, saved.count, saved.clip)
    }
}

impl From<Normalizer> for Saved {
    fn from(normalizer: Normalizer) -> Self {
        let statistics = &normalizer.statistics;
        Self {
            mean: statistics.mean().to_vec(),
            variance: statistics.variance().to_vec(),
            count: statistics.count(),
            clip: normalizer.clip,
        }
    }
}

struct Apply<'a> {
    of: &'a Normalizer,
    raw: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Normalizer { means, factors, clip, sets, .. } = self.of;
        let width = means.len().max(1);
        for (raw, out) in self.raw.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            for (((out, raw), mean), factor) in out.iter_mut().zip(raw).zip(means).zip(factors) {
                *out = ((raw - mean) * factor).clamp(-clip, *clip);
            }
            for set in sets {
                let counts = set.count_column();
                out[set.element_columns(set.present(raw)).start..counts].fill(0.0);
                out[counts] = raw[counts];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(normalizer: &Normalizer, raw: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; raw.len()];
        normalizer.apply(raw, &mut out);
        out
    }

    #[test]
    fn identity_changes_nothing() {
        let raw = [1.5, -2e30, f32::MIN, 0.0];
        assert_eq!(normalised(&Normalizer::identity(2), &raw), raw);
    }

    #[test]
    fn rows_get_zero_mean_and_unit_variance() {
        let mut normalizer = Normalizer::new(2, 10.0);
        let mut statistics = Statistics::new(2);
        statistics.observe(&[1.0, 100.0, 3.0, 300.0], |_| true);
        normalizer.merge(&statistics);
        let expected = [-1.0, -1.0, 1.0, 1.0, 10.0, -2.0];
        for (actual, expected) in normalised(&normalizer, &[1.0, 100.0, 3.0, 300.0, 99.0, 0.0]).iter().zip(expected) {
            assert!((actual - expected).abs() < 1e-6, "{actual} instead of {expected}");
        }
    }

    #[test]
    fn a_constant_column_stays_finite() {
        let normalizer = Normalizer::from_parts(vec![5.0], vec![0.0], 9.0, 10.0).unwrap();
        assert_eq!(normalised(&normalizer, &[5.0, 6.0]), [0.0, 10.0]);
    }

    #[test]
    fn constant_columns_can_be_left_unscaled() {
        let mut normalizer = Normalizer::new(2, 10.0);
        let mut statistics = Statistics::new(2);
        statistics.observe(&[5.0, 1.0, 5.0, 3.0], |_| true);
        normalizer.merge(&statistics);
        normalizer.unscale_constants();
        let found = normalised(&normalizer, &[5.0, 3.0, 5.5, 2.0]);
        assert!([0.0, 1.0, 0.5, 0.0].iter().zip(found).all(|(expected, found)| (found - expected).abs() < 1e-6));
    }

    /// The first column is a flag that is 1 nearly always.
    #[test]
    fn a_column_that_is_not_followed_stays_as_it_is() {
        let mut normalizer = Normalizer::of_columns(vec![false, true], 10.0);
        assert_eq!(normalised(&normalizer, &[1.0, 7.0]), [1.0, 7.0]);
        let mut statistics = Statistics::new(2);
        statistics.observe(&[1.0, 1.0, 1.0, 3.0], |_| true);
        normalizer.merge(&statistics);
        let found = normalised(&normalizer, &[1.0, 3.0, 0.0, 1.0]);
        assert_eq!([found[0], found[2]], [1.0, 0.0]);
        assert!((found[1] - 1.0).abs() < 1e-6 && (found[3] + 1.0).abs() < 1e-6, "{found:?}");
        assert_eq!(
            (normalizer.statistics().mean(), normalizer.statistics().variance()),
            (&[0.0, 2.0][..], &[1.0; 2][..])
        );
    }

    /// A set of up to 20 elements of one part, of which 2 have been present.
    #[test]
    fn elements_are_normalised_if_they_are_present_and_their_count_is_not() {
        let set = SetBlock { first: 1, capacity: 20, parts: 1 };
        let row = |numbers: &[f32], count: f32| {
            let mut row = vec![0.0; 22];
            row[1..][..numbers.len()].copy_from_slice(numbers);
            row[21] = count;
            row
        };
        let mut normalizer = Normalizer::of_columns([vec![true; 21], vec![false]].concat(), 10.0).with_sets(vec![set]);
        let observe = |normalizer: &mut Normalizer, row: &[f32]| {
            let mut statistics = normalizer.empty_statistics();
            statistics.observe(row, |_| true);
            normalizer.merge(&statistics);
        };
        observe(&mut normalizer, &row(&[], 0.0));
        assert_eq!(normalised(&normalizer, &row(&[3.0], 1.0)), row(&[3.0], 1.0), "there are no statistics yet");
        observe(&mut normalizer, &row(&[4.0, 8.0], 2.0));
        for found in [normalizer.clone(), {
            let saved = Normalizer::try_from(Saved::from(normalizer.clone())).unwrap();
            let mut resumed = Normalizer::of_columns(vec![true; 22], 10.0).with_sets(vec![set]);
            resumed.go_on_from(&saved);
            assert_eq!(saved.with_sets(vec![set]).means(), normalizer.means());
            resumed
        }] {
            let all = [[8.0; 20].as_slice(), &[]].concat();
            assert!(normalised(&found, &row(&all, 20.0))[1..21].iter().all(|number| (number - 1.0).abs() < 1e-6));
            assert_eq!(normalised(&found, &row(&all, 20.0))[21], 20.0, "a count is not clipped");
            let few = normalised(&found, &row(&[4.0, 6.0], 2.0));
            assert!((few[1] + 1.0).abs() < 1e-6 && few[2..21] == [0.0; 19] && few[21] == 2.0, "{few:?}");
        }
    }

    /// Policies that were saved with statistics of flags keep these.
    #[test]
    fn what_was_saved_keeps_its_statistics() {
        let saved = Normalizer::from_parts(vec![0.9, 5.0], vec![0.25, 4.0], 8.0, 5.0).unwrap();
        let mut normalizer = Normalizer::of_columns(vec![false, true], 10.0);
        normalizer.go_on_from(&saved);
        for (found, expected) in normalised(&normalizer, &[0.4, 7.0, 1.4, 99.0]).iter().zip([-1.0, 1.0, 1.0, 5.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
        }
        let mut statistics = Statistics::new(2);
        statistics.observe(&[1.0, 1.0, 1.0, 3.0], |_| true);
        normalizer.merge(&statistics);
        assert_eq!((normalizer.statistics().mean()[0], normalizer.statistics().variance()[0]), (0.9, 0.25));
        assert_ne!(normalizer.statistics().mean()[1], 5.0);
    }

    #[test]
    fn a_saved_normalizer_is_the_same() {
        let normalizer = Normalizer::from_parts(vec![0.25, 3.0], vec![2.0, 0.5], 7.0, 10.0).unwrap();
        let text = serde_json::to_string(&normalizer).unwrap();
        assert_eq!(serde_json::from_str::<Normalizer>(&text).unwrap(), normalizer);
        let identity = Normalizer::identity(1);
        let text = serde_json::to_string(&identity).unwrap();
        assert_eq!(serde_json::from_str::<Normalizer>(&text).unwrap(), identity);
    }

    #[test]
    fn a_clip_that_limits_nothing_is_refused() {
        for clip in [f32::NAN, -1.0, 0.0, f32::INFINITY] {
            assert!(std::panic::catch_unwind(|| Normalizer::new(1, clip)).is_err(), "{clip}");
            assert!(Normalizer::from_parts(vec![0.0], vec![1.0], 1.0, clip).is_err(), "{clip}");
        }
    }

    #[test]
    fn what_a_network_reads_is_finite() {
        let raw = [f32::NAN, f32::INFINITY, 7.0];
        let staged = |normalizer: Option<&Normalizer>| {
            let mut inputs = [1.0; 3];
            stage(normalizer, &raw, &mut inputs);
            inputs
        };
        assert_eq!(staged(None), [0.0, 0.0, 7.0]);
        let normalizer = Normalizer::from_parts(vec![5.0; 3], vec![4.0; 3], 9.0, 10.0).unwrap();
        assert_eq!(staged(Some(&normalizer)), [0.0, 10.0, 1.0]);
    }

    #[test]
    fn damaged_statistics_are_errors() {
        let text = r#"{"mean": [0.0], "variance": [-1.0], "count": 2.0, "clip": 10.0}"#;
        let error = serde_json::from_str::<Normalizer>(text).unwrap_err().to_string();
        assert!(error.contains("column 0"), "{error}");
    }
}
