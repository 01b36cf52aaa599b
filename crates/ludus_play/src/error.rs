//! Why a policy can't decide here, and how one hears of it.

use core::num::NonZeroU32;
use std::path::PathBuf;

use bevy::prelude::*;
use ludus_policy::PolicyError;

use crate::PolicyAsset;

/// Why a policy can't decide in this game.
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

/// Sent when a policy can't be loaded or is refused. Its agents go on with the one before it, or idle if there was none.
///
/// The log says the same. An app without `LogPlugin` has none: it reads the messages itself, as in the
/// [crate's example](crate), and may show them wherever players or developers look.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The policy.
    pub policy: AssetId<PolicyAsset>,
    /// What is wrong and what to do about it.
    pub sentence: String,
}
