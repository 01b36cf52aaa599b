//! The provision of libtorch: it is fetched once, checked, and put where builds find it.

mod fetch;
mod unpack;
mod wheels;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use ludus_libtorch::{FolderError, Libtorch, VERSION};

use crate::repository;
use wheels::{CPU, CUDA, HEADERS};

/// The folder that `.cargo/config.toml` points builds to, from the top of the repository.
const FOLDER: &str = ".libtorch";

/// The parts of libtorch to provide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The parts for building and for computing on the CPU.
    Cpu,
    /// The same parts and the one for CUDA.
    Cuda,
}

/// The path of the folder with libtorch.
pub fn folder() -> PathBuf {
    repository().join(FOLDER)
}

/// True if builds find a libtorch of the right version.
pub fn is_there() -> bool {
    Libtorch::at(&chosen().unwrap_or_else(folder)).is_ok()
}

/// Makes sure that builds find libtorch: an existing one if it fits, else one that is fetched. Returns a sentence about
/// what it did.
///
/// An interrupted fetch leaves nothing that builds use. What is there already is not touched.
pub fn provide(variant: Variant) -> Result<String> {
    if let Some(chosen) = chosen() {
        return used(&chosen, variant);
    }
    let folder = folder();
    clear_partial(&folder)?;
    if let Ok(libtorch) = Libtorch::at(&folder) {
        return complete(&libtorch, variant);
    }
    let note = match of_python() {
        Some(Ok(found)) if variant == Variant::Cpu || found.cuda.is_some() => return link(&found, &folder),
        Some(Err(error @ FolderError::Version { .. })) => format!("Python's {error}; "),
        _ => String::new(),
    };
    remove_remains(&folder)?;
    unpack::unpack(&fetch::fetch(CPU)?, &folder)?;
    let libtorch = Libtorch::at(&folder).context("what was fetched is not what it should be; please report this")?;
    complete(&libtorch, variant)?;
    Ok(format!("{note}fetched libtorch {VERSION} into `{}`", folder.display()))
}

/// The folder of CUDA's headers: that of the libtorch which builds use, else one of fetched headers, `folder`.
///
/// A libtorch that the user or their Python has brought may come without them.
pub fn cuda_headers(folder: &Path) -> Result<PathBuf> {
    let of = |folder: &Path| folder.join("include/cuda");
    let used = of(&chosen().unwrap_or_else(self::folder));
    if used.join("cuda_runtime_api.h").is_file() {
        return Ok(used);
    }
    if !folder.exists() {
        clear_partial_at(folder)?;
        unpack::unpack(&fetch::fetch(HEADERS)?, folder)?;
    }
    Ok(of(folder))
}

/// The libtorch that the user has chosen, if it is another than ours. Cargo sets the variable to ours where it is not
/// set.
fn chosen() -> Option<PathBuf> {
    env::var_os("LIBTORCH").map(PathBuf::from).filter(|chosen| *chosen != folder())
}

fn used(chosen: &Path, variant: Variant) -> Result<String> {
    let remedy = "unset `LIBTORCH` to let `cargo xtask libtorch` fetch one";
    let libtorch = Libtorch::at(chosen).with_context(|| format!("`LIBTORCH` can't be used; {remedy}"))?;
    if variant == Variant::Cuda && libtorch.cuda.is_none() {
        bail!("`LIBTORCH`, `{}`, has no CUDA in it; {remedy}", chosen.display());
    }
    Ok(format!("`LIBTORCH` is used: {VERSION} in `{}`", chosen.display()))
}

/// Adds the part for CUDA if it is wanted and not there.
fn complete(libtorch: &Libtorch, variant: Variant) -> Result<String> {
    let there = libtorch.folder.display();
    if variant == Variant::Cpu || libtorch.cuda.is_some() {
        return Ok(format!("libtorch {VERSION} is there, in `{there}`"));
    }
    unpack::unpack(&fetch::fetch(CUDA)?, &libtorch.folder.join("cuda"))?;
    Ok(format!("fetched CUDA for libtorch {VERSION} into `{there}`"))
}

/// The libtorch of the Python environment, if that has one.
fn of_python() -> Option<Result<Libtorch, FolderError>> {
    const FIND: &str =
        "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
    let output = Command::new(fetch::python()).args(["-c", FIND]).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    let folder = folder.trim();
    (output.status.success() && !folder.is_empty()).then(|| Libtorch::at(Path::new(folder)))
}

/// Links the folder to a libtorch that is elsewhere.
#[cfg(unix)]
fn link(libtorch: &Libtorch, folder: &Path) -> Result<String> {
    remove_remains(folder)?;
    let there = &libtorch.folder;
    std::os::unix::fs::symlink(there, folder).with_context(|| format!("`{}` can't be made", folder.display()))?;
    Ok(format!("Python's torch {VERSION} is used, in `{}`", there.display()))
}

#[cfg(not(unix))]
fn link(libtorch: &Libtorch, _: &Path) -> Result<String> {
    bail!("Python's torch in `{}` fits; set `LIBTORCH` to this folder", libtorch.folder.display());
}

/// Removes the folders that an interrupted fetch may have left.
fn clear_partial(folder: &Path) -> Result<()> {
    clear_partial_at(folder)?;
    clear_partial_at(&folder.join("cuda"))
}

fn clear_partial_at(folder: &Path) -> Result<()> {
    let partial = unpack::partial(folder);
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("`{}` can't be removed", partial.display()))?;
    }
    Ok(())
}

/// Removes a folder that is no fitting libtorch: one of another version, or a link that leads nowhere.
fn remove_remains(folder: &Path) -> Result<()> {
    let Ok(found) = fs::symlink_metadata(folder) else { return Ok(()) };
    let removed = if found.is_dir() { fs::remove_dir_all(folder) } else { fs::remove_file(folder) };
    removed.with_context(|| format!("`{}` can't be removed", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with the header of a version, without libraries.
    fn headers(version: [u32; 3]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let header = folder.path().join("include/torch/headeronly/version.h");
        fs::create_dir_all(header.parent().unwrap()).unwrap();
        let lines = ["MAJOR", "MINOR", "PATCH"].iter().zip(version);
        let lines: Vec<_> = lines.map(|(part, number)| format!("#define TORCH_VERSION_{part} {number}\n")).collect();
        fs::write(header, lines.concat()).unwrap();
        folder
    }

    #[test]
    fn a_libtorch_of_the_users_that_does_not_fit_is_refused_with_the_remedy() {
        let refused = |folder: &Path| format!("{:#}", used(folder, Variant::Cpu).unwrap_err());
        let of_another_version = headers([2, 7, 1]);
        let error = refused(of_another_version.path());
        assert!(error.starts_with("`LIBTORCH` can't be used; unset `LIBTORCH` to let "), "{error}");
        assert!(error.ends_with("is libtorch 2.7.1, but 2.11.0 is needed"), "{error}");
        let error = refused(headers([2, 11, 0]).path());
        assert!(error.contains("`lib/libtorch.so` is missing"), "{error}");
    }

    #[test]
    fn half_a_fetch_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let libtorch = folder.path().join("libtorch");
        for partial in [folder.path().join("libtorch.partial"), libtorch.join("cuda.partial")] {
            fs::create_dir_all(partial).unwrap();
        }
        clear_partial(&libtorch).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "`libtorch` alone is left");
        assert_eq!(fs::read_dir(&libtorch).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_libtorch_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let remains = folder.path().join("libtorch");
        remove_remains(&remains).unwrap();
        fs::create_dir_all(remains.join("lib")).unwrap();
        remove_remains(&remains).unwrap();
        assert!(fs::symlink_metadata(&remains).is_err());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path().join("nowhere"), &remains).unwrap();
            remove_remains(&remains).unwrap();
            assert!(fs::symlink_metadata(&remains).is_err());
        }
    }
}
