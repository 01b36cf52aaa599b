//! `diff-hash`

use crate::error::TrainError;
use crate::hash_log::{HashComparison, HashPlace, NO_WORLD, compare};
use crate::report::Report;

use super::arguments::DiffHashArguments;
use super::named;
use super::outlet::say;

/// Compares two runs' state hashes. That they differ is an error, so that a script can tell.
pub(super) fn diff_hash(arguments: &DiffHashArguments) -> Result<Report, TrainError> {
    let runs = &arguments.run.runs_dir;
    let (one, other) = (named(runs, &arguments.one)?, named(runs, &arguments.other)?);
    one.check().and_then(|()| other.check())?;
    match compare(&one.hashes(), &other.hashes())? {
        HashComparison::Same { hashes, last_tick } => {
            say(format_args!("the same: {hashes} hashes up to tick {last_tick}"));
            Ok(Report::default())
        }
        HashComparison::Differs(place) => Err(TrainError::Differ { difference: described(&place) }),
    }
}

fn described(HashPlace { tick, world, part, .. }: &HashPlace) -> String {
    match *world {
        NO_WORLD => format!("`{part}` of what was learned until tick {tick}"),
        world => format!("`{part}` of world {world} at tick {tick}"),
    }
}
