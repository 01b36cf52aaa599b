//! Metrics as a table: one line per iteration, always the same columns.

use std::io::{self, Write};

/// Writes lines of numbers under a header.
#[derive(Debug)]
pub(crate) struct CsvWriter<W> {
    file: W,
    line: String,
}

impl<W: Write> CsvWriter<W> {
    /// Starts a table with these columns.
    pub fn new<'a>(mut file: W, columns: impl Iterator<Item = &'a str>) -> io::Result<Self> {
        let header = columns.map(quoted).collect::<Vec<_>>().join(",");
        writeln!(file, "{header}")?;
        Ok(Self { file, line: String::new() })
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
