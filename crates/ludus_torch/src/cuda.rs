//! CUDA, opened at run time: the same binary runs on machines with and without it.

use std::sync::OnceLock;

use ludus_libtorch::{Driver, open_cuda_libraries};
use tch::Device;

use crate::TorchError;

/// Opens CUDA and returns the number of its devices.
///
/// Must be called before any other function of libtorch: libtorch checks for CUDA once and keeps the result. Later
/// calls return the result of the first one.
///
/// # Errors
///
/// [`TorchError::Cuda`] with the reason that there is none, and the remedy.
pub fn open_cuda() -> Result<usize, TorchError> {
    static OPENED: OnceLock<Result<usize, String>> = OnceLock::new();
    OPENED.get_or_init(open).clone().map_err(TorchError::Cuda)
}

fn open() -> Result<usize, String> {
    Driver::open().map_err(|error| error.to_string())?;
    open_cuda_libraries().map_err(|error| error.to_string())?;
    match tch::Cuda::device_count() {
        count if count > 0 => Ok(count as usize),
        _ => Err("libtorch finds no CUDA device, although there is a driver; look at `CUDA_VISIBLE_DEVICES`, and \
                  at whether the driver serves CUDA 13"
            .to_owned()),
    }
}

/// Opens CUDA and returns the device with this index.
///
/// # Errors
///
/// As [`open_cuda`], and [`TorchError::NoDevice`] if there is no such device.
pub fn cuda_device(index: usize) -> Result<Device, TorchError> {
    let count = open_cuda()?;
    if index < count { Ok(Device::Cuda(index)) } else { Err(TorchError::NoDevice { index, count }) }
}
