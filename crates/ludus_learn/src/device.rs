//! Settings of a device.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

/// How a learner on a device uses it: a section of a run's config. The learner in plain Rust has no use for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceConfig {
    /// Parts that the worlds are split into: one part steps while the actions of another are computed.
    ///
    /// 2 pays where worlds take about as long as the device; 1 otherwise. The policy is the same up to rounding.
    pub splits: NonZeroUsize,
    /// Whether matrix products on a GPU round their factors to 10 bits (TF32): faster on large networks.
    pub tf32: bool,
    /// Whether the network computes with 8 bits of precision (bfloat16), while weights are kept and moved in full.
    ///
    /// Faster on networks of thousands of units, and noisier.
    pub bf16: bool,
    /// Whether a GPU repeats recorded steps (CUDA graphs), where that can be had. `true` unless said otherwise.
    pub graphs: bool,
}

impl Default for DeviceConfig {
    fn default() -> Self {
        Self { splits: NonZeroUsize::MIN, tf32: false, bf16: false, graphs: true }
    }
}
