//! The command `export`.

use std::fs;
use std::path::{Path, PathBuf};

use ludus_policy::{PolicyError, PolicyFile, files};

use crate::error::{TrainError, at};
use crate::folder::{RunFolder, policy_name};
use crate::report::Report;

use super::arguments::ExportArguments;
use super::outlet::say;
use super::policies::{LocatedPolicy, find, folder_around};
use super::{Program, policy_asset};

/// Runs `export`: writes policies without the data that only training needs.
pub(super) fn export(program: &Program, arguments: &ExportArguments) -> Result<Report, TrainError> {
    let specs = program.specs()?;
    let found = find(program, arguments.of.as_deref(), &arguments.run.runs_dir)?;
    let policies = found.policies_there(&specs)?;
    let shipped = policy_asset(&program.definition.name, specs.len());
    let mut last = None;
    for LocatedPolicy { path, file, .. } in &policies {
        let to = match (&arguments.to, specs.len()) {
            (Some(file), 1) => file.clone(),
            (None, 1) => in_its_folder(ending(shipped.clone(), arguments))?,
            (to, _) => {
                let folder = to.as_ref().unwrap_or(&shipped);
                in_its_folder(ending(folder.join(policy_name(&file.spec.name)), arguments))?
            }
        };
        write(&file.shipped()?, &to, arguments)?;
        say(format_args!("policy: {}, from {} after {} steps", to.display(), path.display(), file.origin.steps));
        last = Some(if specs.len() == 1 { to } else { to.parent().unwrap_or(&to).to_owned() });
    }
    let run_dir = found.folder.as_ref().map(RunFolder::path).map(Path::to_owned);
    let env_steps = policies.iter().map(|policy| policy.file.origin.steps).max().unwrap_or_default();
    Ok(Report { run_dir, env_steps, policy: last, ..Report::default() })
}

fn ending(file: PathBuf, arguments: &ExportArguments) -> PathBuf {
    if arguments.onnx { file.with_extension("onnx") } else { file }
}

/// Writes the policy to `to`. If that is a link, its target is written and the link stays.
///
/// # Errors
///
/// If `to` exists and is not a regular file, or is a file in the folder of a run.
fn write(policy: &PolicyFile, to: &Path, arguments: &ExportArguments) -> Result<(), TrainError> {
    let unwritable = |source| PolicyError::Unwritable { path: to.to_owned(), source };
    let to = &files::destination(to).map_err(unwritable)?;
    if to.exists() && folder_around(to).is_some_and(|run| run.checkpoints().is_dir()) {
        return Err(TrainError::OfARun { path: to.clone() });
    }
    Ok(if arguments.onnx { policy.write_onnx(to) } else { policy.write(to) }?)
}

/// Creates the folder of `file`, and returns `file`.
fn in_its_folder(file: PathBuf) -> Result<PathBuf, TrainError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(at(folder))?;
    Ok(file)
}
