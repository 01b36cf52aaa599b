//! Whether a policy fits the game: its layout, its steps and its ticks.

use core::num::NonZeroU32;

use bevy::prelude::*;
use ludus_agent::StepClock;
use ludus_policy::check_layout;
use ludus_spec::AgentSpec;

use crate::asset::Content;
use crate::{PlayError, PolicyAsset};

/// How far the length of a tick may be from that in training, as a part of it: rounding to whole nanoseconds.
const ROUNDING: f64 = 1e-6;

/// Whether a policy has set how long steps last. From then on it stays.
#[derive(Resource, Default)]
pub(crate) struct StepsAreSet(pub bool);

/// The first policy that is there says how long steps last. Runs between ticks.
pub(crate) fn set_steps(
    policies: Res<Assets<PolicyAsset>>,
    mut is_set: ResMut<StepsAreSet>,
    mut clock: ResMut<StepClock>,
) {
    if is_set.0 {
        return;
    }
    let Some((_, first)) = policies.iter().next() else { return };
    // An interval that the game has set by itself stands; a policy that was trained with another is refused.
    if clock.decision_interval() == NonZeroU32::MIN {
        clock.set_decision_interval(first.decision_interval());
    }
    is_set.0 = true;
}

/// Makes sure that a policy can decide for agents with this spec, in a game with these steps and ticks.
pub(crate) fn check_fit(
    policy: &Content,
    spec: &AgentSpec,
    now: NonZeroU32,
    time: Option<&Time<Fixed>>,
) -> Result<(), PlayError> {
    check_layout(policy.policy.spec(), spec, &policy.name)?;
    let path = || policy.name.clone();
    let trained = policy.decision_interval;
    if trained != now {
        return Err(PlayError::OtherInterval { path: path(), trained, now });
    }
    let Some(tick) = time.map(|time| time.timestep().as_secs_f64()) else { return Ok(()) };
    let trained_hz = policy.tick_rate_hz;
    // A file that says 0 comes from a simulation without ticks.
    if trained_hz > 0.0 && (tick * trained_hz - 1.0).abs() > ROUNDING {
        return Err(PlayError::OtherTickRate { path: path(), trained_hz, now_hz: tick.recip() });
    }
    Ok(())
}
