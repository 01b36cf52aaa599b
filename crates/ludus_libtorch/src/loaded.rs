//! The libtorch that this program has loaded.
#![expect(unsafe_code, reason = "opening a library runs its code")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::folder::cuda_library;

/// The library that every program with libtorch has loaded.
const CPU_LIBRARY: &str = "libtorch_cpu.so";

/// The reasons that CUDA can't be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CudaError {
    /// The program has no libtorch.
    #[error("this program was built without libtorch; build it with the feature `torch`")]
    NoLibtorch,
    /// The libtorch has no CUDA library.
    #[error(
        "the libtorch in `{}` is for the CPU alone; `cargo xtask libtorch --cuda` fetches its part for CUDA, or train \
         with `--device cpu`", .0.display()
    )]
    NoCuda(PathBuf),
    /// The CUDA library can't be opened.
    #[error("`{}` can't be opened: {message}; `cargo xtask libtorch --cuda` fetches what belongs to it", .library.display())]
    Unopened {
        /// The path of the library.
        library: PathBuf,
        /// The system's message.
        message: String,
    },
}

/// Returns the folder of the libtorch that this program has loaded: the one that contains `lib`.
#[expect(clippy::disallowed_methods, reason = "the file is the system's own")]
pub fn loaded_libtorch() -> Option<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let library =
        maps.lines().find_map(|line| line.find('/').map(|start| &line[start..]).filter(|path| is_cpu(path)))?;
    Path::new(library).parent()?.parent().map(Path::to_owned)
}

fn is_cpu(path: &str) -> bool {
    Path::new(path).file_name().is_some_and(|name| name == CPU_LIBRARY)
}

/// Opens libtorch's CUDA libraries, for the whole program.
///
/// # Errors
///
/// If the program has no libtorch, if that has no CUDA, or if it can't be opened.
pub fn open_cuda_libraries() -> Result<(), CudaError> {
    let folder = loaded_libtorch().ok_or(CudaError::NoLibtorch)?;
    let library = cuda_library(&folder).ok_or(CudaError::NoCuda(folder))?;
    open_for_all(&library).map_err(|message| CudaError::Unopened { library, message })
}

/// Opens a library permanently, with its symbols visible to libraries that are opened later.
fn open_for_all(library: &Path) -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: the library belongs to the libtorch that this program has already loaded, and libtorch allows it to be
    // opened at any time.
    let opened = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_GLOBAL) };
    opened.map(std::mem::forget).map_err(|error| error.to_string())
}
