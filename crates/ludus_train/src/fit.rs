//! Check that a policy's decision interval and tick rate are those of its training.

use std::num::NonZeroU32;
use std::path::Path;

use bevy::time::{Fixed, Time};
use ludus_agent::StepClock;
use ludus_play::{Steps, check_steps};
use ludus_policy::PolicyFile;
use ludus_spec::tick_rate_hz;

use crate::blueprint::Blueprint;
use crate::error::TrainError;

/// Checks that the policy of the file at `path` may decide for this kind of agents in the blueprint's game. The rules
/// are those of `play`.
///
/// # Errors
///
/// [`TrainError::Unplayable`] if steps or ticks are others, and if no world can be built.
pub(crate) fn check_fit(file: &PolicyFile, path: &Path, blueprint: &Blueprint, kind: usize) -> Result<(), TrainError> {
    let check_world = blueprint.build_check_world(1)?;
    let world = check_world.world();
    let time = world.get_resource::<Time<Fixed>>();
    let trained = Steps { decision_interval: file.decision_interval, tick_rate_hz: file.tick_rate_hz };
    // Steps of the world from one decision of the kind to the next.
    let config = &blueprint.config;
    let steps = config.interval(&blueprint.specs[kind].name).get() / config.ticks_per_step();
    let now = Steps {
        // The game may have set an interval of its own, which the clock has.
        decision_interval: world.get_resource::<StepClock>().map_or(file.decision_interval, |clock| {
            let steps = NonZeroU32::new(steps).unwrap_or(NonZeroU32::MIN);
            clock.decision_interval().saturating_mul(steps)
        }),
        tick_rate_hz: time.map_or(0.0, |time| tick_rate_hz(time.timestep())),
    };
    check_steps(path, trained, now).map_err(|error| TrainError::Unplayable(error.to_string()))
}
