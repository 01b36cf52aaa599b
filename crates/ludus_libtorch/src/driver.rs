//! NVIDIA's CUDA driver, and its GPUs.
#![expect(unsafe_code, reason = "the driver is a C library")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fmt;

use libloading::Library;

/// The version of CUDA that libtorch is built for.
const NEEDED: CudaVersion = CudaVersion(13_000);

/// The driver's error code if there is no GPU: `CUDA_ERROR_NO_DEVICE`.
const NO_DEVICE: c_int = 100;

const NAME_BYTES: usize = 256;

/// A version of CUDA: 1000 times the major number plus 10 times the minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CudaVersion(pub u32);

/// The reasons that CUDA is unavailable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// There is no driver.
    #[error(
        "there is no CUDA driver (`libcuda.so.1` can't be loaded); install NVIDIA's driver, or train with `--device cpu`"
    )]
    Missing,
    /// There is a driver and no GPU.
    #[error(
        "the CUDA driver finds no GPU; is one plugged in, and may this process see it? Else train with `--device cpu`"
    )]
    NoDevice,
    /// The driver is too old.
    #[error(
        "the CUDA driver serves CUDA {0}, but libtorch needs {NEEDED}; update NVIDIA's driver, or train with `--device cpu`"
    )]
    Old(CudaVersion),
    /// A function of the driver fails.
    #[error(
        "the CUDA driver's `{function}` fails with error {code}; look at `nvidia-smi`, or train with `--device cpu`"
    )]
    Failed {
        /// The name of the function.
        function: &'static str,
        /// The error code, a `CUresult`.
        code: i32,
    },
}

/// A GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// The name of the model.
    pub name: String,
    /// The total memory \[bytes\].
    pub memory: u64,
}

/// The CUDA driver, loaded and initialised.
#[derive(Debug)]
pub struct Driver {
    library: Library,
    version: CudaVersion,
}

impl Driver {
    /// Opens the driver.
    ///
    /// # Errors
    ///
    /// If there is none, if it fails or finds no GPU, or if it is too old for libtorch.
    pub fn open() -> Result<Self, DriverError> {
        // SAFETY: loading the driver runs only its own initialisers, as in every program that uses CUDA.
        let library = unsafe { Library::new("libcuda.so.1") }.map_err(|_| DriverError::Missing)?;
        let mut driver = Self { library, version: CudaVersion(0) };
        driver.version = driver.ask_version()?;
        driver.start()?;
        if driver.version < NEEDED { Err(DriverError::Old(driver.version)) } else { Ok(driver) }
    }

    /// Returns the newest version of CUDA that the driver supports.
    pub const fn version(&self) -> CudaVersion {
        self.version
    }

    /// Returns the GPUs that are visible to this process, in CUDA's order.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn gpus(&self) -> Result<Vec<Gpu>, DriverError> {
        let count = self.number("cuDeviceGetCount")?;
        (0..count).map(|index| self.gpu(index)).collect()
    }

    /// Returns the free memory of a GPU \[bytes\]. Creates a CUDA context for it, which takes time and memory, unless
    /// this process has one already.
    ///
    /// # Errors
    ///
    /// If the driver fails.
    pub fn free_memory(&self, index: usize) -> Result<u64, DriverError> {
        type Retain = unsafe extern "C" fn(*mut *mut c_void, c_int) -> c_int;
        type Release = unsafe extern "C" fn(c_int) -> c_int;
        type Push = unsafe extern "C" fn(*mut c_void) -> c_int;
        type Pop = unsafe extern "C" fn(*mut *mut c_void) -> c_int;
        type Memory = unsafe extern "C" fn(*mut usize, *mut usize) -> c_int;
        let device = self.device(c_int::try_from(index).unwrap_or(c_int::MAX))?;
        let (mut context, mut free, mut total) = (std::ptr::null_mut(), 0, 0);
        // SAFETY: each function has the type that `cuda.h` declares, all pointers are to locals that outlive the calls,
        // and what is retained and pushed is popped and released, even if a call between them fails.
        unsafe {
            self.call::<Retain>("cuDevicePrimaryCtxRetain", |retain| retain(&raw mut context, device))?;
            let found = self.call::<Push>("cuCtxPushCurrent_v2", |push| push(context)).and_then(|()| {
                let found = self.call::<Memory>("cuMemGetInfo_v2", |ask| ask(&raw mut free, &raw mut total));
                self.call::<Pop>("cuCtxPopCurrent_v2", |pop| pop(&raw mut context))?;
                found
            });
            self.call::<Release>("cuDevicePrimaryCtxRelease_v2", |release| release(device))?;
            found.map(|()| free as u64)
        }
    }

    fn start(&self) -> Result<(), DriverError> {
        type Start = unsafe extern "C" fn(c_uint) -> c_int;
        // SAFETY: the function has this type, and 0 is the only flag that it takes.
        unsafe { self.call::<Start>("cuInit", |start| start(0)) }
    }

    fn ask_version(&self) -> Result<CudaVersion, DriverError> {
        self.number("cuDriverGetVersion").map(|version| CudaVersion(version.unsigned_abs()))
    }

    /// Returns the number that a driver function with one output writes.
    fn number(&self, function: &'static str) -> Result<c_int, DriverError> {
        type Ask = unsafe extern "C" fn(*mut c_int) -> c_int;
        let mut number = 0;
        // SAFETY: all functions passed here have this type, and the pointer is to a local that outlives the call.
        unsafe { self.call::<Ask>(function, |ask| ask(&raw mut number)) }.map(|()| number)
    }

    fn device(&self, index: c_int) -> Result<c_int, DriverError> {
        type Get = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
        let mut device = 0;
        // SAFETY: as above.
        unsafe { self.call::<Get>("cuDeviceGet", |get| get(&raw mut device, index)) }.map(|()| device)
    }

    fn gpu(&self, index: c_int) -> Result<Gpu, DriverError> {
        type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;
        type Memory = unsafe extern "C" fn(*mut usize, c_int) -> c_int;
        let device = self.device(index)?;
        let (mut name, mut memory) = ([0_u8; NAME_BYTES], 0_usize);
        // SAFETY: as above; the driver writes at most `length` bytes of the name.
        unsafe {
            let length = NAME_BYTES as c_int;
            self.call::<Name>("cuDeviceGetName", |ask| ask(name.as_mut_ptr().cast(), length, device))?;
            self.call::<Memory>("cuDeviceTotalMem_v2", |ask| ask(&raw mut memory, device))?;
        }
        let name =
            CStr::from_bytes_until_nul(&name).map_or_else(|_| String::new(), |n| n.to_string_lossy().into_owned());
        Ok(Gpu { name, memory: memory as u64 })
    }

    /// Calls one of the driver's functions.
    ///
    /// # Safety
    ///
    /// `F` must be the function's type, and `call` must uphold the function's contract.
    unsafe fn call<F>(&self, function: &'static str, call: impl FnOnce(&F) -> c_int) -> Result<(), DriverError> {
        // SAFETY: the caller guarantees the function's type.
        let symbol = unsafe { self.library.get::<F>(function.as_bytes()) };
        // Older drivers lack newer functions.
        let symbol = symbol.map_err(|_| DriverError::Old(self.version))?;
        match call(&symbol) {
            0 => Ok(()),
            NO_DEVICE => Err(DriverError::NoDevice),
            code => Err(DriverError::Failed { function, code }),
        }
    }
}

impl fmt::Display for CudaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 1000, self.0 % 1000 / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_read_as_people_write_them() {
        assert_eq!([CudaVersion(13_000), CudaVersion(12_040)].map(|version| version.to_string()), ["13.0", "12.4"]);
    }

    /// Passes with and without a driver.
    #[test]
    fn the_driver_answers() {
        match Driver::open() {
            Ok(driver) => assert!(driver.gpus().unwrap().iter().all(|gpu| gpu.memory > 0 && !gpu.name.is_empty())),
            Err(error) => assert!(error.to_string().contains("--device cpu"), "{error}"),
        }
    }
}
