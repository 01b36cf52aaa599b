//! The ticks of a step: their count is the decision interval, whatever the game does to its time.

use core::num::NonZeroU32;
use core::time::Duration;

use bevy::app::{FixedMain, RunFixedMainLoop};
use bevy::ecs::schedule::ScheduleCleanupPolicy;
use bevy::prelude::*;
use bevy::time::{TimeUpdateStrategy, run_fixed_main_schedule};
use ludus_agent::StepClock;

/// The count of ticks of the next update.
#[derive(Resource)]
struct StepTicks(u32);

/// Replaces the system by which Bevy derives the count of ticks from the game's virtual time.
///
/// A game may pause, scale or limit that time, or change the timestep: it still gets one step per update.
/// There are no ticks until [`begin_ticks`] is called.
pub(crate) fn replace_fixed_loop(app: &mut App) {
    let world = app.world_mut();
    world.insert_resource(StepTicks(0));
    // A problem of the schedule is reported when it runs.
    let _ = world.try_schedule_scope(RunFixedMainLoop, |world, schedule| {
        schedule.remove_systems_in_set(run_fixed_main_schedule, world, ScheduleCleanupPolicy::RemoveSystemsOnly)
    });
    app.add_systems(RunFixedMainLoop, run_ticks.in_set(RunFixedMainLoopSystems::FixedMainLoop));
}

/// Gives each of the following updates the ticks of one step.
pub(crate) fn begin_ticks(world: &mut World, decision_interval: NonZeroU32) {
    world.insert_resource(StepTicks(decision_interval.get()));
}

/// Undoes the game's changes to the clocks since the last step, as far as a step's length depends on them.
pub(crate) fn hold_clocks(world: &mut World, decision_interval: NonZeroU32) {
    let strategy = TimeUpdateStrategy::FixedTimesteps(decision_interval.get());
    match world.get_resource_mut::<TimeUpdateStrategy>() {
        Some(mut held) => *held.bypass_change_detection() = strategy,
        None => world.insert_resource(strategy),
    }
    if let Some(mut clock) = world.get_resource_mut::<StepClock>() {
        clock.begin_step(decision_interval);
    }
}

/// Runs the ticks of one step, as Bevy's own system runs those for which there is time.
fn run_ticks(world: &mut World) {
    let ticks = world.resource::<StepTicks>().0;
    // A game without fixed schedules has no ticks.
    let _ = world.try_schedule_scope(FixedMain, |world, schedule| {
        for _ in 0..ticks {
            begin_tick(world);
            schedule.run(world);
        }
    });
    *world.resource_mut::<Time>() = world.resource::<Time<Virtual>>().as_generic();
}

fn begin_tick(world: &mut World) {
    let mut fixed = world.resource_mut::<Time<Fixed>>();
    let timestep = fixed.timestep();
    fixed.discard_overstep(Duration::MAX);
    fixed.advance_by(timestep);
    let time = fixed.as_generic();
    *world.resource_mut::<Time>() = time;
}
