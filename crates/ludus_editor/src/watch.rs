//! `watch` and `play`: windows from the command line.

use core::num::NonZeroU32;

use bevy::app::AppExit;
use bevy::prelude::*;
use ludus_train::session::SessionSetup;
use ludus_train::{PlayRequest, WatchRequest, WindowFailure, Windows, record_corrections};

use crate::scene::{self, Playback, Players, Replaying};
use crate::script::{self, Script, Trouble};
use crate::snapshot::AgentId;
use crate::takeover::TakeOver;
use crate::{EditorCommand, EditorPlugin, EditorSettings, panels, policies, windowed_app};

/// Number of arenas on screen at first, if the run has as many.
const ARENAS: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// The functions with which the command line opens windows.
pub const WINDOWS: Windows = Windows { watch, play };

/// Opens the editor, and returns when it is closed.
fn watch(request: WatchRequest) -> Result<AppExit, WindowFailure> {
    let trouble = Trouble::default();
    let script = request
        .script
        .as_deref()
        .map(|path| Script::read(path, trouble.clone()))
        .transpose()
        .map_err(WindowFailure::NotOpened)?;
    let (config, specs) = (&request.config, &request.specs);
    let mut players = policies::frozen(config, specs).map_err(WindowFailure::NotOpened)?;
    if let Some(shown) = &request.shown {
        players.extend(policies::load(&shown.file, config, specs).map_err(WindowFailure::NotOpened)?);
    }
    let replayed = request
        .replay
        .as_deref()
        .map(|path| Playback::open(path, specs))
        .transpose()
        .map_err(WindowFailure::NotOpened)?;
    let mut app = open(&request.definition.name, "or train without a window", "train")?;
    scene::prepare(&mut app, &request.config);
    (request.definition.game)(&mut app);
    panels::add_builtin(&mut app, specs.iter().any(|spec| !spec.teams.is_empty()));
    if let Some(visuals) = &request.definition.visuals {
        visuals(&mut app);
    }
    app.add_plugins(EditorPlugin { settings: settings(&request) });
    if let Some(folder) = &request.record {
        record_corrections(&mut app, &request.definition.name, folder);
        app.world_mut().resource_mut::<TakeOver>().record_to(folder.clone());
    }
    for (kind, player) in players {
        app.world_mut().resource_mut::<Players>().set_own(kind, player);
    }
    if let Some(playback) = replayed {
        app.world_mut().resource_mut::<Replaying>().begin(playback);
        app.world_mut().write_message(EditorCommand::Select(AgentId::default()));
    }
    if let Some(script) = script {
        script::add(&mut app, script);
    }
    let exit = app.run();
    trouble.take().map_or(Ok(exit), |sentence| Err(WindowFailure::CutShort(sentence)))
}

/// Opens the game with its policy, and returns when the window is closed.
fn play(request: PlayRequest) -> Result<AppExit, WindowFailure> {
    let mut app = open(&request.definition.name, "or play without a window", "play --headless")?;
    (request.definition.game)(&mut app);
    if let Some(visuals) = &request.definition.visuals {
        visuals(&mut app);
    }
    Ok(app.run())
}

/// Opens a window. The error names the way to do without one.
fn open(game: &str, instead: &str, command: &str) -> Result<App, WindowFailure> {
    windowed_app(game).map_err(|error| WindowFailure::NotOpened(format!("{error}, {instead}: `{game} {command}`")))
}

fn settings(request: &WatchRequest) -> EditorSettings {
    EditorSettings {
        seed: request.seed(),
        arenas: ARENAS,
        has_visuals: request.definition.visuals.is_some(),
        session: SessionSetup {
            definition: request.definition.clone(),
            specs: request.specs.clone(),
            config: request.config.clone(),
            learner: request.learner,
            threads: request.threads,
            runs: request.runs.clone(),
        },
    }
}
