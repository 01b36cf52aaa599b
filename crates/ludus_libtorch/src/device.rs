//! Settings of a device.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

/// Settings of a learner on a device: a section of a run's config. The learner in plain Rust ignores them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceConfig {
    /// Parts that the worlds are split into: one part steps while the actions of another are computed.
    ///
    /// 2 is faster where worlds take about as long as the device; otherwise 1 is. The policy is the same up to
    /// rounding.
    pub splits: NonZeroUsize,
    /// True if matrix products on a GPU round their factors to 10 bits (TF32): faster on large networks.
    pub tf32: bool,
    /// True if the network computes with 8 bits of precision (bfloat16). Weights are kept and updated in full
    /// precision.
    ///
    /// Faster on networks of thousands of units, and noisier.
    pub bf16: bool,
    /// True if a GPU replays recorded steps (CUDA graphs) where they are available. `true` by default.
    pub graphs: bool,
}

impl Default for DeviceConfig {
    fn default() -> Self {
        Self { splits: NonZeroUsize::MIN, tf32: false, bf16: false, graphs: true }
    }
}
