//! Value learning: the parts that algorithms share which learn the values of actions.

mod action_values;
mod context;
mod decide;
mod error;
mod learner;
mod metrics;
mod native;
mod state;
mod targets;
mod worker;

pub(crate) use action_values::drawn_choice;
pub(crate) use metrics::ValueMetrics;
pub(crate) use state::{restore_value, save_value};

pub use error::{TdError, td_error};
pub use learner::{ValueBatch, ValueLearner, ValueSamples, ValueSetup, ValueState, ValueStep};
pub use metrics::ValueLosses;
pub use native::NativeValueLearner;
