//! The settings of learners on libtorch.

use ludus_learn::Machine;
use ludus_libtorch::DeviceConfig;
use tch::Device;

/// The device of a learner, and its settings.
#[derive(Clone, Debug)]
pub struct TorchSettings {
    /// The device; [`cuda_device`](crate::cuda_device) opens one.
    pub device: Device,
    /// Settings of the device.
    pub config: DeviceConfig,
    /// The threads and the clock.
    pub machine: Machine,
}
