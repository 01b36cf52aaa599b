//! The game's time: pause, single ticks, slower and faster, always by whole ticks.
//!
//! The game's own fixed timestep never changes; only how many ticks an image lasts does. So what happens in them is the
//! same at any pace.

use bevy::app::{App, First, Plugin, RunFixedMainLoop, RunFixedMainLoopSystems};
use bevy::ecs::prelude::*;
use bevy::time::{Fixed, Time, TimeSystems, Virtual};
use ludus_agent::StepClock;
use ludus_train::clock;

use crate::EditorCommand;
use crate::scene::{ReplaySystems, Replaying};

/// The slowest pace there is, in times of real time.
pub const SLOWEST: f32 = 0.1;
/// The fastest pace that keeps to the clock.
pub const FASTEST: f32 = 16.0;

/// What an image's ticks may take at unlimited pace, so that the window stays fluent [s].
const BUDGET: f64 = 0.012;
/// How often the rate is worked out [s].
const RATE_INTERVAL: f64 = 0.5;
/// Ticks that an image may have more than the last one did.
const MOST_GROWTH: u32 = 2;

/// How fast the game goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Not at all, but for single steps.
    Paused,
    /// In times of real time, from 0.1 to 16.
    Times(f32),
    /// As many ticks as the machine makes.
    Unlimited,
}

/// The game's time.
#[derive(Resource, Debug)]
pub struct Timeline {
    pace: Pace,
    /// What it goes on with after a pause.
    resumed: Pace,
    /// Whether it stands still because a replay has come to its end, and not because somebody paused it.
    is_at_end: bool,
    steps: Steps,
    unlimited: Unlimited,
    rate: Rate,
}

/// Single steps that were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steps {
    None,
    Tick,
    Decision,
}

/// Learns how many ticks an image has time for.
#[derive(Clone, Copy, Debug)]
struct Unlimited {
    ticks: u32,
    /// [s of the clock]
    began: Option<f64>,
}

/// Measures the pace that the game really has.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    /// Seconds of the clock, and ticks, when counting began.
    began: Option<(f64, u64)>,
    /// None until the present pace was measured.
    ticks_per_second: Option<f64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            pace: Pace::Times(1.0),
            resumed: Pace::Times(1.0),
            is_at_end: false,
            steps: Steps::None,
            unlimited: Unlimited { ticks: 1, began: None },
            rate: Rate::default(),
        }
    }
}

impl Timeline {
    /// How fast the game is to go.
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// What it goes on with after a pause.
    pub const fn resumed(&self) -> Pace {
        self.resumed
    }

    /// Ticks that it makes per second; none until the present pace was measured.
    pub const fn ticks_per_second(&self) -> Option<f64> {
        self.rate.ticks_per_second
    }

    /// Whether the game stands still and nothing is to be done.
    pub fn is_still(&self) -> bool {
        self.pace == Pace::Paused && self.steps == Steps::None
    }

    fn set_pace(&mut self, pace: Pace) {
        self.is_at_end = false;
        self.rate = Rate::default();
        self.pace = match pace {
            Pace::Times(times) if times.is_finite() => Pace::Times(times.clamp(SLOWEST, FASTEST)),
            Pace::Times(_) => Pace::Times(1.0),
            other => other,
        };
        if self.pace != Pace::Paused {
            self.resumed = self.pace;
            self.steps = Steps::None;
        }
    }

    fn step(&mut self, steps: Steps) {
        self.set_pace(Pace::Paused);
        self.steps = steps;
    }

    /// Lets the game stand where a replay has come to its end.
    pub fn stop_at_end(&mut self) {
        if self.pace != Pace::Paused {
            self.set_pace(Pace::Paused);
            self.is_at_end = true;
        }
    }

    /// Goes on if the game stands still only because a replay has come to its end.
    pub fn leave_end(&mut self) {
        if self.is_at_end {
            self.set_pace(self.resumed);
        }
    }

    /// Ticks to make now that no clock asks for.
    fn extra_ticks(&mut self, steps: &StepClock) -> u32 {
        match (self.pace, core::mem::replace(&mut self.steps, Steps::None)) {
            (Pace::Unlimited, _) => self.unlimited.ticks,
            (Pace::Paused, Steps::Tick) => 1,
            (Pace::Paused, Steps::Decision) => steps.ticks_to_end(),
            _ => 0,
        }
    }
}

impl Unlimited {
    /// Takes as many ticks the next time as would have filled the budget this time.
    fn learn(&mut self, seconds: f64) {
        let fitting = f64::from(self.ticks) * BUDGET / seconds.max(1e-9);
        self.ticks = (fitting as u32).clamp(1, self.ticks.saturating_mul(MOST_GROWTH));
    }
}

/// Adds the game's time.
pub struct TimelinePlugin;

impl Plugin for TimelinePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Timeline>();
        app.add_systems(First, obey.before(ReplaySystems));
        app.add_systems(First, keep_pace.after(ReplaySystems).before(TimeSystems));
        app.add_systems(RunFixedMainLoop, begin.in_set(RunFixedMainLoopSystems::BeforeFixedMainLoop));
        app.add_systems(RunFixedMainLoop, end.in_set(RunFixedMainLoopSystems::AfterFixedMainLoop));
    }
}

/// What moves a replay sets the pace only while one plays.
fn obey(mut commands: MessageReader<EditorCommand>, replaying: Res<Replaying>, mut timeline: ResMut<Timeline>) {
    let is_replaying = replaying.playback().is_some();
    for command in commands.read() {
        match command {
            EditorCommand::SetPace(pace) => timeline.set_pace(*pace),
            EditorCommand::PlayReplay(_) | EditorCommand::EndReplay if is_replaying => {
                let resumed = timeline.resumed;
                timeline.set_pace(resumed);
            }
            EditorCommand::StepBack if is_replaying => timeline.set_pace(Pace::Paused),
            EditorCommand::StepTick => timeline.step(Steps::Tick),
            EditorCommand::StepDecision => timeline.step(Steps::Decision),
            _ => {}
        }
    }
}

/// Sets the clock of the game; before it is read.
fn keep_pace(timeline: Res<Timeline>, replaying: Res<Replaying>, mut game: ResMut<Time<Virtual>>) {
    if replaying.ticks_due().is_some() {
        return game.pause();
    }
    match timeline.pace {
        Pace::Times(times) => {
            game.unpause();
            game.set_relative_speed(times);
        }
        // The clock asks for nothing: all ticks are extra ones.
        Pace::Paused | Pace::Unlimited => game.pause(),
    }
}

/// Hands the fixed loop the ticks that no clock asks for.
fn begin(
    mut timeline: ResMut<Timeline>,
    replaying: Res<Replaying>,
    mut fixed: ResMut<Time<Fixed>>,
    steps: Res<StepClock>,
) {
    let (asked, due) = (timeline.extra_ticks(&steps), replaying.ticks_due());
    let timestep = fixed.timestep();
    fixed.accumulate_overstep(timestep * due.unwrap_or(asked));
    timeline.unlimited.began = (timeline.pace == Pace::Unlimited && due.is_none()).then(clock::seconds);
}

fn end(mut timeline: ResMut<Timeline>, steps: Res<StepClock>) {
    let now = clock::seconds();
    if let Some(began) = timeline.unlimited.began.take() {
        timeline.unlimited.learn(now - began);
    }
    timeline.rate.measure(now, steps.ticks());
}

impl Rate {
    fn measure(&mut self, now: f64, ticks: u64) {
        let (began, before) = *self.began.get_or_insert((now, ticks));
        if now - began >= RATE_INTERVAL {
            self.ticks_per_second = Some(ticks.saturating_sub(before) as f64 / (now - began));
            self.began = Some((now, ticks));
        }
    }
}
