//! Resuming a run from its newest checkpoint.
//!
//! # What goes on
//!
//! Weights, the optimiser's moments and steps, the statistics of observations and rewards, the counters that schedules
//! and seeds follow, and the episodes that the mean return is taken over: all of that is in a checkpoint, and a resumed
//! run has it to the bit. Curves go on in the same files; what was written of them after the checkpoint is cut off.
//!
//! # What the same run means
//!
//! Worlds are no part of a checkpoint: only the game knows their state. They are built anew, every agent begins an
//! episode, and their seeds derive from the run's and from the iteration at which it goes on
//! ([`Blueprint::iteration`]). So
//!
//! - resumed twice from one checkpoint, a run learns the same, bit for bit, with any number of threads;
//! - a run that was stopped and resumed has other episodes from there on than if it had never stopped: its parameters
//!   and its learning go on, its episodes are others.
//!
//! [`Blueprint::iteration`]: crate::training::Blueprint::iteration

use std::path::Path;
use std::sync::Arc;

use ludus_policy::files;
use ludus_policy::{PolicyError, PolicyFile, remove_parts};
use ludus_spec::AgentSpec;

use crate::checkpoints::FoundCheckpoints;
use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::lock::RunLock;
use crate::record::CurriculumStages;

/// The folder that a run writes to.
#[derive(Debug)]
pub(crate) enum RunTarget<'a> {
    /// A new folder in this folder of runs.
    New(&'a Path),
    /// The same, for a game that was checked before.
    #[cfg_attr(not(feature = "tune"), expect(dead_code, reason = "only a search checks a game once for many runs"))]
    NewOfChecked(&'a Path),
    /// The folder of a run that is resumed.
    Old(Box<Resumption>),
}

/// A run that is about to be resumed.
#[derive(Debug)]
pub(crate) struct Resumption {
    pub folder: RunFolder,
    pub lock: RunLock,
    pub found: FoundCheckpoints,
}

impl RunTarget<'_> {
    /// Iterations that are over.
    pub fn iteration(&self) -> u64 {
        match self {
            Self::New(_) | Self::NewOfChecked(_) => 0,
            Self::Old(resumption) => resumption.iteration(),
        }
    }

    /// The stages of curricula in which the run begins or goes on.
    pub fn stages(&self) -> CurriculumStages {
        match self {
            Self::New(_) | Self::NewOfChecked(_) => CurriculumStages::default(),
            Self::Old(resumption) => resumption.stages(),
        }
    }
}

impl RunTarget<'_> {
    /// The folder of runs that it is in.
    pub fn runs(&self) -> &Path {
        match self {
            Self::New(runs) | Self::NewOfChecked(runs) => runs,
            Self::Old(resumption) => resumption.folder.path().parent().unwrap_or(Path::new("")),
        }
    }
}

impl Resumption {
    /// Locks a run's folder, removes incomplete files, and finds the newest good checkpoint of agents like these.
    ///
    /// A run that was stopped before its first checkpoint has none and begins anew, with the config that it has.
    ///
    /// # Errors
    ///
    /// If it is not a run's folder, if another process trains the run, if there are checkpoints, but none is good, if
    /// there are none and a policy is there, or if the newest good one is of other agents.
    pub fn open(folder: RunFolder, specs: &[Arc<AgentSpec>]) -> Result<Self, TrainError> {
        folder.check()?;
        let run = || folder.path().to_owned();
        if !folder.config().is_file() {
            return Err(TrainError::NotBegun { run: run() });
        }
        let lock = RunLock::take(&folder)?;
        let checkpoints = folder.checkpoints();
        files::create_own_folder(&checkpoints).map_err(at(&checkpoints))?;
        // Only this process writes here, so files that are not whole will never be.
        for place in [folder.path(), &checkpoints, &folder.episodes(), &folder.policies(), &folder.versions()]
            .into_iter()
            .filter(|place| place.is_dir())
        {
            remove_parts(place).map_err(at(place))?;
        }
        let mut found = FoundCheckpoints::newest_good(&checkpoints, &folder.read_id()).map_err(at(&checkpoints))?;
        if found.checkpoint.is_none() && !found.skipped.is_empty() {
            let skipped = std::mem::take(&mut found.skipped);
            return Err(TrainError::NoGoodCheckpoint { run: run(), skipped });
        }
        // A checkpoint is saved before the policy is, so there were some.
        if found.checkpoint.is_none() && folder.has_policy() {
            return Err(TrainError::CheckpointsGone { run: run() });
        }
        let resumption = Self { folder, lock, found };
        resumption.check(specs)?;
        Ok(resumption)
    }

    /// Renames the files that the run would overwrite, and policies that are newer than its checkpoint; returns a
    /// sentence for each.
    pub fn set_aside(&self) -> Result<Vec<String>, TrainError> {
        let checkpoints = self.folder.checkpoints();
        let mut aside = self.found.set_aside().map_err(at(&checkpoints))?;
        for path in self.folder.policy_files() {
            if let Ok(policy) = PolicyFile::read(&path)
                && self.is_lost_with(&policy)
            {
                let kind = path.file_stem().unwrap_or_default().to_string_lossy();
                let stem = format!("{kind}-after-{}", policy.origin.steps);
                let new = files::set_aside(&path, &stem).map_err(at(&path))?;
                aside.extend(new.map(|new| (path, new)));
            }
        }
        Ok(aside.iter().map(|(path, new)| aside_sentence(path, new)).collect())
    }

    /// True if this policy, which the run has saved, is not in the checkpoint and not older than it.
    fn is_lost_with(&self, policy: &PolicyFile) -> bool {
        let Some((_, checkpoint)) = &self.found.checkpoint else { return false };
        let is_newer = policy.origin.steps >= checkpoint.steps();
        // A kind that shares a policy has one of its own name with the same weights.
        is_newer && !checkpoint.policies.iter().any(|known| known.policy.parameters == policy.parameters)
    }

    /// Steps that are over.
    pub fn steps(&self) -> u64 {
        self.found.checkpoint.as_ref().map_or(0, |(_, checkpoint)| checkpoint.steps())
    }

    /// Checks that the checkpoint is of agents like these. The error has the first difference.
    fn check(&self, specs: &[Arc<AgentSpec>]) -> Result<(), PolicyError> {
        let Some((path, checkpoint)) = &self.found.checkpoint else { return Ok(()) };
        for saved in &checkpoint.policies {
            let trained = &saved.policy.spec;
            let named = specs.iter().find(|spec| spec.name == trained.name);
            // Another name is a difference too, where there is only one kind.
            let Some(spec) = named.or_else(|| specs.first()) else { continue };
            // The critic's view of a team is no part of the game's rows.
            if let Some(difference) = spec.row_difference_from(&trained.without_team_view()) {
                return Err(PolicyError::OtherLayout { path: path.clone(), agent: spec.name.clone(), difference });
            }
        }
        Ok(())
    }

    fn stages(&self) -> CurriculumStages {
        let checkpoint = self.found.checkpoint.as_ref();
        checkpoint.map_or_else(CurriculumStages::default, |(_, checkpoint)| checkpoint.record.curricula.clone())
    }

    fn iteration(&self) -> u64 {
        self.found.checkpoint.as_ref().map_or(0, |(_, checkpoint)| checkpoint.record.iteration)
    }
}

/// The sentence about a file that was renamed.
pub(crate) fn aside_sentence(path: &Path, new: &Path) -> String {
    let name = new.file_name().unwrap_or_default().display();
    format!("`{}` can't be gone on with; it is kept as `{name}`", path.display())
}
