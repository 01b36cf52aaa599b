//! The episodes that a run keeps: the best, the worst, and a sample of ordinary ones.

use std::fs;
use std::path::{Path, PathBuf};

use ludus_policy::files::{self, Links};
use ludus_spec::Seed;

use super::recorder::{Recorder, Taken};
use super::{EpisodeLog, ReplayError};

/// Ordinary episodes that are kept.
const ORDINARY: usize = 8;

/// The episodes that a run keeps.
///
/// Which ordinary ones follows from the run's seed: every iteration has the same chance to have one among them, however
/// many there are. Vitter 1985, doi:10.1145/3147.3165, algorithm R.
#[derive(Debug)]
pub(crate) struct KeptEpisodes {
    seed: Seed,
    best: Kept,
    worst: Kept,
    ordinary: [Kept; ORDINARY],
    /// Where this iteration's ordinary episode goes, if it is to be kept.
    slot: Option<usize>,
}

#[derive(Debug, Default)]
struct Kept {
    log: Option<EpisodeLog>,
    is_written: bool,
}

impl KeptEpisodes {
    /// None yet, or those of a run that goes on.
    pub fn new(seed: Seed) -> Self {
        let (best, worst) = (Kept::default(), Kept::default());
        Self { seed, best, worst, ordinary: Default::default(), slot: None }
    }

    /// Takes up what a run that goes on has kept. What can't be read is no loss to the run.
    pub fn take_up(&mut self, folder: &Path) {
        for (name, kept) in self.named() {
            let path = path(folder, &name);
            let log = files::check(&path, Links::Refuse).ok().and_then(|()| EpisodeLog::read(&path).ok());
            *kept = Kept { is_written: log.is_some(), log };
        }
    }

    /// Tells the recorders what is worth keeping in the coming iteration.
    pub fn before<'a>(&mut self, iteration: u64, recorders: impl ExactSizeIterator<Item = &'a mut Recorder>) {
        self.slot = slot(self.seed, iteration);
        let chosen = iteration.checked_rem(recorders.len() as u64).filter(|_| self.slot.is_some());
        for (index, recorder) in (0..).zip(recorders) {
            recorder.iteration = iteration;
            recorder.best_above = self.best.reward().unwrap_or(f32::NEG_INFINITY);
            recorder.worst_below = self.worst.reward().unwrap_or(f32::INFINITY);
            recorder.wants_any = chosen == Some(index);
        }
    }

    /// Takes what the recorders kept, in order.
    pub fn after<'a>(&mut self, recorders: impl Iterator<Item = &'a mut Recorder>) {
        for Taken { best, worst, any } in recorders.map(Recorder::take) {
            self.best.replace(best, |new, old| new > old);
            self.worst.replace(worst, |new, old| new < old);
            if let (Some(slot), Some(log)) = (self.slot, any) {
                self.ordinary[slot].replace(Some(log), |_, _| true);
            }
        }
    }

    /// Writes what is new.
    pub fn write(&mut self, folder: &Path) -> Result<(), ReplayError> {
        let unwritable = |source| ReplayError::Unwritable { path: folder.to_owned(), source };
        files::create_own_folder(folder).map_err(unwritable)?;
        for (name, kept) in self.named() {
            if let Some(log) = kept.log.as_ref().filter(|_| !kept.is_written) {
                log.write(&path(folder, &name))?;
                kept.is_written = true;
            }
        }
        Ok(())
    }

    fn named(&mut self) -> impl Iterator<Item = (String, &mut Kept)> {
        let ordinary = (1..).zip(&mut self.ordinary).map(|(number, kept): (u32, _)| (number.to_string(), kept));
        [("best".to_owned(), &mut self.best), ("worst".to_owned(), &mut self.worst)].into_iter().chain(ordinary)
    }
}

impl Kept {
    fn reward(&self) -> Option<f32> {
        self.log.as_ref().map(|log| log.head.reward)
    }

    fn replace(&mut self, log: Option<EpisodeLog>, is_better: fn(f32, f32) -> bool) {
        let Some(log) = log else { return };
        if self.reward().is_none_or(|old| is_better(log.head.reward, old)) {
            *self = Self { log: Some(log), is_written: false };
        }
    }
}

/// The file of an episode in the folder of episodes.
fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.episode"))
}

/// The episodes in a folder of episodes, each with its name: `best`, `worst`, then ordinary ones by their number.
pub fn kept_episodes(folder: &Path) -> Vec<(String, PathBuf)> {
    let is_regular = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let regular = fs::read_dir(folder).into_iter().flatten().flatten().filter(is_regular).map(|entry| entry.path());
    let of_episodes = regular.filter(|path| path.extension().is_some_and(|end| end == "episode"));
    let named = of_episodes.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)));
    let mut episodes = named.collect::<Vec<_>>();
    episodes.sort_by_cached_key(|(name, _)| (name != "best", name != "worst", name.parse::<u32>().ok(), name.clone()));
    episodes
}

/// The place that an iteration's episode takes among the ordinary ones, if it is drawn.
fn slot(seed: Seed, iteration: u64) -> Option<usize> {
    let draw = if iteration < ORDINARY as u64 { iteration } else { seed.derive(iteration).bits() % (iteration + 1) };
    usize::try_from(draw).ok().filter(|&slot| slot < ORDINARY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::log;

    fn log_of(reward: f32) -> Option<EpisodeLog> {
        let log = log::tests::log();
        let head = log::EpisodeHead { reward, ..log.head.clone() };
        Some(EpisodeLog { head, ..log })
    }

    #[test]
    fn better_ones_replace_the_best_and_only_they() {
        let mut best = Kept::default();
        let rewards = [1.0, 0.5, 2.0, 2.0].map(|reward| {
            best.replace(log_of(reward), |new, old| new > old);
            best.reward()
        });
        assert_eq!(rewards, [Some(1.0), Some(1.0), Some(2.0), Some(2.0)]);
    }

    #[test]
    fn every_iteration_has_the_same_chance() {
        let mut kept = vec![0; 100];
        for seed in 0..2_000 {
            let mut slots = [0; ORDINARY];
            for iteration in 0..kept.len() {
                if let Some(slot) = slot(Seed::new(seed), iteration as u64) {
                    slots[slot] = iteration;
                }
            }
            slots.iter().for_each(|&iteration| kept[iteration] += 1);
        }
        // 160 each, give or take 12.
        assert!(kept.iter().all(|count| (100..220).contains(count)), "{kept:?}");
    }

    #[test]
    fn the_best_and_the_worst_come_before_the_others() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["10", "worst", "2", "best"] {
            fs::write(path(folder.path(), name), "").unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        let names = kept_episodes(folder.path()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names, ["best", "worst", "2", "10"]);
        assert!(kept_episodes(&folder.path().join("none")).is_empty());
    }

    #[test]
    fn what_was_kept_is_taken_up_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = KeptEpisodes::new(Seed::new(1));
        kept.best.replace(log_of(2.0), |_, _| true);
        kept.ordinary[3].replace(log_of(1.0), |_, _| true);
        kept.write(folder.path()).unwrap();
        fs::write(path(folder.path(), "worst"), "nonsense").unwrap();
        let mut again = KeptEpisodes::new(Seed::new(1));
        again.take_up(folder.path());
        assert_eq!((again.best.reward(), again.worst.reward()), (Some(2.0), None));
        assert_eq!(again.ordinary[3].reward(), Some(1.0));
        assert!(again.best.is_written);
    }
}
