//! The plugin that adds the content of the editor's window.

use core::num::NonZeroU32;

use bevy::prelude::*;
use bevy_egui::{EguiContexts, EguiPlugin, EguiPrimaryContextPass};
use ludus_agent::spec::Seed;
use ludus_train::session::SessionSetup;

use crate::dock::{self, Dock};
use crate::orbit::{self, Drag};
use crate::panels::Panels;
use crate::runs::{self, RunsFolder};
use crate::scene::{self, AgentsFound, ScenePlugin, Stage};
#[cfg(feature = "tune")]
use crate::searches::SearchesPlugin;
use crate::selection::SelectionPlugin;
use crate::sensors::{self, EditorLines, SensorLines};
use crate::snapshot::{RunsSnapshot, SceneSnapshot};
use crate::takeover::TakeOverPlugin;
use crate::time_control::TimeControlPlugin;
use crate::training::{self, Training};
use crate::viewport::{ViewportPlugin, ViewportRect};
use crate::visuals::HasVisuals;
use crate::{EditorCommand, framing, gather, redraw, shortcuts, shown_policies, theme, zoom};

/// The background colour of the scene, if the game's visuals set no other.
const BACKGROUND: Color = Color::srgb(0.10, 0.11, 0.12);

/// The window's content: the scene and the panels around it.
///
/// Add it after the game and its visuals.
pub struct EditorPlugin {
    /// The run, the seed and the arenas that the scene shows.
    pub settings: EditorSettings,
}

/// The settings of an [`EditorPlugin`].
#[derive(Clone)]
pub struct EditorSettings {
    /// The setup with which a run is started; its config is resolved.
    pub session: SessionSetup,
    /// The seed from which the seeds of the run's worlds derive.
    pub seed: Seed,
    /// Number of arenas on screen at first.
    pub arenas: NonZeroU32,
    /// True if the game has visuals. Without them the scene shows a hint.
    pub has_visuals: bool,
}

impl Plugin for EditorPlugin {
    fn build(&self, app: &mut App) {
        let EditorSettings { session, seed, arenas, has_visuals } = &self.settings;
        let SessionSetup { specs, config, .. } = session;
        app.add_plugins(EguiPlugin::default()).add_message::<EditorCommand>();
        app.add_plugins((ScenePlugin, SelectionPlugin, TakeOverPlugin, TimeControlPlugin, ViewportPlugin));
        scene::configure(app, config, specs);
        app.insert_resource(Stage::new(*seed, config, *arenas)).insert_resource(HasVisuals(*has_visuals));
        app.insert_resource(SceneSnapshot {
            tick_rate_hz: tick_rate_hz(app),
            decision_interval: config.ticks_per_step().get(),
            ..SceneSnapshot::default()
        });
        app.insert_resource(Training::new(session.clone()));
        let kinds: Vec<_> = specs.iter().map(|spec| spec.name.clone()).collect();
        app.insert_resource(RunsFolder::new(session.runs.clone(), session.definition.name.clone(), kinds.clone()));
        app.insert_resource(RunsSnapshot { kinds, ..RunsSnapshot::default() });
        #[cfg(feature = "tune")]
        app.add_plugins(SearchesPlugin { runs: session.runs.clone(), game: session.definition.name.clone() });
        app.init_resource::<Drag>().init_resource::<Panels>();
        app.init_resource::<SensorLines>().insert_gizmo_config(EditorLines, EditorLines::config());
        if !app.world().contains_resource::<ClearColor>() {
            app.insert_resource(ClearColor(BACKGROUND));
        }
        app.add_systems(PreUpdate, zoom::zoom);
        app.add_systems(
            PreUpdate,
            (shortcuts::shortcuts, training::obey, training::bring_frozen, training::follow, shown_policies::obey)
                .chain(),
        );
        app.add_systems(Update, (orbit::orbit, framing::frame_arenas).chain());
        app.add_systems(
            Update,
            (training::follow_worlds, training::follow_weights, runs::look, gather::gather, sensors::sketch)
                .chain()
                .after(AgentsFound),
        );
        app.add_systems(PostUpdate, (sensors::draw_lines, sensors::draw_selection));
        app.add_systems(Last, (redraw::set_rate, training::close));
        app.add_systems(EguiPrimaryContextPass, (set_theme.run_if(run_once), hide_scene, dock::draw).chain());
    }

    fn finish(&self, app: &mut App) {
        let dock = Dock::new(app.world().resource::<Panels>());
        app.insert_resource(dock);
    }
}

fn tick_rate_hz(app: &App) -> f64 {
    app.world().get_resource::<Time<Fixed>>().map_or(0.0, |time| 1.0 / time.timestep().as_secs_f64())
}

fn set_theme(mut contexts: EguiContexts) -> Result {
    theme::apply(contexts.ctx_mut()?);
    Ok(())
}

/// Hides the scene until its pane is drawn.
fn hide_scene(mut viewport: ResMut<ViewportRect>, mut drag: ResMut<Drag>) {
    viewport.rect = None;
    *drag = Drag::default();
}
