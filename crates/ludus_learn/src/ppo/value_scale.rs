//! Normalised value targets.

use ludus_net::ValueMap;

use crate::statistics::{Moments, Sums};

/// The weight of the newest rollout in the statistics of the targets, once there are enough rollouts.
const NEWEST: f64 = 0.05;

/// The least deviation: a game without rewards yet has targets that don't vary.
const LEAST_DEVIATION: f64 = 1e-2;

/// The running mean and deviation of each value head's targets, by which an update shifts and scales them. Detail 54.
///
/// For an update, the critic's last layer is brought to the units in which targets have mean 0 and deviation 1, and then
/// back. So values keep their meaning when the statistics change, and all but the update, such as advantages and the
/// window, reads them in the units of rewards.
///
/// ```text
/// μ ← μ + β·(mean of the rollout − μ)      σ² likewise      β = max(1/n, 0.05) for rollout n
/// ```
///
/// # Source
///
/// van Hasselt et al. 2016, arXiv:1602.07714, "Pop-Art"; Yu et al. 2022, arXiv:2103.01955, §5.1, for teams.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ValueScale {
    /// The count of rollouts, and the mean and variance of targets, of each head.
    heads: Vec<Moments>,
}

impl ValueScale {
    /// Takes the targets of a rollout into the statistics `[samples, heads]`.
    pub fn merge(&mut self, targets: &[f32], heads: usize, experience: &[u32]) {
        self.heads.resize(heads, Moments::default());
        for (head, moments) in self.heads.iter_mut().enumerate() {
            let of_head = experience.iter().map(|&sample| targets[sample as usize * heads + head]);
            moments.follow(&of_head.collect::<Sums>(), NEWEST);
        }
    }

    /// The maps from the units of rewards to those of an update, one for each head.
    pub fn to_update(&self) -> Vec<ValueMap> {
        let map = |(mean, deviation): (f64, f64)| ValueMap {
            scale: (1.0 / deviation) as f32,
            shift: (-mean / deviation) as f32,
        };
        self.units().map(map).collect()
    }

    /// The maps back.
    pub fn to_rewards(&self) -> Vec<ValueMap> {
        self.units().map(|(mean, deviation)| ValueMap { scale: deviation as f32, shift: mean as f32 }).collect()
    }

    fn units(&self) -> impl Iterator<Item = (f64, f64)> {
        self.heads.iter().map(|moments| (moments.mean, moments.variance.sqrt().max(LEAST_DEVIATION)))
    }

    /// The statistics, as they are saved: three numbers for each head.
    pub fn numbers(&self) -> Vec<f64> {
        self.heads.iter().flat_map(|&Moments { count, mean, variance }| [count, mean, variance]).collect()
    }

    /// Restores saved statistics.
    pub fn restore(&mut self, numbers: &[f64]) {
        let heads = numbers.as_chunks().0.iter();
        self.heads = heads.map(|&[count, mean, variance]| Moments { count, mean, variance }).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two heads, of which the second has targets a hundred times as large; sample 2 is no experience.
    #[test]
    fn targets_get_mean_0_and_deviation_1() {
        let targets = [1.0, 100.0, 3.0, 300.0, f32::NAN, f32::NAN];
        let mut scale = ValueScale::default();
        scale.merge(&targets, 2, &[0, 1]);
        let mapped = |sample: usize, head: usize| scale.to_update()[head].apply(targets[2 * sample + head]);
        assert_eq!([mapped(0, 0), mapped(1, 0), mapped(0, 1), mapped(1, 1)], [-1.0, 1.0, -1.0, 1.0]);
        for (there, back) in scale.to_update().into_iter().zip(scale.to_rewards()) {
            assert!((back.apply(there.apply(7.0)) - 7.0).abs() < 1e-5);
        }
    }

    #[test]
    fn newer_rollouts_weigh_more_once_there_are_many() {
        let mut scale = ValueScale::default();
        (0..100).for_each(|_| scale.merge(&[0.0], 1, &[0]));
        scale.merge(&[10.0], 1, &[0]);
        let [ValueMap { shift: mean, .. }] = scale.to_rewards()[..] else { panic!("one head") };
        assert!((mean - 0.5).abs() < 1e-5, "{mean}");
        let saved = scale.numbers();
        let mut restored = ValueScale::default();
        restored.restore(&saved);
        assert_eq!(restored, scale);
    }

    #[test]
    fn targets_that_do_not_vary_are_not_blown_up() {
        let mut scale = ValueScale::default();
        scale.merge(&[0.0, 0.0], 1, &[0, 1]);
        assert_eq!(scale.to_update(), [ValueMap { scale: 100.0, shift: 0.0 }]);
    }
}
