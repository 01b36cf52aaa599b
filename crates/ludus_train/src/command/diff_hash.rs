//! The command `diff-hash`.

use crate::error::TrainError;
use crate::report::Report;
use ludus_replay::{HashComparison, HashPlace, NO_WORLD, compare};

use super::Program;
use super::arguments::DiffHashArguments;
use super::outlet::say;

/// Runs `diff-hash`: compares the state hashes of two runs. A difference is an error, which sets the exit code.
pub(super) fn diff_hash(program: &Program, arguments: &DiffHashArguments) -> Result<Report, TrainError> {
    let runs = &arguments.run.runs_dir;
    let (one, other) = (program.named(runs, &arguments.one)?, program.named(runs, &arguments.other)?);
    one.check().and_then(|()| other.check())?;
    match compare(&one.hashes(), &other.hashes())? {
        HashComparison::Same { hashes, last_tick } => {
            say(format_args!("the same: {hashes} hashes up to tick {last_tick}"));
            Ok(Report { same: Some(true), ..Report::default() })
        }
        HashComparison::Differs(HashPlace { tick, world, part, .. }) => {
            Err(TrainError::Differ { tick, world: (world != NO_WORLD).then_some(world), part })
        }
    }
}
