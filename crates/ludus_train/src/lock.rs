//! The lock that gives a run's folder to one process at a time.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use ludus_policy::files::{self, Links};

use crate::error::{TrainError, at};
use crate::folder::RunFolder;

/// Limit on the length of a lock file [bytes].
const LONGEST_SIGNATURE: u64 = 64;

/// The lock on a run's folder. This process alone may write there until it is dropped.
///
/// It is the operating system's lock on a file, so it ends with the process, however that ends, and no stale lock has
/// to be removed. The file stays, with the id of the last process.
#[derive(Debug)]
pub(crate) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Locks a run's folder for this process.
    ///
    /// # Errors
    ///
    /// [`TrainError::Busy`] with the process that holds the lock; [`TrainError::Folder`] if the file can't be locked.
    pub fn take(folder: &RunFolder) -> Result<Self, TrainError> {
        let path = folder.lock();
        let file = files::open_own(&path).map_err(at(&path))?;
        match file.try_lock() {
            Ok(()) => sign(&file).map_err(at(&path))?,
            Err(TryLockError::WouldBlock) => {
                return Err(TrainError::Busy { run: folder.path().to_owned(), holder: holder(&path) });
            }
            Err(TryLockError::Error(source)) => return Err(at(path)(source)),
        }
        Ok(Self { _file: file })
    }
}

/// Writes the id of this process to the lock file.
fn sign(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

/// The process that wrote its id to the lock file last, as words of a sentence.
fn holder(path: &Path) -> String {
    let signed =
        files::read_text(path, Links::Refuse, LONGEST_SIGNATURE).ok().and_then(|text| text.trim().parse::<u32>().ok());
    // There is no id between the lock and the first write, or where locked files can't be read.
    signed.map_or_else(|| "another process".to_owned(), |process| format!("process {process}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_process_at_a_time() {
        let runs = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(runs.path(), "balance", "2026-11-23").unwrap();
        let lock = RunLock::take(&folder).unwrap();
        let error = RunLock::take(&folder).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(lock);
        RunLock::take(&folder).unwrap();
    }
}
