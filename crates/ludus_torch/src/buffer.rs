//! Numbers on the host's side that go up to a device.
#![expect(unsafe_code, reason = "tch has no way to write into a tensor's own memory")]

use tch::{Device, Kind, Tensor};

use crate::link::Link;

/// Numbers that are written here and go up in one copy; pinned, where that lets the copy run beside us.
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

    /// The numbers on the device, in one flat tensor.
    ///
    /// On the CPU it is the same memory: use it before the next numbers are written.
    pub fn upload(&self) -> Tensor {
        self.link.count_up();
        self.tensor.to_device_(self.link.device(), Kind::Float, true, false)
    }
}
