//! Numbers on the host's side that go up to a device or come down from it.
#![expect(unsafe_code, reason = "tch has no way to write into a tensor's own memory")]

use tch::{Device, Kind, Tensor};

use crate::link::Link;

/// Numbers that go up or come down in one copy; pinned where there is a device, which then copies them without our help.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// Contiguous, on the CPU, of 32-bit numbers, and ours alone.
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

    /// The numbers, to write. What went up before must have arrived: nobody may write while it is on its way.
    pub fn numbers(&mut self) -> &mut [f32] {
        let start = self.tensor.data_ptr().cast::<f32>();
        if self.count == 0 {
            return &mut [];
        }
        // SAFETY: the tensor was made above as `count` contiguous 32-bit numbers on the CPU, it lives as long as `self`,
        // and whoever holds the slice has borrowed `self` mutably.
        unsafe { std::slice::from_raw_parts_mut(start, self.count) }
    }

    /// The numbers, to read.
    pub fn read(&self) -> &[f32] {
        if self.count == 0 {
            return &[];
        }
        // SAFETY: as above; whoever holds the slice has borrowed `self`, and what writes into it borrows it mutably.
        unsafe { std::slice::from_raw_parts(self.tensor.data_ptr().cast::<f32>(), self.count) }
    }

    /// Brings a tensor's numbers down into the first of these, and waits for them.
    pub fn download(&mut self, tensor: &Tensor) {
        self.link.count_down();
        let mut place = self.tensor.narrow(0, 0, tensor.numel() as i64);
        place.copy_(&tensor.reshape(-1));
    }

    /// The numbers on the device, in one flat tensor.
    ///
    /// On the CPU it is the same memory: use it before the next numbers are written.
    pub fn upload(&self) -> Tensor {
        self.link.count_up();
        self.tensor.to_device_(self.link.device(), Kind::Float, true, false)
    }
}
