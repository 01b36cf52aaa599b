//! The folder of a search: `runs/<game>-tune-<date>-<number>/`, with the run folders of its trials.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A search's folder, and the paths of the files in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchFolder {
    path: PathBuf,
}

impl SearchFolder {
    /// Creates a new folder in `runs`, numbered after those of the same game and date.
    ///
    /// # Errors
    ///
    /// If `runs` can't be made or written to.
    pub fn create(runs: &Path, game: &str, date: &str) -> io::Result<Self> {
        fs::create_dir_all(runs)?;
        let of_date = all(runs, game).into_iter().filter(|((of, _), _)| of == date);
        let mut number = of_date.map(|((_, number), _)| number).max().unwrap_or(0) + 1;
        loop {
            let path = runs.join(format!("{game}-tune-{date}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Finds a search by its folder's path, or by its name in `runs`.
    pub fn named(runs: &Path, name: &Path) -> Option<Self> {
        let found = [name.to_owned(), runs.join(name)].into_iter().map(|path| Self { path });
        found.into_iter().find(|folder| folder.journal().is_file())
    }

    /// The newest search of this game in `runs`.
    pub fn newest(runs: &Path, game: &str) -> Option<Self> {
        Self::all(runs, game).into_iter().next()
    }

    /// All searches of this game in `runs`, the newest first.
    pub fn all(runs: &Path, game: &str) -> Vec<Self> {
        let mut folders = all(runs, game);
        folders.retain(|(_, folder)| folder.journal().is_file());
        folders.sort_by(|(one, _), (other, _)| other.cmp(one));
        folders.into_iter().map(|(_, folder)| folder).collect()
    }

    /// The search in this folder.
    pub fn open(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the config that all trials begin with.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.ron")
    }

    /// The path of the space.
    pub fn space(&self) -> PathBuf {
        self.path.join("space.ron")
    }

    /// The path of the journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }
}

/// All searches of a game in `runs`, each with its date and number.
fn all(runs: &Path, game: &str) -> Vec<((String, u32), SearchFolder)> {
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let order = order(entry.file_name().to_str()?, game)?;
        Some((order, SearchFolder { path: entry.path() }))
    });
    found.collect()
}

/// The date and the number of a search of `game`, by its folder's name.
fn order(name: &str, game: &str) -> Option<(String, u32)> {
    let (date, number) = name.strip_prefix(game)?.strip_prefix("-tune-")?.rsplit_once('-')?;
    Some((date.to_owned(), number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::RunFolder;

    #[test]
    fn searches_are_numbered_and_are_no_runs() {
        let runs = tempfile::tempdir().unwrap();
        let folders = [(); 2].map(|()| SearchFolder::create(runs.path(), "arrows", "2026-11-29").unwrap());
        let names = folders.each_ref().map(|folder| folder.path().file_name().unwrap().to_str().unwrap().to_owned());
        assert_eq!(names, ["arrows-tune-2026-11-29-1", "arrows-tune-2026-11-29-2"]);
        assert_eq!(
            SearchFolder::newest(runs.path(), "arrows"),
            None,
            "without a journal there is nothing to go on with"
        );
        fs::write(folders[0].journal(), "").unwrap();
        assert_eq!(SearchFolder::newest(runs.path(), "arrows").as_ref(), Some(&folders[0]));
        fs::write(folders[1].journal(), "").unwrap();
        let newest_first = [&folders[1], &folders[0]].map(Clone::clone);
        assert_eq!(SearchFolder::all(runs.path(), "arrows"), newest_first);
        assert_eq!(SearchFolder::named(runs.path(), Path::new(&names[0])).as_ref(), Some(&folders[0]));
        assert!(RunFolder::all(runs.path(), "arrows").is_empty());
    }
}
