//! Settings that were changed while a run went on.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use ludus_policy::files;

use crate::metrics::quoted;

/// A setting that was changed while a run went on.
///
/// The run's `changes.csv` has a line for it, and `config.ron` has the new value from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Steps of experience before the change.
    pub step: u64,
    /// The setting's path in the agent's section of the config, such as `ppo.learning_rate`. If the game has several
    /// kinds, the kind's name comes first, as in `Chaser.ppo.learning_rate`.
    pub setting: String,
    /// The value before the change, as RON.
    pub was: String,
    /// The value after the change, as RON.
    pub now: String,
}

impl Change {
    /// True if the change is of the learning rate of this kind's policy. With several kinds, settings begin with
    /// the kind's name.
    pub(crate) fn is_learning_rate_of(&self, kind: &str, has_several_kinds: bool) -> bool {
        let setting = match has_several_kinds {
            true => self.setting.strip_prefix(kind).and_then(|rest| rest.strip_prefix('.')),
            false => Some(self.setting.as_str()),
        };
        let name = setting.and_then(|setting| setting.split_once('.')).map(|(_, name)| name);
        name == Some("learning_rate")
    }

    /// Appends the change to the CSV table at `path`. An empty or missing table gets its header first.
    pub(crate) fn append(&self, path: &Path) -> io::Result<()> {
        let mut table = files::open_own(path)?;
        let header = if table.seek(SeekFrom::End(0))? == 0 { "step,setting,was,now\n" } else { "" };
        let [setting, was, now] = [&self.setting, &self.was, &self.now].map(|text| quoted(text));
        table.write_all(format!("{header}{},{setting},{was},{now}\n", self.step).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
}
