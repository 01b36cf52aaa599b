//! Findings about a machine's libtorch, CUDA driver and GPUs, as sentences.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::driver::{Driver, DriverError, Gpu};
use crate::folder::{FolderError, Libtorch, VERSION};
use crate::loaded::loaded_libtorch;

/// The result of one check of [`examine`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The component that was checked, such as `libtorch` or `GPU`.
    pub what: &'static str,
    /// The result, or the reason that the component is missing, with the remedy.
    pub found: String,
    /// True if the component is missing for learning on a GPU.
    pub is_missing: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12} {}", self.what, self.found)
    }
}

/// Checks libtorch, the CUDA driver, GPUs and their memory. The last finding is the device that a learner on libtorch
/// would use.
///
/// The libtorch is the one that this program has loaded; otherwise the one in `folder`, in the environment variable
/// `LIBTORCH`, or in `.libtorch`.
pub fn examine(folder: Option<&Path>) -> Vec<Finding> {
    let libtorch = find_libtorch(folder);
    let driver = Driver::open();
    let has_cuda = libtorch.as_ref().ok().map(|libtorch| libtorch.cuda.is_some());
    let use_of = conclusion(has_cuda, driver.as_ref().err());
    let mut findings = vec![of_libtorch(&libtorch), of_driver(&driver)];
    findings.extend(driver.iter().flat_map(of_gpus));
    findings.push(use_of);
    findings
}

fn find_libtorch(folder: Option<&Path>) -> Result<Libtorch, FolderError> {
    let of_environment = || std::env::var_os("LIBTORCH").map(PathBuf::from);
    let folder = loaded_libtorch().or_else(|| folder.map(Path::to_owned)).or_else(of_environment);
    Libtorch::at(&folder.unwrap_or_else(|| PathBuf::from(".libtorch")))
}

fn of_libtorch(libtorch: &Result<Libtorch, FolderError>) -> Finding {
    let found = match libtorch {
        Ok(Libtorch { folder, cuda: Some(_) }) => format!("{VERSION} with CUDA, in {}", folder.display()),
        Ok(Libtorch { folder, cuda: None }) => format!("{VERSION} for the CPU, in {}", folder.display()),
        Err(error) => format!("none: {error}; `cargo xtask libtorch` fetches it, and the feature `torch` uses it"),
    };
    Finding { what: "libtorch", found, is_missing: libtorch.is_err() }
}

fn of_driver(driver: &Result<Driver, DriverError>) -> Finding {
    let found = match driver {
        Ok(driver) => format!("serves CUDA {}", driver.version()),
        Err(error) => format!("none: {error}"),
    };
    Finding { what: "CUDA driver", found, is_missing: driver.is_err() }
}

fn of_gpus(driver: &Driver) -> Vec<Finding> {
    let gpus = match driver.gpus() {
        Ok(gpus) => gpus,
        Err(error) => return vec![Finding { what: "GPU", found: error.to_string(), is_missing: true }],
    };
    let of_gpu = |(index, gpu): (usize, Gpu)| {
        let free =
            driver.free_memory(index).map_or_else(|error| error.to_string(), |free| format!("{} MB", free / 1_000_000));
        let found = format!("cuda:{index} {}, {} MB, of which free: {free}", gpu.name, gpu.memory / 1_000_000);
        Finding { what: "GPU", found, is_missing: false }
    };
    gpus.into_iter().enumerate().map(of_gpu).collect()
}

/// Returns the device that `--learner torch --device auto` would use, and the reason. `has_cuda` is true if the
/// libtorch has CUDA, and `None` if there is no libtorch.
fn conclusion(has_cuda: Option<bool>, driver: Option<&DriverError>) -> Finding {
    let (found, is_missing) = match (has_cuda, driver) {
        (None, _) => ("can't be used: there is no libtorch; the learner in plain Rust needs none".to_owned(), true),
        (Some(_), Some(error)) => (format!("uses the CPU: {error}"), true),
        (Some(false), None) => {
            let remedy = "`cargo xtask libtorch --cuda` fetches its part for CUDA";
            (format!("uses the CPU: this libtorch has no CUDA in it; {remedy}"), true)
        }
        (Some(true), None) => ("uses CUDA".to_owned(), false),
    };
    Finding { what: "torch", found, is_missing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_its_remedy() {
        let empty = tempfile::tempdir().unwrap();
        let findings = examine(Some(empty.path()));
        assert_eq!(findings[0].what, "libtorch");
        assert!(findings[0].is_missing && findings[0].found.contains("`cargo xtask libtorch` fetches it"));
        assert!(findings.last().unwrap().found.contains("there is no libtorch"));
    }

    #[test]
    fn the_conclusion_follows_from_what_there_is() {
        let said = |has_cuda, driver: Option<&DriverError>| conclusion(has_cuda, driver).found;
        assert_eq!(said(Some(true), None), "uses CUDA");
        assert!(said(Some(false), None).contains("--cuda"));
        assert!(said(Some(true), Some(&DriverError::Missing)).starts_with("uses the CPU: there is no CUDA driver"));
    }
}
