//! The inputs of the loss of value learning.

use ludus_net::{Network, Normalizer, TargetNetwork};

use super::action_values::ActionValues;
use super::learner::ValueStep;

/// The inputs of a minibatch's loss. The network is as it is before the gradient step.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueContext<'a> {
    pub network: &'a Network,
    pub target: Option<&'a TargetNetwork>,
    pub normalizer: Option<&'a Normalizer>,
    pub values: &'a ActionValues,
    pub step: &'a ValueStep,
    /// The weight of one sample in the mean.
    pub weight: f32,
}
