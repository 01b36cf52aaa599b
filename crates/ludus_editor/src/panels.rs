//! Panels: systems that draw into the window. The built-in ones are functions of plain snapshots.

pub mod agent;
mod builtin;
mod kinds;
pub mod ladder;
pub mod replay;
pub mod runs;
#[cfg(feature = "tune")]
pub mod search;
pub mod strip;
pub mod training;
mod words;
pub mod worlds;

use bevy::ecs::system::SystemId;
use bevy::prelude::*;
use bevy_egui::egui::Ui;

pub use agent::{AgentUiState, agent_ui};
pub(crate) use builtin::add_builtin;
pub use ladder::{LadderUiState, ladder_ui};
pub use replay::replay_ui;
pub use runs::{RunsUiState, runs_ui};
#[cfg(feature = "tune")]
pub use search::{SearchUiState, search_ui};
pub use strip::{StripNews, strip_height, strip_ui};
pub use training::{TrainingUiState, training_ui};
pub use worlds::{WorldsUiState, worlds_ui};

/// A panel's system.
pub(crate) type PanelSystem = SystemId<InMut<'static, Ui>>;

/// The panels of the window, in the order in which they were added.
#[derive(Resource, Default)]
pub(crate) struct Panels(Vec<Panel>);

/// A panel with its title and its initial place.
pub(crate) struct Panel {
    /// The title of its tab.
    pub title: String,
    /// Its initial place.
    pub place: PanelSide,
    /// The system that draws it.
    pub system: PanelSystem,
}

/// The initial place of a panel. The user can move the panel elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PanelSide {
    /// Left of the scene: panels about runs.
    Left,
    /// Right of the scene: panels about agents, and those of games.
    Right,
    /// Below the scene.
    Below,
}

impl Panels {
    pub fn iter(&self) -> impl Iterator<Item = &Panel> {
        self.0.iter()
    }

    /// The system of the panel with this title.
    pub fn system(&self, title: &str) -> Option<PanelSystem> {
        self.iter().find(|panel| panel.title == title).map(|panel| panel.system)
    }
}

/// Adds panels to the editor's window.
pub trait EditorAppExt {
    /// Adds a panel: a system that draws into the [`Ui`] that it is given, once per image, while its tab is in front.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use ludus_editor::{EditorAppExt, egui::Ui};
    ///
    /// #[derive(Component)]
    /// struct Ball;
    ///
    /// fn ball_panel(InMut(ui): InMut<Ui>, balls: Query<&Transform, With<Ball>>) {
    ///     for ball in &balls {
    ///         ui.label(format!("height {:.2} m", ball.translation.y));
    ///     }
    /// }
    ///
    /// fn visuals(app: &mut App) {
    ///     app.add_panel("Ball", ball_panel);
    /// }
    /// # visuals(&mut App::new());
    /// ```
    ///
    /// Call it in the game's visuals: a world that trains has no window.
    fn add_panel<Marker>(
        &mut self,
        title: &str,
        panel: impl IntoSystem<InMut<'static, Ui>, (), Marker> + 'static,
    ) -> &mut Self;
}

impl EditorAppExt for App {
    fn add_panel<Marker>(
        &mut self,
        title: &str,
        panel: impl IntoSystem<InMut<'static, Ui>, (), Marker> + 'static,
    ) -> &mut Self {
        add_panel_at(self, title, PanelSide::Right, panel);
        self
    }
}

/// Adds a panel with its initial place.
pub(crate) fn add_panel_at<Marker>(
    app: &mut App,
    title: &str,
    place: PanelSide,
    panel: impl IntoSystem<InMut<'static, Ui>, (), Marker> + 'static,
) {
    let panel = Panel { title: title.to_owned(), place, system: app.register_system(panel) };
    app.world_mut().get_resource_or_init::<Panels>().0.push(panel);
}
