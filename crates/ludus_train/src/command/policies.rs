//! The policies that a command uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ludus_policy::{PolicyFile, files};
use ludus_spec::AgentSpec;

use crate::checkpoint::Checkpoint;
use crate::config::{PolicySource, RunConfig};
use crate::error::TrainError;
use crate::folder::{LATEST, RunFolder};
use crate::frozen::frozen_file;

use super::arguments::RunArguments;
use super::{LoadedConfig, MissingConfig, Program};

/// A place with policies: a run, a folder of policies, or a file.
pub(super) struct PolicyLocation {
    pub path: PathBuf,
    /// The run, if the place is its folder or is inside of it.
    pub folder: Option<RunFolder>,
    pub is_file: bool,
}

/// The policy of a kind of agents.
pub(super) struct LocatedPolicy {
    pub kind: usize,
    pub path: PathBuf,
    pub file: PolicyFile,
}

impl PolicyLocation {
    /// The place of policies that are shipped: a file or a folder.
    pub fn shipped(path: PathBuf) -> Self {
        let is_file = path.is_file();
        Self { path, folder: None, is_file }
    }

    /// True if the config is that of the run, unchanged, so that returns can be compared with those of its training.
    pub fn is_as_trained(&self, arguments: &RunArguments) -> bool {
        arguments.config.is_none() && arguments.sets().is_empty() && self.config().is_some()
    }

    /// The run's config, if it has one.
    fn config(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(RunFolder::config).filter(|file| file.is_file())
    }

    /// The file of a kind's policy.
    fn file_of(&self, spec: &AgentSpec) -> PathBuf {
        if self.is_file { self.path.clone() } else { RunFolder::open(&self.path).policy_of(&spec.name) }
    }

    /// Checks that there are policies and that they can be read, before the command prints anything.
    ///
    /// # Errors
    ///
    /// As [`policies_there`](Self::policies_there).
    pub fn check(&self, specs: &[Arc<AgentSpec>]) -> Result<(), TrainError> {
        self.policies_there(specs).map(drop)
    }

    /// The policies of all kinds that a policy decides for.
    ///
    /// # Errors
    ///
    /// If one is not there, can't be read, or is of agents that are laid out otherwise.
    pub fn policies(&self, config: &RunConfig, specs: &[Arc<AgentSpec>]) -> Result<Vec<LocatedPolicy>, TrainError> {
        let mut policies = Vec::with_capacity(specs.len());
        for (kind, spec) in specs.iter().enumerate() {
            let (path, file) = match &config.agent(spec).policy {
                PolicySource::External => continue,
                PolicySource::Frozen(named) => {
                    let path = frozen_file(named, spec);
                    let file = PolicyFile::read_for(&path, spec)?;
                    (path, file)
                }
                PolicySource::Learned => self.policy_of(spec, None, specs.len())?,
                PolicySource::SameAs(owner) => {
                    let owner = specs.iter().find(|spec| spec.name == *owner);
                    self.policy_of(spec, owner.map(|owner| &**owner), specs.len())?
                }
            };
            policies.push(LocatedPolicy { kind, path, file });
        }
        Ok(policies)
    }

    /// The policies that are there, of any kind.
    pub fn policies_there(&self, specs: &[Arc<AgentSpec>]) -> Result<Vec<LocatedPolicy>, TrainError> {
        if let [spec] = specs {
            let (path, file) = self.policy_of(spec, None, 1)?;
            return Ok(vec![LocatedPolicy { kind: 0, path, file }]);
        }
        let mut policies = Vec::new();
        for (kind, spec) in specs.iter().enumerate() {
            let found = self.read(spec)?;
            policies.extend(found.map(|(path, file)| LocatedPolicy { kind, path, file }));
        }
        match policies.is_empty() {
            true => Err(TrainError::NoPolicyOf { path: self.path.clone(), kind: specs[0].name.clone() }),
            false => Ok(policies),
        }
    }

    /// The policy of a kind, or that of `owner`, with which the kind shares one.
    fn policy_of(
        &self,
        spec: &AgentSpec,
        owner: Option<&AgentSpec>,
        kinds: usize,
    ) -> Result<(PathBuf, PolicyFile), TrainError> {
        if kinds == 1 {
            let path = self.file_of(spec);
            let file = PolicyFile::read_for(&path, spec)?;
            return Ok((path, file));
        }
        if let Some(own) = self.read(spec)? {
            return Ok(own);
        }
        if let Some(owner) = owner
            && let Some((path, file)) = self.read(owner)?
        {
            return Ok((path, PolicyFile { spec: spec.clone(), ..file }));
        }
        Err(TrainError::NoPolicyOf { path: self.path.clone(), kind: spec.name.clone() })
    }

    /// The policy of one of several kinds; `None` if it is not there.
    fn read(&self, spec: &AgentSpec) -> Result<Option<(PathBuf, PolicyFile)>, TrainError> {
        let path = self.file_of(spec);
        if !self.is_file && !path.is_file() {
            return Ok(None);
        }
        let file = match PolicyFile::read(&path) {
            Ok(file) => file,
            // A checkpoint has the policies of all kinds.
            Err(error) => match Checkpoint::read(&path) {
                Ok(checkpoint) => match checkpoint.of(&spec.name) {
                    Some(saved) => saved.policy.clone(),
                    None => return Ok(None),
                },
                Err(_) => return Err(error.into()),
            },
        };
        if file.spec.name != spec.name {
            return Ok(None);
        }
        let file = file.for_agents(spec, &path)?;
        Ok(Some((path, file)))
    }
}

/// The policies that are in a file, a run's folder or a folder of policies, each with the index of its kind of agents.
///
/// A kind that shares its policy with another one, as the config says, has that one's.
///
/// # Errors
///
/// If there is none of any kind, if one can't be read, or if one is of agents that are laid out otherwise.
pub fn policies_at(
    path: &Path,
    config: &RunConfig,
    specs: &[Arc<AgentSpec>],
) -> Result<Vec<(usize, PolicyFile)>, TrainError> {
    let named = PolicyLocation { path: path.to_owned(), folder: None, is_file: !path.is_dir() };
    let mut found: Vec<_> = named.policies_there(specs)?.into_iter().map(|found| (found.kind, found.file)).collect();
    for (kind, spec) in specs.iter().enumerate() {
        let PolicySource::SameAs(owner) = &config.agent(spec).policy else { continue };
        let is_missing = found.iter().all(|(there, _)| *there != kind);
        let owner = found.iter().find(|(there, _)| specs[*there].name == *owner).filter(|_| is_missing);
        if let Some((_, file)) = owner {
            let shared = PolicyFile { spec: (**spec).clone(), ..file.clone() };
            found.push((kind, shared));
        }
    }
    Ok(found)
}

/// Finds the place of policies: a run's folder, its name in `runs`, a folder of policies, or a file. It is the newest
/// run for `latest`, and without a name.
pub(super) fn find(program: &Program, named: Option<&Path>, runs: &Path) -> Result<PolicyLocation, TrainError> {
    let named = named.unwrap_or(Path::new(LATEST));
    if named != Path::new(LATEST) && files::is_no_folder(named) {
        return Ok(PolicyLocation { folder: folder_around(named), path: named.to_owned(), is_file: true });
    }
    let folder = program.named(runs, named)?;
    folder.check()?;
    Ok(PolicyLocation { path: folder.path().to_owned(), folder: Some(folder), is_file: false })
}

/// The config that the arguments name, or else that of the run that was found, or else the game's own.
pub(super) fn find_config(
    program: &Program,
    found: &PolicyLocation,
    arguments: &RunArguments,
    specs: &[Arc<AgentSpec>],
) -> Result<LoadedConfig, TrainError> {
    match arguments.config.clone().or_else(|| found.config()) {
        Some(file) => program.config_from(file, arguments, specs),
        None => program.config(arguments, specs, MissingConfig::Defaults),
    }
}

/// The run's folder that contains a policy or a checkpoint.
pub(super) fn folder_around(policy: &Path) -> Option<RunFolder> {
    let around = policy.ancestors().skip(1).take(2).map(RunFolder::open);
    around.into_iter().find(|folder| folder.config().is_file())
}

/// Sets the decision interval of every kind to that of its policy's training.
pub(super) fn with_intervals(mut config: RunConfig, policies: &[LocatedPolicy], specs: &[Arc<AgentSpec>]) -> RunConfig {
    for LocatedPolicy { kind, file, .. } in policies {
        config.set_interval(specs, *kind, file.decision_interval);
    }
    config
}
