//! Losses of the policy alone: the likelihood of actions, and the divergence from a teacher.

use ludus_learn::CloningStep;
use tch::{Kind, Tensor};

use crate::adam::{Rates, unbiased};
use crate::behavior::BehaviorPolicy;
use crate::gradient::ShardGradient;
use crate::heads::{Heads, Outputs};
use crate::imitated_batch::ImitatedBatch;
use crate::network::TorchNetwork;
use crate::parameters::Leaves;
use crate::storage::Batch;
use crate::trained::TrainedNetwork;
use crate::update::forward;

/// A mean loss, without dimensions, and its gradient `[parameters]`.
pub(crate) struct PolicyGradient {
    pub gradient: Tensor,
    pub loss: Tensor,
}

/// The data of one shard, owned by one thread: tensors can be sent to a thread, but not shared.
struct PolicyShard {
    batch: Batch,
    teacher_log_std: Option<Tensor>,
}

impl TrainedNetwork {
    /// Computes the mean loss of a minibatch and its gradient. Details 46 and 53.
    pub fn policy_gradient(&mut self, heads: &Heads, batch: ImitatedBatch) -> PolicyGradient {
        let weight = 1.0 / batch.samples as f64;
        let found = self.of_shards(batch, |network, leaves, shard, kind| {
            let loss = shard.loss(network, heads, leaves, kind) * weight;
            ShardGradient { gradient: leaves.gradient(&loss), sums: loss.detach() }
        });
        let ShardGradient { gradient, sums } = ShardGradient::sum(found);
        PolicyGradient { gradient, loss: sums }
    }

    /// Computes the mean loss of a minibatch, without dimensions.
    pub fn policy_loss(&mut self, heads: &Heads, batch: ImitatedBatch) -> Tensor {
        let weight = 1.0 / batch.samples as f64;
        let losses = self.of_shards(batch, |network, leaves, shard, kind| {
            let _guard = tch::no_grad_guard();
            shard.loss(network, heads, leaves, kind) * weight
        });
        losses.into_iter().reduce(|sum, loss| sum + loss).expect("a minibatch has a shard")
    }

    /// Adds the gradient of a minibatch, times `weight`, to the next step of PPO. Returns the mean loss. Detail 48.
    pub fn add_policy_gradient(&mut self, heads: &Heads, batch: ImitatedBatch, weight: f32) -> f32 {
        let PolicyGradient { gradient, loss } = self.policy_gradient(heads, batch);
        self.update.extra_gradient().add(&gradient, weight);
        self.link.fetch(&loss.unsqueeze(0))[0]
    }

    /// Takes a gradient step. The gradient and its length were checked: they are finite.
    pub fn take_checked_step(&mut self, gradient: &Tensor, norm: &Tensor, step: CloningStep) {
        let number = self.count_taken_step();
        let [learning_rate, unbias_2] = unbiased(step.learning_rate, number);
        let numbers = self.link.send(&[learning_rate, unbias_2, step.max_grad_norm, 1.0]);
        let [learning_rate, unbias_2, max_grad_norm, is_taken] = [0, 1, 2, 3].map(|index| numbers.get(index));
        let rates = Rates { learning_rate, unbias_2, max_grad_norm, is_taken };
        self.update.adam.step(&mut self.update.parameters, gradient, norm, &rates);
    }

    /// Calls `work` for each shard of a minibatch, on the threads of the pool. Returns the results in the order of the
    /// shards.
    fn of_shards<R: Send>(
        &mut self,
        batch: ImitatedBatch,
        work: impl Fn(&dyn TorchNetwork, &Leaves, &PolicyShard, Kind) -> R + Send + Sync,
    ) -> Vec<R> {
        let Self { network, update, settings, .. } = self;
        let ImitatedBatch { batch, teacher_log_std, .. } = batch;
        let count = update.shards.count(batch.played.size()[0] as usize, batch.units());
        let own = |batch| PolicyShard { batch, teacher_log_std: teacher_log_std.as_ref().map(Tensor::shallow_clone) };
        let shards = batch.cut(count).into_iter().map(own).collect();
        let (network, kind) = (&**network, update.kind);
        let pool = &settings.machine.pool;
        update.shards.work(&update.parameters, pool, shards, |leaves, shard| work(network, leaves, shard, kind))
    }
}

impl PolicyShard {
    /// Returns the sum of the losses of the samples that count, without dimensions.
    fn loss(&self, network: &dyn TorchNetwork, heads: &Heads, leaves: &Leaves, kind: Kind) -> Tensor {
        let Self { batch, teacher_log_std } = self;
        let numbers = forward(network, leaves, batch, kind).outputs.to_kind(Kind::Float);
        let outputs = Outputs { numbers: &numbers, log_std: leaves.log_std(), masks: batch.masks.as_ref() };
        let action_width = heads.action_width() as i64;
        let losses = match teacher_log_std {
            None => -heads.evaluate(outputs, &batch.played.narrow(1, 0, action_width)).0,
            Some(log_std) => {
                let of_teacher = batch.played.narrow(1, action_width, numbers.size()[1]);
                let teacher = Outputs { numbers: &of_teacher, log_std: Some(log_std), masks: batch.masks.as_ref() };
                heads.divergences(outputs, teacher)
            }
        };
        let counted = batch.counted.as_ref();
        let losses =
            counted.map_or_else(|| losses.shallow_clone(), |counted| losses.masked_fill(&counted.le(0.5), 0.0));
        losses.sum(Kind::Float)
    }
}
