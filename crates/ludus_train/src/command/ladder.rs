//! The command `ladder`.

use std::path::Path;

use crate::error::TrainError;
use crate::folder::LATEST;
use crate::report::Report;
use crate::run_ladder::run_ladder;
use crate::self_play::LadderEntry;

use super::Program;
use super::arguments::LadderArguments;
use super::outlet::say;

/// Most players whose shares against each other are printed; JSON has all.
const MOST_SHOWN: usize = 12;

/// Runs `ladder`: prints the players of a run by their ratings, and the shares of the points among the strongest.
pub(super) fn ladder(program: &Program, arguments: &LadderArguments) -> Result<Report, TrainError> {
    let named = arguments.of.as_deref().unwrap_or(Path::new(LATEST));
    let folder = program.named(&arguments.run.runs_dir, named)?;
    folder.check()?;
    let Some(rungs) = run_ladder(&folder)? else {
        return Err(TrainError::NoLadder { run: folder.path().to_owned() });
    };
    say("ratings: the first version has 0; 400 points more win ten times as often");
    rungs.iter().for_each(|rung| say(line_of(rung)));
    say("shares of the points, by row against column:");
    let shown = &rungs[..rungs.len().min(MOST_SHOWN)];
    shown.iter().enumerate().for_each(|(place, rung)| say(row_of(place, rung, shown.len())));
    Ok(Report { run_dir: Some(folder.path().to_owned()), ladder: Some(rungs), ..Report::default() })
}

fn line_of(rung: &LadderEntry) -> String {
    let LadderEntry { player, rating, error, matches, file, .. } = rung;
    let file = file.as_ref().map_or_else(String::new, |file| format!("  versions/{file}"));
    format!("{rating:8.0} ± {:.0}  {player}  {matches} matches{file}", 1.96 * error)
}

fn row_of(place: usize, rung: &LadderEntry, columns: usize) -> String {
    let share = |share: &Option<f64>| share.map_or_else(|| "    -".to_owned(), |share| format!(" {share:.2}"));
    let shares: String = rung.shares[..columns].iter().map(share).collect();
    format!("{:3}{shares}  {}", place + 1, rung.player)
}
