//! Files of demonstrations.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::path::Path;

use ludus_policy::files::{self, Links};
use ludus_spec::AgentSpec;

use crate::crc::crc32;
use crate::episode::MARK;
use crate::read::Reader;
use crate::{Demonstration, DemonstrationError, DemonstrationHeader, RowMatching};

/// The longest file that is read \[bytes\]: 1 GiB.
const LONGEST_FILE: u64 = 1 << 30;

/// The episodes of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct DemonstrationFile {
    /// The kind of agents.
    pub header: DemonstrationHeader,
    /// The episodes that could be read, in the order of the file.
    pub episodes: Vec<Demonstration>,
    /// A sentence about each record that could not be read, such as `record 3 is cut off`.
    pub damage: Vec<String>,
    /// Bytes up to the end of the last whole record: there a new one is appended.
    end: usize,
}

impl DemonstrationFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or its header is damaged. Records that are damaged are left out: see
    /// [`damage`](Self::damage).
    pub fn read(path: &Path) -> Result<Self, DemonstrationError> {
        let bytes = files::read(path, Links::Follow, LONGEST_FILE)
            .map_err(|source| DemonstrationError::Unreadable { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).map_err(|problem| DemonstrationError::Damaged { path: path.to_owned(), problem })
    }

    /// Parses the bytes of a file. Takes no more memory than a small multiple of their number.
    ///
    /// # Errors
    ///
    /// A sentence about the problem with the header.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = Reader::new(bytes);
        let header = DemonstrationHeader::read(&mut reader)?;
        let (mut episodes, mut damage, mut end) = (Vec::new(), Vec::new(), reader.position());
        let mut number = 0_usize;
        while !reader.is_at_end() {
            number += 1;
            let Some(record) = Record::read(&mut reader) else {
                damage.push(format!("record {number} and all behind it are cut off or damaged"));
                break;
            };
            end = reader.position();
            match record.episode(&header) {
                Ok(episode) => episodes.push(episode),
                Err(problem) => damage.push(format!("record {number} {problem}")),
            }
        }
        Ok(Self { header, episodes, damage, end })
    }

    /// Returns the bytes of a file with this header and these episodes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.to_bytes();
        self.episodes.iter().for_each(|episode| bytes.extend(episode.to_bytes()));
        bytes
    }

    /// Makes a file without damage.
    pub const fn new(header: DemonstrationHeader, episodes: Vec<Demonstration>) -> Self {
        Self { header, episodes, damage: Vec::new(), end: 0 }
    }
}

impl DemonstrationFile {
    /// Reads the demonstrations of a file for a game's kind of agents, which may be laid out otherwise by now: rows are
    /// matched by name.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if the file has no episodes, if it lacks something that the game's agents have, or if
    /// its agents decided with other ticks per step.
    pub fn read_for(path: &Path, game: &AgentSpec, decision_interval: NonZeroU32) -> Result<Self, DemonstrationError> {
        let Self { header, episodes, damage, end } = Self::read(path)?;
        if episodes.is_empty() {
            return Err(match damage.first() {
                Some(problem) => DemonstrationError::Damaged { path: path.to_owned(), problem: problem.clone() },
                None => DemonstrationError::Empty { path: path.to_owned() },
            });
        }
        let rate = header.tick_rate_hz;
        header.check_time(path, decision_interval, rate)?;
        let other = |difference| DemonstrationError::OtherLayout {
            path: path.to_owned(),
            agent: game.name.clone(),
            difference,
        };
        let matching = RowMatching::new(&header.agent, game).map_err(other)?;
        let episodes = episodes.iter().map(|episode| matching.apply(episode));
        let episodes = episodes.collect::<Result<_, _>>().map_err(other)?;
        Ok(Self { header: DemonstrationHeader { agent: game.clone(), ..header }, episodes, damage, end })
    }
}

/// A record of a file.
struct Record<'a> {
    crc: u32,
    content: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes the next record; `None` if it is cut off, or if no record begins there.
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        if reader.take(MARK.len())? != MARK {
            return None;
        }
        let (length, crc) = (reader.u32()?, reader.u32()?);
        Some(Self { crc, content: reader.take(length as usize)? })
    }

    fn episode(self, header: &DemonstrationHeader) -> Result<Demonstration, String> {
        if crc32(self.content) != self.crc {
            return Err("is not what its checksum says: it was altered".to_owned());
        }
        Demonstration::read(self.content, &header.agent)
    }
}

/// Appends episodes to a file, which is made if there is none. If the last record was cut off by a crash, it is
/// overwritten.
///
/// # Errors
///
/// If the file can't be written, has a damaged header, or is of other agents or other times than `header`.
pub fn append(path: &Path, header: &DemonstrationHeader, episodes: &[Demonstration]) -> Result<(), DemonstrationError> {
    let unwritable = |source| DemonstrationError::Unwritable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let is_new = !files::is_no_folder(path);
    let mut end = 0;
    if is_new {
        bytes.extend(header.to_bytes());
    } else {
        let there = DemonstrationFile::read(path)?;
        there.header.check_same(header, path)?;
        end = there.end as u64;
    }
    episodes.iter().for_each(|episode| bytes.extend(episode.to_bytes()));
    let file = if is_new { files::create_new(path) } else { files::open_own(path) };
    file.and_then(|file| write_at(file, end, &bytes)).map_err(unwritable)
}

/// Writes bytes from this place on, to the disk, and cuts off all that was behind it.
fn write_at(mut file: File, place: u64, bytes: &[u8]) -> std::io::Result<()> {
    file.set_len(place)?;
    file.seek(SeekFrom::Start(place))?;
    file.write_all(bytes)?;
    file.sync_all()
}

impl DemonstrationHeader {
    /// Checks that episodes of `other` can stand in the same file, which is at `path`.
    ///
    /// # Errors
    ///
    /// If they are of other agents or other times.
    pub fn check_same(&self, other: &Self, path: &Path) -> Result<(), DemonstrationError> {
        let (agent, path) = (other.agent.name.clone(), path.to_owned());
        if let Some(difference) = other.agent.row_difference_from(&self.agent) {
            return Err(DemonstrationError::OtherLayout { path, agent, difference });
        }
        let terms = |header: &Self| header.agent.reward.iter().map(|term| term.name.clone()).collect::<Vec<_>>();
        if terms(self) != terms(other) || self.agent.masked != other.agent.masked {
            let difference = "the terms of its reward or its masks are others".to_owned();
            return Err(DemonstrationError::OtherLayout { path, agent, difference });
        }
        self.check_time(&path, other.decision_interval, other.tick_rate_hz)
    }

    /// Checks that the agents of the file at `path` decided every `decision_interval` ticks of a game with this tick rate
    /// \[Hz\].
    ///
    /// # Errors
    ///
    /// [`DemonstrationError::OtherTime`] if they did not.
    pub fn check_time(
        &self,
        path: &Path,
        decision_interval: NonZeroU32,
        tick_rate_hz: f64,
    ) -> Result<(), DemonstrationError> {
        // Bevy keeps the length of a tick in whole nanoseconds.
        let is_same = self.decision_interval == decision_interval
            && (self.tick_rate_hz - tick_rate_hz).abs() <= 1e-6 * self.tick_rate_hz;
        if is_same {
            return Ok(());
        }
        let words = |interval: NonZeroU32, rate: f64| format!("{interval} ticks per step at {rate} Hz");
        Err(DemonstrationError::OtherTime {
            path: path.to_owned(),
            was: words(self.decision_interval, self.tick_rate_hz),
            now: words(decision_interval, tick_rate_hz),
        })
    }
}
