//! The redraw rate of the window. A window that shows nothing new is drawn seldom, to spare the machine.

use core::time::Duration;

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy::window::PrimaryWindow;
use bevy::winit::{UpdateMode, WinitSettings};

use crate::scene::{Players, Replaying};
use crate::script::Script;
use crate::takeover::TakeOver;
use crate::timeline::{Pace, Timeline};
use crate::training::Training;

/// Interval between two images while the game runs, is controlled, and has the focus [s]: one image per refresh of a 60
/// Hz display.
const WATCHED: f64 = 1.0 / 60.0;
/// Interval between two images while the game runs, but nothing controls its agents or the window has no focus [s].
const GLANCED_AT: f64 = 1.0 / 20.0;
/// Interval between two images while the game is paused and training runs, so that only numbers change [s].
const NUMBERS: f64 = 0.25;
/// Interval between two images while the game is paused and nothing is trained [s]. The folders of runs may still
/// change. An image that is drawn without a GPU takes a core more than a tenth of a second.
const STILL: f64 = 4.0;

/// The resources that say whether the game on screen moves, and what decides in it.
#[derive(SystemParam)]
pub struct Motion<'w> {
    timeline: Res<'w, Timeline>,
    replaying: Res<'w, Replaying>,
    players: Res<'w, Players>,
    taken: Res<'w, TakeOver>,
}

/// Sets the interval until the next image. Input in the window draws an image at once.
pub fn set_rate(
    motion: Motion,
    training: Res<Training>,
    script: Option<Res<Script>>,
    window: Query<&Window, With<PrimaryWindow>>,
    mut settings: ResMut<WinitSettings>,
) {
    let Motion { timeline, replaying, players, taken } = motion;
    let moment = Moment {
        is_hurried: replaying.ticks_due().is_some_and(|ticks| ticks > 0) || timeline.pace() == Pace::Unlimited,
        is_scripted: script.is_some_and(|script| !script.is_over()),
        is_still: timeline.is_still(),
        is_decided: players.has_own() || taken.agent().is_some() || replaying.playback().is_some(),
        is_focused: window.single().is_ok_and(|window| window.focused),
        is_training: training.snapshot().state.is_live(),
    };
    let mode = moment.mode();
    if settings.focused_mode != mode {
        (settings.focused_mode, settings.unfocused_mode) = (mode, mode);
    }
}

/// The conditions that decide the redraw rate.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    /// True if the game makes as many ticks as the machine can, or if a replay seeks a step.
    is_hurried: bool,
    is_scripted: bool,
    /// True if the game is paused, and no single step is pending.
    is_still: bool,
    /// True if a policy, a player or a replay controls agents.
    is_decided: bool,
    is_focused: bool,
    is_training: bool,
}

impl Moment {
    fn mode(self) -> UpdateMode {
        if self.is_hurried {
            return UpdateMode::Continuous;
        }
        let wait = match self {
            Self { is_scripted: true, .. } | Self { is_still: false, is_decided: true, is_focused: true, .. } => {
                WATCHED
            }
            Self { is_still: false, .. } => GLANCED_AT,
            Self { is_training: true, .. } => NUMBERS,
            _ => STILL,
        };
        UpdateMode::reactive_low_power(Duration::from_secs_f64(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_drawn_as_often_as_there_is_something_to_see() {
        let check = |moment: Moment, expected: Option<f64>| {
            let wait = expected.map(|wait| UpdateMode::reactive_low_power(Duration::from_secs_f64(wait)));
            assert_eq!(moment.mode(), wait.unwrap_or(UpdateMode::Continuous), "{moment:?}");
        };
        let watched = Moment { is_decided: true, is_focused: true, ..Moment::default() };
        check(watched, Some(WATCHED));
        check(Moment { is_focused: false, ..watched }, Some(GLANCED_AT));
        check(Moment { is_decided: false, ..watched }, Some(GLANCED_AT));
        check(Moment { is_still: true, ..watched }, Some(STILL));
        check(Moment { is_still: true, is_training: true, ..watched }, Some(NUMBERS));
        check(Moment { is_still: true, is_scripted: true, ..watched }, Some(WATCHED));
        check(Moment { is_hurried: true, ..Moment::default() }, None);
    }
}
