//! Atomic writes: a file is complete or not there at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files;

/// The ending of the name of a temporary file.
const PART: &str = ".part";

/// The counter in the names of temporary files.
static PARTS: AtomicU64 = AtomicU64::new(0);

/// Writes `bytes` to a temporary file beside `path`, flushes it to the disk, then renames it to `path`.
///
/// `path` never has a part of the bytes, not even if the machine stops in between. Once this returns, the new file
/// survives a power failure too. Of several writers in any processes, the last one's bytes stay. A link is replaced,
/// and its target is untouched. A process that is killed during the write leaves a temporary file for [`remove_parts`].
///
/// # Errors
///
/// If the folder can't be written to, the disk is full, or `path` is a folder, a pipe or a device; then whatever was at
/// `path` before is untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match files::check(path, files::Links::Refuse) {
        Err(error) if error.kind() != ErrorKind::NotFound && !path.is_symlink() => return Err(error),
        _ => {}
    }
    let (beside, mut file) = new_beside(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let written = written.and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The temporary file of a failed attempt is useless; a failure to remove it adds nothing to the first error.
        let _ = fs::remove_file(&beside);
    }
    written?;
    sync_folder(path.parent().unwrap_or(Path::new("")))
}

/// Removes the temporary files that killed writers have left in `folder`. Returns their number.
///
/// Call it only if no process writes to the folder at the same time.
///
/// # Errors
///
/// If the folder can't be read, or a file can't be removed.
pub fn remove_parts(folder: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_part(&entry.file_name()) && !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Flushes the folder to the disk: only then is a new name in it permanent.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "it is a folder: the one in which a file was just given a name")]
fn sync_folder(folder: &Path) -> io::Result<()> {
    let here = folder.as_os_str().is_empty();
    File::open(if here { Path::new(".") } else { folder })?.sync_all()
}

/// Does nothing on systems where folders can't be opened: there the system writes names by itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Creates a temporary file in the same folder, so that renaming does not move it to another disk. No two writers get
/// the same one.
fn new_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let beside = beside(path, PARTS.fetch_add(1, Ordering::Relaxed));
        match files::create_new(&beside) {
            // The name is taken by a process with the same id, an earlier one or one on another machine that shares the
            // folder.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            created => return created.map(|file| (beside, file)),
        }
    }
}

fn beside(path: &Path, number: u64) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{number}.{}{PART}", std::process::id()));
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
        fs::write(beside(&path, 7), b"who").unwrap();
        fs::write(folder.path().join("notes.part"), b"the user's own").unwrap();
        assert_eq!(remove_parts(folder.path()).unwrap(), 1);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
