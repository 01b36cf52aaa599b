//! Whether a policy fits the game: its layout, its steps and its ticks.

use core::num::NonZeroU32;
use std::path::Path;

use bevy::prelude::*;
use ludus_agent::{AgentKinds, StepClock};
use ludus_policy::check_layout;
use ludus_spec::{AgentSpec, meant_rate_hz, tick_rate_hz};

use crate::asset::Content;
use crate::{PlayError, PolicyAsset};

/// How far the length of a tick may be from that in training, as a part of it: rounding to whole nanoseconds.
const ROUNDING: f64 = 1e-6;

/// The one who has said how long steps last.
#[derive(Resource, Default, PartialEq, Eq)]
pub(crate) enum StepsAreSet {
    /// Nobody yet: there is no policy.
    #[default]
    No,
    /// The game, before there was a policy: it stays.
    ByGame,
    /// The first policy that was there: it stays in a game with one kind of agents. With several, a policy that decides
    /// more often makes steps shorter.
    ByPolicy,
}

/// The first policy that is there says how long steps last; in a game with several kinds of agents the one that decides
/// most often. Runs between ticks.
pub(crate) fn set_steps(
    policies: Res<Assets<PolicyAsset>>,
    kinds: Res<AgentKinds>,
    mut are_set: ResMut<StepsAreSet>,
    mut clock: ResMut<StepClock>,
) {
    let mut intervals = policies.iter().map(|(_, policy)| policy.decision_interval());
    let has_several = kinds.iter().len() > 1;
    let Some(interval) = (if has_several { intervals.min() } else { intervals.next() }) else { return };
    let now = clock.decision_interval();
    match *are_set {
        // An interval that the game has set by itself stands; a policy that was trained with another is refused.
        StepsAreSet::No if now != NonZeroU32::MIN => *are_set = StepsAreSet::ByGame,
        StepsAreSet::No => {
            clock.set_decision_interval(interval);
            *are_set = StepsAreSet::ByPolicy;
        }
        StepsAreSet::ByPolicy if has_several && interval < now && now.get().is_multiple_of(interval.get()) => {
            clock.set_decision_interval(interval);
        }
        StepsAreSet::ByGame | StepsAreSet::ByPolicy => {}
    }
}

/// Makes sure that a policy can decide for agents with this spec, in a game with these steps and ticks.
pub(crate) fn check_fit(
    policy: &Content,
    spec: &AgentSpec,
    now: NonZeroU32,
    time: Option<&Time<Fixed>>,
) -> Result<(), PlayError> {
    check_layout(policy.policy.spec(), spec, &policy.name)?;
    let trained = Steps { decision_interval: policy.decision_interval, tick_rate_hz: policy.tick_rate_hz };
    let now = Steps { decision_interval: now, tick_rate_hz: time.map_or(0.0, |time| tick_rate_hz(time.timestep())) };
    check_steps(&policy.name, trained, now)
}

/// How often decisions are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Ticks per step.
    pub decision_interval: NonZeroU32,
    /// Ticks per second of the game's time \[Hz\]; 0 where there are none.
    pub tick_rate_hz: f64,
}

/// Makes sure that a policy that was `trained` with some steps is to decide with steps like these. `path` is what errors
/// call it.
///
/// # Errors
///
/// If ticks per step or per second differ, with both and the remedy.
pub fn check_steps(path: &Path, trained: Steps, now: Steps) -> Result<(), PlayError> {
    let path = || path.to_owned();
    if trained.decision_interval != now.decision_interval {
        let (trained, now) = (trained.decision_interval, now.decision_interval);
        return Err(PlayError::OtherInterval { path: path(), trained, now });
    }
    let [trained_hz, now_hz] = [trained, now].map(|steps| steps.tick_rate_hz);
    if trained_hz > 0.0 && now_hz > 0.0 && (trained_hz / now_hz - 1.0).abs() > ROUNDING {
        return Err(PlayError::OtherTickRate { path: path(), trained_hz: meant_rate_hz(trained_hz), now_hz });
    }
    Ok(())
}
