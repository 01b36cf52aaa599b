//! The bar at the window's top: the game's time, its pace, and the policy on screen.

use bevy::prelude::*;
use bevy_egui::egui::{self, RichText, Slider, Ui};
use ludus_agent::StepClock;

use crate::panels::replay_ui;
use crate::scene::Replaying;
use crate::snapshot::{PolicyLabel, SceneKindSnapshot, SceneSnapshot};
use crate::timeline::{FASTEST, Pace, SLOWEST, Timeline};
use crate::widgets::count;
use crate::{EditorCommand, EditorCommands, theme};

/// Width of the slider of the pace [points].
const SLIDER_WIDTH: f32 = 110.0;

/// Part of the pace that is set, below which the game is called slow.
const SLOW: f64 = 0.9;
/// The hover text about the difference between policies on screen and in training.
const GREEDY: &str = "On screen a policy takes its most probable action. In training actions are drawn, and the curves are \
                      of those: their returns may be lower than what is seen here.";

/// The numbers and names that the bar shows.
#[derive(Clone, Debug)]
pub struct TimeBar {
    /// The pace that is set.
    pub pace: Pace,
    /// The pace after a pause.
    pub resumed: Pace,
    /// Number of ticks since the window was opened.
    pub ticks: u64,
    /// Ticks per second of the game's time \[Hz\].
    pub tick_rate_hz: f64,
    /// Measured ticks per second; `None` until they were measured.
    pub ticks_per_second: Option<f64>,
    /// Number of ticks per step.
    pub decision_interval: u32,
    /// True if the clock decides the number of ticks per image, and not a replay that seeks or plays backwards.
    pub is_clocked: bool,
    /// The policy that the bar names, with the text ` of <kind>`, which is empty if all kinds have the same policy.
    pub policy: Option<(String, PolicyLabel)>,
}

/// Draws the bar, and sends the commands of its controls.
pub fn bar_ui(root: &mut Ui, world: &mut World) {
    let (timeline, scene) = (world.resource::<Timeline>(), world.resource::<SceneSnapshot>());
    let bar = TimeBar {
        pace: timeline.pace(),
        resumed: timeline.resumed(),
        ticks: world.resource::<StepClock>().ticks(),
        tick_rate_hz: scene.tick_rate_hz,
        ticks_per_second: timeline.ticks_per_second(),
        decision_interval: scene.decision_interval,
        is_clocked: world.resource::<Replaying>().ticks_due().is_none(),
        policy: named_policy(scene),
    };
    let mut commands = EditorCommands::default();
    egui::Panel::top("time").show_inside(root, |ui| {
        ui.horizontal_centered(|ui| time_ui(ui, &bar, &mut commands));
    });
    world.write_message_batch(commands.drain());
}

/// Returns the policy of the shown kind, or of the first kind that has one. The kind's name is with it if other kinds
/// have other policies.
fn named_policy(scene: &SceneSnapshot) -> Option<(String, PolicyLabel)> {
    let has_policy = |kind: &&SceneKindSnapshot| kind.policy.is_some();
    let kind = scene.shown().filter(has_policy).or_else(|| scene.kinds.iter().find(has_policy))?;
    let label = kind.policy.clone()?;
    let is_same = scene.kinds.iter().all(|kind| kind.is_external || kind.policy.as_ref() == Some(&label));
    Some((if is_same { String::new() } else { format!(" of {}", kind.spec.name) }, label))
}

/// Draws the time line of the replay, if there is one.
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

/// Draws the controls of pause, single steps and pace, and the position of the game.
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
    reached_ui(ui, bar);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| policy_ui(ui, bar));
}

/// Draws the pace that the game reaches.
fn reached_ui(ui: &mut Ui, bar: &TimeBar) {
    let (rate, times) = (bar.ticks_per_second, bar.times_reached());
    let text = rate.zip(times).map_or_else(
        || format!("{:>6} ticks/s {:>6}×", "–", "–"),
        |(rate, times)| format!("{rate:>6.0} ticks/s {times:>6.2}×"),
    );
    let text = RichText::new(text).monospace();
    if bar.is_slow() {
        ui.label(text.color(theme::WARN)).on_hover_text(
            "Slower than the pace that is set: this machine can't draw and train any faster. Fewer arenas on screen, \
             a smaller window or a paused training help. What happens in the game is the same at any pace.",
        );
    } else {
        ui.label(text.weak()).on_hover_text("The pace that is reached, in ticks and in times of real time.");
    }
}

/// Draws the name of the policy that decides.
fn policy_ui(ui: &mut Ui, bar: &TimeBar) {
    let Some((kind, policy)) = &bar.policy else {
        ui.label("no policy yet");
        return;
    };
    let text = format!("policy{kind}: {} after {} steps, most probable actions", policy.name, count(policy.steps));
    ui.add(egui::Label::new(text.as_str()).truncate()).on_hover_text(format!("{text}. {GREEDY}"));
}

impl TimeBar {
    /// Returns the pace that is reached, in times of real time.
    fn times_reached(&self) -> Option<f64> {
        self.ticks_per_second.map(|rate| rate / self.tick_rate_hz.max(1.0))
    }

    /// True if the game is slower than the pace that is set.
    pub fn is_slow(&self) -> bool {
        let Pace::Times(wanted) = self.pace else { return false };
        self.is_clocked && self.times_reached().is_some_and(|reached| reached < SLOW * f64::from(wanted))
    }
}

fn pause_ui(ui: &mut Ui, bar: &TimeBar, commands: &mut EditorCommands) {
    let (text, pace) = match bar.pace {
        Pace::Paused => ("▶ Play", bar.resumed),
        Pace::Times(_) | Pace::Unlimited => ("⏸ Pause", Pace::Paused),
    };
    // Wide enough for both texts, so that nothing moves.
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

#[cfg(test)]
mod tests {
    use ludus_agent::spec::AgentSpec;

    use super::*;

    #[test]
    fn policies_that_differ_are_named_with_their_kinds() {
        let label = |name: &str| Some(PolicyLabel { name: name.to_owned(), steps: 5 });
        let named = |policies: [Option<PolicyLabel>; 2], shown_kind| {
            let kinds = policies.into_iter().zip(["Chaser", "Runner"]).map(|(policy, name)| {
                let spec = AgentSpec { name: name.to_owned(), ..AgentSpec::default() };
                SceneKindSnapshot { spec: spec.into(), policy, ..SceneKindSnapshot::default() }
            });
            let scene = SceneSnapshot { kinds: kinds.collect(), shown_kind, ..SceneSnapshot::default() };
            named_policy(&scene).map(|(kind, label)| format!("policy{kind}: {}", label.name))
        };
        assert_eq!(named([label("a"), label("a")], 1).as_deref(), Some("policy: a"));
        assert_eq!(named([label("a"), label("b")], 1).as_deref(), Some("policy of Runner: b"));
        assert_eq!(named([label("a"), None], 1).as_deref(), Some("policy of Chaser: a"));
        assert_eq!(named([None, None], 0), None);
    }

    #[test]
    fn a_game_that_is_slower_than_it_is_to_be_is_told() {
        let is_slow = |pace, rate, is_clocked| {
            let bar = TimeBar {
                pace,
                resumed: pace,
                ticks: 0,
                tick_rate_hz: 50.0,
                ticks_per_second: rate,
                decision_interval: 1,
                is_clocked,
                policy: None,
            };
            bar.is_slow()
        };
        assert!(is_slow(Pace::Times(1.0), Some(40.0), true) && is_slow(Pace::Times(4.0), Some(100.0), true));
        assert!(!is_slow(Pace::Times(1.0), Some(49.0), true) && !is_slow(Pace::Times(0.5), Some(25.0), true));
        assert!(!is_slow(Pace::Times(1.0), None, true), "not measured yet");
        assert!(!is_slow(Pace::Unlimited, Some(1.0), true) && !is_slow(Pace::Paused, Some(0.0), true));
        assert!(!is_slow(Pace::Times(1.0), Some(0.0), false), "a replay that is sought, or goes back");
    }
}
