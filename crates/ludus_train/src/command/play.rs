//! `play`

use bevy::app::AppExit;
use ludus_agent::FinishedEpisode;
use ludus_policy::{ActionChoice, PolicyFile};
use ludus_spec::Seed;
use ludus_worlds::Game;

use crate::definition::GameDefinition;
use crate::error::TrainError;
use crate::interrupt;
use crate::play::{PlayEvent, PlaySettings, PlayedPolicy, play_in_real_time, played};
use crate::report::{ActionsTaken, Report};
use crate::window::PlayRequest;

use super::arguments::PlayArguments;
use super::eval::{Found, find, find_config};
use super::outlet::{note, say, say_json};
use super::{LoadedConfig, Program, policy_asset, shipped};

/// Plays the game with its policy, in a window or without; the code to exit with.
pub(super) fn play(program: &Program, arguments: &PlayArguments) -> Result<u8, TrainError> {
    let spec = program.spec()?;
    let found = find_policy(program, arguments)?;
    let file = PolicyFile::read_for(&found.policy, &spec)?;
    let LoadedConfig { config, .. } = find_config(program, &found, &arguments.run, &spec)?;
    let (seed, agent) = (Seed::new(config.seed), config.agent(&spec));
    let choice = if arguments.sample { ActionChoice::Sampled(seed) } else { ActionChoice::Greedy };
    let (weights, episode_limit) = (agent.weights(&spec), agent.episode_limit);
    let blueprint = program.blueprint(spec.clone(), config.clone(), &arguments.run)?;
    let policy = PlayedPolicy::new(&file, &found.policy, &blueprint)?;
    let game = played(program.definition.game.clone(), policy, PlaySettings { choice, seed, weights, episode_limit });
    match (program.windows, &program.definition.visuals) {
        (Some(windows), Some(_)) if !arguments.headless && arguments.episodes.is_none() => {
            let request = PlayRequest { definition: GameDefinition { game, ..program.definition.clone() } };
            let exit = (windows.play)(request)?;
            if arguments.run.json {
                say_json(&Report::default().to_json());
            }
            Ok(if let AppExit::Error(code) = exit { code.get() } else { 0 })
        }
        _ => tell_episodes(&game, &found, arguments),
    }
}

/// Plays without a window.
fn tell_episodes(game: &Game, found: &Found, arguments: &PlayArguments) -> Result<u8, TrainError> {
    let path = found.policy.display();
    let choice = if arguments.sample { "drawn actions" } else { "the most probable actions" };
    note(format_args!("playing {path} in real time with {choice}, without a window; Ctrl-C ends it"));
    let episodes = arguments.episodes.map_or(u32::MAX, |episodes| episodes.get());
    let interrupted = interrupt::listen(|| note("ending; again to end at once"));
    let played = play_in_real_time(game, episodes, interrupted, &mut tell)?;
    if played.has_quit {
        note(format_args!("the game wrote `AppExit` after {} episodes, so this was all", played.episodes.len()));
    }
    let run_dir = found.folder.as_ref().map(|folder| folder.path().to_owned());
    if arguments.run.json {
        let actions = if arguments.sample { ActionsTaken::Drawn } else { ActionsTaken::Greedy };
        say_json(&Report { run_dir, actions: Some(actions), ..Report::from(&played) }.to_json());
    }
    Ok(0)
}

/// The policy that was named, or else the one that is shipped.
fn find_policy(program: &Program, arguments: &PlayArguments) -> Result<Found, TrainError> {
    if arguments.of.is_some() {
        return find(program, arguments.of.as_deref(), &arguments.run.runs_dir);
    }
    let path = policy_asset(&program.definition.name);
    let none = || TrainError::NoShippedPolicy { game: program.definition.name.clone(), path: path.clone() };
    Ok(Found { policy: shipped(&path).ok_or_else(none)?, folder: None })
}

fn tell(event: PlayEvent<'_>) {
    match event {
        PlayEvent::Ended(number, FinishedEpisode { reward, steps, .. }) => {
            say(format_args!("episode {number}: return {reward:.2}, {steps} steps"));
        }
        PlayEvent::GoesOn { steps, reward } => {
            note(format_args!("an episode goes on: return {reward:.2} so far, {steps} steps"));
        }
    }
}
