//! The conversion of observations to network inputs, on the device.

use ludus_net::Normalizer;
use tch::Tensor;

use crate::link::Link;

/// The normaliser's statistics on the device, constant during an iteration. Detail 14.
#[derive(Debug)]
pub(crate) struct Inputs(Option<Scale>);

#[derive(Debug)]
struct Scale {
    means: Tensor,
    factors: Tensor,
    clip: f64,
    sets: Option<SetColumns>,
}

/// The columns of sets, `[width]` each.
#[derive(Debug)]
struct SetColumns {
    /// The element that the column belongs to, else NaN.
    elements: Tensor,
    /// The column of the count of the column's set; 0 for columns of no set.
    counts: Tensor,
    /// True for columns of counts.
    are_counts: Tensor,
}

impl SetColumns {
    fn new(normalizer: &Normalizer, link: &Link) -> Option<Self> {
        let sets = normalizer.sets();
        if sets.is_empty() {
            return None;
        }
        let width = normalizer.width();
        let (mut elements, mut counts, mut are_counts) =
            (vec![f32::NAN; width], vec![0_i64; width], vec![false; width]);
        for set in sets {
            are_counts[set.count_column()] = true;
            for element in 0..set.capacity {
                elements[set.element_columns(element)].fill(element as f32);
            }
            counts[set.elements()].fill(set.count_column() as i64);
        }
        let [elements, counts] = [link.send(&elements), link.send(&counts)];
        Some(Self { elements, counts, are_counts: link.send(&are_counts) })
    }

    /// Replaces elements that are absent by 0, and keeps the counts as they were observed.
    fn apply(&self, inputs: &Tensor, observations: &Tensor) -> Tensor {
        let observations = observations.nan_to_num(0.0, 0.0, 0.0);
        let counts = observations.index_select(-1, &self.counts).round();
        let inputs = inputs.masked_fill(&self.elements.ge_tensor(&counts), 0.0);
        observations.where_self(&self.are_counts, &inputs)
    }
}

impl Inputs {
    pub fn new(normalizer: Option<&Normalizer>, link: &Link) -> Self {
        Self(normalizer.map(|normalizer| Scale {
            means: link.send(normalizer.means()),
            factors: link.send(normalizer.factors()),
            clip: f64::from(normalizer.clip()),
            sets: SetColumns::new(normalizer, link),
        }))
    }

    /// Copies other statistics into the same memory, since recorded work reads from there.
    pub fn refresh(&mut self, normalizer: Option<&Normalizer>, link: &Link) {
        if let (Some(scale), Some(normalizer)) = (&mut self.0, normalizer) {
            scale.means.copy_(&link.send(normalizer.means()));
            scale.factors.copy_(&link.send(normalizer.factors()));
        }
    }

    /// Converts observations to inputs of the network: normalised if there is a normaliser, and finite.
    ///
    /// As [`ludus_net::stage`]: NaN becomes 0, infinite numbers become ± the clip, or 0 without a normaliser.
    pub fn stage(&self, observations: &Tensor) -> Tensor {
        match &self.0 {
            Some(Scale { means, factors, clip, sets }) => {
                let inputs = ((observations - means) * factors).clamp(-clip, *clip).nan_to_num(0.0, None, None);
                sets.as_ref().map(|sets| sets.apply(&inputs, observations)).unwrap_or(inputs)
            }
            None => observations.nan_to_num(0.0, 0.0, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use ludus_net::{SetBlock, stage};
    use ludus_spec::Seed;
    use tch::Device;

    use super::*;

    /// A number, a set of up to 12 elements of 2 numbers, which is more than the clip, and a number.
    #[test]
    fn sets_are_staged_as_in_plain_rust() {
        let (set, width, rows) = (SetBlock { first: 1, capacity: 12, parts: 2 }, 27, 26);
        let number = |index: usize| 5.0 + 3.0 * Seed::new(3).derive(index as u64).uniform();
        let mut observations = (0..rows * width).map(number).collect::<Vec<f32>>();
        for (row, observations) in observations.chunks_exact_mut(width).enumerate() {
            observations[set.count_column()] = (row % 13) as f32;
        }
        let mut normalizer = Normalizer::new(width, 10.0).with_sets(vec![set]);
        let mut statistics = normalizer.empty_statistics();
        statistics.observe(&observations, |_| true);
        normalizer.merge(&statistics);
        let mut expected = vec![0.0; observations.len()];
        stage(Some(&normalizer), &observations, &mut expected);
        assert_eq!((expected[12 * width + set.count_column()], expected[width + 3]), (12.0, 0.0));

        let inputs = Inputs::new(Some(&normalizer), &Link::new(Device::Cpu));
        let found = inputs.stage(&Tensor::from_slice(&observations).view([rows as i64, width as i64]));
        let difference = (found.reshape([-1]) - Tensor::from_slice(&expected)).abs().max().double_value(&[]);
        assert!(difference < 1e-6, "{difference}");
    }
}
