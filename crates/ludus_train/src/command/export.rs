//! `export`

use std::fs;
use std::path::Path;

use ludus_policy::{PolicyError, PolicyFile, files};

use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::report::Report;

use super::arguments::ExportArguments;
use super::eval::{find, folder_around};
use super::outlet::say;
use super::{Program, policy_asset};

/// Writes a policy without what only its training needs.
pub(super) fn export(program: &Program, arguments: &ExportArguments) -> Result<Report, TrainError> {
    let spec = program.spec()?;
    let found = find(program, arguments.of.as_deref(), &arguments.run.runs_dir)?;
    let policy = PolicyFile::read_for(&found.policy, &spec)?;
    let shipped = policy_asset(&program.definition.name);
    let to = match &arguments.to {
        Some(file) => file.clone(),
        None => in_its_folder(if arguments.onnx { shipped.with_extension("onnx") } else { shipped })?,
    };
    write(&policy, &to, arguments)?;
    say(format_args!("policy: {}, from {} after {} steps", to.display(), found.policy.display(), policy.origin.steps));
    let run_dir = found.folder.as_ref().map(RunFolder::path).map(Path::to_owned);
    Ok(Report { run_dir, env_steps: policy.origin.steps, policy: Some(to), ..Report::default() })
}

/// Writes the policy where `to` leads to: a link stays one.
///
/// # Errors
///
/// If there is something else than a regular file, or one that a run has saved.
fn write(policy: &PolicyFile, to: &Path, arguments: &ExportArguments) -> Result<(), TrainError> {
    let unwritable = |source| PolicyError::Unwritable { path: to.to_owned(), source };
    let to = &files::destination(to).map_err(unwritable)?;
    if to.exists() && folder_around(to).is_some_and(|run| run.checkpoints().is_dir()) {
        return Err(TrainError::OfARun { path: to.clone() });
    }
    Ok(if arguments.onnx { policy.write_onnx(to) } else { policy.write(to) }?)
}

/// The file, whose folder is there now.
fn in_its_folder(file: std::path::PathBuf) -> Result<std::path::PathBuf, TrainError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(at(folder))?;
    Ok(file)
}
