//! The bar at the window's top: the game's time, and what drives it.

use bevy::prelude::*;
use bevy_egui::egui::{self, RichText, Slider, Ui};
use ludus_agent::StepClock;

use crate::panels::replay_ui;
use crate::snapshot::{PolicyLabel, SceneSnapshot};
use crate::timeline::{FASTEST, Pace, SLOWEST, Timeline};
use crate::{EditorCommand, EditorCommands};

/// The pace's slider [points].
const SLIDER_WIDTH: f32 = 110.0;

/// What the bar shows.
#[derive(Clone, Debug)]
pub struct TimeBar {
    /// How fast the game is to go.
    pub pace: Pace,
    /// What it goes on with after a pause.
    pub resumed: Pace,
    /// Ticks since the window opened.
    pub ticks: u64,
    /// Ticks per second of the game's time.
    pub tick_rate_hz: f64,
    /// Ticks that it makes per second.
    pub ticks_per_second: f64,
    /// Ticks per step.
    pub decision_interval: u32,
    /// What drives the agents.
    pub policy: Option<PolicyLabel>,
}

/// Draws the bar, and passes on what was clicked.
pub fn bar_ui(root: &mut Ui, world: &mut World) {
    let (timeline, scene) = (world.resource::<Timeline>(), world.resource::<SceneSnapshot>());
    let bar = TimeBar {
        pace: timeline.pace(),
        resumed: timeline.resumed(),
        ticks: world.resource::<StepClock>().ticks(),
        tick_rate_hz: scene.tick_rate_hz,
        ticks_per_second: timeline.ticks_per_second(),
        decision_interval: scene.decision_interval,
        policy: scene.policy.clone(),
    };
    let mut commands = EditorCommands::default();
    egui::Panel::top("time").show_inside(root, |ui| {
        ui.horizontal_centered(|ui| time_ui(ui, &bar, &mut commands));
    });
    world.write_message_batch(commands.drain());
}

/// Draws the time line of the episode that is played again, if one is.
pub fn replay_bar_ui(root: &mut Ui, world: &mut World) {
    let scene = world.resource::<SceneSnapshot>();
    let Some(replay) = scene.replay.clone() else { return };
    let seconds_per_step = f64::from(scene.decision_interval) / scene.tick_rate_hz.max(1.0);
    let mut commands = EditorCommands::default();
    egui::Panel::top("replay").show_inside(root, |ui| {
        replay_ui(ui, &replay, seconds_per_step, &mut commands);
    });
    world.write_message_batch(commands.drain());
}

/// Pause, single steps, pace, and where the game is.
pub fn time_ui(ui: &mut Ui, bar: &TimeBar, commands: &mut EditorCommands) {
    pause_ui(ui, bar, commands);
    if ui.button("⏭ Tick").on_hover_text("Pause, and make one tick (.)").clicked() {
        commands.send(EditorCommand::StepTick);
    }
    let ticks = bar.decision_interval;
    let step =
        ui.button("⏩ Step").on_hover_text(format!("Pause, and go to the next decision, every {ticks} ticks (,)"));
    if step.clicked() {
        commands.send(EditorCommand::StepDecision);
    }
    ui.separator();
    pace_ui(ui, bar, commands);
    ui.separator();
    let seconds = bar.ticks as f64 / bar.tick_rate_hz.max(1.0);
    ui.label(RichText::new(format!("tick {}  {seconds:.2} s", bar.ticks)).monospace())
        .on_hover_text(format!("{:.0} ticks are a second of the game's time", bar.tick_rate_hz));
    ui.label(RichText::new(format!("{:.0} ticks/s", bar.ticks_per_second)).monospace().weak());
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        ui.label(match &bar.policy {
            Some(policy) => format!("policy: {} after {} steps", policy.name, grouped(policy.steps)),
            None => "no policy yet".to_owned(),
        });
    });
}

fn pause_ui(ui: &mut Ui, bar: &TimeBar, commands: &mut EditorCommands) {
    let (text, pace) = match bar.pace {
        Pace::Paused => ("▶ Play", bar.resumed),
        Pace::Times(_) | Pace::Unlimited => ("⏸ Pause", Pace::Paused),
    };
    // Wide enough for both, so that nothing moves.
    let button = egui::Button::new(text).min_size(egui::vec2(72.0, 0.0));
    if ui.add(button).on_hover_text("Pause or go on (space)").clicked() {
        commands.send(EditorCommand::SetPace(pace));
    }
}

fn pace_ui(ui: &mut Ui, bar: &TimeBar, commands: &mut EditorCommands) {
    let pace = if bar.pace == Pace::Paused { bar.resumed } else { bar.pace };
    let mut times = if let Pace::Times(times) = pace { times } else { FASTEST };
    ui.spacing_mut().slider_width = SLIDER_WIDTH;
    let slider = Slider::new(&mut times, SLOWEST..=FASTEST).logarithmic(true).suffix("×").max_decimals(1);
    if ui.add_enabled(pace != Pace::Unlimited, slider).changed() {
        commands.send(EditorCommand::SetPace(Pace::Times(times)));
    }
    let is_unlimited = pace == Pace::Unlimited;
    let unlimited = ui.selectable_label(is_unlimited, "unlimited").on_hover_text("As fast as this machine goes");
    if unlimited.clicked() {
        commands.send(EditorCommand::SetPace(if is_unlimited { Pace::Times(1.0) } else { Pace::Unlimited }));
    }
}

/// A number with its thousands apart, such as 12,000.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut grouped = digits[..first].to_owned();
    for group in digits.as_bytes()[first..].chunks(3) {
        if !grouped.is_empty() {
            grouped.push(',');
        }
        grouped.extend(group.iter().map(|&digit| char::from(digit)));
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let numbers = [0, 999, 1_000, 12_345, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
