//! The pace of the game: pause, single ticks and pace, always by whole ticks. [`time_control`](crate::time_control) applies it.
//!
//! The game's own fixed timestep never changes; only the number of ticks per image does. So the ticks are the same at
//! any pace.

use bevy::ecs::prelude::*;
use ludus_agent::StepClock;

/// The slowest pace, in times of real time.
pub const SLOWEST: f32 = 0.1;
/// The fastest pace with a clock, in times of real time.
pub const FASTEST: f32 = 16.0;

/// Time that the ticks of one image may take at unlimited pace, so that the window stays responsive [s].
const BUDGET: f64 = 0.012;
/// Interval at which the tick rate is measured [s].
const RATE_INTERVAL: f64 = 0.5;
/// Factor by which the number of ticks may grow from one image to the next, at unlimited pace.
const MOST_GROWTH: u32 = 2;

/// The pace of the game.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Paused, except for single steps.
    Paused,
    /// In times of real time, from 0.1 to 16.
    Times(f32),
    /// As many ticks per image as the machine has time for.
    Unlimited,
}

/// The pace of the game, its pending single steps and its measured tick rate.
#[derive(Resource, Debug)]
pub struct Timeline {
    pace: Pace,
    /// The pace after a pause.
    resumed: Pace,
    /// True if the game is paused because a replay has come to its end, and not because the user paused it.
    is_at_end: bool,
    steps: Steps,
    unlimited: Unlimited,
    rate: Rate,
}

/// The single step that is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    None,
    Tick,
    Decision,
}

/// Estimates the number of ticks for which an image has time.
#[derive(Clone, Copy, Debug)]
struct Unlimited {
    ticks: u32,
    /// Time at which the ticks of this image began [s of the clock].
    began: Option<f64>,
}

/// Measures the tick rate of the game.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    /// Time [s of the clock] and number of ticks when the measurement began.
    began: Option<(f64, u64)>,
    /// `None` until the present pace was measured.
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
    /// The pace that is set.
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// The pace after a pause.
    pub const fn resumed(&self) -> Pace {
        self.resumed
    }

    /// Measured ticks per second; `None` until the present pace was measured.
    pub const fn ticks_per_second(&self) -> Option<f64> {
        self.rate.ticks_per_second
    }

    /// True if the game is paused, and no single step is pending.
    pub fn is_still(&self) -> bool {
        self.pace == Pace::Paused && self.steps == Steps::None
    }

    /// Sets the pace, within its limits, and drops a pending single step.
    pub fn set_pace(&mut self, pace: Pace) {
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

    /// Pauses the game but for a single step.
    pub fn step(&mut self, steps: Steps) {
        self.set_pace(Pace::Paused);
        self.steps = steps;
    }

    /// Pauses the game because a replay has come to its end.
    pub fn stop_at_end(&mut self) {
        if self.pace != Pace::Paused {
            self.set_pace(Pace::Paused);
            self.is_at_end = true;
        }
    }

    /// Ends a pause that [`stop_at_end`](Self::stop_at_end) began.
    pub fn leave_end(&mut self) {
        if self.is_at_end {
            self.set_pace(self.resumed);
        }
    }

    /// Returns the number of ticks in this image that the clock does not count, and clears the pending single step.
    pub fn extra_ticks(&mut self, steps: &StepClock) -> u32 {
        match (self.pace, core::mem::replace(&mut self.steps, Steps::None)) {
            (Pace::Unlimited, _) => self.unlimited.ticks,
            (Pace::Paused, Steps::Tick) => 1,
            (Pace::Paused, Steps::Decision) => steps.ticks_to_end(),
            _ => 0,
        }
    }
}

impl Timeline {
    /// Notes that the extra ticks of an image begin, at this time [s of the clock].
    pub fn begin_ticks(&mut self, is_unlimited: bool, now: f64) {
        self.unlimited.began = (self.pace == Pace::Unlimited && is_unlimited).then_some(now);
    }

    /// Notes that the ticks of an image are over, at this time [s of the clock]; `ticks` is their number so far.
    pub fn end_ticks(&mut self, now: f64, ticks: u64) {
        if let Some(began) = self.unlimited.began.take() {
            self.unlimited.learn(now - began);
        }
        self.rate.measure(now, ticks);
    }
}

impl Unlimited {
    /// Sets the number of ticks to as many as would have filled the time budget of this image.
    fn learn(&mut self, seconds: f64) {
        let fitting = f64::from(self.ticks) * BUDGET / seconds.max(1e-9);
        self.ticks = (fitting as u32).clamp(1, self.ticks.saturating_mul(MOST_GROWTH));
    }
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
