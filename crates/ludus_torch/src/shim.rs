//! The C++ library that is opened after libtorch's CUDA libraries.
#![expect(unsafe_code, reason = "the shim is a C library")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libloading::Library;
use ludus_libtorch::DeviceConfig;

use crate::attempt::attempt_anything;

/// The shim's bytes, embedded so that the program is a single file. Empty if the shim could not be built.
const LIBRARY: &[u8] = include_bytes!(env!("LUDUS_TORCH_SHIM"));

/// The reason that the shim could not be built.
const FAILURE: &str = env!("LUDUS_TORCH_NO_SHIM");

/// The remedy if a temporary file can't be opened as a library.
const REMEDY: &str = "set `TMPDIR` to a folder that libraries may be loaded from";

/// The functions of `shim/graphs.cpp`.
#[derive(Debug)]
pub(crate) struct Shim {
    configure: unsafe extern "C" fn(c_int) -> c_int,
    make_tape: unsafe extern "C" fn(c_int, *mut *mut c_void) -> c_int,
    free_tape: unsafe extern "C" fn(*mut c_void),
    begin: unsafe extern "C" fn(*mut c_void, *mut *mut c_void) -> c_int,
    end: unsafe extern "C" fn(*mut c_void) -> c_int,
    replay: unsafe extern "C" fn(*mut c_void) -> c_int,
    free: unsafe extern "C" fn(*mut c_void),
    message: unsafe extern "C" fn() -> *const c_char,
    /// Keeps the library open while its functions may be called.
    _library: Library,
}

/// Records work on a device. Its recordings share their memory: only one of them may be replayed at a time.
#[derive(Debug)]
pub(crate) struct Tape {
    shim: Arc<Shim>,
    tape: *mut c_void,
    /// Locked during a recording.
    is_recording: Mutex<()>,
}

/// A finished recording, freed when dropped.
#[derive(Debug)]
pub(crate) struct Graph {
    /// The tape, which must outlive its recordings.
    tape: Arc<Tape>,
    recording: *mut c_void,
}

// SAFETY: tapes and recordings belong to a device and not to a thread. libtorch's own locks guard their shared state.
unsafe impl Send for Tape {}
// SAFETY: the lock lets one thread at a time record, from `begin` to `end`; nothing else changes a tape.
unsafe impl Sync for Tape {}
// SAFETY: as above.
unsafe impl Send for Graph {}

impl Shim {
    /// Opens the shim, once. libtorch's CUDA libraries must be open.
    ///
    /// # Errors
    ///
    /// The system's message, or the reason that there is no shim.
    pub fn open() -> Result<Arc<Self>, String> {
        static OPENED: OnceLock<Result<Arc<Shim>, String>> = OnceLock::new();
        OPENED.get_or_init(|| Self::open_bytes(LIBRARY)).clone()
    }

    fn open_bytes(library: &[u8]) -> Result<Arc<Self>, String> {
        if library.is_empty() {
            return Err(format!("the program was built without: {FAILURE}"));
        }
        // The system opens libraries from files. The temporary file may be deleted once the library is open.
        let written = || {
            let mut file = tempfile::Builder::new().prefix("ludus-").suffix(".so").tempfile()?;
            file.write_all(library).map(|()| file.into_temp_path())
        };
        let place = written().map_err(|error| format!("no temporary file can be written: {error}; {REMEDY}"))?;
        // SAFETY: the build script made the library from `shim/graphs.cpp`. Loading it runs only the initialisers of
        // C++'s standard library. The functions have the types that are declared there.
        unsafe {
            let library = Library::new(&place).map_err(|error| format!("{error}; {REMEDY}"))?;
            let missing = |error: libloading::Error| error.to_string();
            Ok(Arc::new(Self {
                configure: *library.get(b"ludus_configure").map_err(missing)?,
                make_tape: *library.get(b"ludus_tape_make").map_err(missing)?,
                free_tape: *library.get(b"ludus_tape_free").map_err(missing)?,
                begin: *library.get(b"ludus_graph_begin").map_err(missing)?,
                end: *library.get(b"ludus_graph_end").map_err(missing)?,
                replay: *library.get(b"ludus_graph_replay").map_err(missing)?,
                free: *library.get(b"ludus_graph_free").map_err(missing)?,
                message: *library.get(b"ludus_message").map_err(missing)?,
                _library: library,
            }))
        }
    }

    /// Sets if factors may be rounded to TF32, and makes convolutions deterministic from here on.
    pub fn configure(&self, config: &DeviceConfig) -> Result<(), String> {
        // SAFETY: the function accepts any number.
        self.result(unsafe { (self.configure)(c_int::from(config.tf32)) })
    }

    /// Makes a tape, which records work on a device.
    pub fn tape(self: &Arc<Self>, device: usize) -> Result<Arc<Tape>, String> {
        let mut tape = std::ptr::null_mut();
        let device = c_int::try_from(device).map_err(|error| error.to_string())?;
        // SAFETY: the pointer is to a local that outlives the call.
        self.result(unsafe { (self.make_tape)(device, &raw mut tape) })?;
        Ok(Arc::new(Tape { shim: self.clone(), tape, is_recording: Mutex::new(()) }))
    }

    fn result(&self, code: c_int) -> Result<(), String> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the message is a C string of this thread, which stays until the thread's next error.
        let message = unsafe { CStr::from_ptr((self.message)()) };
        Err(message.to_string_lossy().lines().next().unwrap_or_default().to_owned())
    }
}

impl Tape {
    /// Records the operations of `work`. They don't run until the recording is replayed.
    pub fn record(self: &Arc<Self>, work: &mut dyn FnMut()) -> Result<Graph, String> {
        let _guard = self.is_recording.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recording = std::ptr::null_mut();
        // SAFETY: the tape lives as long as `self`, and the pointer is to a local that outlives the call.
        self.shim.result(unsafe { (self.shim.begin)(self.tape, &raw mut recording) })?;
        let graph = Graph { tape: self.clone(), recording };
        let worked = attempt_anything(work);
        // SAFETY: the recording was begun above, and is ended once, even if the work failed.
        self.shim.result(unsafe { (self.shim.end)(recording) })?;
        worked.map(|()| graph)
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        // SAFETY: this is the last reference to the tape, since recordings hold one too, and it is freed once.
        unsafe { (self.shim.free_tape)(self.tape) };
    }
}

impl Graph {
    /// Runs the recorded operations.
    pub fn replay(&mut self) -> Result<(), String> {
        let shim = &self.tape.shim;
        // SAFETY: the recording is over, and lives as long as `self`.
        shim.result(unsafe { (shim.replay)(self.recording) })
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: `self` owns the recording, and it is freed once.
        unsafe { (self.tape.shim.free)(self.recording) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shim_that_is_not_there_is_an_error_and_no_panic() {
        assert!(Shim::open_bytes(&[]).unwrap_err().starts_with("the program was built without: "));
        let error = Shim::open_bytes(b"no library").unwrap_err();
        assert!(error.contains("ludus-") && error.ends_with(REMEDY), "{error}");
    }
}
