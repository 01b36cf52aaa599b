//! The journal of a search: a file with a line of JSON for each event.
//!
//! Lines are only ever appended. A process that is killed leaves at most an incomplete last line, which is cut off when
//! the search goes on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ludus_policy::files::{self, LONGEST_FILE, Links};
use serde::{Deserialize, Serialize};

use super::TuneError;
use super::settings::Settings;
use super::trial::TrialReport;

/// An event of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// The search began, or goes on with other settings.
    Search { settings: Settings },
    /// A trial began.
    Began {
        trial: u64,
        /// The value of each key, as `--set` takes it; none for the config as it is.
        values: BTreeMap<String, String>,
    },
    /// A trial ended.
    Ended { trial: u64, report: TrialReport },
    /// A trial was trained again with a seed that the search did not use.
    Confirmed { trial: u64, seed: u64, report: TrialReport },
}

/// The file of a search's events, to append to.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Creates the journal of a new search.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: files::create_new(path)?, path: path.to_owned() })
    }

    /// Opens the journal of a search that goes on. Returns its events so far.
    ///
    /// # Errors
    ///
    /// The outer one if the file can't be read or written, the inner one if a line but the last can't be read.
    pub fn open(path: &Path) -> io::Result<Result<(Self, Vec<Event>), TuneError>> {
        let text = files::read(path, Links::Refuse, LONGEST_FILE)?;
        let whole = whole_lines(&text);
        let events = match parsed(whole, path) {
            Ok(events) => events,
            Err(error) => return Ok(Err(error)),
        };
        let mut file = files::open_own(path)?;
        file.set_len(whole.len() as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Ok((Self { file, path: path.to_owned() }, events)))
    }

    /// Appends an event. It is in the hands of the operating system when this returns.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_string(event).expect("numbers and names are JSON");
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The events in the journal of a search that may be going on in another process.
///
/// # Errors
///
/// As [`Journal::open`].
pub(super) fn read(path: &Path) -> io::Result<Result<Vec<Event>, TuneError>> {
    let text = files::read(path, Links::Refuse, LONGEST_FILE)?;
    Ok(parsed(whole_lines(&text), path))
}

/// The settings that a search had last.
pub(super) fn last_settings(events: &[Event]) -> Option<&Settings> {
    events.iter().rev().find_map(|event| match event {
        Event::Search { settings } => Some(settings),
        _ => None,
    })
}

/// The text without an incomplete last line.
fn whole_lines(text: &[u8]) -> &[u8] {
    &text[..text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1)]
}

fn parsed(text: &[u8], path: &Path) -> Result<Vec<Event>, TuneError> {
    let lines = text.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let event = |(index, line): (usize, &[u8])| {
        serde_json::from_slice(line).map_err(|error| {
            let problem = format!("is no event of a search: {error}");
            TuneError::Journal { path: path.to_owned(), line: index + 1, problem }
        })
    };
    lines.map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn began(trial: u64) -> Event {
        Event::Began { trial, values: BTreeMap::from([("ppo.clip".to_owned(), "0.1".to_owned())]) }
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::create(&path).unwrap();
        journal.write(&began(1)).unwrap();
        journal.write(&began(2)).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
        let (mut journal, events) = Journal::open(&path).unwrap().unwrap();
        assert_eq!(events, [began(1)]);
        journal.write(&began(3)).unwrap();
        let (_, events) = Journal::open(&path).unwrap().unwrap();
        assert_eq!(events, [began(1), began(3)]);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        Journal::create(&path).unwrap().write(&began(1)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}nonsense\n{text}")).unwrap();
        let error = Journal::open(&path).unwrap().unwrap_err().to_string();
        assert!(error.contains("journal.jsonl`:2: is no event of a search"), "{error}");
    }
}
