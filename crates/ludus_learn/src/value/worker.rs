//! The gradient of a part of a minibatch of value learning.

use std::ops::Range;

use ludus_net::{Block, Network, Normalizer, Scratch};

use super::action_values::{ActionValues, OutputRow};
use super::metrics::ValueLosses;
use super::td_error;
use crate::gradient::Shard;

/// The working memory of one thread for learning.
#[derive(Debug)]
pub(crate) struct ValueWorker {
    pub scratch: Scratch,
    pub batch: Batch,
}

/// Samples side by side.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Observations, where they are not normalised yet `[samples, observation width]`.
    pub raw: Vec<f32>,
    /// Inputs of the network `[samples, observation width]`.
    pub inputs: Vec<f32>,
    /// The chosen actions `[samples, action width]`.
    pub actions: Vec<f32>,
    /// The values that are learned `[samples]`.
    pub targets: Vec<f32>,
    /// The weight of each sample's loss, or empty if all are 1 `[samples]`.
    pub weights: Vec<f32>,
    /// Rows for which a target is worked out.
    pub next: NextRows,
}

/// The rows after the samples, from whose values targets are worked out.
#[derive(Debug, Default)]
pub(crate) struct NextRows {
    pub observations: Vec<f32>,
    pub inputs: Vec<f32>,
    pub masks: Vec<bool>,
    pub outputs: Vec<f32>,
    pub values: Vec<f32>,
    pub actions: Vec<f32>,
    /// The target network's value of the greedy action.
    pub greatest: Vec<f32>,
}

impl Batch {
    /// Removes all samples.
    pub fn clear(&mut self) {
        let Self { raw, inputs, actions, targets, weights, .. } = self;
        [raw, inputs, actions, targets, weights].into_iter().for_each(Vec::clear);
    }
}

/// The samples of a gradient step.
pub(crate) trait ValueSamples: Sync {
    /// Samples of the step.
    fn count(&self) -> usize;

    /// Writes the samples in this range, with their targets, side by side.
    fn gather(&self, range: Range<usize>, batch: &mut Batch, scratch: &mut Scratch, online: Online<'_>);
}

/// The network that learns, as it is before the gradient step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Online<'a> {
    pub network: &'a Network,
    pub normalizer: Option<&'a Normalizer>,
    pub values: &'a ActionValues,
}

/// The inputs of a minibatch's loss.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueContext<'a> {
    pub online: Online<'a>,
    /// The error from which on the loss is a line.
    pub huber: Option<f32>,
    /// The weight of one sample in the mean.
    pub weight: f32,
}

impl ValueWorker {
    pub fn new(scratch: Scratch) -> Self {
        Self { scratch, batch: Batch::default() }
    }

    /// Computes the gradient, the losses and the errors of a shard.
    pub(super) fn compute_gradient(
        &mut self,
        context: ValueContext<'_>,
        samples: &impl ValueSamples,
        shard: &mut Shard<ValueLosses>,
    ) {
        let Self { scratch, batch, .. } = self;
        samples.gather(shard.units.clone(), batch, scratch, context.online);
        let Shard { gradient, losses, errors, .. } = shard;
        errors.clear();
        context
            .online
            .network
            .gradient(&batch.inputs, scratch, gradient, |block| derive(context, batch, block, losses, errors));
    }
}

/// Adds a block's losses, and writes their derivatives with respect to the network's outputs.
fn derive(context: ValueContext<'_>, batch: &Batch, block: Block<'_>, losses: &mut ValueLosses, errors: &mut Vec<f32>) {
    let ValueContext { online: Online { values, .. }, huber, weight } = context;
    let (width, heads) = (values.width(), values.head_count());
    let per_head = 1.0 / heads as f32;
    for row in 0..block.values.len() {
        let sample = block.first_row + row;
        let outputs = &block.outputs[row * width..][..width];
        let of_row = OutputRow { outputs, value: block.values[row], mask: &[] };
        let d_outputs = &mut block.d_outputs[row * width..][..width];
        let own = batch.weights.get(sample).copied().unwrap_or(1.0);
        let mut greatest = 0.0_f32;
        for (head, &choice) in batch.actions[sample * heads..][..heads].iter().enumerate() {
            let value = values.of_choice(of_row, head, choice as usize);
            let found = td_error(value, batch.targets[sample], huber);
            losses.loss += own * per_head * found.loss;
            losses.value += per_head * value;
            greatest = greatest.max((value - batch.targets[sample]).abs());
            values.backward(
                head,
                choice as usize,
                weight * own * per_head * found.slope,
                d_outputs,
                &mut block.d_values[row],
            );
        }
        errors.push(greatest);
    }
}
