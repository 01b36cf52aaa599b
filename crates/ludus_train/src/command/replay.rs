//! `replay`

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::TrainError;
use crate::replay::{Difference, EpisodeHead, EpisodeLog, Replay, episode_path};
use crate::report::Report;

use super::arguments::ReplayArguments;
use super::outlet::say;
use super::{Program, named};

/// Plays an episode again. That it differs is an error, so that a script can tell.
pub(super) fn replay(program: &Program, arguments: &ReplayArguments) -> Result<Report, TrainError> {
    let path = find(arguments)?;
    let mut replay = Replay::open(&program.game, EpisodeLog::read(&path)?)?;
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

fn find(arguments: &ReplayArguments) -> Result<PathBuf, TrainError> {
    if arguments.of.is_file() {
        return Ok(arguments.of.clone());
    }
    let folder = named(&arguments.run.runs_dir, &arguments.of)?;
    let (name, episodes) = (&arguments.episode, folder.episodes());
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let path = Some(episode_path(&episodes, name)).filter(|path| is_name && path.is_file());
    let missing =
        || TrainError::NoEpisode { run: folder.path().to_owned(), name: name.clone(), valid: valid(&episodes) };
    path.ok_or_else(missing)
}

/// The names of the episodes that there are.
fn valid(episodes: &Path) -> String {
    let files = fs::read_dir(episodes).into_iter().flatten().flatten().map(|entry| entry.path());
    let of_episodes = files.filter(|path| path.extension().is_some_and(|end| end == "episode"));
    let mut names = of_episodes.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect::<Vec<_>>();
    names.sort();
    match names.as_slice() {
        [] => "it kept none: no episode of the arenas that are recorded has ended".to_owned(),
        names => format!("valid: {}", names.join(", ")),
    }
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
        mean_return: Some(f64::from(head.reward)),
        mean_length: Some(f64::from(head.steps)),
        episodes: 1,
        env_steps: u64::from(head.steps) * u64::from(head.rows),
        ..Report::default()
    }
}
