//! The ladder of a run, as its newest checkpoint has it.

use crate::checkpoints::FoundCheckpoints;
use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::self_play::{LadderEntry, ladder};

/// Returns the players of a run by their ratings, the strongest first; `None` without a good checkpoint, and for a run
/// whose policy does not play against itself.
///
/// # Errors
///
/// If the folder of checkpoints can't be read.
pub fn run_ladder(folder: &RunFolder) -> Result<Option<Vec<LadderEntry>>, TrainError> {
    let checkpoints = folder.checkpoints();
    let found = FoundCheckpoints::newest_good(&checkpoints, &folder.read_id()).map_err(at(&checkpoints))?;
    let record = found.checkpoint.and_then(|(_, checkpoint)| checkpoint.record.self_play);
    Ok(record.as_ref().map(ladder))
}
