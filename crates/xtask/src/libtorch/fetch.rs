//! Wheels from the package index that the user's pip knows, a mirror included, kept for the next clone.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::wheels::Wheel;
use crate::{repository, say};

/// The platforms by which wheels are chosen. The local Python is not used for that, so wheels are the same everywhere.
const PLATFORMS: [&str; 7] = [
    "manylinux_2_28_x86_64",
    "manylinux_2_27_x86_64",
    "manylinux_2_25_x86_64",
    "manylinux_2_18_x86_64",
    "manylinux2014_x86_64",
    "manylinux2010_x86_64",
    "manylinux1_x86_64",
];

/// Fetches the wheels that are not kept yet; returns the path of each, checked by size and hash.
pub fn fetch(wheels: &'static [Wheel]) -> Result<Vec<(&'static Wheel, PathBuf)>> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "libtorch is fetched for Linux on x86-64 alone; install libtorch yourself and set `LIBTORCH`"
    );
    let kept = kept();
    fs::create_dir_all(&kept).with_context(|| format!("`{}` can't be made", kept.display()))?;
    wheels.iter().map(|wheel| fetch_one(wheel, &kept).map(|file| (wheel, file))).collect()
}

/// The folder of kept wheels: in the user's cache folder, else in cargo's target folder.
fn kept() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    cache.map_or_else(|| repository().join("target/wheels"), |cache| cache.join("bevy_ludus/wheels"))
}

fn fetch_one(wheel: &Wheel, kept: &Path) -> Result<PathBuf> {
    let file = kept.join(wheel.file);
    if file.is_file() && check(wheel, &file).is_ok() {
        return Ok(file);
    }
    say(&format!("fetching {} {} ({} MB)", wheel.package, wheel.version, wheel.bytes / 1_000_000));
    // The download goes to a folder that is always removed, so that kept wheels are whole.
    let folder = tempfile::Builder::new().prefix("fetch-").tempdir_in(kept)?;
    download(wheel, folder.path())?;
    let fetched = folder.path().join(wheel.file);
    check(wheel, &fetched)?;
    fs::rename(&fetched, &file).with_context(|| format!("`{}` can't be written", file.display()))?;
    Ok(file)
}

fn download(wheel: &Wheel, folder: &Path) -> Result<()> {
    let mut pip = Command::new(python());
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"]);
    pip.args(["--only-binary=:all:", "--implementation=cp", "--python-version=3.11", "--abi=cp311", "--abi=none"]);
    pip.args(PLATFORMS.map(|platform| format!("--platform={platform}")));
    pip.arg("--dest").arg(folder).arg(format!("{}=={}", wheel.package, wheel.version));
    let remedy = "or unpack libtorch 2.11.0 yourself and set `LIBTORCH` to its folder";
    let status = pip.status().with_context(|| {
        format!("`{}` can't be started; install Python with pip, which libtorch is fetched with, {remedy}", python())
    })?;
    if !status.success() {
        bail!("pip can't fetch {} {}; look at what it said above, {remedy}", wheel.package, wheel.version);
    }
    Ok(())
}

/// The command of the Python interpreter: `python` in a virtual environment, else `python3`.
pub fn python() -> &'static str {
    if env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" }
}

/// Checks a wheel's file by size and hash.
fn check(wheel: &Wheel, file: &Path) -> Result<()> {
    let mut opened = File::open(file).with_context(|| format!("pip did not fetch `{}`", wheel.file))?;
    let bytes = opened.metadata()?.len();
    ensure!(bytes == wheel.bytes, "`{}` has {bytes} bytes, not {}: it was cut off or changed", wheel.file, wheel.bytes);
    let mut hash = Sha256::new();
    io::copy(&mut opened, &mut hash)?;
    let hash: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(hash == wheel.sha256, "`{}` has the SHA-256 {hash}, not {}: it was changed", wheel.file, wheel.sha256);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHEEL: Wheel = Wheel {
        package: "three",
        version: "1",
        file: "three-1.whl",
        bytes: 3,
        // `printf abc | sha256sum`
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        parts: &[],
    };

    #[test]
    fn a_wheel_is_checked_by_size_and_hash() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(WHEEL.file);
        let check_text = |text: &str| {
            fs::write(&file, text).unwrap();
            check(&WHEEL, &file).map_err(|error| error.to_string())
        };
        assert_eq!(check_text("abc"), Ok(()));
        assert!(check_text("ab").unwrap_err().contains("has 2 bytes, not 3"));
        assert!(check_text("abd").unwrap_err().contains("it was changed"));
    }

    #[test]
    fn a_kept_wheel_is_not_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(WHEEL.file), "abc").unwrap();
        assert_eq!(fetch_one(&WHEEL, folder.path()).unwrap(), folder.path().join(WHEEL.file));
    }
}
