//! The checkpoints of a run: when they are due, which are kept, and which one to go on from.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ludus_policy::PolicyError;
use ludus_policy::files::{self, Links};

use crate::checkpoint::Checkpoint;
use crate::checkpoint_names::{BEST, NumberedCheckpoint, numbered, numbered_name};
use crate::config::CheckpointConfig;
use crate::error::{TrainError, at};
use crate::record::CheckpointScore;

/// The checkpoints of a run: the last few, and the best.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    config: CheckpointConfig,
    /// Steps after which the next one is due.
    next: u64,
    /// Time of the last save, or of the run's start [s of the clock].
    saved: f64,
    /// Paths of the checkpoints that are kept, oldest first.
    kept: Vec<PathBuf>,
    /// Score of the best checkpoint, if there is one.
    best: Option<CheckpointScore>,
}

/// The checkpoints in a run's folder, to resume from.
#[derive(Debug)]
pub(crate) struct FoundCheckpoints {
    /// The newest good checkpoint with its path, if there is one.
    pub checkpoint: Option<(PathBuf, Checkpoint)>,
    /// The reasons that newer checkpoints, or the best, were skipped.
    pub skipped: Vec<PolicyError>,
    /// Paths of the checkpoints that were skipped.
    refused: Vec<PathBuf>,
    /// Paths of the good checkpoint and of those before it, oldest first.
    kept: Vec<PathBuf>,
    /// Score of the best checkpoint, if there is one.
    best: Option<CheckpointScore>,
}

impl Checkpoints {
    /// The checkpoints of a new run, which begins at `now` [s of the clock].
    pub fn new(folder: PathBuf, config: CheckpointConfig, now: f64) -> Self {
        let next = config.every.get();
        Self { folder, config, next, saved: now, kept: Vec::new(), best: None }
    }

    /// The same for a run that resumes from `found`.
    #[must_use]
    pub fn going_on(mut self, found: &FoundCheckpoints) -> Self {
        let steps = found.checkpoint.as_ref().map_or(0, |(_, checkpoint)| checkpoint.steps());
        self.next = steps.saturating_add(self.config.every.get());
        self.kept.clone_from(&found.kept);
        self.best = found.best;
        self
    }

    /// True if a checkpoint is due after `steps` steps, at the time `now` [s of the clock].
    pub fn is_due(&self, steps: u64, now: f64) -> bool {
        steps >= self.next || self.config.every_seconds.is_some_and(|seconds| now - self.saved >= seconds)
    }

    /// Path of the newest checkpoint, if there is one.
    pub fn last(&self) -> Option<&Path> {
        self.kept.last().map(PathBuf::as_path)
    }

    /// Saves a checkpoint; as the best too, if its score is the highest so far. Removes the oldest beyond `keep`.
    pub fn save(&mut self, checkpoint: &Checkpoint, now: f64) -> Result<(), TrainError> {
        let steps = checkpoint.steps();
        let path = self.folder.join(numbered_name(steps));
        checkpoint.write(&path)?;
        if self.last() != Some(&path) {
            self.kept.push(path);
        }
        let score = checkpoint.score();
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
            match fs::remove_file(&oldest) {
                // Another process has removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(at(&oldest))?,
            }
        }
        Ok(())
    }
}

impl FoundCheckpoints {
    /// The newest good checkpoint in `folder` of the run with this id; the best if all others are damaged.
    ///
    /// # Errors
    ///
    /// If the folder can't be read.
    pub fn newest_good(folder: &Path, run: &str) -> io::Result<Self> {
        let mut numbered = numbered(folder)?;
        let mut found =
            Self { checkpoint: None, skipped: Vec::new(), refused: Vec::new(), kept: Vec::new(), best: None };
        while let Some(NumberedCheckpoint { steps, path }) = numbered.pop() {
            match read(&path, Some(steps), run) {
                Ok(checkpoint) => {
                    found.kept = numbered.into_iter().map(|older| older.path).chain([path.clone()]).collect();
                    found.checkpoint = Some((path, checkpoint));
                    break;
                }
                Err(error) => found.refuse(path, error),
            }
        }
        found.take_best(folder.join(BEST), run);
        Ok(found)
    }

    fn take_best(&mut self, path: PathBuf, run: &str) {
        match read(&path, None, run) {
            Ok(best) => {
                self.best = best.score();
                self.checkpoint.get_or_insert((path, best));
            }
            Err(PolicyError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.refuse(path, error),
        }
    }

    fn refuse(&mut self, path: PathBuf, error: PolicyError) {
        self.skipped.push(error);
        self.refused.push(path);
    }

    /// Renames the files that were skipped. Otherwise the resumed run would overwrite them when it reaches their steps.
    ///
    /// Returns the old and the new path of each.
    pub fn set_aside(&self) -> io::Result<Vec<(PathBuf, PathBuf)>> {
        let aside = |path: &PathBuf| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let new = files::set_aside(path, &format!("refused-{stem}")).transpose()?;
            Some(new.map(|new| (path.clone(), new)))
        };
        self.refused.iter().filter_map(aside).collect()
    }
}

/// Reads a checkpoint. It must be of the run with the id `run`, and saved after `steps` steps if its name has them.
fn read(path: &Path, steps: Option<u64>, run: &str) -> Result<Checkpoint, PolicyError> {
    let checkpoint = Checkpoint::read_through(path, Links::Refuse)?;
    let (own, other) = (checkpoint.steps(), &checkpoint.record.run);
    let problem = match steps {
        Some(named) if named != own => format!("it is named for {named} steps and was saved after {own}"),
        // Runs and checkpoints of earlier versions have no id.
        _ if !run.is_empty() && !other.is_empty() && run != other => "another run saved it".to_owned(),
        _ => return Ok(checkpoint),
    };
    Err(PolicyError::Misplaced { path: path.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use super::*;
    use crate::checkpoint::tests::checkpoint;
    use crate::episodes::LEAST_EPISODES;
    use crate::record::{PastEpisode, RunRecord};

    const RUN: &str = "0123456789abcdef";

    fn config() -> CheckpointConfig {
        let (every, keep) = (NonZeroU64::new(100).unwrap(), NonZeroU32::new(2).unwrap());
        CheckpointConfig { every, every_seconds: Some(60.0), keep, evaluation_episodes: 0 }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn recent(checkpoint: &mut Checkpoint) -> &mut Vec<PastEpisode> {
        &mut checkpoint.record.kinds.get_mut("Plate").unwrap().recent
    }

    fn scoring(steps: u64, reward: f32) -> Checkpoint {
        let mut checkpoint = checkpoint(steps);
        recent(&mut checkpoint).clear();
        recent(&mut checkpoint).push(PastEpisode { reward, steps: 1, terms: vec![reward], success: None });
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
        let found = FoundCheckpoints::newest_good(folder.path(), RUN).unwrap();
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
            let episode = recent(&mut checkpoint)[0].clone();
            *recent(&mut checkpoint) = vec![episode; LEAST_EPISODES];
            checkpoint
        };
        let mut none = scoring(100, 0.0);
        recent(&mut none).clear();
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
            checkpoint(steps).write(&path(&format!("step-{steps}.safetensors"))).unwrap();
        }
        let cut = fs::read(path("step-3.safetensors")).unwrap();
        fs::write(path("step-3.safetensors"), &cut[..cut.len() / 2]).unwrap();
        let found = FoundCheckpoints::newest_good(folder.path(), RUN).unwrap();
        assert_eq!(found.checkpoint.unwrap().1, checkpoint(2));
        assert_eq!(found.skipped.len(), 1);
        assert!(found.skipped[0].to_string().contains("step-3.safetensors"), "{}", found.skipped[0]);
        assert_eq!(found.kept, [path("step-1.safetensors"), path("step-2.safetensors")]);
    }

    #[test]
    fn the_best_is_better_than_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let found = FoundCheckpoints::newest_good(folder.path(), RUN).unwrap();
        assert!(found.checkpoint.is_none() && found.skipped.is_empty());
        fs::write(folder.path().join("step-000000000300.safetensors"), "nonsense").unwrap();
        checkpoint(200).write(&folder.path().join(BEST)).unwrap();
        let found = FoundCheckpoints::newest_good(folder.path(), RUN).unwrap();
        assert_eq!((found.checkpoint.unwrap().1, found.skipped.len()), (checkpoint(200), 1));
    }

    #[track_caller]
    fn check_refused(name: &str, checkpoint: &Checkpoint, part: &str) {
        let folder = tempfile::tempdir().unwrap();
        let good =
            Checkpoint { record: RunRecord { run: RUN.to_owned(), ..checkpoint_record() }, ..self::checkpoint(1) };
        good.write(&folder.path().join("step-1.safetensors")).unwrap();
        checkpoint.write(&folder.path().join(name)).unwrap();
        let found = FoundCheckpoints::newest_good(folder.path(), RUN).unwrap();
        assert_eq!(found.checkpoint.as_ref().unwrap().1, good);
        let [error] = &found.skipped[..] else { panic!("{:?}", found.skipped) };
        assert!(error.to_string().contains(part) && error.to_string().contains(name), "{error}");
        let aside = folder.path().join(format!("refused-{name}"));
        assert_eq!(found.set_aside().unwrap(), [(folder.path().join(name), aside.clone())]);
        assert_eq!(&Checkpoint::read(&aside).unwrap(), checkpoint, "nothing is lost");
    }

    fn checkpoint_record() -> RunRecord {
        checkpoint(1).record
    }

    #[test]
    fn a_checkpoint_named_for_other_steps_is_refused() {
        let part = "it is named for 300 steps and was saved after 2";
        check_refused("step-000000000300.safetensors", &checkpoint(2), part);
    }

    #[test]
    fn a_checkpoint_of_another_run_is_refused_the_best_too() {
        let record = RunRecord { run: "another".to_owned(), ..checkpoint_record() };
        let other = Checkpoint { record, ..checkpoint(2) };
        check_refused("step-000000000002.safetensors", &other, "another run saved it");
        check_refused(BEST, &other, "another run saved it");
    }

    #[test]
    fn a_checkpoint_that_somebody_has_removed_is_no_loss() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path().to_owned(), config(), 0.0);
        for steps in [100, 200] {
            checkpoints.save(&checkpoint(steps), 0.0).unwrap();
        }
        fs::remove_file(folder.path().join("step-000000000100.safetensors")).unwrap();
        checkpoints.save(&checkpoint(300), 0.0).unwrap();
    }
}
