//! The fixed tick as a contract: phases, schedules and the count of ticks.

use core::num::NonZeroU32;

use bevy::ecs::schedule::ScheduleLabel;
use bevy::prelude::*;
use ludus_spec::{Clock, stopped_clock};

/// Phases of one fixed tick, in the order they run.
///
/// | schedule | phase | what happens |
/// |---|---|---|
/// | `FixedFirst` | [`Restart`](Self::Restart) | on a step's first tick: ended episodes start anew |
/// | `FixedPreUpdate` | [`Act`](Self::Act) | on a step's first tick: action rows become action components |
/// | `FixedUpdate`, `FixedPostUpdate` | none | the game's own systems and its physics |
/// | `FixedLast` | [`Score`](Self::Score) | the [`ScoreAgents`](crate::ScoreAgents) schedule; terms add up, episodes end |
/// | `FixedLast` | [`Sense`](Self::Sense) | on a step's last tick: the [`SenseAgents`](crate::SenseAgents) schedule, then rows |
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentSystems {
    /// Agents whose episode ended at the last decision get [`EpisodeStart`](crate::EpisodeStart), in slot order.
    Restart,
    /// Actions are written to the agents' components. Input systems of human players go here.
    Act,
    /// Runs [`ScoreAgents`](crate::ScoreAgents): reward terms add up, episodes end.
    Score,
    /// Runs [`SenseAgents`](crate::SenseAgents) on the last tick of a step, then copies observations into rows.
    Sense,
}

/// Systems that write observation components. Runs once per step, after physics.
#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
pub struct SenseAgents;

/// Systems that write reward components and end episodes. Runs every tick, after physics.
#[derive(ScheduleLabel, Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScoreAgents;

/// Counts ticks, and the position of the present tick in its step.
///
/// A step is one decision and lasts [`decision_interval`](Self::decision_interval) ticks.
///
/// It is part of a saved game: decisions come after the same ticks, and draws derive from the count of ticks.
#[derive(Resource, Reflect, Clone, Copy, Debug, PartialEq, Eq)]
#[reflect(Resource, Clone, Debug, Default, PartialEq)]
pub struct StepClock {
    decision_interval: NonZeroU32,
    tick_in_step: u32,
    ticks: u64,
}

impl Default for StepClock {
    fn default() -> Self {
        Self::new(NonZeroU32::MIN)
    }
}

impl StepClock {
    /// Creates a clock that is before its first tick.
    pub const fn new(decision_interval: NonZeroU32) -> Self {
        Self { decision_interval, tick_in_step: decision_interval.get() - 1, ticks: 0 }
    }

    /// Ticks per step.
    pub const fn decision_interval(&self) -> NonZeroU32 {
        self.decision_interval
    }

    /// Sets the ticks per step. If they differ from the present ones, the next tick begins a step.
    pub fn set_decision_interval(&mut self, decision_interval: NonZeroU32) {
        if decision_interval != self.decision_interval {
            self.begin_step(decision_interval);
        }
    }

    /// Makes the next tick the first of a step with this many ticks, even if the present step is not over.
    ///
    /// For a driver that replaces the state of a world, as a replay does.
    pub const fn begin_step(&mut self, decision_interval: NonZeroU32) {
        *self = Self { ticks: self.ticks, ..Self::new(decision_interval) };
    }

    /// Ticks since the world began; 1 during the first.
    pub const fn ticks(&self) -> u64 {
        self.ticks
    }

    /// True if the present tick is the first of its step, the one with the decision.
    pub const fn is_first_tick(&self) -> bool {
        self.tick_in_step == 0
    }

    /// True if the present tick is the last of its step, the one that is sensed.
    pub const fn is_last_tick(&self) -> bool {
        self.tick_in_step + 1 == self.decision_interval.get()
    }

    /// Ticks up to the end of the present step, or of the next one if the present one is over.
    pub const fn ticks_to_end(&self) -> u32 {
        let left = self.decision_interval.get() - 1 - self.tick_in_step;
        if left == 0 { self.decision_interval.get() } else { left }
    }

    fn advance(&mut self) {
        self.tick_in_step = if self.is_last_tick() { 0 } else { self.tick_in_step + 1 };
        self.ticks += 1;
    }
}

/// The time spent on sensing and scoring, by a clock that the driver of the world provides.
///
/// Without a driver the clock stands still: a world never reads the wall clock by itself.
#[derive(Resource, Clone, Copy, Debug)]
pub struct SenseScoreTime {
    clock: Clock,
    began: u64,
    total: u64,
}

impl Default for SenseScoreTime {
    fn default() -> Self {
        Self::new(stopped_clock)
    }
}

impl SenseScoreTime {
    /// Creates a measurement of no time so far, with `clock`.
    pub const fn new(clock: Clock) -> Self {
        Self { clock, began: 0, total: 0 }
    }

    /// Time spent so far [ns of the clock].
    pub const fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn begin(&mut self) {
        self.began = (self.clock)();
    }

    pub(crate) fn lap(&mut self) {
        let now = (self.clock)();
        self.total += now.saturating_sub(self.began);
        self.began = now;
    }
}

/// The library's own systems of each phase. In `Score` and `Sense` they run after the game's schedule.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RowSystems {
    Act,
    Score,
    Sense,
    Restart,
    /// Agents of a saved game get their rows.
    Resume,
    /// The same for the kind with this number, counted from 1.
    ResumeKind(usize),
    /// The restart of the kind with this number, counted from 1.
    RestartKind(usize),
}

/// Adds the schedules, the order of the phases and the systems that don't depend on the kind of agent.
pub(crate) fn add_tick(app: &mut App) {
    app.init_schedule(SenseAgents).init_schedule(ScoreAgents);
    app.init_resource::<StepClock>().init_resource::<SenseScoreTime>();
    app.configure_sets(FixedLast, (AgentSystems::Score, AgentSystems::Sense).chain());
    // Kinds of agents don't share entities, which the scheduler can't know.
    app.configure_sets(FixedFirst, RowSystems::Restart.in_set(AgentSystems::Restart));
    app.configure_sets(FixedFirst, RowSystems::Resume.after(advance_clock).before(AgentSystems::Restart));
    app.configure_sets(FixedPreUpdate, RowSystems::Act.in_set(AgentSystems::Act).ambiguous_with(RowSystems::Act));
    app.configure_sets(FixedLast, RowSystems::Score.in_set(AgentSystems::Score).ambiguous_with(RowSystems::Score));
    app.configure_sets(FixedLast, RowSystems::Sense.in_set(AgentSystems::Sense).ambiguous_with(RowSystems::Sense));
    app.add_systems(FixedFirst, advance_clock.before(AgentSystems::Restart));
    app.add_systems(FixedLast, run_score.in_set(AgentSystems::Score).before(RowSystems::Score));
    app.add_systems(FixedLast, run_sense.in_set(AgentSystems::Sense).before(RowSystems::Sense));
}

fn advance_clock(mut clock: ResMut<StepClock>) {
    clock.advance();
}

pub(crate) fn run_score(world: &mut World) {
    world.resource_mut::<SenseScoreTime>().begin();
    world.run_schedule(ScoreAgents);
}

fn run_sense(world: &mut World) {
    if world.resource::<StepClock>().is_last_tick() {
        world.run_schedule(SenseAgents);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_a_first_and_a_last_tick() {
        let mut clock = StepClock::new(NonZeroU32::new(3).expect("not zero"));
        let mut seen = Vec::new();
        for _ in 0..4 {
            clock.advance();
            seen.push((clock.ticks(), clock.is_first_tick(), clock.is_last_tick(), clock.ticks_to_end()));
        }
        assert_eq!(seen, [(1, true, false, 2), (2, false, false, 1), (3, false, true, 3), (4, true, false, 2)]);
    }

    #[test]
    fn another_interval_begins_with_a_step() {
        let interval = |ticks| NonZeroU32::new(ticks).expect("not zero");
        let mut clock = StepClock::new(interval(3));
        clock.advance();
        clock.set_decision_interval(interval(3));
        clock.advance();
        assert!(!clock.is_first_tick(), "the same interval goes on");
        clock.set_decision_interval(interval(2));
        clock.advance();
        assert_eq!((clock.ticks(), clock.is_first_tick(), clock.is_last_tick()), (3, true, false));
    }

    #[test]
    fn a_step_of_one_tick_begins_and_ends_in_it() {
        let mut clock = StepClock::default();
        clock.advance();
        assert!(clock.is_first_tick() && clock.is_last_tick());
    }
}
