//! The command `play`.

use bevy::app::AppExit;
use ludus_policy::ActionChoice;
use ludus_spec::Seed;
use ludus_worlds::Game;

use crate::definition::GameDefinition;
use crate::error::TrainError;
use crate::interrupt;
use crate::play::{
    FirstSide, PlayEvent, PlaySettings, PlayedEpisode, PlayedKind, PlayedOpponents, PlayedPolicy, RecordedPlay,
    play_in_real_time, played,
};
use crate::report::{ActionsTaken, Report};
use crate::window::PlayRequest;

use super::arguments::PlayArguments;
use super::outlet::{note, say, say_json};
use super::policies::{LocatedPolicy, PolicyLocation, find, find_config};
use super::{LoadedConfig, Program, policy_asset};
use crate::shipped::shipped;

/// Runs `play`: plays the game with its policies, in a window or without. Returns the exit code.
pub(super) fn play(program: &Program, arguments: &PlayArguments) -> Result<u8, TrainError> {
    let specs = program.specs()?;
    if arguments.against.is_some() && specs.iter().all(|spec| spec.teams.is_empty()) {
        return Err(TrainError::NoTeams);
    }
    let found = find_policies(program, arguments, specs.len())?;
    found.check(&specs)?;
    let against = arguments.against.as_deref();
    let opponents = against.map(|named| find(program, Some(named), &arguments.run.runs_dir)).transpose()?;
    let LoadedConfig { config, .. } = find_config(program, &found, &arguments.run, &specs)?;
    let policies = found.policies(&config, &specs)?;
    let seed = Seed::new(config.seed);
    let choice = if arguments.sample { ActionChoice::Sampled(seed) } else { ActionChoice::Greedy };
    let blueprint = program.blueprint(specs, config, &arguments.run)?;
    let played_kind = |LocatedPolicy { kind, path, file }: &LocatedPolicy| {
        Ok(PlayedKind {
            name: blueprint.specs[*kind].name.clone(),
            policy: PlayedPolicy::new(file, path, &blueprint, *kind)?,
            weights: blueprint.weights(*kind),
            episode_limit: blueprint.agent(*kind).episode_limit,
        })
    };
    let parameters = blueprint.config.parameters_at(|_| usize::MAX);
    let kinds = policies.iter().map(played_kind).collect::<Result<_, TrainError>>()?;
    let first_side = opponents.as_ref().map(|_| match arguments.of {
        Some(_) => FirstSide::Policy,
        None => FirstSide::Input,
    });
    let opponents = opponents.map(|found| found.policies(&blueprint.config, &blueprint.specs)).transpose()?;
    let opponents = opponents.iter().flatten().map(played_kind).collect::<Result<_, TrainError>>()?;
    let against = first_side.map(|first_side| PlayedOpponents { kinds: opponents, first_side });
    let recorded = arguments.record.as_ref().map(|folder| {
        note(format_args!("recording every episode, whoever decides in it, to `{}`", folder.display()));
        RecordedPlay { game: program.definition.name.clone(), folder: folder.clone() }
    });
    let settings = PlaySettings { choice, seed, kinds, parameters, against, recorded };
    let game = played(program.definition.game.clone(), settings);
    match (program.windows, &program.definition.visuals) {
        (Some(windows), Some(_)) if !arguments.headless && arguments.episodes.is_none() => {
            let request = PlayRequest { definition: GameDefinition { game, ..program.definition.clone() } };
            let exit = (windows.play)(request)?;
            if arguments.run.json {
                say_json(&Report::default().to_json());
            }
            Ok(if let AppExit::Error(code) = exit { code.get() } else { 0 })
        }
        _ => tell_episodes(&game, &policies, &found, arguments),
    }
}

/// Plays without a window, and prints the return of every episode.
fn tell_episodes(
    game: &Game,
    policies: &[LocatedPolicy],
    found: &PolicyLocation,
    arguments: &PlayArguments,
) -> Result<u8, TrainError> {
    let paths: Vec<_> = policies.iter().map(|policy| policy.path.display().to_string()).collect();
    let path = paths.join(" and ");
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

/// Finds the policies that the arguments name, or else those that are shipped with the game.
fn find_policies(program: &Program, arguments: &PlayArguments, kinds: usize) -> Result<PolicyLocation, TrainError> {
    // A person who plays against a policy needs no other one.
    if let Some(named) = arguments.of.as_deref().or(arguments.against.as_deref()) {
        return find(program, Some(named), &arguments.run.runs_dir);
    }
    let path = policy_asset(&program.definition.name, kinds);
    let none = || TrainError::NoShippedPolicy { game: program.definition.name.clone(), path: path.clone() };
    Ok(PolicyLocation::shipped(shipped(&path).ok_or_else(none)?))
}

fn tell(event: PlayEvent<'_>) {
    match event {
        PlayEvent::Ended(number, PlayedEpisode { kind, episode }) => {
            let of = kind.as_ref().map_or_else(String::new, |kind| format!(" of `{kind}`"));
            say(format_args!("episode {number}{of}: return {:.2}, {} steps", episode.reward, episode.steps));
        }
        PlayEvent::GoesOn { steps, reward } => {
            note(format_args!("an episode goes on: return {reward:.2} so far, {steps} steps"));
        }
    }
}
