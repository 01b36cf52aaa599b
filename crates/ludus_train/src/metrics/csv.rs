//! Metrics as a table: one line per iteration, always the same columns.

use std::io::{self, BufRead, BufReader, Read, Write};

/// Limit on the length of a line [bytes].
const LONGEST_LINE: u64 = 1 << 20;

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

    /// Continues a table that has its header.
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

/// The part of a table that can be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    /// There is no table.
    Nothing,
    /// The length up to the last line whose step is not above the given one [bytes].
    Bytes(u64),
    /// The table has other columns or a damaged line.
    Unusable,
}

/// The part of the table in `file` that can be continued after `step`. An incomplete last line is left out.
pub(crate) fn remains_up_to<'a>(
    file: impl Read,
    columns: impl Iterator<Item = &'a str>,
    step: u64,
) -> io::Result<Remains> {
    let columns = columns.collect::<Vec<_>>();
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    read_line(&mut file, &mut line)?;
    if line.is_empty() {
        return Ok(Remains::Nothing);
    }
    if line != (header(columns.iter().copied()) + "\n").as_bytes() {
        return Ok(Remains::Unusable);
    }
    let (mut length, mut before) = (line.len() as u64, 0);
    loop {
        read_line(&mut file, &mut line)?;
        if !line.ends_with(b"\n") && (line.len() as u64) < LONGEST_LINE {
            return Ok(Remains::Bytes(length));
        }
        match step_of(&line, columns.len()) {
            Some(found) if found > step => return Ok(Remains::Bytes(length)),
            Some(found) if found >= before => before = found,
            _ => return Ok(Remains::Unusable),
        }
        length += line.len() as u64;
    }
}

/// Reads the next line with its end into `line`, in place of the one before; only the first part of one beyond the
/// limit.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    file.take(LONGEST_LINE).read_until(b'\n', line).map(drop)
}

/// The step of a whole line of numbers and empty cells, as many as there are columns.
fn step_of(line: &[u8], columns: usize) -> Option<u64> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let is_number = |cell: &str| cell.is_empty() || cell.parse::<f64>().is_ok_and(f64::is_finite);
    let is_whole = line.split(',').count() == columns && line.split(',').all(is_number);
    line.split(',').next()?.parse().ok().filter(|_| is_whole)
}

fn header<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    columns.map(quoted).collect::<Vec<_>>().join(",")
}

/// The name as a cell, in quotes if it needs them. Names of reward terms are Rust identifiers, which need none; a game
/// that builds its spec by hand may have others.
pub(crate) fn quoted(name: &str) -> String {
    if name.contains([',', '"', '\n', '\r']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

/// The last number of each column of a table, with the column's name.
#[cfg(feature = "tune")]
pub(crate) fn last_numbers(table: &str) -> Vec<(String, Option<f64>)> {
    let (header, lines) = table.split_once('\n').unwrap_or((table, ""));
    let mut numbers: Vec<_> = names(header).into_iter().map(|name| (name, None)).collect();
    for line in lines.lines() {
        for (cell, (_, last)) in line.split(',').zip(&mut numbers) {
            *last = cell.parse::<f64>().ok().filter(|number| number.is_finite()).or(*last);
        }
    }
    numbers
}

/// The names of a header, which [`quoted`] has written. A name with a line break ends there.
#[cfg(feature = "tune")]
fn names(header: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut is_in_quotes = false;
    let mut letters = header.trim_end_matches('\r').chars().peekable();
    while let Some(letter) = letters.next() {
        let name = names.last_mut().expect("there is one from the start");
        match letter {
            '"' if is_in_quotes && letters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => is_in_quotes = !is_in_quotes,
            ',' if !is_in_quotes => names.push(String::new()),
            letter => name.push(letter),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tune")]
    #[test]
    fn the_last_number_of_each_column_is_found() {
        let table = "step,\"a,\"\"b\"\"\",c\n64,1,\n128,,2\n192,3,";
        let named = |name: &str, number| (name.to_owned(), Some(number));
        assert_eq!(last_numbers(table), [named("step", 192.0), named("a,\"b\"", 3.0), named("c", 2.0)]);
        assert_eq!(last_numbers("step"), [("step".to_owned(), None)]);
    }

    #[test]
    fn a_table_has_a_header_and_empty_cells() {
        let mut writer = CsvWriter::new(Vec::new(), ["step", "a,b", "c"].into_iter()).unwrap();
        writer.write([1024.0, f64::NAN, -0.25].into_iter()).unwrap();
        assert_eq!(String::from_utf8(writer.file).unwrap(), "step,\"a,b\",c\n1024,,-0.25\n");
    }

    #[track_caller]
    fn check_remains(table: &str, step: u64, expected: Remains) {
        let remains = remains_up_to(table.as_bytes(), ["step", "a"].into_iter(), step).unwrap();
        assert_eq!(remains, expected, "{table:?}");
    }

    #[test]
    fn a_table_goes_on_after_the_last_line_of_the_step() {
        let table = "step,a\n64,1\n64,\n128,0.5\n";
        check_remains(table, 64, Remains::Bytes(16));
        check_remains(table, 127, Remains::Bytes(16));
        check_remains(table, 128, Remains::Bytes(24));
        check_remains(table, 0, Remains::Bytes(7));
        check_remains(&format!("{table}192,1"), 192, Remains::Bytes(24));
        check_remains("", 64, Remains::Nothing);
    }

    #[test]
    fn a_damaged_line_makes_a_table_unusable_wherever_it_stands() {
        for line in ["nonsense", "96", "96,1,2", "96,one", ",1", "32,1", "\0\0\0", "96,NaN"] {
            check_remains(&format!("step,a\n64,1\n{line}\n128,1\n"), 128, Remains::Unusable);
        }
        check_remains(&format!("step,a\n64,{}\n", "1".repeat(2 << 20)), 64, Remains::Unusable);
        check_remains("step,b\n64,1\n", 64, Remains::Unusable);
        check_remains("step", 64, Remains::Unusable);
    }
}
