//! A window that shows a game and the training of its agents.
//!
//! The command `watch` opens it: the game in the middle, with panels around it that can be moved. The game on screen is
//! a copy of its own, at the game's fixed timestep. Its agents use the newest policy of the training, which runs in
//! threads of its own, or the policy of a file.
//!
//! - [`EditorPlugin`] is the window's content; [`WINDOWS`] opens one for the command line.
//! - [`EditorAppExt::add_panel`] adds a panel: a system with `InMut<egui::Ui>`.
//! - Panels draw from snapshots, such as [`SceneSnapshot`](snapshot::SceneSnapshot), and send [`EditorCommand`]s.
//!   Neither refers to a Bevy world, so a panel can be tested without a window.
//! - The file of `watch --script` is a list of [`ScriptStep`]s in RON: `[StartTraining, WaitSteps(20_000), Quit]`.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like"))]

mod command;
mod direction;
mod dock;
mod framing;
mod gather;
mod orbit;
pub mod panels;
mod plugin;
mod policies;
mod redraw;
mod rival_place;
mod runs;
mod scene;
mod scene_pane;
mod script;
#[cfg(feature = "tune")]
mod searches;
mod selection;
mod sensors;
mod shortcuts;
mod shown_policies;
pub mod snapshot;
mod takeover;
pub mod theme;
mod time_control;
mod timebar;
mod timeline;
mod training;
mod viewport;
mod visuals;
mod watch;
mod widgets;
mod window;
mod zoom;

pub use bevy_egui::egui;
pub use command::{EditorCommand, EditorCommands};
pub use direction::Direction;
pub use panels::EditorAppExt;
pub use plugin::{EditorPlugin, EditorSettings};
pub use rival_place::RivalPlace;
pub use script::Step as ScriptStep;
pub use timeline::Pace;
pub use watch::WINDOWS;
pub use window::{WindowError, windowed_app};
