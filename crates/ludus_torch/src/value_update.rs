//! One gradient step of Q-learning, on the device.

use ludus_learn::ValueStep;
use rayon::ThreadPool;
use tch::{Kind, Tensor};

use crate::action_values::ActionValues;
use crate::adam::unbiased;
use crate::gradient::ShardGradient;
use crate::inputs::Inputs;
use crate::loss_accumulator::LossNames;
use crate::network::{Forward, TorchNetwork};
use crate::parameters::Leaves;
use crate::update::{StepRates, Update};
use crate::value_minibatch::{NextTensors, ValueTensors};

/// The losses that are added up: that of the errors, and the values of the chosen actions.
pub(crate) const LOSSES: LossNames = LossNames { critical: &["TD loss"], count: 2 };

/// The count of numbers of [`step_settings`].
const STEP_SETTINGS: usize = 5;

/// The inputs of a gradient step besides its samples.
#[derive(Clone, Copy)]
pub(crate) struct ValueContext<'a> {
    pub network: &'a dyn TorchNetwork,
    pub values: &'a ActionValues,
    pub inputs: &'a Inputs,
    /// The parameters as they are before the step.
    pub leaves: &'a Leaves,
    /// Those of the target network, if there is one.
    pub target: Option<&'a Leaves>,
    pub step: &'a ValueStep,
    pub pool: &'a ThreadPool,
}

/// Returns the numbers of a step that change from step to step: the weight of a sample, the step size, its correction,
/// the longest gradient and the count of samples.
pub(crate) fn step_settings(step: &ValueStep, samples: usize, number: u64) -> [f32; STEP_SETTINGS] {
    let [learning_rate, unbias_2] = unbiased(step.learning_rate, number);
    [1.0 / samples as f32, learning_rate, unbias_2, step.max_grad_norm, samples as f32]
}

impl Update {
    /// Takes a step on these samples. `step_settings` are those of [`step_settings`], on the device.
    ///
    /// Returns the error of each sample: that of the head with the greatest one, `[samples]`.
    pub fn step_values(&mut self, context: ValueContext<'_>, samples: ValueTensors, step_settings: &Tensor) -> Tensor {
        let shards = self.learned_shards(context, samples, &step_settings.get(0));
        let ValueContext { network, values, step: ValueStep { huber, .. }, pool, .. } = context;
        let (huber, kind) = (*huber, self.kind);
        let found = self.shards.work(&self.parameters, pool, shards, |leaves, shard: &LearnedShard| {
            shard.gradient(network, leaves, values, huber, kind)
        });
        let (gradients, errors): (Vec<ShardGradient>, Vec<Tensor>) = found.into_iter().unzip();
        let [learning_rate, unbias_2, max_grad_norm, samples] = [1, 2, 3, 4].map(|index| step_settings.get(index));
        let rates = StepRates { samples: &samples, learning_rate, unbias_2, max_grad_norm };
        self.take(&ShardGradient::sum(gradients), rates);
        Tensor::cat(&errors, 0)
    }

    /// Works out the targets of the samples, and cuts them into shards.
    fn learned_shards(&self, context: ValueContext<'_>, samples: ValueTensors, weight: &Tensor) -> Vec<LearnedShard> {
        let targets = context.targets(&samples, self.kind);
        let inputs = context.inputs.stage(&samples.observations);
        let ValueTensors { actions, weights, counted, .. } = samples;
        let count = inputs.size()[0];
        let shards = self.shards.count(count as usize, count as usize) as i64;
        let shard = |index: i64| {
            let (first, end) = (index * count / shards, (index + 1) * count / shards);
            let part = |all: &Tensor| all.narrow(0, first, end - first);
            LearnedShard {
                inputs: part(&inputs),
                actions: part(&actions),
                targets: part(&targets),
                weights: part(&weights),
                counted: part(&counted),
                weight: weight.shallow_clone(),
            }
        };
        (0..shards).map(shard).collect()
    }
}

impl ValueContext<'_> {
    /// Returns the targets of the samples: `[samples, 1]`. Details 26 and 28.
    ///
    /// ```text
    /// target = r + bootstrap·Q_target(s', a)      a = argmax Q(s', ·), by the learned network if double
    /// ```
    fn targets(&self, samples: &ValueTensors, kind: Kind) -> Tensor {
        let (Some(target), Some(next)) = (self.target, &samples.next) else { return samples.rewards.shallow_clone() };
        let _guard = tch::no_grad_guard();
        let NextTensors { bootstraps, observations, masks } = next;
        let inputs = self.inputs.stage(observations).to_kind(kind);
        let forward = |leaves: &Leaves| self.network.forward(&leaves.of_network(kind), &inputs);
        let of_choices = self.values.of_choices(&forward(target));
        let value = if self.step.is_double {
            let Forward { outputs, .. } = forward(self.leaves);
            let actions = self.values.greedy(&outputs.to_kind(Kind::Float), masks.as_ref());
            self.values.of_actions(&of_choices, &actions).mean_dim(1, true, Kind::Float)
        } else {
            self.values.greatest(&of_choices, masks.as_ref())
        };
        // A terminated step has no successor, whose value might not even be a number.
        let later = (bootstraps * value).masked_fill(&bootstraps.eq(0.0), 0.0);
        &samples.rewards + later
    }
}

/// The data of one shard, owned by one thread: tensors can be sent to a thread, but not shared.
struct LearnedShard {
    inputs: Tensor,
    actions: Tensor,
    /// `[samples, 1]`, as all that follow.
    targets: Tensor,
    weights: Tensor,
    counted: Tensor,
    /// The weight of a sample in the mean, without dimensions.
    weight: Tensor,
}

impl LearnedShard {
    /// Computes the shard's gradient, its sums of losses, and the error of each sample.
    fn gradient(
        &self,
        network: &dyn TorchNetwork,
        leaves: &Leaves,
        values: &ActionValues,
        huber: Option<f32>,
        kind: Kind,
    ) -> (ShardGradient, Tensor) {
        let forward = network.forward(&leaves.of_network(kind), &self.inputs.to_kind(kind));
        let chosen = values.of_actions(&values.of_choices(&forward), &self.actions);
        let errors = &chosen - &self.targets;
        let loss = td_loss(&errors, huber).mean_dim(1, true, Kind::Float) * &self.weights;
        let value = chosen.detach().mean_dim(1, true, Kind::Float);
        let columns = Tensor::cat(&[loss, value], 1) * &self.counted;
        let sums = columns.sum_dim_intlist(0, false, Kind::Float);
        let gradient = leaves.gradient(&(sums.get(0) * &self.weight));
        (ShardGradient { gradient, sums: sums.detach() }, errors.detach().abs().amax(1, false))
    }
}

/// Returns the loss of each error, as [`ludus_learn::td_error`]. Detail 29.
fn td_loss(errors: &Tensor, huber: Option<f32>) -> Tensor {
    let square = errors.square() * 0.5;
    let Some(limit) = huber.map(f64::from) else { return square };
    let distance = errors.abs();
    let line = (&distance - 0.5 * limit) * limit;
    line.where_self(&distance.gt(limit), &square)
}
