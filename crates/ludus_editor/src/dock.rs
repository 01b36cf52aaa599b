//! The window's layout: the scene in the middle, panels around it, all of them movable.

use bevy::prelude::*;
use bevy_egui::egui::{self, Ui, UiBuilder, WidgetText};
use bevy_egui::{EguiContext, PrimaryEguiContext};
use egui_tiles::{Behavior, Container, SimplificationOptions, Tile, TileId, Tiles, Tree, UiResponse};

use ludus_train::clock;

use crate::panels::{PanelSide, Panels, StripNews, strip_height, strip_ui};
use crate::snapshot::RunsSnapshot;
use crate::training::Training;
use crate::{scene_pane, theme, timebar};

/// Initial widths of the left and the right panels, as parts of the window's width.
const LEFT: f32 = 0.25;
const RIGHT: f32 = 0.29;
/// Initial height of the lower panels, as a part of the height of the layout.
const BELOW: f32 = 0.26;
/// Space between a panel's edge and its contents [points].
const MARGIN: i8 = 8;

/// Space between the strip's edges and its contents [points].
const STRIP_MARGIN: egui::Margin = egui::Margin::symmetric(8, 4);
/// Width below which a window has two columns instead of three [points].
const NARROW: f32 = 760.0;
/// Width of the panels in a narrow window, as a part of the window's width.
const PANELS: f32 = 0.42;

/// The content of a tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The game.
    Scene,
    /// The panel with this title.
    Panel(String),
}

/// The layout of the window, as a tree of tiles.
#[derive(Resource)]
pub struct Dock {
    tree: Tree<Pane>,
    is_narrow: bool,
}

impl Dock {
    /// Returns the layout with every panel at its initial place.
    pub fn new(panels: &Panels) -> Self {
        Self { tree: wide(panels), is_narrow: false }
    }

    /// Rebuilds the layout if the window has become too narrow for three columns, or wide enough again.
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

/// Builds the layout of a wide window: panels on both sides of the scene and below it.
fn wide(panels: &Panels) -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let [left, right, below] = [PanelSide::Left, PanelSide::Right, PanelSide::Below]
        .map(|place| tabs(&mut tiles, panels, |found| found == place));
    let scene = scene(&mut tiles);
    let middle = share(&mut tiles, egui_tiles::LinearDir::Vertical, &[(Some(scene), 1.0 - BELOW), (below, BELOW)]);
    let parts = [(left, LEFT), (Some(middle), 1.0 - LEFT - RIGHT), (right, RIGHT)];
    let root = share(&mut tiles, egui_tiles::LinearDir::Horizontal, &parts);
    Tree::new("dock", root, tiles)
}

/// Builds the layout of a narrow window: the scene, and all panels as tabs beside it.
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

/// Adds a tile with the panels at the accepted places as tabs. Returns `None` if there are no such panels.
fn tabs(tiles: &mut Tiles<Pane>, panels: &Panels, is_here: impl Fn(PanelSide) -> bool) -> Option<TileId> {
    let titles = panels.iter().filter(|panel| is_here(panel.place)).map(|panel| panel.title.clone());
    let panes: Vec<_> = titles.map(|title| tiles.insert_pane(Pane::Panel(title))).collect();
    (!panes.is_empty()).then(|| tiles.insert_tab_tile(panes))
}

/// Adds a tile that lays out other tiles along `direction`, each with its part of the space.
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
