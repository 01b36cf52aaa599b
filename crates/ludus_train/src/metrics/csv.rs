//! Metrics as a table: one line per iteration, always the same columns.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

/// Writes lines of numbers under a header.
#[derive(Debug)]
pub(crate) struct CsvWriter<W> {
    file: W,
    line: String,
}

impl<W: Write> CsvWriter<W> {
    /// Starts a table with these columns.
    pub fn new<'a>(mut file: W, columns: impl Iterator<Item = &'a str>) -> io::Result<Self> {
        writeln!(file, "{}", header(columns))?;
        Ok(Self { file, line: String::new() })
    }

    /// Goes on with a table.
    pub const fn append(file: W) -> Self {
        Self { file, line: String::new() }
    }

    /// Writes one line; a number that is not finite leaves its cell empty.
    pub fn write(&mut self, numbers: impl Iterator<Item = f64>) -> io::Result<()> {
        use std::fmt::Write as _;
        self.line.clear();
        for (index, number) in numbers.enumerate() {
            if index > 0 {
                self.line.push(',');
            }
            if number.is_finite() {
                let _ = write!(self.line, "{number}");
            }
        }
        self.line.push('\n');
        self.file.write_all(self.line.as_bytes())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Bytes of the table at `path` up to the last line of at most `step` steps; `None` if it has other columns or is not there.
pub(crate) fn length_up_to<'a>(
    path: &Path,
    columns: impl Iterator<Item = &'a str>,
    step: u64,
) -> io::Result<Option<u64>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => BufReader::new(file?),
    };
    let mut line = Vec::new();
    file.read_until(b'\n', &mut line)?;
    if line != (header(columns) + "\n").as_bytes() {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        length += line.len() as u64;
        line.clear();
        file.read_until(b'\n', &mut line)?;
        if step_of(&line).is_none_or(|found| found > step) {
            return Ok(Some(length));
        }
    }
}

/// The step of a whole line.
fn step_of(line: &[u8]) -> Option<u64> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    line.split(',').next()?.parse().ok()
}

fn header<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    columns.map(quoted).collect::<Vec<_>>().join(",")
}

/// Names of reward terms are Rust's, which need no quotes; a game that builds its spec by hand may have others.
pub(crate) fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_header_and_empty_cells() {
        let mut writer = CsvWriter::new(Vec::new(), ["step", "a,b", "c"].into_iter()).unwrap();
        writer.write([1024.0, f64::NAN, -0.25].into_iter()).unwrap();
        assert_eq!(String::from_utf8(writer.file).unwrap(), "step,\"a,b\",c\n1024,,-0.25\n");
    }
}
