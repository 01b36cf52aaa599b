//! Whether a policy decides as often as it was trained to.

use std::path::Path;

use bevy::time::{Fixed, Time};
use ludus_agent::StepClock;
use ludus_play::{Steps, check_steps};
use ludus_policy::PolicyFile;
use ludus_spec::tick_rate_hz;

use crate::error::TrainError;
use crate::training::Blueprint;

/// Makes sure that the policy in the file at `path` may decide in the blueprint's game: what `play` refuses is refused.
///
/// # Errors
///
/// [`TrainError::Unplayable`] if steps or ticks are others, and if no world can be built.
pub(crate) fn check_fit(file: &PolicyFile, path: &Path, blueprint: &Blueprint) -> Result<(), TrainError> {
    let exam = blueprint.build_exam(1)?;
    let world = exam.world();
    let time = world.get_resource::<Time<Fixed>>();
    let trained = Steps { decision_interval: file.decision_interval, tick_rate_hz: file.tick_rate_hz };
    let now = Steps {
        // A game that sets its own steps has those.
        decision_interval: world
            .get_resource::<StepClock>()
            .map_or(file.decision_interval, StepClock::decision_interval),
        tick_rate_hz: time.map_or(0.0, |time| tick_rate_hz(time.timestep())),
    };
    check_steps(path, trained, now).map_err(|error| TrainError::Unplayable(error.to_string()))
}
