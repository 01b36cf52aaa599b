//! What was changed in a run while it went on.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::metrics::quoted;

/// A setting that was changed while a run went on.
///
/// Its line in the run's `changes.csv` says the same; `config.ron` has the new value from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Steps of experience before it.
    pub step: u64,
    /// The setting's path in the agent's section of the config, such as `ppo.learning_rate`.
    pub setting: String,
    /// The value until then, as RON.
    pub was: String,
    /// The value from then on, as RON.
    pub now: String,
}

impl Change {
    /// Adds the change to a table, which it begins if there is none.
    pub(crate) fn append(&self, path: &Path) -> io::Result<()> {
        let mut table = OpenOptions::new().create(true).append(true).open(path)?;
        let header = if table.metadata()?.len() == 0 { "step,setting,was,now\n" } else { "" };
        let [setting, was, now] = [&self.setting, &self.was, &self.now].map(|text| quoted(text));
        table.write_all(format!("{header}{},{setting},{was},{now}\n", self.step).as_bytes())
    }
}

/// Replaces a text file whole.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = beside(path);
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What is left of a failed attempt is of no use; that it can't be removed is no news either.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A name in the same folder, so that renaming does not move the file to another disk.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_lines_of_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("changes.csv");
        let was = "Linear(from: 0.001, to: 0.0)".to_owned();
        let change = Change { step: 640, setting: "ppo.learning_rate".to_owned(), was, now: "0.01".to_owned() };
        change.append(&table).unwrap();
        Change { step: 1280, ..change }.append(&table).unwrap();
        let expected = "step,setting,was,now\n\
                        640,ppo.learning_rate,\"Linear(from: 0.001, to: 0.0)\",0.01\n\
                        1280,ppo.learning_rate,\"Linear(from: 0.001, to: 0.0)\",0.01\n";
        assert_eq!(fs::read_to_string(&table).unwrap(), expected);
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.ron");
        replace(&file, "one").unwrap();
        replace(&file, "two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(replace(&folder.path().join("none/config.ron"), "three").is_err());
    }
}
