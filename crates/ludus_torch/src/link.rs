//! The way to a device and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Device, Tensor};

/// The way to a device and back. Counts what goes along it: to wait for a copy is what a step has to do without.
///
/// On the CPU nothing has to be moved; what would be is counted all the same.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    device: Device,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
}

/// Copies between the host and a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// To the device. Nobody waits for them.
    pub up: u64,
    /// From the device. Each waits until everything before it is done.
    pub down: u64,
}

impl Link {
    pub fn new(device: Device) -> Self {
        Self { device, counts: Arc::default() }
    }

    pub const fn device(&self) -> Device {
        self.device
    }

    /// What went along so far.
    pub fn transfers(&self) -> Transfers {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Transfers { up: count(&self.counts.up), down: count(&self.counts.down) }
    }

    /// Notes a copy to the device.
    pub fn count_up(&self) {
        self.counts.up.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends numbers up, without waiting for them to arrive.
    pub fn send<T: tch::kind::Element>(&self, numbers: &[T]) -> Tensor {
        self.count_up();
        let here = Tensor::from_slice(numbers);
        if !self.device.is_cuda() {
            return here;
        }
        // libtorch keeps the pinned copy until the device has read it.
        here.internal_pin_memory(self.device).to_device_(self.device, T::KIND, true, false)
    }

    /// Notes a copy from the device.
    pub fn count_down(&self) {
        self.counts.down.fetch_add(1, Ordering::Relaxed);
    }

    /// Brings a tensor's numbers down.
    pub fn fetch(&self, tensor: &Tensor) -> Vec<f32> {
        self.count_down();
        let mut numbers = vec![0.0; tensor.numel()];
        tensor.copy_data(&mut numbers, tensor.numel());
        numbers
    }
}
