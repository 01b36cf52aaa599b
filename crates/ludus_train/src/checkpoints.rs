//! The checkpoints of a run: when they are due, which are kept, and which one to go on from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ludus_policy::PolicyError;

use crate::checkpoint::Checkpoint;
use crate::config::CheckpointConfig;
use crate::error::{TrainError, at};
use crate::record::Score;

const START: &str = "step-";
const END: &str = ".safetensors";
const BEST: &str = "best.safetensors";

/// The checkpoints of a run: the last few, and the best.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    config: CheckpointConfig,
    /// Steps after which the next one is due.
    next: u64,
    /// When the last one was saved, or the run began [s of the clock].
    saved: f64,
    /// Oldest first.
    kept: Vec<PathBuf>,
    /// How good the best is, if there is one.
    best: Option<Score>,
}

/// What there is to go on from.
#[derive(Debug)]
pub(crate) struct Found {
    /// The newest good checkpoint and where it is; none if nothing was ever saved.
    pub checkpoint: Option<(PathBuf, Checkpoint)>,
    /// Why newer ones were skipped.
    pub skipped: Vec<PolicyError>,
    /// The good one and those before it, oldest first.
    kept: Vec<PathBuf>,
    /// How good the best is, if there is one.
    best: Option<Score>,
}

impl Checkpoints {
    /// Those of a run that has none, which begins now [s of the clock].
    pub fn new(folder: PathBuf, config: CheckpointConfig, now: f64) -> Self {
        let next = config.every.get();
        Self { folder, config, next, saved: now, kept: Vec::new(), best: None }
    }

    /// Those of a run that goes on with what was found.
    #[must_use]
    pub fn going_on(mut self, found: &Found) -> Self {
        let steps = found.checkpoint.as_ref().map_or(0, |(_, checkpoint)| checkpoint.policy.origin.steps);
        self.next = steps.saturating_add(self.config.every.get());
        self.kept.clone_from(&found.kept);
        self.best = found.best;
        self
    }

    /// Whether it is time for another one, after `steps` steps and at this time [s of the clock].
    pub fn is_due(&self, steps: u64, now: f64) -> bool {
        steps >= self.next || self.config.every_seconds.is_some_and(|seconds| now - self.saved >= seconds)
    }

    /// The newest, if there is one.
    pub fn last(&self) -> Option<&Path> {
        self.kept.last().map(PathBuf::as_path)
    }

    /// Saves a checkpoint; as the best too, if no mean return was better. Removes those that are older than wanted.
    pub fn save(&mut self, checkpoint: &Checkpoint, now: f64) -> Result<(), TrainError> {
        let steps = checkpoint.policy.origin.steps;
        let path = self.folder.join(format!("{START}{steps:012}{END}"));
        checkpoint.write(&path)?;
        if self.last() != Some(&path) {
            self.kept.push(path);
        }
        let score = checkpoint.record.score();
        if score > self.best {
            checkpoint.write(&self.folder.join(BEST))?;
            self.best = score;
        }
        self.next = steps.saturating_add(self.config.every.get());
        self.saved = now;
        self.forget_old()
    }

    fn forget_old(&mut self) -> Result<(), TrainError> {
        while self.kept.len() > self.config.keep.get() as usize {
            let oldest = self.kept.remove(0);
            fs::remove_file(&oldest).map_err(at(&oldest))?;
        }
        Ok(())
    }
}

impl Found {
    /// The newest good checkpoint in `folder`; the best if all others are damaged.
    ///
    /// # Errors
    ///
    /// If the folder can't be read.
    pub fn newest_good(folder: &Path) -> io::Result<Self> {
        let mut kept = numbered(folder)?;
        let best = Checkpoint::read(&folder.join(BEST));
        let score = best.as_ref().ok().and_then(|checkpoint| checkpoint.record.score());
        let mut found = Self { checkpoint: None, skipped: Vec::new(), kept: Vec::new(), best: score };
        while let Some(path) = kept.last() {
            match Checkpoint::read(path) {
                Ok(checkpoint) => {
                    found.checkpoint = Some((path.clone(), checkpoint));
                    found.kept = kept;
                    return Ok(found);
                }
                Err(error) => found.skipped.push(error),
            }
            kept.pop();
        }
        found.checkpoint = best.ok().map(|checkpoint| (folder.join(BEST), checkpoint));
        Ok(found)
    }
}

/// All files that are called as checkpoints are, the one after the fewest steps first.
fn numbered(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let steps = name.to_str().and_then(|name| name.strip_prefix(START)?.strip_suffix(END)?.parse::<u64>().ok());
        found.extend(steps.map(|steps| (steps, entry.path())));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use super::*;
    use crate::checkpoint::tests::checkpoint;
    use crate::episodes::LEAST_EPISODES;
    use crate::record::PastEpisode;

    fn config() -> CheckpointConfig {
        let (every, keep) = (NonZeroU64::new(100).unwrap(), NonZeroU32::new(2).unwrap());
        CheckpointConfig { every, every_seconds: Some(60.0), keep }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn scoring(steps: u64, reward: f32) -> Checkpoint {
        let mut checkpoint = checkpoint(steps);
        checkpoint.record.recent = vec![PastEpisode { reward, steps: 1, terms: vec![reward] }];
        checkpoint
    }

    #[test]
    fn checkpoints_are_due_by_steps_and_by_time() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path().to_owned(), config(), 1000.0);
        assert!(!checkpoints.is_due(99, 1059.0));
        assert!(checkpoints.is_due(100, 1001.0) && checkpoints.is_due(0, 1060.0));
        checkpoints.save(&checkpoint(20), 1060.0).unwrap();
        assert!(!checkpoints.is_due(119, 1119.0));
        assert!(checkpoints.is_due(120, 1061.0) && checkpoints.is_due(20, 1120.0));
    }

    #[test]
    fn the_last_ones_and_the_best_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path().to_owned(), config(), 0.0);
        for (steps, reward) in [(100, 1.0), (200, 5.0), (300, 2.0)] {
            checkpoints.save(&scoring(steps, reward), 0.0).unwrap();
        }
        let expected = ["best.safetensors", "step-000000000200.safetensors", "step-000000000300.safetensors"];
        assert_eq!(names(folder.path()), expected);
        assert_eq!(Checkpoint::read(&folder.path().join(BEST)).unwrap(), scoring(200, 5.0));
        let found = Found::newest_good(folder.path()).unwrap();
        assert_eq!(found.checkpoint.as_ref().unwrap().1, scoring(300, 2.0));
        let mut resumed = Checkpoints::new(folder.path().to_owned(), config(), 0.0).going_on(&found);
        assert!(!resumed.is_due(399, 1.0) && resumed.is_due(400, 1.0));
        resumed.save(&scoring(400, 4.0), 0.0).unwrap();
        assert_eq!(names(folder.path())[1..], ["step-000000000300.safetensors", "step-000000000400.safetensors"]);
        assert_eq!(Checkpoint::read(&folder.path().join(BEST)).unwrap(), scoring(200, 5.0), "a resumed run knows it");
    }

    #[test]
    fn luck_with_a_few_episodes_makes_no_best_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path().to_owned(), config(), 0.0);
        let many = |steps: u64, reward: f32| {
            let mut checkpoint = scoring(steps, reward);
            checkpoint.record.recent = vec![checkpoint.record.recent[0].clone(); LEAST_EPISODES];
            checkpoint
        };
        let mut none = scoring(100, 0.0);
        none.record.recent.clear();
        let saved = [none, scoring(200, 9.0), many(300, 1.0), scoring(400, 8.0), many(500, 2.0), many(600, 1.5)];
        for (checkpoint, best) in saved.iter().zip([None, Some(1), Some(2), Some(2), Some(4), Some(4)]) {
            checkpoints.save(checkpoint, 0.0).unwrap();
            let found = Checkpoint::read(&folder.path().join(BEST)).ok();
            assert_eq!(found.as_ref(), best.map(|index: usize| &saved[index]));
        }
    }

    #[test]
    fn damaged_checkpoints_are_skipped_for_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for steps in [1, 2, 3] {
            checkpoint(steps).write(&path(&format!("{START}{steps}{END}"))).unwrap();
        }
        let cut = fs::read(path("step-3.safetensors")).unwrap();
        fs::write(path("step-3.safetensors"), &cut[..cut.len() / 2]).unwrap();
        let found = Found::newest_good(folder.path()).unwrap();
        assert_eq!(found.checkpoint.unwrap().1, checkpoint(2));
        assert_eq!(found.skipped.len(), 1);
        assert!(found.skipped[0].to_string().contains("step-3.safetensors"), "{}", found.skipped[0]);
        assert_eq!(found.kept, [path("step-1.safetensors"), path("step-2.safetensors")]);
    }

    #[test]
    fn the_best_is_better_than_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let found = Found::newest_good(folder.path()).unwrap();
        assert!(found.checkpoint.is_none() && found.skipped.is_empty());
        fs::write(folder.path().join("step-000000000300.safetensors"), "nonsense").unwrap();
        checkpoint(200).write(&folder.path().join(BEST)).unwrap();
        let found = Found::newest_good(folder.path()).unwrap();
        assert_eq!((found.checkpoint.unwrap().1, found.skipped.len()), (checkpoint(200), 1));
    }
}
