//! State hashes of a run in a small file, and where two such files part.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::num::NonZeroU64;
use std::path::Path;

use ludus_learn::{Moments, PpoState};
use ludus_spec::StableHasher;

use crate::error::TrainError;

/// The first line: what the file is.
const TITLE: &str = "state hashes 1";
/// Longer than any line [bytes].
const LONGEST_LINE: u64 = 1 << 16;
/// The second line: what the columns are.
const COLUMNS: &str = "tick,world,part,hash";

/// A hash, and what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedHash {
    pub place: HashPlace,
    pub hash: u64,
}

/// What a hash is of. In the order in which differences are looked for: by tick, worlds before what was learned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HashPlace {
    /// Ticks that the world, or the run, has made.
    pub tick: u64,
    /// The world's index; `u32::MAX` for what was learned from all of them.
    pub world: u32,
    /// Its place among the parts of the same tick and world.
    pub order: u32,
    /// What was hashed.
    pub part: String,
}

/// Stands for no world: after all of them.
pub(crate) const NO_WORLD: u32 = u32::MAX;

/// Writes the state hashes of a run.
#[derive(Debug)]
pub(crate) struct HashLog {
    file: BufWriter<File>,
}

impl HashLog {
    /// Starts the file, or goes on with that of a run that goes on.
    pub fn open(path: &Path, every: NonZeroU64) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let is_new = cut_half_line(&mut file)? == 0;
        let mut file = BufWriter::new(file);
        if is_new {
            writeln!(file, "{TITLE}, every {every} ticks\n{COLUMNS}")?;
        }
        Ok(Self { file })
    }

    /// Writes hashes, and hands them to the operating system, so that they are there if the run is killed.
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

/// Cuts off what a process that was killed left of a line; bytes that are left.
fn cut_half_line(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let start = length.saturating_sub(LONGEST_LINE);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(LONGEST_LINE).read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|&byte| byte == b'\n').map_or(0, |place| start + place as u64 + 1);
    file.set_len(end)?;
    Ok(end)
}

/// The hashes of what was learned after this many ticks.
pub(crate) fn learned_hashes(state: &PpoState, tick: u64) -> Vec<LoggedHash> {
    let learner = &state.learner;
    let weights = StableHasher::default().floats(&learner.parameters).finish();
    let mut optimizer = StableHasher::default();
    optimizer.word(learner.optimizer_steps).floats(&learner.first_moments).floats(&learner.second_moments);
    let place = |order, part: &str| HashPlace { tick, world: NO_WORLD, order, part: part.to_owned() };
    vec![
        LoggedHash { place: place(0, "weights"), hash: weights },
        LoggedHash { place: place(1, "optimizer"), hash: optimizer.finish() },
        LoggedHash { place: place(2, "statistics"), hash: statistics_hash(state) },
    ]
}

/// Of what observations and rewards are scaled with.
fn statistics_hash(state: &PpoState) -> u64 {
    let mut hasher = StableHasher::default();
    let Moments { count, mean, variance } = state.rewards;
    hasher.word(count.to_bits()).word(mean.to_bits()).word(variance.to_bits());
    if let Some(normalizer) = &state.learner.normalizer {
        let statistics = normalizer.statistics();
        let numbers = statistics.mean().iter().chain(statistics.variance());
        numbers.fold(hasher.word(statistics.count().to_bits()), |hasher, number| hasher.word(number.to_bits()));
    }
    hasher.finish()
}

/// How the hashes of two runs compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HashComparison {
    /// All hashes that both have are equal.
    Same {
        /// How many.
        hashes: usize,
        /// The last tick of which both have one.
        last_tick: u64,
    },
    /// The first that differs.
    Differs(HashPlace),
}

/// Compares the state hashes of two runs: of those ticks, worlds and parts that both logged.
///
/// # Errors
///
/// A file that can't be read or is none of state hashes, and files that have nothing in common.
pub(crate) fn compare(one: &Path, other: &Path) -> Result<HashComparison, TrainError> {
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
        return Err(TrainError::NothingInCommon { one: one.to_owned(), other: other.to_owned() });
    }
    Ok(HashComparison::Same { hashes: count, last_tick })
}

type Hashes = BTreeMap<HashPlace, u64>;

fn read(path: &Path) -> Result<Hashes, TrainError> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    let hashes = text.and_then(|text| parse(&text));
    hashes.map_err(|problem| TrainError::HashLog { path: path.to_owned(), problem })
}

/// What the text of a file of state hashes says; or what is wrong with it. A last line that was cut off is left out.
pub(crate) fn parse(text: &str) -> Result<Hashes, String> {
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

    #[test]
    fn a_run_that_goes_on_writes_on() {
        let folder = tempfile::tempdir().unwrap();
        let whole = written(folder.path(), "whole", &some());
        written(folder.path(), "halves", &some()[..2]);
        let mut half = OpenOptions::new().append(true).open(folder.path().join("halves")).unwrap();
        half.write_all(b"20,0,obs").unwrap();
        let halves = written(folder.path(), "halves", &some()[2..]);
        assert_eq!(fs::read(whole).unwrap(), fs::read(halves).unwrap());
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
