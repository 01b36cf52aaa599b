//! The command `watch`.

use std::num::NonZeroUsize;

use bevy::app::AppExit;

use crate::error::TrainError;
use crate::report::Report;
use crate::window::{ShownPolicy, WatchRequest};

use super::arguments::WatchArguments;
use super::outlet::say_json;
use super::policies::{find, find_config, with_intervals};
use super::replay::episode_of;
use super::{LoadedConfig, MissingConfig, Program, cores};

/// Runs `watch`: opens the editor's window. Returns the exit code.
pub(super) fn watch(program: &Program, arguments: &WatchArguments) -> Result<u8, TrainError> {
    let windows = program.windows.ok_or_else(|| TrainError::NoWindow { game: program.definition.name.clone() })?;
    let request = request(program, arguments)?;
    let exit = (windows.watch)(request)?;
    if arguments.run.json {
        say_json(&Report::default().to_json());
    }
    match exit {
        AppExit::Success => Ok(0),
        AppExit::Error(code) => Ok(code.get()),
    }
}

/// The number of threads beside a window: one less than there are cores, so that the window keeps up with the display.
/// The result of training does not depend on it.
fn threads_beside_a_window() -> usize {
    cores().saturating_sub(1).max(1)
}

fn request(program: &Program, arguments: &WatchArguments) -> Result<WatchRequest, TrainError> {
    let run = &arguments.run;
    let specs = program.specs()?;
    let (LoadedConfig { config, .. }, shown) = match &arguments.of {
        // The window trains, which takes a config.
        None => (program.config(run, &specs, MissingConfig::Refused)?, None),
        Some(named) => {
            let found = find(program, Some(named), &run.runs_dir)?;
            found.check(&specs)?;
            let LoadedConfig { config, file } = find_config(program, &found, run, &specs)?;
            let policies = found.policies(&config, &specs)?;
            let config = with_intervals(config, &policies, &specs);
            let file_shown = match &policies[..] {
                [only] => only.path.clone(),
                _ => found.path.clone(),
            };
            let shown = ShownPolicy { file: file_shown, run: found.folder };
            (LoadedConfig { config, file }, Some(shown))
        }
    };
    let folder = shown.as_ref().and_then(|shown: &ShownPolicy| shown.run.as_ref());
    let replay = arguments.replay.as_deref().zip(folder).map(|(name, folder)| episode_of(folder, name)).transpose()?;
    Ok(WatchRequest {
        definition: program.definition.clone(),
        specs,
        config,
        learner: arguments.learner.choice(),
        threads: run.threads.map_or_else(threads_beside_a_window, NonZeroUsize::get),
        runs: run.runs_dir.clone(),
        shown,
        replay,
        script: arguments.script.clone(),
        record: arguments.record.clone(),
    })
}
