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
}

impl Inputs {
    pub fn new(normalizer: Option<&Normalizer>, link: &Link) -> Self {
        Self(normalizer.map(|normalizer| Scale {
            means: link.send(normalizer.means()),
            factors: link.send(normalizer.factors()),
            clip: f64::from(normalizer.clip()),
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
            Some(Scale { means, factors, clip }) => {
                ((observations - means) * factors).clamp(-clip, *clip).nan_to_num(0.0, None, None)
            }
            None => observations.nan_to_num(0.0, 0.0, 0.0),
        }
    }
}
