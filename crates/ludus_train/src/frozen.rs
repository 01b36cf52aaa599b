//! Frozen policies, which decide in a run and are not learned in it.

use std::path::{Path, PathBuf};

use ludus_spec::AgentSpec;

use crate::folder::RunFolder;
use crate::shipped::shipped;

/// The file that a config names in `Frozen("…")`: a policy file, one that comes with the game, or the policy of this
/// kind of agents in a run's folder.
pub(crate) fn frozen_file(named: &Path, spec: &AgentSpec) -> PathBuf {
    if named.is_dir() {
        return RunFolder::open(named).policy_of(&spec.name);
    }
    shipped(named).unwrap_or_else(|| named.to_owned())
}
