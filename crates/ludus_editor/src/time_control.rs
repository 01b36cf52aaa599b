//! The systems that apply the [`Timeline`] to the game's clock and its fixed loop.

use bevy::app::{App, First, Plugin, RunFixedMainLoop, RunFixedMainLoopSystems};
use bevy::ecs::prelude::*;
use bevy::time::{Fixed, Time, TimeSystems, Virtual};
use ludus_agent::StepClock;
use ludus_train::clock;

use crate::EditorCommand;
use crate::scene::{ReplaySystems, Replaying};
use crate::timeline::{Pace, Steps, Timeline};

/// Adds the control of the game's time.
pub struct TimeControlPlugin;

impl Plugin for TimeControlPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Timeline>();
        app.add_systems(First, obey.before(ReplaySystems));
        app.add_systems(First, keep_pace.after(ReplaySystems).before(TimeSystems));
        app.add_systems(RunFixedMainLoop, begin.in_set(RunFixedMainLoopSystems::BeforeFixedMainLoop));
        app.add_systems(RunFixedMainLoop, end.in_set(RunFixedMainLoopSystems::AfterFixedMainLoop));
    }
}

/// Carries out the commands about time. Those that move a replay set the pace only during one.
fn obey(mut commands: MessageReader<EditorCommand>, replaying: Res<Replaying>, mut timeline: ResMut<Timeline>) {
    let is_replaying = replaying.playback().is_some();
    for command in commands.read() {
        match command {
            EditorCommand::SetPace(pace) => timeline.set_pace(*pace),
            EditorCommand::PlayReplay(_) | EditorCommand::EndReplay if is_replaying => {
                let resumed = timeline.resumed();
                timeline.set_pace(resumed);
            }
            EditorCommand::StepBack if is_replaying => timeline.set_pace(Pace::Paused),
            EditorCommand::StepTick => timeline.step(Steps::Tick),
            EditorCommand::StepDecision => timeline.step(Steps::Decision),
            _ => {}
        }
    }
}

/// Sets the clock of the game, before it is read.
fn keep_pace(timeline: Res<Timeline>, replaying: Res<Replaying>, mut game: ResMut<Time<Virtual>>) {
    if replaying.ticks_due().is_some() {
        return game.pause();
    }
    match timeline.pace() {
        Pace::Times(times) => {
            game.unpause();
            game.set_relative_speed(times);
        }
        // The clock yields no ticks: all ticks are extra ones.
        Pace::Paused | Pace::Unlimited => game.pause(),
    }
}

/// Adds the ticks that the clock does not count to the time of the fixed loop.
fn begin(
    mut timeline: ResMut<Timeline>,
    replaying: Res<Replaying>,
    mut fixed: ResMut<Time<Fixed>>,
    steps: Res<StepClock>,
) {
    let (asked, due) = (timeline.extra_ticks(&steps), replaying.ticks_due());
    let timestep = fixed.timestep();
    fixed.accumulate_overstep(timestep * due.unwrap_or(asked));
    timeline.begin_ticks(due.is_none(), clock::seconds());
}

fn end(mut timeline: ResMut<Timeline>, steps: Res<StepClock>) {
    timeline.end_ticks(clock::seconds(), steps.ticks());
}
