//! `export`

use std::fs;
use std::path::Path;

use ludus_policy::PolicyFile;

use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::report::Report;

use super::arguments::ExportArguments;
use super::eval::find;
use super::outlet::say;
use super::{Program, policy_asset};

/// Writes a policy without what only its training needs.
pub(super) fn export(program: &Program, arguments: &ExportArguments) -> Result<Report, TrainError> {
    let spec = program.spec()?;
    let found = find(program, arguments.of.as_deref(), &arguments.run.runs_dir)?;
    let policy = PolicyFile::read_for(&found.policy, &spec)?;
    let shipped = policy_asset(&program.name);
    let to = match &arguments.to {
        Some(file) => file.clone(),
        None => in_its_folder(if arguments.onnx { shipped.with_extension("onnx") } else { shipped })?,
    };
    write(&policy, &to, arguments)?;
    say(format_args!("policy: {}, from {} after {} steps", to.display(), found.policy.display(), policy.origin.steps));
    let run_dir = found.folder.as_ref().map(RunFolder::path).map(Path::to_owned);
    Ok(Report { run_dir, env_steps: policy.origin.steps, policy: Some(to), ..Report::default() })
}

fn write(policy: &PolicyFile, to: &Path, arguments: &ExportArguments) -> Result<(), TrainError> {
    Ok(if arguments.onnx { policy.write_onnx(to) } else { policy.write(to) }?)
}

/// The file, whose folder is there now.
fn in_its_folder(file: std::path::PathBuf) -> Result<std::path::PathBuf, TrainError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(at(folder))?;
    Ok(file)
}
