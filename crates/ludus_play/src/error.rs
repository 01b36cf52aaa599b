//! Errors of policies that can't decide in a game, and the message that reports them.

use core::num::NonZeroU32;
use std::path::PathBuf;

use bevy::prelude::*;
use ludus_policy::PolicyError;

use crate::PolicyAsset;

/// The reasons that a policy can't decide in a game.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// It was trained for other agents.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Its steps last longer or shorter than the game's.
    #[error(
        "`{path}` decides every {trained} ticks, but a step lasts {now} here; train all policies of a game with the \
         same `decision_interval`, and let the plugin set the `StepClock`"
    )]
    OtherInterval {
        /// The file.
        path: PathBuf,
        /// Ticks per step in training.
        trained: NonZeroU32,
        /// Ticks per step here.
        now: NonZeroU32,
    },
    /// The game's time has other ticks.
    #[error(
        "`{path}` was trained at {trained_hz} ticks per second, but there are {now_hz} here; insert \
         `Time::<Fixed>::from_hz({trained_hz:?})`, or train anew"
    )]
    OtherTickRate {
        /// The file.
        path: PathBuf,
        /// Ticks per second in training.
        trained_hz: f64,
        /// Ticks per second here.
        now_hz: f64,
    },
}

/// Sent when a policy can't be loaded or is refused. Its agents keep the policy that they had, or idle if they had
/// none.
///
/// The log has the same text. An app without `LogPlugin` has no log: it reads the messages itself, as in the
/// [crate's example](crate), and may show them to players or developers.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The asset of the policy.
    pub policy: AssetId<PolicyAsset>,
    /// The problem and its remedy.
    pub sentence: String,
}
