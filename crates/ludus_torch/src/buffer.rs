//! Buffers on the host for copies to and from a device.
#![expect(unsafe_code, reason = "tch has no way to write into a tensor's own memory")]

use tch::{Device, Kind, Tensor};

use crate::link::Link;

/// Numbers on the host that are copied to or from a device at once. With a GPU the memory is pinned, so that the device
/// copies it asynchronously.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// A contiguous `f32` tensor on the CPU that nothing else references.
    tensor: Tensor,
    count: usize,
    link: Link,
}

impl Buffer {
    pub fn new(count: usize, link: &Link) -> Self {
        let zeros = Tensor::zeros([count as i64], (Kind::Float, Device::Cpu));
        let tensor = if link.device().is_cuda() { zeros.internal_pin_memory(link.device()) } else { zeros };
        Self { tensor, count, link: link.clone() }
    }

    /// Returns the numbers, to write. An earlier [`upload`](Self::upload) must have finished.
    pub fn numbers(&mut self) -> &mut [f32] {
        let start = self.tensor.data_ptr().cast::<f32>();
        if self.count == 0 {
            return &mut [];
        }
        // SAFETY: the tensor was made above as `count` contiguous 32-bit numbers on the CPU, it lives as long as
        // `self`, and the slice borrows `self` mutably.
        unsafe { std::slice::from_raw_parts_mut(start, self.count) }
    }

    /// Returns the numbers, to read.
    pub fn read(&self) -> &[f32] {
        if self.count == 0 {
            return &[];
        }
        // SAFETY: as above; the slice borrows `self`, and all methods that write borrow it mutably.
        unsafe { std::slice::from_raw_parts(self.tensor.data_ptr().cast::<f32>(), self.count) }
    }

    /// Copies a tensor's numbers from the device into the start of this buffer, and waits for the copy.
    pub fn download(&mut self, tensor: &Tensor) {
        self.link.count_down();
        let mut place = self.tensor.narrow(0, 0, tensor.numel() as i64);
        place.copy_(&tensor.reshape(-1));
    }

    /// Copies the numbers to the device, into one flat tensor.
    ///
    /// On the CPU, the tensor shares the buffer's memory: use it before the next numbers are written.
    pub fn upload(&self) -> Tensor {
        self.link.count_up();
        self.tensor.to_device_(self.link.device(), Kind::Float, true, false)
    }
}
