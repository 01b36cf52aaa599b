//! Passes libtorch's location to the linker, to cargo and to dependent crates; builds the shim for CUDA.
#![expect(clippy::disallowed_methods, reason = "it writes into the folder that cargo made for it")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=shim");
    let (Some(libraries), Some(out)) = (env::var_os("DEP_TCH_LIBTORCH_LIB"), env::var_os("OUT_DIR")) else {
        return Ok(());
    };
    let (libraries, out) = (PathBuf::from(libraries), PathBuf::from(out));
    // The crate's own tests find libtorch from any folder.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    println!("cargo::metadata=libtorch_lib={}", libraries.display());
    println!("cargo::rustc-link-search=native={}", alias(&libraries, &out)?.display());
    let shim = out.join("libludus_torch_shim.so");
    let built = build_shim(&libraries, &shim);
    if built.is_err() {
        fs::write(&shim, [])?;
    }
    println!("cargo::rustc-env=LUDUS_TORCH_SHIM={}", shim.display());
    println!("cargo::rustc-env=LUDUS_TORCH_NO_SHIM={}", built.err().unwrap_or_default());
    Ok(())
}

/// Another path to the libraries, below cargo's target folder.
///
/// Programs that cargo runs find shared libraries in link-search folders, but only in those below its target folder. So
/// `cargo run`, `cargo test` and documentation tests of any crate that depends on this one, a user's game included,
/// need neither an environment variable nor a build script.
fn alias(libraries: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let alias = out.join("libtorch");
    if fs::symlink_metadata(&alias).is_ok() {
        fs::remove_file(&alias)?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(libraries, &alias)?;
    Ok(alias)
}

/// Builds the shim, a library that is opened at run time after libtorch's CUDA libraries. It needs CUDA's headers, but
/// no CUDA. If it can't be built, returns the reason: then a program on a GPU runs without CUDA graphs, and reports it.
#[cfg(feature = "libtorch")]
fn build_shim(libraries: &Path, shim: &Path) -> Result<(), String> {
    let include = libraries.parent().map(|folder| folder.join("include")).unwrap_or_default();
    let cuda = include.join("cuda");
    if !cuda.join("cuda_runtime.h").is_file() {
        return Err("its libtorch has no headers for CUDA; that of `cargo xtask libtorch` has them".to_owned());
    }
    let compiler = cc::Build::new().cpp(true).opt_level(2).try_get_compiler();
    let mut compiler = compiler.map_err(|error| one_line(&error.to_string()))?.to_command();
    compiler.args(["-std=c++17", "-fPIC", "-shared", "-w", "-s", "-o"]).arg(shim).arg("shim/graphs.cpp");
    for folder in [&include, &include.join("torch/csrc/api/include"), &cuda] {
        compiler.arg("-I").arg(folder);
    }
    let built = compiler.output().map_err(|error| format!("the C++ compiler can't be started: {error}"))?;
    if built.status.success() {
        return Ok(());
    }
    let complaint = one_line(&String::from_utf8_lossy(&built.stderr));
    println!("cargo::warning=CUDA graphs are left out, since the shim for them can't be built: {complaint}");
    Err(complaint)
}

/// Returns the first line, since a message to cargo must be one line.
#[cfg(feature = "libtorch")]
fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Without libtorch there is nothing to build.
#[cfg(not(feature = "libtorch"))]
fn build_shim(_: &Path, _: &Path) -> Result<(), String> {
    Err(String::new())
}
