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
    let file = out.join("libludus_torch_shim.so");
    if !is_shim_built(&libraries, &file) {
        fs::write(&file, [])?;
    }
    println!("cargo::rustc-env=LUDUS_TORCH_SHIM={}", file.display());
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

/// Builds a library of its own, opened at run time after libtorch's part for CUDA. It takes headers of CUDA's, but no CUDA.
///
/// Whether it is there: not where there are no such headers, and not where it can't be built.
#[cfg(feature = "libtorch")]
fn is_shim_built(libraries: &Path, shim: &Path) -> bool {
    let Some(include) = libraries.parent().map(|folder| folder.join("include")) else { return false };
    let cuda = include.join("cuda");
    if !cuda.join("cuda_runtime.h").is_file() {
        return false;
    }
    let Ok(compiler) = cc::Build::new().cpp(true).opt_level(2).try_get_compiler() else { return false };
    let mut compiler = compiler.to_command();
    compiler.args(["-std=c++17", "-fPIC", "-shared", "-w", "-s", "-o"]).arg(shim).arg("shim/graphs.cpp");
    for folder in [&include, &include.join("torch/csrc/api/include"), &cuda] {
        compiler.arg("-I").arg(folder);
    }
    let Ok(built) = compiler.output() else { return false };
    if built.status.success() {
        return true;
    }
    let complaint = String::from_utf8_lossy(&built.stderr).lines().next().unwrap_or_default().to_owned();
    println!("cargo::warning=CUDA graphs are left out, since the shim for them can't be built: {complaint}");
    false
}

/// Without libtorch there is nothing to build.
#[cfg(not(feature = "libtorch"))]
fn is_shim_built(_: &Path, _: &Path) -> bool {
    false
}
