//! Counted copies between the host and a device.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Device, Tensor};

/// The connection to a device. Counts the copies between the host and the device, since a copy to the host makes a step
/// wait.
///
/// On the CPU nothing is copied, but the copies that a device would need are counted all the same.
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
    /// The number of copies to the device. They are asynchronous.
    pub up: u64,
    /// The number of copies from the device. Each waits until all earlier work on the device is done.
    pub down: u64,
}

impl Link {
    pub fn new(device: Device) -> Self {
        Self { device, counts: Arc::default() }
    }

    pub const fn device(&self) -> Device {
        self.device
    }

    /// Returns the number of copies so far.
    pub fn transfers(&self) -> Transfers {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Transfers { up: count(&self.counts.up), down: count(&self.counts.down) }
    }

    /// Counts a copy to the device.
    pub fn count_up(&self) {
        self.counts.up.fetch_add(1, Ordering::Relaxed);
    }

    /// Copies numbers to the device, without waiting for the copy.
    pub fn send<T: tch::kind::Element>(&self, numbers: &[T]) -> Tensor {
        self.count_up();
        let here = Tensor::from_slice(numbers);
        if !self.device.is_cuda() {
            return here;
        }
        // libtorch keeps the pinned memory until the device has read it.
        here.internal_pin_memory(self.device).to_device_(self.device, T::KIND, true, false)
    }

    /// Counts a copy from the device.
    pub fn count_down(&self) {
        self.counts.down.fetch_add(1, Ordering::Relaxed);
    }

    /// Copies a tensor's numbers to the host, and waits for them.
    pub fn fetch(&self, tensor: &Tensor) -> Vec<f32> {
        self.count_down();
        let mut numbers = vec![0.0; tensor.numel()];
        tensor.copy_data(&mut numbers, tensor.numel());
        numbers
    }
}
