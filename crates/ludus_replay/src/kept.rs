//! The episodes that a run keeps: the best, the worst, and a sample of ordinary ones.

use std::fs;
use std::path::{Path, PathBuf};

use ludus_policy::files::{self, Links};
use ludus_spec::Seed;

use super::recorder::{ExtremeEpisodes, Recorder, ReturnBounds, TakenEpisodes};
use super::{EpisodeLog, ReplayError};

/// The number of ordinary episodes that are kept.
const ORDINARY: usize = 8;

/// The episodes that a run keeps.
///
/// The ordinary ones follow from the run's seed: every iteration has the same chance to have an episode among them, for
/// any number of iterations. Vitter 1985, doi:10.1145/3147.3165, algorithm R.
#[derive(Debug)]
pub struct KeptEpisodes {
    seed: Seed,
    kinds: Vec<KeptOfKind>,
    ordinary: [Kept; ORDINARY],
    /// The index in `ordinary` for this iteration's episode; `None` if none is to be kept.
    slot: Option<usize>,
}

/// The best and the worst episode for a kind of agents.
#[derive(Debug, Default)]
struct KeptOfKind {
    /// The ending of the names of its files, after `best` and `worst`.
    ending: String,
    best: Kept,
    worst: Kept,
}

#[derive(Debug, Default)]
struct Kept {
    log: Option<EpisodeLog>,
    is_written: bool,
}

impl KeptEpisodes {
    /// Creates an empty set for a run whose policies decide for these kinds of agents, named in the game's order.
    pub fn new<'a>(seed: Seed, kinds: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let is_only = kinds.len() == 1;
        let ending = |kind| if is_only { String::new() } else { ending(kind) };
        let kinds = kinds.map(|kind| KeptOfKind { ending: ending(kind), ..KeptOfKind::default() }).collect();
        Self { seed, kinds, ordinary: Default::default(), slot: None }
    }

    /// Reads the episodes that a resumed run has kept. Files that can't be read are left out.
    pub fn take_up(&mut self, folder: &Path) {
        for (name, kept) in self.named() {
            let path = path(folder, &name);
            let log = files::check(&path, Links::Refuse).ok().and_then(|()| EpisodeLog::read(&path).ok());
            *kept = Kept { is_written: log.is_some(), log };
        }
    }

    /// Sets the bounds of the recorders for the coming iteration, and which of them keeps an ordinary episode.
    pub fn before<'a>(&mut self, iteration: u64, recorders: impl ExactSizeIterator<Item = &'a mut Recorder>) {
        self.slot = slot(self.seed, iteration);
        let chosen = iteration.checked_rem(recorders.len() as u64).filter(|_| self.slot.is_some());
        for (index, recorder) in (0..).zip(recorders) {
            recorder.iteration = iteration;
            for ((kind, kept), bounds) in self.kinds.iter().enumerate().zip(&mut recorder.bounds) {
                *bounds = kept.bounds(kind);
            }
            recorder.wants_any = chosen == Some(index);
        }
    }

    /// Takes the episodes that the recorders kept, in order.
    pub fn after<'a>(&mut self, recorders: impl Iterator<Item = &'a mut Recorder>) {
        for TakenEpisodes { kinds, any } in recorders.map(Recorder::take) {
            for ((kind, kept), ExtremeEpisodes { best, worst }) in self.kinds.iter_mut().enumerate().zip(kinds) {
                kept.best.replace(best, kind, |new, old| new > old);
                kept.worst.replace(worst, kind, |new, old| new < old);
            }
            if let (Some(slot), Some(log)) = (self.slot, any) {
                self.ordinary[slot] = Kept { log: Some(log), is_written: false };
            }
        }
    }

    /// Writes the episodes that were not written yet.
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
        self.kinds.iter_mut().flat_map(KeptOfKind::named).chain(ordinary)
    }
}

impl KeptOfKind {
    fn named(&mut self) -> [(String, &mut Kept); 2] {
        let Self { ending, best, worst } = self;
        [(format!("{BEST}{ending}"), best), (format!("{WORST}{ending}"), worst)]
    }

    /// The bounds beyond which a return replaces one of these episodes; `kind` is the kind's index among those of the
    /// logs.
    fn bounds(&self, kind: usize) -> ReturnBounds {
        let none = ReturnBounds::default();
        ReturnBounds {
            best_above: self.best.reward(kind).unwrap_or(none.best_above),
            worst_below: self.worst.reward(kind).unwrap_or(none.worst_below),
        }
    }
}

impl Kept {
    fn reward(&self, kind: usize) -> Option<f32> {
        self.log.as_ref()?.head.kinds.get(kind).map(|kind| kind.reward)
    }

    fn replace(&mut self, log: Option<EpisodeLog>, kind: usize, is_better: fn(f32, f32) -> bool) {
        let new = Self { log, is_written: false };
        if let Some(reward) = new.reward(kind)
            && self.reward(kind).is_none_or(|old| is_better(reward, old))
        {
            *self = new;
        }
    }
}

/// The names of the best episode and of the worst, or the beginnings of their names.
const BEST: &str = "best";
const WORST: &str = "worst";

/// The ending of the name of a kind's best episode, after `best`: `-Chaser`. Characters that not every file system
/// takes are replaced.
fn ending(kind: &str) -> String {
    let safe = |letter: char| if letter.is_alphanumeric() || letter == '_' { letter } else { '_' };
    format!("-{}", kind.chars().map(safe).collect::<String>())
}

/// The file of an episode in the folder of episodes.
fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.episode"))
}

/// The episodes in a folder of episodes, each with its name: the best and the worst, with several kinds of agents those
/// of each kind, then ordinary ones by their number.
pub fn kept_episodes(folder: &Path) -> Vec<(String, PathBuf)> {
    let is_regular = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let regular = fs::read_dir(folder).into_iter().flatten().flatten().filter(is_regular).map(|entry| entry.path());
    let of_episodes = regular.filter(|path| path.extension().is_some_and(|end| end == "episode"));
    let named = of_episodes.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)));
    let mut episodes = named.collect::<Vec<_>>();
    episodes.sort_by_cached_key(|(name, _)| (rank(name), name.parse::<u32>().ok(), name.clone()));
    episodes
}

/// The rank of an episode of this name in a list.
fn rank(name: &str) -> u8 {
    let is = |word: &str| name.strip_prefix(word).is_some_and(|ending| ending.is_empty() || ending.starts_with('-'));
    [BEST, WORST].iter().position(|word| is(word)).map_or(2, |rank| rank as u8)
}

/// The file of the kept episode with this name. Where the kinds of agents have a best and a worst one each, `best` and
/// `worst` mean those of the first kind.
pub fn kept_episode(episodes: &[(String, PathBuf)], name: &str) -> Option<PathBuf> {
    let found = |name: &str| episodes.iter().find(|(known, _)| known == name).map(|(_, path)| path.clone());
    found(name).or_else(|| {
        let of_kinds = |(known, _): &&(String, PathBuf)| matches!(name, BEST | WORST) && rank(known) == rank(name);
        let log = EpisodeLog::read(&episodes.iter().find(of_kinds)?.1).ok()?;
        log.head.kinds.iter().find_map(|kind| found(&format!("{name}{}", ending(&kind.name))))
    })
}

/// The index of an iteration's episode among the ordinary ones; `None` if it is not drawn.
fn slot(seed: Seed, iteration: u64) -> Option<usize> {
    let draw = if iteration < ORDINARY as u64 { iteration } else { seed.derive(iteration).bits() % (iteration + 1) };
    usize::try_from(draw).ok().filter(|&slot| slot < ORDINARY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log;

    fn log_of(reward: f32) -> Option<EpisodeLog> {
        let mut log = log::tests::log();
        log.head.kinds[0].reward = reward;
        Some(log)
    }

    #[test]
    fn better_ones_replace_the_best_and_only_they() {
        let mut best = Kept::default();
        let rewards = [1.0, 0.5, 2.0, 2.0].map(|reward| {
            best.replace(log_of(reward), 0, |new, old| new > old);
            best.reward(0)
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
        let mut kept = KeptEpisodes::new(Seed::new(1), ["Plate"].into_iter());
        kept.kinds[0].best.replace(log_of(2.0), 0, |_, _| true);
        kept.ordinary[3].replace(log_of(1.0), 0, |_, _| true);
        kept.write(folder.path()).unwrap();
        fs::write(path(folder.path(), "worst"), "nonsense").unwrap();
        let mut again = KeptEpisodes::new(Seed::new(1), ["Plate"].into_iter());
        again.take_up(folder.path());
        let [of_kind] = &again.kinds[..] else { panic!("there is one kind") };
        assert_eq!((of_kind.best.reward(0), of_kind.worst.reward(0)), (Some(2.0), None));
        assert_eq!(again.ordinary[3].reward(0), Some(1.0));
        assert!(of_kind.best.is_written);
    }
}
