//! Tells the linker, cargo and whoever depends on this crate where libtorch is; builds the shim for CUDA.

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
    // Our own tests find it wherever they are run from.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    println!("cargo::metadata=libtorch_lib={}", libraries.display());
    println!("cargo::rustc-link-search=native={}", alias(&libraries, &out)?.display());
    let shim = shim(&libraries, &out).map_or_else(String::new, |shim| shim.display().to_string());
    println!("cargo::rustc-env=LUDUS_TORCH_SHIM={shim}");
    Ok(())
}

/// Another path to the libraries, below cargo's target folder.
///
/// Cargo lets what it runs find shared libraries in link-search folders, but in those alone that are below its target
/// folder. So `cargo run`, `cargo test` and documentation tests of any crate that depends on this one, a user's game
/// included, need neither an environment variable nor a build script.
fn alias(libraries: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let alias = out.join("libtorch");
    if fs::symlink_metadata(&alias).is_ok() {
        fs::remove_file(&alias)?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(libraries, &alias)?;
    Ok(alias)
}

/// A library of its own, opened at run time after libtorch's part for CUDA. It takes headers of CUDA's, but no CUDA.
///
/// Where there are no such headers, or where it can't be built, there is none: then nothing is recorded.
#[cfg(feature = "libtorch")]
fn shim(libraries: &Path, out: &Path) -> Option<PathBuf> {
    let include = libraries.parent()?.join("include");
    let cuda = include.join("cuda");
    if !cuda.join("cuda_runtime.h").is_file() {
        return None;
    }
    let shim = out.join("libludus_torch_shim.so");
    let mut compiler = cc::Build::new().cpp(true).opt_level(2).try_get_compiler().ok()?.to_command();
    compiler.args(["-std=c++17", "-fPIC", "-shared", "-w", "-o"]).arg(&shim).arg("shim/graphs.cpp");
    for folder in [&include, &include.join("torch/csrc/api/include"), &cuda] {
        compiler.arg("-I").arg(folder);
    }
    let built = compiler.output().ok()?;
    if built.status.success() {
        return Some(shim);
    }
    let complaint = String::from_utf8_lossy(&built.stderr).lines().next().unwrap_or_default().to_owned();
    println!("cargo::warning=CUDA graphs are left out, since the shim for them can't be built: {complaint}");
    None
}

/// Without libtorch there is nothing to build.
#[cfg(not(feature = "libtorch"))]
fn shim(_: &Path, _: &Path) -> Option<PathBuf> {
    None
}
