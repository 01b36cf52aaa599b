//! Numbers over a run, for people and for TensorBoard.

mod csv;
mod tensorboard;

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom};
use std::path::Path;

pub(crate) use csv::quoted;

use csv::CsvWriter;
use tensorboard::EventWriter;

const TABLE: &str = "metrics.csv";

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
        let csv = CsvWriter::new(new_file(&folder.join(TABLE))?, columns(&names))?;
        let events = EventWriter::new(new_events(folder, wall_seconds)?, wall_seconds)?;
        let values = vec![f64::NAN; names.len()];
        Ok(Self { names, values, csv, events })
    }

    /// Goes on in `folder` after `step` steps of experience: what was written of later ones is cut off.
    ///
    /// A table with other columns, as another version of the game may have left it, is put aside.
    ///
    /// # Errors
    ///
    /// If a file can't be read or written.
    pub fn resume(folder: &Path, names: Vec<String>, step: u64, wall_seconds: f64) -> io::Result<Self> {
        let path = folder.join(TABLE);
        let csv = match csv::length_up_to(&path, columns(&names), step)? {
            Some(length) => {
                let mut file = File::options().write(true).open(&path)?;
                file.set_len(length)?;
                file.seek(SeekFrom::End(0))?;
                CsvWriter::append(BufWriter::new(file))
            }
            None => {
                put_aside(folder, &path, step)?;
                CsvWriter::new(new_file(&path)?, columns(&names))?
            }
        };
        let mut events = EventWriter::new(new_events(folder, wall_seconds)?, wall_seconds)?;
        events.restart(wall_seconds, step)?;
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

fn columns(names: &[String]) -> impl Iterator<Item = &str> {
    std::iter::once("step").chain(names.iter().map(String::as_str))
}

/// An event file that is not there yet: a run may be resumed within the second.
fn new_events(folder: &Path, wall_seconds: f64) -> io::Result<BufWriter<File>> {
    let mut number = 0;
    loop {
        match new_file(&folder.join(format!("events.out.tfevents.{wall_seconds:.0}.{number}.ludus"))) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            file => return file,
        }
    }
}

/// Gives a table that can't be gone on with another name, if there is one.
fn put_aside(folder: &Path, path: &Path, step: u64) -> io::Result<()> {
    match fs::rename(path, folder.join(format!("metrics-before-{step}.csv"))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
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
            let mut metrics = Metrics::resume(folder.path(), names.to_vec(), step, 1.75e9).unwrap();
            metrics.set("a", 0.5);
            metrics.write(step + 1, 1.75e9).unwrap();
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
}
