//! Files that are there whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How the name of a file ends that is not whole yet.
const PART: &str = ".part";

/// Writes `bytes` beside `path`, makes sure that they are on the disk, then gives them the name.
///
/// The name never stands for a part of the bytes, not even if the machine stops in between; once this returns, the name
/// outlives a power cut too. A process that is killed on the way leaves a file for [`remove_parts`].
///
/// # Errors
///
/// If the folder can't be written to, or the disk is full; then what the name stood for before is untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    let written = write_synced(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is left of a failed attempt is of no use; that it can't be removed is no news either.
        let _ = fs::remove_file(&beside);
    }
    written?;
    sync_folder(path.parent().unwrap_or(Path::new("")))
}

/// Removes what writers that were killed have left in `folder`; how many files that were.
///
/// Only for who knows that nobody writes there now.
///
/// # Errors
///
/// If the folder can't be read, or a file can't be removed.
pub fn remove_parts(folder: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_part(&entry.file_name()) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new name is on the disk only once its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    let here = folder.as_os_str().is_empty();
    File::open(if here { Path::new(".") } else { folder })?.sync_all()
}

/// Where folders can't be opened, the system writes their names by itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A name in the same folder, so that renaming does not move the file to another disk; one per process.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}{PART}", std::process::id()));
    path.with_file_name(name)
}

fn is_part(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with('.') && name.ends_with(PART))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_writer_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.safetensors");
        write_atomically(&path, b"whole").unwrap();
        fs::write(beside(&path), b"who").unwrap();
        fs::write(folder.path().join("notes.part"), b"the user's own").unwrap();
        assert_eq!(remove_parts(folder.path()).unwrap(), 1);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
