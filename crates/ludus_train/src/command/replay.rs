//! The command `replay`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ludus_policy::files;

use crate::error::TrainError;
use crate::folder::{LATEST, RunFolder};
use crate::report::{KindReport, Report};
use ludus_replay::{Difference, EpisodeHead, EpisodeKind, EpisodeLog, Replay, kept_episode, kept_episodes};

use super::Program;
use super::arguments::ReplayArguments;
use super::outlet::say;

/// Runs `replay`: plays an episode again. A difference is an error, which sets the exit code.
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
    let kept = kept_episodes(&folder.episodes());
    let names = kept.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    let valid = match names.as_slice() {
        [] => "it kept none: no episode of the arenas that are recorded has ended".to_owned(),
        names => format!("valid: {}", names.join(", ")),
    };
    kept_episode(&kept, name).ok_or_else(|| TrainError::NoEpisode {
        run: folder.path().to_owned(),
        name: name.to_owned(),
        valid,
    })
}

fn described(head: &EpisodeHead) -> String {
    let place = head.arena.map_or_else(String::new, |arena| format!(" in arena {arena}"));
    let number = head.numbers.get(1).copied().unwrap_or_default();
    format!(
        "return {} in {} steps, {:?}; episode {number}{place} of world {}, iteration {}",
        returns(head),
        head.steps,
        head.outcome,
        head.world,
        head.iteration
    )
}

/// `3.20`, or `Chaser 3.20, Runner -1.00` where there are several kinds.
fn returns(head: &EpisodeHead) -> String {
    match &head.kinds[..] {
        [only] => format!("{:.2}", only.reward),
        kinds => kinds.iter().map(|kind| format!("{} {:.2}", kind.name, kind.reward)).collect::<Vec<_>>().join(", "),
    }
}

fn report(head: &EpisodeHead) -> Report {
    let agents = head.kinds.iter().map(|kind| u64::from(kind.rows)).sum::<u64>();
    let of_kind = |kind: &EpisodeKind| {
        let (mean_return, mean_length) = (f64::from(kind.reward), f64::from(head.steps));
        let (terms, success) = (BTreeMap::new(), None);
        let report = KindReport { mean_return, std_return: 0.0, episodes: 1, mean_length, terms, success };
        (kind.name.clone(), report)
    };
    let (mean_return, kinds) = match &head.kinds[..] {
        [only] => (Some(f64::from(only.reward)), BTreeMap::new()),
        kinds => (None, kinds.iter().map(of_kind).collect()),
    };
    Report {
        same: Some(true),
        mean_return,
        kinds,
        mean_length: Some(f64::from(head.steps)),
        episodes: 1,
        env_steps: u64::from(head.steps) * agents,
        ..Report::default()
    }
}
