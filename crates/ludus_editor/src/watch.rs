//! `watch` and `play`: windows from the command line.

use core::num::NonZeroU32;

use bevy::app::AppExit;
use bevy::prelude::*;
use ludus_train::session::SessionSetup;
use ludus_train::{PlayRequest, WatchRequest, Windows};

use crate::scene::{self, Players};
use crate::script::{self, Script, Trouble};
use crate::{EditorPlugin, EditorSettings, panels, policies, windowed_app};

/// Arenas on screen at first, where the run has as many.
const ARENAS: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// What the command line opens windows with.
pub const WINDOWS: Windows = Windows { watch, play };

/// Opens the editor, and returns when it is closed.
fn watch(request: WatchRequest) -> Result<AppExit, String> {
    let trouble = Trouble::default();
    let script = request.script.as_deref().map(|path| Script::read(path, trouble.clone())).transpose()?;
    let shown = request.shown.as_ref().map(|shown| policies::load(&shown.file, &request.spec)).transpose()?;
    let mut app = windowed_app(&request.name).map_err(|error| error.to_string())?;
    scene::prepare(&mut app, &request.config);
    (request.game)(&mut app);
    panels::add_builtin(&mut app);
    if let Some(visuals) = &request.visuals {
        visuals(&mut app);
    }
    app.add_plugins(EditorPlugin { settings: settings(&request) });
    app.world_mut().resource_mut::<Players>().set_own(shown);
    if let Some(script) = script {
        script::add(&mut app, script);
    }
    let exit = app.run();
    trouble.take().map_or(Ok(exit), Err)
}

/// Opens the game with its policy, and returns when the window is closed.
fn play(request: PlayRequest) -> Result<AppExit, String> {
    let mut app = windowed_app(&request.name).map_err(|error| error.to_string())?;
    (request.game)(&mut app);
    (request.visuals)(&mut app);
    Ok(app.run())
}

fn settings(request: &WatchRequest) -> EditorSettings {
    EditorSettings {
        seed: request.seed(),
        arenas: ARENAS,
        has_visuals: request.visuals.is_some(),
        session: SessionSetup {
            name: request.name.clone(),
            game: request.game.clone(),
            spec: request.spec.clone(),
            config: request.config.clone(),
            threads: request.threads,
            runs: request.runs.clone(),
        },
    }
}
