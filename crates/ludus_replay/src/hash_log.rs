//! State hashes of a run in a file, and the first difference between two such files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use ludus_policy::files::{self, LONGEST_FILE, Links};

/// The first line: the type of the file and its version.
const TITLE: &str = "state hashes 1";
/// Limit on the length of a line [bytes].
const LONGEST_LINE: u64 = 1 << 16;
/// The second line: the names of the columns.
const COLUMNS: &str = "tick,world,part,hash";

/// The reasons that files of state hashes can't be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashLogError {
    /// A file has no state hashes, or they are damaged.
    #[error("`{path}` has no state hashes: {problem}; train with --hash-every")]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The problem of the file.
        problem: String,
    },
    /// Two files have no tick in common.
    #[error("`{one}` and `{other}` have nothing in common: train both with the same --hash-every")]
    NothingInCommon {
        /// Path of the first file.
        one: PathBuf,
        /// Path of the second file.
        other: PathBuf,
    },
}

/// A state hash with its place in the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedHash {
    /// The place.
    pub place: HashPlace,
    /// The hash.
    pub hash: u64,
}

/// The place of a state hash in a run. Places are ordered by tick, then by world; the state of the algorithms comes
/// after the worlds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HashPlace {
    /// Ticks that the world, or the run, has made.
    pub tick: u64,
    /// The world's index; [`NO_WORLD`] for the state of the algorithms.
    pub world: u32,
    /// The index of the part among those of the same tick and world.
    pub order: u32,
    /// The name of the part of the state that was hashed.
    pub part: String,
}

/// The world index of hashes that belong to no world. It is ordered after all worlds.
pub const NO_WORLD: u32 = u32::MAX;

/// Writes the state hashes of a run.
#[derive(Debug)]
pub struct HashLog {
    file: BufWriter<File>,
}

impl HashLog {
    /// Opens the file to append hashes. A new file gets its first two lines.
    pub fn open(path: &Path, every: NonZeroU64) -> io::Result<Self> {
        let mut file = files::open_own(path)?;
        let is_new = file.seek(SeekFrom::End(0))? == 0;
        let mut file = BufWriter::new(file);
        if is_new {
            writeln!(file, "{TITLE}, every {every} ticks\n{COLUMNS}")?;
        }
        Ok(Self { file })
    }

    /// Writes hashes and flushes them to the operating system, so that they are not lost if the run is killed.
    pub fn write(&mut self, hashes: &[LoggedHash]) -> io::Result<()> {
        for LoggedHash { place: HashPlace { tick, world, part, .. }, hash } in hashes {
            match *world {
                NO_WORLD => writeln!(self.file, "{tick},,{part},{hash:016x}")?,
                world => writeln!(self.file, "{tick},{world},{part},{hash:016x}")?,
            }
        }
        self.file.flush()
    }
}

/// Removes the hashes that were logged after this many ticks of the run, if there is a log: a resumed run makes those
/// ticks again. A log with a damaged line is renamed; the new path is returned.
pub fn cut_after(path: &Path, ticks: u64) -> io::Result<Option<PathBuf>> {
    match files::check(path, Links::Refuse) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        checked => checked?,
    }
    let file = files::open_own(path)?;
    match length_up_to(&file, ticks)? {
        Some(length) => file.set_len(length).map(|()| None),
        None => files::set_aside(path, &format!("hashes-before-{ticks}")),
    }
}

/// The length of the log up to the last hash of an algorithm after at most `ticks` ticks [bytes]; `None` if a line is
/// damaged.
///
/// The hashes of the algorithms come last among those of an iteration. An incomplete last line is ignored.
fn length_up_to(file: &File, ticks: u64) -> io::Result<Option<u64>> {
    let mut file = BufReader::new(file);
    let (mut line, mut read, mut kept) = (Vec::new(), 0, 0);
    for number in 0_u64.. {
        line.clear();
        file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        read += line.len() as u64;
        let Some(whole) = line.strip_suffix(b"\n") else {
            return Ok(Some(kept).filter(|_| (line.len() as u64) < LONGEST_LINE));
        };
        let text = std::str::from_utf8(whole).unwrap_or_default();
        let is_kept = match number {
            0 if text.starts_with(TITLE) => false,
            1 if text == COLUMNS => true,
            0 | 1 => return Ok(None),
            _ => match parse_line(text) {
                None => return Ok(None),
                Some((place, _)) => place.world == NO_WORLD && place.tick <= ticks,
            },
        };
        if is_kept {
            kept = read;
        }
    }
    Ok(Some(kept))
}

/// The result of comparing the hashes of two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashComparison {
    /// All hashes that both have are equal.
    Same {
        /// The number of these hashes.
        hashes: usize,
        /// The last tick for which both have a hash.
        last_tick: u64,
    },
    /// The first hash that differs.
    Differs(HashPlace),
}

/// Compares the state hashes of two runs, at those ticks, worlds and parts that both logged.
///
/// # Errors
///
/// If a file can't be read or has no state hashes, or if the files have no place in common.
pub fn compare(one: &Path, other: &Path) -> Result<HashComparison, HashLogError> {
    let (hashes, others) = (read(one)?, read(other)?);
    let mut common = hashes.iter().filter_map(|(place, hash)| Some((place, hash, others.get(place)?)));
    let (mut count, mut last_tick) = (0, 0);
    if let Some((place, ..)) = common.find(|(place, hash, other)| {
        (count, last_tick) = (count + 1, place.tick);
        hash != other
    }) {
        return Ok(HashComparison::Differs(place.clone()));
    }
    if count == 0 {
        return Err(HashLogError::NothingInCommon { one: one.to_owned(), other: other.to_owned() });
    }
    Ok(HashComparison::Same { hashes: count, last_tick })
}

type Hashes = BTreeMap<HashPlace, u64>;

fn read(path: &Path) -> Result<Hashes, HashLogError> {
    let text = files::read_text(path, Links::Refuse, LONGEST_FILE).map_err(|error| error.to_string());
    let hashes = text.and_then(|text| parse(&text));
    hashes.map_err(|problem| HashLogError::Unreadable { path: path.to_owned(), problem })
}

/// Parses the text of a file of state hashes. An error is a sentence. An incomplete last line is ignored.
pub fn parse(text: &str) -> Result<Hashes, String> {
    let mut lines = (1_u64..).zip(text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')));
    let title = lines.next().map_or("", |(_, line)| line);
    if !title.starts_with(TITLE) || lines.next().is_none_or(|(_, line)| line != COLUMNS) {
        return Err(format!("it does not start with `{TITLE}` and `{COLUMNS}`"));
    }
    let mut hashes = Hashes::new();
    let mut before: Option<(u64, u32, u32)> = None;
    for (number, line) in lines {
        let (mut place, hash) = parse_line(line).ok_or_else(|| format!("line {number} is not {COLUMNS}"))?;
        // Parts are in the order in which the run wrote them.
        place.order = match before {
            Some((tick, world, order)) if (tick, world) == (place.tick, place.world) => order + 1,
            _ => 0,
        };
        before = Some((place.tick, place.world, place.order));
        hashes.insert(place, hash);
    }
    Ok(hashes)
}

fn parse_line(line: &str) -> Option<(HashPlace, u64)> {
    let (tick, rest) = line.split_once(',')?;
    let (world, rest) = rest.split_once(',')?;
    // A type's name may have commas in it.
    let (part, hash) = rest.rsplit_once(',')?;
    let world = if world.is_empty() { NO_WORLD } else { world.parse().ok()? };
    let place = HashPlace { tick: tick.parse().ok()?, world, order: 0, part: part.to_owned() };
    let hash = (hash.len() == 16).then(|| u64::from_str_radix(hash, 16).ok())??;
    Some((place, hash))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn logged(tick: u64, world: u32, order: u32, part: &str, hash: u64) -> LoggedHash {
        LoggedHash { place: HashPlace { tick, world, order, part: part.to_owned() }, hash }
    }

    fn written(folder: &Path, name: &str, hashes: &[LoggedHash]) -> std::path::PathBuf {
        let path = folder.join(name);
        let mut log = HashLog::open(&path, NonZeroU64::MIN).unwrap();
        log.write(hashes).unwrap();
        path
    }

    fn some() -> Vec<LoggedHash> {
        vec![
            logged(10, 0, 0, "observations", 1),
            logged(10, 0, 1, "Motion", 2),
            logged(20, 0, 0, "observations", 3),
            logged(10, 1, 0, "observations", 4),
            logged(10, 1, 1, "Motion", 5),
            logged(20, NO_WORLD, 0, "weights", u64::MAX),
        ]
    }

    #[test]
    fn the_first_difference_is_that_of_the_lowest_tick() {
        let folder = tempfile::tempdir().unwrap();
        let one = written(folder.path(), "one", &some());
        assert_eq!(compare(&one, &one).unwrap(), HashComparison::Same { hashes: 6, last_tick: 20 });
        let mut changed = some();
        changed[2].hash = 0; // tick 20 of world 0
        changed[4].hash = 0; // tick 10 of world 1
        let other = written(folder.path(), "other", &changed);
        let expected = HashComparison::Differs(some()[4].place.clone());
        assert_eq!(compare(&one, &other).unwrap(), expected);
    }

    #[test]
    fn what_only_one_run_has_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let one = written(folder.path(), "one", &some());
        let other = written(folder.path(), "other", &some()[..2]);
        assert_eq!(compare(&one, &other).unwrap(), HashComparison::Same { hashes: 2, last_tick: 10 });
        let nothing = written(folder.path(), "nothing", &[]);
        let error = compare(&one, &nothing).unwrap_err().to_string();
        assert!(error.contains("nothing in common"), "{error}");
    }

    /// The hashes of two iterations, after tick 10 and after tick 20.
    fn iterations() -> [Vec<LoggedHash>; 2] {
        [10, 20].map(|tick| {
            vec![
                logged(tick, 0, 0, "observations", tick),
                logged(tick, 1, 0, "observations", tick + 1),
                logged(tick, NO_WORLD, 0, "weights", tick + 2),
                logged(tick, NO_WORLD, 1, "optimizer", tick + 3),
            ]
        })
    }

    #[test]
    fn a_run_that_goes_on_logs_what_comes_after_its_checkpoint_anew() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = iterations();
        let whole = written(folder.path(), "whole", &[first.clone(), second.clone()].concat());
        let path = written(folder.path(), "cut", &[first.clone(), second.clone()].concat());
        fs::write(&path, fs::read_to_string(&path).unwrap() + "30,0,obs").unwrap();
        for (ticks, expected) in [(25, [&first[..], &second].concat()), (10, first), (9, Vec::new())] {
            assert_eq!(cut_after(&path, ticks).unwrap(), None);
            let expected = written(folder.path(), &format!("expected-{ticks}"), &expected);
            assert_eq!(fs::read(&path).unwrap(), fs::read(&expected).unwrap(), "after {ticks} ticks");
        }
        for hashes in iterations() {
            written(folder.path(), "cut", &hashes);
        }
        assert_eq!(fs::read(&whole).unwrap(), fs::read(&path).unwrap());
        assert_eq!(cut_after(&folder.path().join("none"), 10).unwrap(), None);
        assert!(!folder.path().join("none").exists());
    }

    #[test]
    fn a_damaged_log_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hashes.csv");
        for text in ["nonsense\n".to_owned(), format!("{TITLE}\n{COLUMNS}\n10,0\n10,,weights,0000000000000012\n")] {
            fs::write(&path, &text).unwrap();
            let aside = cut_after(&path, 10).unwrap().unwrap();
            assert_eq!(fs::read_to_string(&aside).unwrap(), text);
            assert!(!path.exists() && aside.file_name().unwrap().to_str().unwrap().starts_with("hashes-before-10"));
        }
    }

    #[test]
    fn a_file_that_is_something_else_is_refused() {
        let check = |text: &str, part: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        };
        check("", "does not start with");
        check("state hashes 2\n", "does not start with");
        let with = |line: &str| format!("{TITLE}\n{COLUMNS}\n{line}\n");
        check(&with("10,0,a"), "line 3");
        check(&with("10,0,a,12"), "line 3");
        check(&with("10,-1,a,0000000000000012"), "line 3");
        check(&with("10,0,a,000000000000001g"), "line 3");
        assert_eq!(parse(&with("10,,a,0000000000000012")).unwrap().len(), 1);
        assert_eq!(
            parse(&with("10,0,Pair<u8, u8>,0000000000000012")).unwrap().keys().next().unwrap().part,
            "Pair<u8, u8>"
        );
        assert_eq!(parse(&format!("{}10,0,a", with("10,,a,0000000000000012"))).unwrap().len(), 1, "cut off");
    }
}
