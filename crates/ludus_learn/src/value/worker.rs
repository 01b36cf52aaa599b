//! The gradient of a part of a minibatch of value learning.

use ludus_net::{Block, Scratch, stage};

use super::action_values::OutputRow;
use super::context::ValueContext;
use super::learner::{ValueBatch, ValueSamples, ValueStep};
use super::metrics::ValueLosses;
use super::targets::NextRows;
use super::td_error;
use crate::gradient::Shard;

/// The working memory of one thread for learning.
#[derive(Debug)]
pub(super) struct ValueWorker {
    scratch: Scratch,
    batch: ValueBatch,
    next: NextRows,
}

impl ValueWorker {
    pub fn new(scratch: Scratch) -> Self {
        Self { scratch, batch: ValueBatch::default(), next: NextRows::default() }
    }

    /// Computes the gradient, the losses and the errors of a shard.
    pub fn compute_gradient(
        &mut self,
        context: ValueContext<'_>,
        samples: &dyn ValueSamples,
        shard: &mut Shard<ValueLosses>,
    ) {
        let Self { scratch, batch, next } = self;
        samples.gather(shard.units.clone(), batch);
        next.add_values(context, batch, scratch);
        if batch.inputs.is_empty() {
            batch.inputs.resize(batch.observations.len(), 0.0);
            stage(context.normalizer, &batch.observations, &mut batch.inputs);
        }
        let Shard { gradient, losses, errors, .. } = shard;
        errors.clear();
        context.network.gradient(&batch.inputs, scratch, gradient, |block| {
            derive(context, batch, block, losses, errors);
        });
    }
}

/// Adds a block's losses, and writes their derivatives with respect to the network's outputs.
fn derive(
    context: ValueContext<'_>,
    batch: &ValueBatch,
    block: Block<'_>,
    losses: &mut ValueLosses,
    errors: &mut Vec<f32>,
) {
    let ValueContext { values, step: ValueStep { huber, .. }, weight, .. } = context;
    let (width, heads) = (values.width(), values.head_count());
    let per_head = 1.0 / heads as f32;
    for row in 0..block.values.len() {
        let sample = block.first_row + row;
        let outputs = &block.outputs[row * width..][..width];
        let of_row = OutputRow { outputs, value: block.values[row], mask: &[] };
        let d_outputs = &mut block.d_outputs[row * width..][..width];
        let (target, own) = (batch.rewards[sample], batch.weights.get(sample).copied().unwrap_or(1.0));
        let mut greatest = 0.0_f32;
        for (head, &choice) in batch.actions[sample * heads..][..heads].iter().enumerate() {
            let value = values.of_choice(of_row, head, choice as usize);
            let found = td_error(value, target, *huber);
            losses.loss += own * per_head * found.loss;
            losses.value += per_head * value;
            greatest = greatest.max((value - target).abs());
            let slope = weight * own * per_head * found.slope;
            values.backward(head, choice as usize, slope, d_outputs, &mut block.d_values[row]);
        }
        errors.push(greatest);
    }
}
