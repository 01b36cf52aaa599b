//! Numbers over a run, for people and for TensorBoard.

mod csv;
mod tensorboard;

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

pub(crate) use csv::quoted;

use csv::CsvWriter;
use tensorboard::EventWriter;

/// Writes a run's numbers to `metrics.csv` and to an event file of TensorBoard.
///
/// Both are buffered: [`flush`](Self::flush) now and then, and at the end.
#[derive(Debug)]
pub(crate) struct Metrics {
    names: Vec<String>,
    values: Vec<f64>,
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
        let columns = std::iter::once("step").chain(names.iter().map(String::as_str));
        let csv = CsvWriter::new(new_file(&folder.join("metrics.csv"))?, columns)?;
        let event_file = folder.join(format!("events.out.tfevents.{wall_seconds:.0}.ludus"));
        let events = EventWriter::new(new_file(&event_file)?, wall_seconds)?;
        let values = vec![f64::NAN; names.len()];
        Ok(Self { names, values, csv, events })
    }

    /// Sets a number of the next line. Whatever is not set stays empty.
    pub fn set(&mut self, name: &str, value: f64) {
        let column = self.names.iter().position(|known| known == name);
        debug_assert!(column.is_some(), "`{name}` is not a column");
        if let Some(column) = column {
            self.values[column] = value;
        }
    }

    /// Writes what was set, as the numbers after `step` steps of experience.
    pub fn write(&mut self, step: u64, wall_seconds: f64) -> io::Result<()> {
        self.csv.write(std::iter::once(step as f64).chain(self.values.iter().copied()))?;
        let named = self.names.iter().map(String::as_str).zip(self.values.iter().copied());
        self.events.write(wall_seconds, step, named)?;
        self.values.fill(f64::NAN);
        Ok(())
    }

    /// Hands everything written so far to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.csv.flush()?;
        self.events.flush()
    }
}

fn new_file(path: &Path) -> io::Result<BufWriter<File>> {
    File::create_new(path).map(BufWriter::new)
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
        let events = std::fs::read(folder.path().join("events.out.tfevents.1750000000.ludus")).unwrap();
        let contains = |text: &str| events.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(contains("reward/balanced") && contains("charts/SPS"));
        assert!(Metrics::create(folder.path(), names, 1.75e9).is_err(), "a run's files are never overwritten");
    }
}
