//! The folder of a run: `runs/<game>-<date>-<number>/`.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ludus_policy::files::{self, Links};
use ludus_policy::write_atomically;
use ludus_spec::StableHasher;

use crate::checkpoint_names::{self, NumberedCheckpoint};
use crate::clock;
use crate::error::TrainError;

/// The name that stands for the newest run of a game, wherever a command takes a run.
pub(crate) const LATEST: &str = "latest";

/// Limit on the length of a run's file `order` [bytes].
const LONGEST_ORDER: u64 = 32;

/// Limit on the number in a folder's name: a folder with this number or a higher one is not a run's.
const MOST_RUNS: u32 = 1_000_000_000;

/// Limit on the length of a run's file `id` [bytes].
const LONGEST_ID: u64 = 64;

/// A run's folder, and the paths of the files in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Creates a new folder in `runs`, numbered after those of the same game and date.
    ///
    /// Two runs never get the same folder, even if they start at the same moment.
    ///
    /// # Errors
    ///
    /// If `runs` can't be made or written to.
    pub fn create(runs: &Path, game: &str, date: &str) -> io::Result<Self> {
        fs::create_dir_all(runs)?;
        let mut number = last_number(runs, game, date)? + 1;
        loop {
            let path = runs.join(format!("{game}-{date}-{number}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    fs::create_dir(path.join("checkpoints"))?;
                    let folder = Self { path };
                    folder.write_id()?;
                    folder.mark_newest()?;
                    return Ok(folder);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Checks that folders can be created in `runs`, and leaves no file there.
    ///
    /// # Errors
    ///
    /// If `runs` can't be made or written to.
    pub(crate) fn try_to_create(runs: &Path) -> io::Result<()> {
        let exists = |path: &&Path| path.as_os_str().is_empty() || fs::symlink_metadata(path).is_ok();
        let there = runs.ancestors().find(exists).unwrap_or(Path::new(""));
        let trial = there.join(format!(".ludus-trial.{}.part", identity(there)));
        files::create_new(&trial).and_then(|_| fs::remove_file(&trial))
    }

    /// Checks that everything in the folder under a name that runs use is a regular file or a folder.
    ///
    /// # Errors
    ///
    /// [`TrainError::NotOwn`] with the first one that is a link, a pipe or something else.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let [config, metrics, changes] = [self.config(), self.metrics(), self.changes()];
        let own = [config, metrics, changes, self.policy(), self.lock(), self.hashes(), self.id(), self.order()];
        let regular = own.into_iter().map(|path| (files::check(&path, Links::Refuse), path));
        let regular =
            regular.chain(self.saved_policies().into_iter().map(|path| (files::check(&path, Links::Refuse), path)));
        let folders = [self.episodes(), self.checkpoints(), self.policies(), self.versions()].into_iter();
        for (checked, path) in regular.chain(folders.map(|path| (files::check_own_folder(&path), path))) {
            match checked {
                Err(source) if source.kind() != ErrorKind::NotFound => return Err(TrainError::NotOwn { path, source }),
                _ => {}
            }
        }
        Ok(())
    }

    /// The folder of an existing run. It is not checked.
    pub fn open(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The newest run of this game in `runs` that has a policy, if there is one.
    pub fn newest(runs: &Path, game: &str) -> Option<Self> {
        Self::newest_with(runs, game, Self::has_policy)
    }

    /// The newest run of this game in `runs` that has begun, and so can go on, if there is one.
    pub fn newest_begun(runs: &Path, game: &str) -> Option<Self> {
        Self::newest_with(runs, game, |run| run.config().is_file())
    }

    /// Finds a run by its folder's path, or by its name in `runs`; `None` if neither is a folder.
    pub fn named(runs: &Path, name: &Path) -> Option<Self> {
        [name.to_owned(), runs.join(name)].into_iter().find(|path| path.is_dir()).map(Self::open)
    }

    fn newest_with(runs: &Path, game: &str, has: impl Fn(&Self) -> bool) -> Option<Self> {
        Self::all(runs, game).into_iter().find(has)
    }

    /// All runs of this game in `runs`, newest first: the one that was begun or resumed last.
    pub fn all(runs: &Path, game: &str) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(runs) else { return Vec::new() };
        let of_game =
            entries.flatten().filter_map(|entry| Some((order(entry.file_name().to_str()?, game)?, entry.path())));
        let folders = of_game.filter(|(_, path)| path.is_dir()).map(|(order, path)| (order, Self { path }));
        let mut ordered = folders.map(|(name, run)| ((run.turn(), run.written(), name), run)).collect::<Vec<_>>();
        ordered.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        ordered.into_iter().map(|(_, run)| run).collect()
    }

    /// Makes this the newest of all runs in the same folder, which `latest` stands for.
    ///
    /// Runs are numbered as they start or resume, so the order does not depend on the system's clock.
    ///
    /// # Errors
    ///
    /// If the folder can't be written to.
    pub(crate) fn mark_newest(&self) -> io::Result<()> {
        let runs = self.path.parent().filter(|runs| !runs.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let others = fs::read_dir(runs).into_iter().flatten().flatten().map(|entry| Self::open(entry.path()).turn());
        let turn = others.max().unwrap_or(0).saturating_add(1);
        write_atomically(&self.order(), format!("{turn}\n").as_bytes())
    }

    /// The number that the run got when it last started or resumed; 0 if it has none.
    fn turn(&self) -> u64 {
        let text = files::read_text(&self.order(), Links::Refuse, LONGEST_ORDER);
        text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// The modification time of the newest of the run's files, which orders runs without a number.
    fn written(&self) -> Option<SystemTime> {
        let files = [self.path.clone(), self.metrics(), self.policy(), self.policies(), self.config()];
        files.iter().filter_map(|file| fs::symlink_metadata(file).ok()?.modified().ok()).max()
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the resolved config.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.ron")
    }

    /// The path of the table of metrics, with a line for each iteration.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.csv")
    }

    /// The path of the table of settings that were changed during the run. It exists only if there were any.
    pub fn changes(&self) -> PathBuf {
        self.path.join("changes.csv")
    }

    /// The path of the newest policy of a run with one kind of agents.
    pub fn policy(&self) -> PathBuf {
        self.path.join("policy.safetensors")
    }

    /// The folder of the newest policies of a run with several kinds of agents: a file for each kind, by its name.
    pub fn policies(&self) -> PathBuf {
        self.path.join("policies")
    }

    /// The folder of the versions of policies that play against themselves.
    pub fn versions(&self) -> PathBuf {
        self.path.join("versions")
    }

    /// The path of the newest policy of this kind of agents if the run has one for each kind; else that of its only
    /// policy.
    ///
    /// A folder with nothing but policies, as they are shipped, has a file for each kind.
    pub fn policy_of(&self, kind: &str) -> PathBuf {
        let name = policy_name(kind);
        let own = [self.policies().join(&name), self.path.join(&name)].into_iter().find(|path| path.is_file());
        own.unwrap_or_else(|| self.policy())
    }

    /// The file into which the run writes the policy of this kind of agents.
    pub(crate) fn policy_to_write(&self, kind: &str, has_several_kinds: bool) -> PathBuf {
        if has_several_kinds { self.policies().join(policy_name(kind)) } else { self.policy() }
    }

    /// True if the run has saved a policy.
    pub(crate) fn has_policy(&self) -> bool {
        !self.policy_files().is_empty()
    }

    /// All policies that the run has saved, but for those in checkpoints.
    pub(crate) fn policy_files(&self) -> Vec<PathBuf> {
        let only = Some(self.policy()).filter(|path| path.is_file());
        only.into_iter().chain(self.saved_policies()).collect()
    }

    /// The files in the folder of policies, sorted.
    fn saved_policies(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.policies()).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).filter(|path| is_policy(path)).collect();
        paths.sort_unstable();
        paths
    }

    /// The path of the file that the training process locks.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The path of the file with the words by which people recognise the run. It exists only if there are any.
    pub fn tag(&self) -> PathBuf {
        self.path.join("tag")
    }

    /// The folder of the episodes that were kept.
    pub fn episodes(&self) -> PathBuf {
        self.path.join("episodes")
    }

    /// The path of the file with the run's number, which orders the runs in a folder by their last start or resumption.
    pub fn order(&self) -> PathBuf {
        self.path.join("order")
    }

    /// The path of the table of state hashes. It exists only if the run logs them.
    pub fn hashes(&self) -> PathBuf {
        self.path.join("hashes.csv")
    }

    /// The path of the file with the run's identity, which its checkpoints repeat.
    pub fn id(&self) -> PathBuf {
        self.path.join("id")
    }

    /// The identity of the run, which its checkpoints repeat; empty for runs of versions that had none.
    pub(crate) fn read_id(&self) -> String {
        let text = files::read_text(&self.id(), Links::Refuse, LONGEST_ID);
        text.map_or_else(|_| String::new(), |text| text.trim().to_owned())
    }

    fn write_id(&self) -> io::Result<()> {
        writeln!(files::create_new(&self.id())?, "{}", identity(&self.path))
    }

    /// The folder of the last checkpoints and the best one.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The path of the best checkpoint. It exists only if the run has saved one.
    pub fn best_checkpoint(&self) -> PathBuf {
        self.checkpoints().join(checkpoint_names::BEST)
    }

    /// The last checkpoints, those with the fewest steps first. The files are not read.
    ///
    /// # Errors
    ///
    /// If the folder of checkpoints can't be read.
    pub fn numbered_checkpoints(&self) -> io::Result<Vec<NumberedCheckpoint>> {
        checkpoint_names::numbered(&self.checkpoints())
    }
}

/// The name of a kind's policy file: `Chaser.safetensors`. Letters that not every file system takes are left out.
pub(crate) fn policy_name(kind: &str) -> String {
    let is_safe = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let name: String = kind.chars().map(|letter| if is_safe(letter) { letter } else { '_' }).collect();
    format!("{name}.safetensors")
}

fn is_policy(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "safetensors")
}

/// A new identity of 16 hexadecimal digits, which differs from those that are made for the same path at another time or
/// in another process.
fn identity(path: &Path) -> String {
    let mut hasher = StableHasher::default();
    hasher.bytes(path.as_os_str().as_encoded_bytes());
    hasher.word(clock::wall_seconds().to_bits()).word(clock::nanoseconds()).word(u64::from(std::process::id()));
    format!("{:016x}", hasher.finish())
}

/// The highest number of the game's runs on this date; 0 if there are none.
fn last_number(runs: &Path, game: &str, date: &str) -> io::Result<u32> {
    let mut last = 0;
    for entry in fs::read_dir(runs)? {
        let name = entry?.file_name();
        if let Some((of_date, number)) = name.to_str().and_then(|name| order(name, game))
            && of_date == date
        {
            last = last.max(number);
        }
    }
    Ok(last)
}

/// The date and the number of a run of `game`, by its folder's name; `None` for every other name.
fn order(name: &str, game: &str) -> Option<(String, u32)> {
    let (date, number) = name.strip_prefix(game)?.strip_prefix('-')?.rsplit_once('-')?;
    let is_date = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let number = number.parse().ok().filter(|&number| number < MOST_RUNS)?;
    is_date.then(|| (date.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered() {
        let runs = tempfile::tempdir().unwrap();
        let name = |game, date| {
            let run = RunFolder::create(runs.path(), game, date).unwrap();
            run.path().file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name("balance", "2026-11-23"), "balance-2026-11-23-1");
        assert_eq!(name("balance", "2026-11-23"), "balance-2026-11-23-2");
        assert_eq!(name("balance", "2026-11-24"), "balance-2026-11-24-1");
        assert_eq!(name("balance-2", "2026-11-23"), "balance-2-2026-11-23-1");
    }

    /// A folder that is not a run's and has the highest number that there is.
    #[test]
    fn a_number_beyond_all_others_is_no_runs() {
        let runs = tempfile::tempdir().unwrap();
        fs::create_dir(runs.path().join(format!("balance-2026-11-23-{}", u32::MAX))).unwrap();
        let run = RunFolder::create(runs.path(), "balance", "2026-11-23").unwrap();
        assert!(run.path().ends_with("balance-2026-11-23-1"));
    }

    #[test]
    fn runs_have_ids_of_their_own() {
        let runs = tempfile::tempdir().unwrap();
        let ids = [(); 3].map(|()| RunFolder::create(runs.path(), "balance", "2026-11-23").unwrap().read_id());
        assert!(ids.iter().all(|id| id.len() == 16) && ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
        assert_eq!(RunFolder::open(runs.path()).read_id(), "", "an older run has none");
    }

    #[test]
    fn a_folder_for_runs_is_tried_without_a_trace() {
        let runs = tempfile::tempdir().unwrap();
        let file = runs.path().join("file");
        fs::write(&file, "").unwrap();
        for there in [runs.path().to_owned(), runs.path().join("new"), runs.path().join("new/and/deeper")] {
            RunFolder::try_to_create(&there).unwrap();
        }
        for there in [file.clone(), file.join("deeper")] {
            assert!(RunFolder::try_to_create(&there).is_err());
        }
        assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 1);
    }

    #[test]
    fn runs_that_start_together_get_folders_of_their_own() {
        let runs = tempfile::tempdir().unwrap();
        let mut paths = std::thread::scope(|scope| {
            let create = || RunFolder::create(runs.path(), "balance", "2026-11-23").unwrap().path;
            let threads = (0..16).map(|_| scope.spawn(create)).collect::<Vec<_>>();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 16);
    }

    #[test]
    fn the_newest_run_with_a_policy_is_found() {
        let runs = tempfile::tempdir().unwrap();
        assert_eq!(RunFolder::newest(runs.path(), "balance"), None);
        assert_eq!(RunFolder::newest(&runs.path().join("none"), "balance"), None);
        let create = |game: &str, date: &str| {
            let run = RunFolder::create(runs.path(), game, date).unwrap();
            fs::write(run.policy(), "").unwrap();
            run
        };
        let earlier = [(); 10].map(|()| create("balance", "2026-11-23"));
        assert_eq!(RunFolder::newest(runs.path(), "balance").as_ref(), earlier.last(), "10 comes after 9");
        let later = create("balance", "2026-12-01");
        create("other", "2026-12-02");
        RunFolder::create(runs.path(), "balance", "2026-12-03").unwrap();
        assert_eq!(RunFolder::newest(runs.path(), "balance"), Some(later));
    }

    #[test]
    fn the_newest_run_is_the_one_that_was_begun_or_resumed_last_whatever_the_clock_said() {
        let runs = tempfile::tempdir().unwrap();
        let create = |date: &str| {
            let run = RunFolder::create(runs.path(), "balance", date).unwrap();
            fs::write(run.policy(), "").unwrap();
            run
        };
        let ahead = create("2038-01-19");
        let behind = create("1970-01-01");
        let right = create("2026-11-28");
        assert_eq!(RunFolder::all(runs.path(), "balance"), [right.clone(), behind.clone(), ahead.clone()]);
        behind.mark_newest().unwrap();
        assert_eq!(RunFolder::newest(runs.path(), "balance").as_ref(), Some(&behind));
        fs::write(ahead.order(), "nonsense").unwrap();
        assert_eq!(RunFolder::all(runs.path(), "balance"), [behind, right, ahead]);
    }

    /// Runs of an older version have no number.
    #[cfg(unix)]
    #[test]
    fn runs_without_a_number_are_told_apart_by_when_they_were_written() {
        let runs = tempfile::tempdir().unwrap();
        let create = |name: &str, written: u64| {
            let run = RunFolder::open(runs.path().join(name));
            fs::create_dir(run.path()).unwrap();
            fs::write(run.policy(), "").unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(written);
            for path in [run.policy(), run.path().to_owned()] {
                fs::File::open(path).unwrap().set_modified(time).unwrap();
            }
            run
        };
        let later = create("balance-2026-11-28-1", 2_000);
        create("balance-2038-01-19-1", 1_000);
        assert_eq!(RunFolder::newest(runs.path(), "balance"), Some(later));
        let new = RunFolder::create(runs.path(), "balance", "1970-01-01").unwrap();
        assert_eq!(RunFolder::all(runs.path(), "balance").first(), Some(&new));
    }
}
