//! Checks that a policy fits the game: its layout, its steps and its ticks.

use core::num::NonZeroU32;
use std::path::Path;

use bevy::prelude::*;
use ludus_agent::{AgentKinds, StepClock};
use ludus_policy::check_layout;
use ludus_spec::{AgentSpec, meant_rate_hz, tick_rate_hz};

use crate::asset::Content;
use crate::{PlayError, PolicyAsset};

/// The greatest relative difference between the tick rates of training and game: ticks are rounded to nanoseconds.
const ROUNDING: f64 = 1e-6;

/// The source of the length of a step.
#[derive(Resource, Default, PartialEq, Eq)]
pub(crate) enum StepsAreSet {
    /// None yet: there is no policy.
    #[default]
    No,
    /// The game, before there was a policy: it stays.
    ByGame,
    /// The first policy that was there: it stays in a game with one kind of agents. With several, a policy that decides
    /// more often makes steps shorter.
    ByPolicy,
}

/// Sets the length of a step to that of the first policy that is loaded; in a game with several kinds of agents, to
/// that of the policy that decides most often. Runs between ticks.
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
        // An interval that the game has set by itself stays; a policy that was trained with another is refused.
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

/// Checks that a policy can decide for agents with this spec, in a game with these steps and ticks.
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

/// The rate of decisions, in ticks per step and ticks per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps {
    /// Ticks per step.
    pub decision_interval: NonZeroU32,
    /// Ticks per second of the game's time \[Hz\]; 0 where there are none.
    pub tick_rate_hz: f64,
}

/// Checks that the steps of a game, `now`, are those with which a policy was `trained`. `path` names the policy in
/// errors.
///
/// # Errors
///
/// If ticks per step or per second differ. The error names both values and the remedy.
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
