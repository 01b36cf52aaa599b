//! The metrics of a run, as a table and for TensorBoard.

mod csv;
mod tensorboard;

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom};
use std::path::{Path, PathBuf};

#[cfg(feature = "tune")]
pub(crate) use csv::last_numbers;
pub(crate) use csv::quoted;

use csv::{CsvWriter, Remains};
use ludus_policy::files;
use tensorboard::EventWriter;

const TABLE: &str = "metrics.csv";
const EVENTS_START: &str = "events.out.tfevents.";
const EVENTS_END: &str = ".0.ludus";

/// Writes a run's metrics to `metrics.csv` and to an event file of TensorBoard.
///
/// Both are buffered: [`flush`](Self::flush) now and then, and at the end.
#[derive(Debug)]
pub(crate) struct Metrics {
    names: Vec<String>,
    values: Vec<f64>,
    /// The numbers of the last line.
    last: Vec<f64>,
    csv: CsvWriter<BufWriter<File>>,
    events: EventWriter<BufWriter<File>>,
}

impl Metrics {
    /// Creates both files in `folder`, with a column per name.
    ///
    /// # Errors
    ///
    /// If a file can't be created, or exists.
    pub fn create(folder: &Path, names: Vec<String>, wall_seconds: f64) -> io::Result<Self> {
        let csv = CsvWriter::new(new_file(&folder.join(TABLE))?, columns(&names))?;
        let events = EventWriter::new(new_events(folder, wall_seconds)?, wall_seconds)?;
        let values = vec![f64::NAN; names.len()];
        Ok(Self { names, last: values.clone(), values, csv, events })
    }

    /// Continues the files in `folder` after `step` steps of experience. Lines of later steps are removed.
    ///
    /// A table with other columns, as another version of the game may have left it, or with a damaged line is renamed;
    /// the second value is its new path.
    ///
    /// # Errors
    ///
    /// If a file can't be read or written.
    pub fn resume(
        folder: &Path,
        names: Vec<String>,
        step: u64,
        wall_seconds: f64,
    ) -> io::Result<(Self, Option<PathBuf>)> {
        let path = folder.join(TABLE);
        let mut file = files::open_own(&path)?;
        let mut aside = None;
        let csv = match csv::remains_up_to(&file, columns(&names), step)? {
            Remains::Bytes(length) => {
                file.set_len(length)?;
                file.seek(SeekFrom::End(0))?;
                CsvWriter::append(BufWriter::new(file))
            }
            Remains::Nothing => CsvWriter::new(BufWriter::new(file), columns(&names))?,
            Remains::Unusable => {
                aside = files::set_aside(&path, &format!("metrics-before-{step}"))?;
                CsvWriter::new(new_file(&path)?, columns(&names))?
            }
        };
        let mut events = EventWriter::new(new_events(folder, wall_seconds)?, wall_seconds)?;
        events.restart(wall_seconds, step)?;
        let values = vec![f64::NAN; names.len()];
        Ok((Self { names, last: values.clone(), values, csv, events }, aside))
    }

    /// Sets a number of the next line. Numbers that are not set stay empty.
    pub fn set(&mut self, name: &str, value: f64) {
        let column = self.names.iter().position(|known| known == name);
        debug_assert!(column.is_some(), "`{name}` is not a column");
        if let Some(column) = column {
            self.values[column] = value;
        }
    }

    /// Writes the numbers that were set, as those after `step` steps of experience.
    pub fn write(&mut self, step: u64, wall_seconds: f64) -> io::Result<()> {
        self.csv.write(std::iter::once(step as f64).chain(self.values.iter().copied()))?;
        let named = self.names.iter().map(String::as_str).zip(self.values.iter().copied());
        self.events.write(wall_seconds, step, named)?;
        self.last.copy_from_slice(&self.values);
        self.values.fill(f64::NAN);
        Ok(())
    }

    /// A number of the last line; `None` if it was empty, or if there is no such column.
    pub fn last(&self, name: &str) -> Option<f64> {
        let column = self.names.iter().position(|known| known == name)?;
        Some(self.last[column]).filter(|value| !value.is_nan())
    }

    /// Flushes both files to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.csv.flush()?;
        self.events.flush()
    }
}

fn columns(names: &[String]) -> impl Iterator<Item = &str> {
    std::iter::once("step").chain(names.iter().map(String::as_str))
}

/// Creates an event file whose name comes after those of all others: viewers read them in the order of their names, and
/// the clock may have been set back.
fn new_events(folder: &Path, wall_seconds: f64) -> io::Result<BufWriter<File>> {
    let mut second = wall_seconds.round() as u64;
    for entry in fs::read_dir(folder)? {
        let of_file = entry?.file_name().to_str().and_then(event_second);
        second = second.max(of_file.map_or(0, |of_file| of_file.saturating_add(1)));
    }
    new_file(&folder.join(format!("{EVENTS_START}{second}{EVENTS_END}")))
}

/// The second in the name of an event file.
fn event_second(name: &str) -> Option<u64> {
    name.strip_prefix(EVENTS_START)?.split('.').next()?.parse().ok()
}

fn new_file(path: &Path) -> io::Result<BufWriter<File>> {
    files::create_new(path).map(BufWriter::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_in_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let names = vec!["charts/SPS".to_owned(), "reward/balanced".to_owned()];
        let mut metrics = Metrics::create(folder.path(), names.clone(), 1.75e9).unwrap();
        metrics.set("reward/balanced", 2.5);
        metrics.write(64, 1.75e9).unwrap();
        metrics.set("charts/SPS", 1000.0);
        metrics.write(128, 1.75e9).unwrap();
        metrics.flush().unwrap();
        let table = std::fs::read_to_string(folder.path().join("metrics.csv")).unwrap();
        assert_eq!(table, "step,charts/SPS,reward/balanced\n64,,2.5\n128,1000,\n");
        let events = std::fs::read(folder.path().join("events.out.tfevents.1750000000.0.ludus")).unwrap();
        let contains = |text: &str| events.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(contains("reward/balanced") && contains("charts/SPS"));
    }

    #[test]
    fn a_resumed_table_goes_on_where_the_checkpoint_was() {
        let folder = tempfile::tempdir().unwrap();
        let names = vec!["a".to_owned()];
        let table = folder.path().join(TABLE);
        let mut metrics = Metrics::create(folder.path(), names.clone(), 1.75e9).unwrap();
        for step in [64, 128, 192] {
            metrics.set("a", step as f64);
            metrics.write(step, 1.75e9).unwrap();
        }
        drop(metrics);
        fs::write(&table, fs::read_to_string(&table).unwrap() + "256,2").unwrap();
        let resume = |names: &[String], step| {
            let (mut metrics, aside) = Metrics::resume(folder.path(), names.to_vec(), step, 1.75e9).unwrap();
            metrics.set("a", 0.5);
            metrics.write(step + 1, 1.75e9).unwrap();
            aside
        };
        resume(&names, 128);
        assert_eq!(fs::read_to_string(&table).unwrap(), "step,a\n64,64\n128,128\n129,0.5\n");
        resume(&names, 1000);
        assert_eq!(fs::read_to_string(&table).unwrap(), "step,a\n64,64\n128,128\n129,0.5\n1001,0.5\n");
        resume(&["a".to_owned(), "b".to_owned()], 64);
        assert_eq!(fs::read_to_string(&table).unwrap(), "step,a,b\n65,0.5,\n");
        assert!(folder.path().join("metrics-before-64.csv").is_file());
        fs::remove_file(&table).unwrap();
        resume(&names, 7);
        assert_eq!(fs::read_to_string(&table).unwrap(), "step,a\n8,0.5\n");
        assert!(Metrics::create(folder.path(), names, 1.75e9).is_err(), "a run's files are never overwritten");
    }

    #[test]
    fn a_damaged_table_is_set_aside_and_none_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join(TABLE);
        for (damaged, expected) in [
            ("step,a\n64,1\nnonsense\n128,1\n", "metrics-before-128.csv"),
            ("", ""),
            ("step", "metrics-before-128-2.csv"),
        ] {
            fs::write(&table, damaged).unwrap();
            let (_, aside) = Metrics::resume(folder.path(), vec!["a".to_owned()], 128, 1.75e9).unwrap();
            assert_eq!(aside, (!expected.is_empty()).then(|| folder.path().join(expected)));
            if let Some(aside) = aside {
                assert_eq!(fs::read_to_string(aside).unwrap(), damaged);
            }
            assert_eq!(fs::read_to_string(&table).unwrap(), "step,a\n");
        }
    }

    #[test]
    fn event_files_are_in_order_whatever_the_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let found =
                fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut found = found.filter(|name| name.starts_with(EVENTS_START)).collect::<Vec<_>>();
            found.sort();
            found
        };
        let mut before = Vec::new();
        for seconds in [1.75e9, 1.75e9, 1.0e9, 1.75e9 + 1.0, 1.76e9] {
            drop(Metrics::resume(folder.path(), Vec::new(), 0, seconds).unwrap());
            let after = names();
            assert_eq!(after[..before.len()], before, "the new one is the last");
            before = after;
        }
        assert_eq!(before.len(), 5);
    }
}
