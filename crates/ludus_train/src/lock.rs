//! One process per run.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use ludus_policy::files::{self, Links};

use crate::error::{TrainError, at};
use crate::folder::RunFolder;

/// Longer than any process's number [bytes].
const LONGEST_SIGNATURE: u64 = 64;

/// The right to write into a run's folder, for as long as it lives.
///
/// It is the operating system's lock on a file, so it goes with the process, however that ends: no lock is ever left
/// behind that somebody would have to remove. The file itself stays and says which process was the last.
#[derive(Debug)]
pub(crate) struct RunLock {
    _file: File,
}

impl RunLock {
    /// Locks the run.
    ///
    /// # Errors
    ///
    /// [`TrainError::Busy`] with the process that has it, or if there can be no lock.
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

/// Says who has the lock.
fn sign(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

/// Who signed last, as words of a sentence.
fn holder(path: &Path) -> String {
    let signed =
        files::read_text(path, Links::Refuse, LONGEST_SIGNATURE).ok().and_then(|text| text.trim().parse::<u32>().ok());
    // Between its lock and its signature, or where locked files can't be read.
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
