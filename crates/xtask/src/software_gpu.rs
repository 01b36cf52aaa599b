//! A GPU in software, on which the learner for GPUs is tested where there is none.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use ludus_libtorch::VERSION;

use crate::checks::{EVERYTHING, cargo};
use crate::libtorch::{self, Variant};
use crate::{refuse, repository, say};

/// The folder of the software GPU's source.
const SOURCE: &str = "crates/ludus_torch/software_gpu";

/// The source files, each with the library that is built from it. The second library replaces NVIDIA's driver by its
/// name.
const LIBRARIES: [(&str, &str); 3] =
    [("runtime.cpp", "libruntime.so"), ("driver.cpp", "libcuda.so.1"), ("kernels.cpp", "libkernels.so")];

/// The tests that use a GPU. They run one after another, since some count the GPU's operations.
const TESTS: [&str; 2] = ["--test parity -- --test-threads=1", "--test commands -- learners:: --test-threads=1"];

/// The environment variable that names the device for tests.
const DEVICE: (&str, &str) = ("LUDUS_TEST_DEVICE", "cuda:0");

/// Runs a command that finds a GPU, or, without one, the tests.
pub fn run(command: &[&str]) -> ExitCode {
    let done = build().and_then(|folder| match command {
        [] => test(&folder),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments);
            succeeds(&mut command, &folder)
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => refuse(&format!("{error:#}")),
    }
}

fn test(folder: &Path) -> Result<bool> {
    for tests in TESTS {
        let mut cargo = cargo();
        cargo.args(format!("test {EVERYTHING} {tests}").split(' ')).env(DEVICE.0, DEVICE.1);
        if !succeeds(&mut cargo, folder)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runs a command with the software GPU in this folder.
fn succeeds(command: &mut Command, folder: &Path) -> Result<bool> {
    let [runtime, _, kernels] = LIBRARIES.map(|(_, library)| folder.join(library));
    command.env("LD_PRELOAD", runtime).env("SOFTWARE_GPU_KERNELS", kernels);
    command.env("LD_LIBRARY_PATH", before(folder, env::var_os("LD_LIBRARY_PATH"))?);
    let status = command.status().with_context(|| format!("{:?} can't be started", command.get_program()))?;
    Ok(status.success())
}

/// A list of folders with one before the others.
fn before(folder: &Path, others: Option<OsString>) -> Result<OsString> {
    let others = others.unwrap_or_default();
    // An empty path would be the current folder.
    let others = env::split_paths(&others).filter(|path| !path.as_os_str().is_empty());
    Ok(env::join_paths(std::iter::once(folder.to_owned()).chain(others))?)
}

/// Builds the libraries that are out of date; returns their folder.
fn build() -> Result<PathBuf> {
    say(&libtorch::provide(Variant::Cuda)?);
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    // Its kernels fit one version of libtorch.
    let folder = std::path::absolute(target)?.join(format!("software_gpu-{VERSION}"));
    fs::create_dir_all(&folder).with_context(|| format!("`{}` can't be made", folder.display()))?;
    for (source, library) in LIBRARIES {
        let library = folder.join(library);
        if !is_newer(&library, &repository().join(SOURCE)) {
            compile(source, &library, &libtorch::cuda_headers(&folder.join("headers"))?)?;
        }
    }
    Ok(folder)
}

/// True if a file was made after everything in a folder.
fn is_newer(file: &Path, folder: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let Some(made) = changed(file) else { return false };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| changed(&entry.path())).all(|changed| changed < made)
}

fn compile(source: &str, library: &Path, cuda_headers: &Path) -> Result<()> {
    let include = env::var_os("LIBTORCH").map_or_else(libtorch::folder, PathBuf::from).join("include");
    let mut compiler = Command::new(env::var_os("CXX").unwrap_or_else(|| "c++".into()));
    compiler.current_dir(repository().join(SOURCE));
    let partial = library.with_extension("partial");
    compiler.args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared", "-s", source, "-ldl"]);
    // It is loaded into every program that is started, so only CUDA's own symbols may be exported.
    compiler.arg("-Wl,--version-script=exports.map").arg("-o").arg(&partial);
    for folder in [&*include, &include.join("torch/csrc/api/include"), cuda_headers] {
        compiler.arg("-isystem").arg(folder);
    }
    say(&format!("building the software GPU: {source}"));
    let status = compiler.status().context("the C++ compiler can't be started; install one, or set `CXX`")?;
    if !status.success() {
        bail!("`{SOURCE}/{source}` can't be built; look at what the compiler said above");
    }
    fs::rename(&partial, library).with_context(|| format!("`{}` can't be written", library.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_driver_is_found_before_others() {
        let joined = before(Path::new("/gpu"), Some("/a:/b".into())).unwrap();
        assert_eq!(joined, "/gpu:/a:/b");
        assert_eq!(before(Path::new("/gpu"), None).unwrap(), "/gpu");
    }

    #[test]
    fn what_changed_is_built_again() {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("source"), folder.path().join("library"));
        fs::create_dir(&source).unwrap();
        assert!(!is_newer(&library, &source));
        fs::write(&library, "").unwrap();
        assert!(is_newer(&library, &source), "there is nothing older");
        fs::write(source.join("runtime.cpp"), "").unwrap();
        fs::File::open(&library).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        assert!(!is_newer(&library, &source));
    }
}
