//! `replay`

use std::path::{Path, PathBuf};

use ludus_policy::files;

use crate::error::TrainError;
use crate::folder::{LATEST, RunFolder};
use crate::replay::{Difference, EpisodeHead, EpisodeLog, Replay, kept_episodes};
use crate::report::Report;

use super::Program;
use super::arguments::ReplayArguments;
use super::outlet::say;

/// Plays an episode again. That it differs is an error, so that a script can tell.
pub(super) fn replay(program: &Program, arguments: &ReplayArguments) -> Result<Report, TrainError> {
    let path = find(program, arguments)?;
    let mut replay = Replay::open(&program.definition.game, EpisodeLog::read(&path)?)?;
    say(format_args!("episode: {}", path.display()));
    say(described(&replay.log().head));
    match replay.verify()? {
        Some(Difference { step, tick }) => Err(TrainError::ReplayDiffers { step, tick }),
        None => {
            say(format_args!("the same: {} steps, {} ticks", replay.step(), replay.tick()));
            Ok(report(&replay.log().head))
        }
    }
}

fn find(program: &Program, arguments: &ReplayArguments) -> Result<PathBuf, TrainError> {
    if arguments.of != Path::new(LATEST) && files::is_no_folder(&arguments.of) {
        return Ok(arguments.of.clone());
    }
    episode_of(&program.named(&arguments.run.runs_dir, &arguments.of)?, &arguments.episode)
}

/// The file of an episode that a run kept, by its name.
pub(super) fn episode_of(folder: &RunFolder, name: &str) -> Result<PathBuf, TrainError> {
    folder.check()?;
    let mut kept = kept_episodes(&folder.episodes());
    let names = kept.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    let valid = match names.as_slice() {
        [] => "it kept none: no episode of the arenas that are recorded has ended".to_owned(),
        names => format!("valid: {}", names.join(", ")),
    };
    let found = names.iter().position(|&known| known == name).map(|index| kept.swap_remove(index).1);
    found.ok_or_else(|| TrainError::NoEpisode { run: folder.path().to_owned(), name: name.to_owned(), valid })
}

fn described(head: &EpisodeHead) -> String {
    let place = head.arena.map_or_else(String::new, |arena| format!(" in arena {arena}"));
    let number = head.numbers.get(1).copied().unwrap_or_default();
    format!(
        "return {:.2} in {} steps, {:?}; episode {number}{place} of world {}, iteration {}",
        head.reward, head.steps, head.outcome, head.world, head.iteration
    )
}

fn report(head: &EpisodeHead) -> Report {
    Report {
        same: Some(true),
        mean_return: Some(f64::from(head.reward)),
        mean_length: Some(f64::from(head.steps)),
        episodes: 1,
        env_steps: u64::from(head.steps) * u64::from(head.rows),
        ..Report::default()
    }
}
