//! The libtorch in a folder: its version and its libraries.

use std::fs;
use std::path::{Path, PathBuf};

/// The version of libtorch that the learner is built for. Other versions have other functions.
pub const VERSION: &str = "2.11.0";

/// The headers that define libtorch's version: the first one, or the second in earlier versions.
const VERSION_HEADERS: [&str; 2] =
    ["include/torch/headeronly/version.h", "include/torch/csrc/api/include/torch/version.h"];

/// The libraries that a build against libtorch needs.
const LIBRARIES: [&str; 3] = ["lib/libtorch.so", "lib/libtorch_cpu.so", "lib/libc10.so"];

/// The CUDA library: in a folder of its own, so that a program that is built against the other libraries runs without
/// it, or beside them, as in PyTorch's own archive.
const CUDA_LIBRARIES: [&str; 2] = ["cuda/lib/libtorch_cuda.so", "lib/libtorch_cuda.so"];

/// A libtorch of the right version, with all libraries that a build needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libtorch {
    /// The folder that contains `include` and `lib`.
    pub folder: PathBuf,
    /// The CUDA library, if there is one.
    pub cuda: Option<PathBuf>,
}

/// The reasons that a folder's libtorch can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The folder has no libtorch, or an incomplete one.
    #[error("there is no libtorch in `{}`: `{missing}` is missing", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The first missing file.
        missing: String,
    },
    /// The libtorch has another version.
    #[error("`{}` is libtorch {version}, but {VERSION} is needed", .folder.display())]
    Version {
        /// The folder.
        folder: PathBuf,
        /// Its version.
        version: String,
    },
}

impl Libtorch {
    /// Checks the libtorch in this folder.
    ///
    /// # Errors
    ///
    /// If there is none, if it is incomplete, or if it has another version.
    #[expect(clippy::disallowed_methods, reason = "what is no regular file is left out first")]
    pub fn at(folder: &Path) -> Result<Self, FolderError> {
        let missing = |missing: &str| FolderError::Missing { folder: folder.to_owned(), missing: missing.to_owned() };
        let headers = VERSION_HEADERS.iter().map(|header| folder.join(header)).filter(|header| header.is_file());
        let headers = headers.filter_map(|header| fs::read_to_string(header).ok());
        let version = headers.filter_map(|header| version(&header)).next();
        let version = version.ok_or_else(|| missing(VERSION_HEADERS[0]))?;
        if version != VERSION {
            return Err(FolderError::Version { folder: folder.to_owned(), version });
        }
        match LIBRARIES.iter().find(|library| !folder.join(library).is_file()) {
            Some(library) => Err(missing(library)),
            None => Ok(Self { folder: folder.to_owned(), cuda: cuda_library(folder) }),
        }
    }
}

/// Returns the CUDA library of the libtorch in this folder.
pub(crate) fn cuda_library(folder: &Path) -> Option<PathBuf> {
    CUDA_LIBRARIES.iter().map(|library| folder.join(library)).find(|library| library.is_file())
}

/// Returns the version, such as `2.11.0`, from the three lines of the header that define it.
fn version(header: &str) -> Option<String> {
    let number = |name: &str| {
        let mut words = header.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        words
            .find(|words| words.len() == 3 && words[0] == "#define" && words[1] == name)
            .map(|words| words[2].to_owned())
    };
    let names = ["TORCH_VERSION_MAJOR", "TORCH_VERSION_MINOR", "TORCH_VERSION_PATCH"];
    names.into_iter().map(number).collect::<Option<Vec<_>>>().map(|numbers| numbers.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, file: &str, text: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn header(minor: u32) -> String {
        format!(
            "/// major\n#define TORCH_VERSION_MAJOR 2\n\n#define TORCH_VERSION_MINOR {minor}\n\
             #define TORCH_VERSION_PATCH 0\n#define TORCH_VERSION \"2.{minor}.0\"\n"
        )
    }

    #[test]
    fn a_libtorch_that_fits_is_found() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), VERSION_HEADERS[0], &header(11));
        LIBRARIES.iter().for_each(|library| write(folder.path(), library, ""));
        let found = Libtorch::at(folder.path()).unwrap();
        assert_eq!(found, Libtorch { folder: folder.path().to_owned(), cuda: None });
        write(folder.path(), "cuda/lib/libtorch_cuda.so", "");
        let cuda = Libtorch::at(folder.path()).unwrap().cuda;
        assert_eq!(cuda, Some(folder.path().join("cuda/lib/libtorch_cuda.so")));
    }

    #[test]
    fn another_version_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), VERSION_HEADERS[1], &header(3));
        let error = Libtorch::at(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("is libtorch 2.3.0, but 2.11.0 is needed"), "{error}");
    }

    #[test]
    fn half_a_libtorch_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let missing = |expected: &str| {
            let error = Libtorch::at(folder.path()).unwrap_err().to_string();
            assert!(error.ends_with(&format!("`{expected}` is missing")), "{error}");
        };
        missing(VERSION_HEADERS[0]);
        write(folder.path(), VERSION_HEADERS[0], &header(11));
        missing("lib/libtorch.so");
        write(folder.path(), "lib/libtorch.so", "");
        missing("lib/libtorch_cpu.so");
    }
}
