//! The window's layout: the scene in the middle, panels around it, all of them movable.

use bevy::prelude::*;
use bevy_egui::egui::{self, Ui, UiBuilder, WidgetText};
use bevy_egui::{EguiContext, PrimaryEguiContext};
use egui_tiles::{Behavior, Container, SimplificationOptions, Tile, TileId, Tiles, Tree, UiResponse};

use ludus_train::clock;

use crate::panels::{Panels, Place, StripNews, strip_height, strip_ui};
use crate::snapshot::RunsSnapshot;
use crate::training::Training;
use crate::{scene_pane, theme, timebar};

/// Parts of the window's width.
const LEFT: f32 = 0.25;
const RIGHT: f32 = 0.29;
/// Part of the window's height.
const BELOW: f32 = 0.26;
/// Between a panel's edge and what is in it [points].
const MARGIN: i8 = 8;

/// Between the strip's edges and what is in it [points].
const STRIP_MARGIN: egui::Margin = egui::Margin::symmetric(8, 4);
/// A window that is narrower has two columns, not three [points].
const NARROW: f32 = 760.0;
/// Part of a narrow window's width that is the panels'.
const PANELS: f32 = 0.42;

/// What a tile holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The game.
    Scene,
    /// The panel with this title.
    Panel(String),
}

/// The layout.
#[derive(Resource)]
pub struct Dock {
    tree: Tree<Pane>,
    is_narrow: bool,
}

impl Dock {
    /// Every panel at the place where it begins.
    pub fn new(panels: &Panels) -> Self {
        Self { tree: wide(panels), is_narrow: false }
    }

    /// Places the panels anew when a window becomes too narrow for three columns, or wide enough again.
    fn fit(&mut self, width: f32, panels: &Panels) {
        let is_narrow = width < NARROW;
        if is_narrow != self.is_narrow {
            *self = Self { tree: if is_narrow { narrow(panels) } else { wide(panels) }, is_narrow };
        }
    }

    /// Brings a panel to the front of its tabs.
    pub fn show(&mut self, title: &str) {
        self.tree.make_active(|_, tile| matches!(tile, Tile::Pane(Pane::Panel(shown)) if shown == title));
    }
}

/// Panels on both sides of the scene and below it.
fn wide(panels: &Panels) -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let [left, right, below] =
        [Place::Left, Place::Right, Place::Below].map(|place| tabs(&mut tiles, panels, |found| found == place));
    let scene = scene(&mut tiles);
    let middle = share(&mut tiles, egui_tiles::LinearDir::Vertical, &[(Some(scene), 1.0 - BELOW), (below, BELOW)]);
    let parts = [(left, LEFT), (Some(middle), 1.0 - LEFT - RIGHT), (right, RIGHT)];
    let root = share(&mut tiles, egui_tiles::LinearDir::Horizontal, &parts);
    Tree::new("dock", root, tiles)
}

/// The scene, and all panels as tabs beside it.
fn narrow(panels: &Panels) -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let all = tabs(&mut tiles, panels, |_| true);
    let scene = scene(&mut tiles);
    let parts = [(all, PANELS), (Some(scene), 1.0 - PANELS)];
    let root = share(&mut tiles, egui_tiles::LinearDir::Horizontal, &parts);
    Tree::new("dock", root, tiles)
}

fn scene(tiles: &mut Tiles<Pane>) -> TileId {
    let scene = tiles.insert_pane(Pane::Scene);
    tiles.insert_tab_tile(vec![scene])
}

/// The panels of these places as tabs of one tile, if there are any.
fn tabs(tiles: &mut Tiles<Pane>, panels: &Panels, is_here: impl Fn(Place) -> bool) -> Option<TileId> {
    let titles = panels.iter().filter(|panel| is_here(panel.place)).map(|panel| panel.title.clone());
    let panes: Vec<_> = titles.map(|title| tiles.insert_pane(Pane::Panel(title))).collect();
    (!panes.is_empty()).then(|| tiles.insert_tab_tile(panes))
}

/// Puts tiles side by side, each with its part of the space.
fn share(tiles: &mut Tiles<Pane>, direction: egui_tiles::LinearDir, parts: &[(Option<TileId>, f32)]) -> TileId {
    let there: Vec<_> = parts.iter().filter_map(|&(tile, part)| Some((tile?, part))).collect();
    let mut linear = egui_tiles::Linear::new(direction, there.iter().map(|&(tile, _)| tile).collect());
    there.iter().for_each(|&(tile, part)| linear.shares.set_share(tile, part));
    tiles.insert_container(Container::Linear(linear))
}

/// Draws the whole window.
pub fn draw(world: &mut World, contexts: &mut QueryState<&mut EguiContext, With<PrimaryEguiContext>>) {
    let Ok(mut context) = contexts.single_mut(world) else { return };
    let context = context.get_mut().clone();
    let space = UiBuilder::new().layer_id(egui::LayerId::background()).max_rect(context.content_rect());
    let mut root = Ui::new(context, "editor".into(), space);
    timebar::bar_ui(&mut root, world);
    timebar::replay_bar_ui(&mut root, world);
    strip(&mut root, world);
    world.resource_scope(|world, mut dock: Mut<Dock>| {
        dock.fit(root.available_width(), world.resource::<Panels>());
        dock.tree.ui(&mut Layout { world }, &mut root);
    });
}

fn strip(root: &mut Ui, world: &World) {
    let (training, runs) = (world.resource::<Training>(), world.resource::<RunsSnapshot>());
    let news = StripNews { trouble: runs.trouble.as_deref(), clock_seconds: clock::seconds() };
    let frame = egui::Frame::new().fill(root.visuals().panel_fill).inner_margin(STRIP_MARGIN);
    let height = strip_height(root) + STRIP_MARGIN.sum().y;
    let panel = egui::Panel::bottom("strip").resizable(false).exact_size(height).frame(frame);
    panel.show_inside(root, |ui| strip_ui(ui, training.snapshot(), news));
}

struct Layout<'w> {
    world: &'w mut World,
}

impl Behavior<Pane> for Layout<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _: TileId, pane: &mut Pane) -> UiResponse {
        match pane {
            Pane::Scene => scene_pane::scene_ui(ui, self.world),
            Pane::Panel(title) => {
                let fill = egui::Frame::new().fill(ui.visuals().panel_fill).inner_margin(MARGIN);
                fill.show(ui, |ui| {
                    ui.set_min_size(ui.available_size());
                    self.panel_ui(ui, title);
                });
            }
        }
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        match pane {
            Pane::Scene => "Scene".into(),
            Pane::Panel(title) => title.as_str().into(),
        }
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }

    fn gap_width(&self, _: &egui::Style) -> f32 {
        2.0
    }
}

impl Layout<'_> {
    fn panel_ui(&mut self, ui: &mut Ui, title: &str) {
        let Some(system) = self.world.resource::<Panels>().system(title) else { return };
        if let Err(error) = self.world.run_system_with(system, ui) {
            ui.colored_label(theme::BAD, format!("⚠ this panel can't be drawn: {error}"));
        }
    }
}
