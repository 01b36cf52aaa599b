//! A window on a game and on how its agents learn.
//!
//! `watch` opens it: the game in the middle, with panels around it that can be moved. The game on screen is a copy of its
//! own, at its own fixed timestep; its agents run the newest policy, whether that comes from training, which goes on in
//! threads of its own, or from a file.
//!
//! - [`EditorPlugin`] is the window's content; [`WINDOWS`] opens one for the command line.
//! - [`EditorAppExt::add_panel`] adds a panel: a system with `InMut<egui::Ui>`.
//! - [`SceneSnapshot`](snapshot::SceneSnapshot) and its like are what panels draw from, [`EditorCommand`] is what they
//!   answer with. Neither knows a world, so a panel is tested without a window.
//! - [`ScriptStep`] is what the file of `watch --script` is a list of, in RON: `[StartTraining, WaitSteps(20_000), Quit]`.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like"))]

mod command;
mod dock;
mod framing;
mod gather;
mod orbit;
pub mod panels;
mod plugin;
mod policies;
mod redraw;
mod runs;
mod scene;
mod scene_pane;
mod script;
mod selection;
mod sensors;
mod shortcuts;
pub mod snapshot;
mod takeover;
pub mod theme;
mod timebar;
mod timeline;
mod training;
mod viewport;
mod watch;
mod widgets;
mod window;
mod zoom;

pub use bevy_egui::egui;
pub use command::{EditorCommand, EditorCommands};
pub use panels::EditorAppExt;
pub use plugin::{EditorPlugin, EditorSettings};
pub use scene::Direction;
pub use script::Step as ScriptStep;
pub use timeline::Pace;
pub use watch::WINDOWS;
pub use window::{WindowError, windowed_app};
