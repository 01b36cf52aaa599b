//! Value learning: the parts that algorithms share which learn the values of actions.

mod action_values;
mod decide;
mod error;
mod learner;
mod metrics;
mod state;
mod worker;

pub(crate) use action_values::{OutputRow, drawn_choice};
pub(crate) use learner::{ValueLearner, ValueStep};
pub(crate) use metrics::{ValueLosses, ValueMetrics};
pub(crate) use state::{restore_value, save_value};
pub(crate) use worker::{Batch, NextRows, Online, ValueSamples};

pub use error::{TdError, td_error};
