//! Observations on their way into the network, on the device.

use ludus_net::Normalizer;
use tch::Tensor;

use crate::link::Link;

/// The normaliser's numbers as they stand during an iteration. Detail 14.
#[derive(Debug)]
pub(crate) struct Inputs(Option<Scale>);

#[derive(Debug)]
struct Scale {
    means: Tensor,
    factors: Tensor,
    clip: f64,
}

impl Inputs {
    pub fn new(normalizer: Option<&Normalizer>, link: &Link) -> Self {
        Self(normalizer.map(|normalizer| Scale {
            means: link.send(normalizer.means()),
            factors: link.send(normalizer.factors()),
            clip: f64::from(normalizer.clip()),
        }))
    }

    /// Takes other statistics, in the same memory: recorded work reads from there.
    pub fn refresh(&mut self, normalizer: Option<&Normalizer>, link: &Link) {
        if let (Some(scale), Some(normalizer)) = (&mut self.0, normalizer) {
            scale.means.copy_(&link.send(normalizer.means()));
            scale.factors.copy_(&link.send(normalizer.factors()));
        }
    }

    /// Turns observations into what the network reads: normalised if they are to be, and finite.
    ///
    /// As [`ludus_net::stage`]: what is not a number becomes 0, what is infinite the clip or 0.
    pub fn stage(&self, observations: &Tensor) -> Tensor {
        match &self.0 {
            Some(Scale { means, factors, clip }) => {
                ((observations - means) * factors).clamp(-clip, *clip).nan_to_num(0.0, None, None)
            }
            None => observations.nan_to_num(0.0, 0.0, 0.0),
        }
    }
}
