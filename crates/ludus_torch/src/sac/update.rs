//! One gradient step of SAC, on the device.

use ludus_learn::SacStep;
use rayon::ThreadPool;
use tch::{Kind, Tensor};

use super::actions::{ActionColumns, DrawnChoices};
use super::critics::{Critic, Critics};
use super::minibatch::{RowTensors, SacTensors};
use super::temperatures::{TemperatureRates, TensorTemperatures};
use crate::adam::{Rates, unbiased};
use crate::gradient::ShardGradient;
use crate::inputs::Inputs;
use crate::loss_accumulator::LossNames;
use crate::network::TorchNetwork;
use crate::parameters::Leaves;
use crate::update::Update;

/// The losses that are added up: those of the critics, the greater length of their gradients, the policy's loss, the
/// entropies of numbers and of choices, the critics' values, and the greatest entropy of choices.
pub(super) const LOSSES: LossNames = LossNames {
    critical: &["critics' loss", "critics' gradient's length", "policy's loss", "policy's entropy", "policy's entropy"],
    count: 7,
};

/// The count of numbers of [`step_settings`].
const STEP_SETTINGS: usize = 10;

/// The numbers of Adam's steps so far, this one included.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepNumbers {
    pub critics: u64,
    pub policy: u64,
    pub temperatures: u64,
}

/// Returns the numbers of a step that change from step to step: the weight of a sample and their count, the longest
/// gradient, the part of the way of the targets, then step size and correction of critics, policy and temperatures.
pub(super) fn step_settings(step: &SacStep, samples: usize, numbers: StepNumbers) -> [f32; STEP_SETTINGS] {
    let SacStep { critic_rate, policy_rate, max_grad_norm, target_rate, .. } = *step;
    let [a, b] = unbiased(critic_rate, numbers.critics);
    let [c, d] = unbiased(policy_rate, numbers.policy);
    let [e, f] = unbiased(policy_rate, numbers.temperatures);
    [1.0 / samples as f32, samples as f32, max_grad_norm, target_rate, a, b, c, d, e, f]
}

/// The settings of one step on the device, each without dimensions.
struct StepSettings {
    weight: Tensor,
    samples: Tensor,
    max_grad_norm: Tensor,
    target_rate: Tensor,
    /// Step size and correction; see [`Rates`].
    critics: [Tensor; 2],
    policy: [Tensor; 2],
    temperatures: [Tensor; 2],
}

impl StepSettings {
    fn new(numbers: &Tensor) -> Self {
        let of = |index: i64| numbers.get(index);
        Self {
            weight: of(0),
            samples: of(1),
            max_grad_norm: of(2),
            target_rate: of(3),
            critics: [of(4), of(5)],
            policy: [of(6), of(7)],
            temperatures: [of(8), of(9)],
        }
    }
}

/// The inputs of a gradient step besides its samples, which it doesn't change.
#[derive(Clone, Copy)]
pub(super) struct SacContext<'a> {
    pub policy: &'a dyn TorchNetwork,
    pub columns: &'a ActionColumns,
    pub inputs: &'a Inputs,
    /// The policy's parameters as they are before the step.
    pub leaves: &'a Leaves,
    pub pool: &'a ThreadPool,
}

/// The state that gradient steps change.
pub(super) struct SacUpdate<'a> {
    pub policy: &'a mut Update,
    pub critics: &'a mut Critics,
    pub temperatures: &'a mut TensorTemperatures,
}

/// The samples of a step, cut into shards of neighbouring ones.
#[derive(Clone, Copy)]
struct Cut {
    samples: i64,
    shards: i64,
}

/// The results of the critics' step.
struct CriticsStep {
    /// The loss and the value of the chosen actions, means of both critics, summed over samples: `[2]`.
    sums: Tensor,
    /// The greater length of their gradients, without dimensions.
    norm: Tensor,
}

impl SacUpdate<'_> {
    /// Takes a step on these samples: of the critics, then of the policy, then of the temperatures; then the targets
    /// follow. `step_settings` are those of [`step_settings`], on the device. Details 34 to 38.
    ///
    /// If a loss or a gradient is not finite, nothing is learned from there on.
    pub fn step(&mut self, context: SacContext<'_>, samples: SacTensors, step_settings: &Tensor) {
        let settings = StepSettings::new(step_settings);
        let temperatures = self.temperatures.now();
        let targets = self.targets(context, &samples, &temperatures);
        let SacTensors { actions, own, counted, .. } = samples;
        let own = RowTensors { observations: context.inputs.stage(&own.observations), ..own };
        let count = counted.size()[0];
        let cut = Cut { samples: count, shards: self.policy.shards.count(count as usize, count as usize) as i64 };
        let numbers = context.columns.numbers_of(&actions);
        let critic_inputs = ActionColumns::critic_inputs(&own.observations, &numbers);
        let shards = cut.shards(|part| CriticShard {
            inputs: part(&critic_inputs),
            actions: part(&actions),
            targets: part(&targets),
            counted: part(&counted),
            weight: settings.weight.shallow_clone(),
        });
        let critics_step = self.step_critics(context, shards, &settings);
        let shards = cut.shards(|part| PolicyShard {
            rows: RowTensors {
                observations: part(&own.observations),
                masks: own.masks.as_ref().map(part),
                normals: part(&own.normals),
            },
            counted: part(&counted),
            weight: settings.weight.shallow_clone(),
            temperatures: temperatures.shallow_clone(),
            critics: self.critics.constants(),
        });
        self.step_policy(context, shards, &critics_step, &settings);
    }

    /// Returns the targets of the samples, with actions that the policy draws after them: `[samples, 1]`. Detail 34.
    ///
    /// ```text
    /// target = r[0] + γ·r[1] + … + γⁿ·V(s[n])      V by the target critics
    /// ```
    fn targets(&self, context: SacContext<'_>, samples: &SacTensors, temperatures: &Tensor) -> Tensor {
        let _guard = tch::no_grad_guard();
        let SacTensors { next, rewards, bootstraps, .. } = samples;
        let (columns, kind) = (context.columns, self.policy.kind);
        let observations = context.inputs.stage(&next.observations);
        let outputs = outputs(context.policy, context.leaves, &observations, kind);
        let drawn = columns.draw(&outputs, &next.normals, next.masks.as_ref());
        let inputs = ActionColumns::critic_inputs(&observations, &drawn.numbers);
        let Critics { network, both, .. } = &*self.critics;
        let [first, second] =
            [0, 1].map(|critic: usize| self::outputs(&**network, &both[critic].target_leaves, &inputs, kind));
        let value = columns.soft_value(&drawn, [&first, &second], temperatures);
        // A terminated step has no successor, whose value might not even be a number.
        rewards + (bootstraps * value).masked_fill(&bootstraps.eq(0.0), 0.0)
    }

    /// Takes the critics' step, unless something was not finite. Detail 35.
    fn step_critics(
        &mut self,
        context: SacContext<'_>,
        shards: Vec<CriticShard>,
        settings: &StepSettings,
    ) -> CriticsStep {
        let kind = self.policy.kind;
        let Critics { network, both, .. } = &mut *self.critics;
        let network = &**network;
        let found = both.each_mut().map(|critic| {
            let shards = shards.iter().map(CriticShard::shallow_clone).collect();
            let Critic { shards: leaves, parameters, .. } = critic;
            let work = |leaves: &Leaves, shard: &CriticShard| shard.gradient(network, context.columns, leaves, kind);
            ShardGradient::sum(leaves.work(parameters, context.pool, shards, work))
        });
        let norms = found.each_ref().map(|found| found.gradient.dot(&found.gradient).sqrt());
        let sums = (&found[0].sums + &found[1].sums) * 0.5;
        let norm = norms[0].maximum(&norms[1]);
        let is_finite = Tensor::stack(&[&sums.get(0), &norm], 0).isfinite().all().to_kind(Kind::Float);
        let is_taken = is_finite * self.policy.loss_accumulator.is_fine();
        for ((critic, found), norm) in both.iter_mut().zip(&found).zip(&norms) {
            let [learning_rate, unbias_2] = settings.critics.each_ref().map(Tensor::shallow_clone);
            let (max_grad_norm, is_taken) = (settings.max_grad_norm.shallow_clone(), is_taken.shallow_clone());
            critic.step(&found.gradient, norm, &Rates { learning_rate, unbias_2, max_grad_norm, is_taken });
        }
        CriticsStep { sums, norm }
    }

    /// Takes the step of the policy, then that of the temperatures, unless something was not finite; then the targets
    /// follow. Details 36 to 38.
    fn step_policy(
        &mut self,
        context: SacContext<'_>,
        shards: Vec<PolicyShard>,
        critics_step: &CriticsStep,
        settings: &StepSettings,
    ) {
        let Self { policy, critics, temperatures } = self;
        // Nothing is imitated beside SAC, so there is no gradient to add.
        let Update { parameters, adam, loss_accumulator, shards: leaves, kind, extra: _ } = policy;
        let (critic, kind) = (&*critics.network, *kind);
        let networks = [context.policy, critic];
        let work = |leaves: &Leaves, shard: &PolicyShard| shard.gradient(networks, context.columns, leaves, kind);
        let ShardGradient { gradient, sums } = ShardGradient::sum(leaves.work(parameters, context.pool, shards, work));
        let [loss, numbers, choices, greatest] = [0, 1, 2, 3].map(|column| sums.get(column));
        let norm = gradient.dot(&gradient).sqrt();
        let CriticsStep { sums: of_critics, norm: critics_norm } = critics_step;
        let (critic_loss, value) = (of_critics.get(0), of_critics.get(1));
        let critics_norm = critics_norm * &settings.samples;
        let all = [&critic_loss, &critics_norm, &loss, &numbers, &choices, &value, &greatest];
        let is_taken = loss_accumulator.enter(&Tensor::stack(&all, 0), &norm, &settings.samples);
        let taken = || is_taken.shallow_clone();
        let [learning_rate, unbias_2] = settings.policy.each_ref().map(Tensor::shallow_clone);
        let max_grad_norm = settings.max_grad_norm.shallow_clone();
        adam.step(parameters, &gradient, &norm, &Rates { learning_rate, unbias_2, max_grad_norm, is_taken: taken() });
        let [learning_rate, unbias_2] = settings.temperatures.each_ref().map(Tensor::shallow_clone);
        let means = [numbers, choices, greatest].map(|sum| sum * &settings.weight);
        temperatures.step(means.each_ref(), TemperatureRates { learning_rate, unbias_2, is_taken: taken() });
        let rate = &settings.target_rate * taken();
        critics.both.iter_mut().for_each(|critic| critic.move_target(&rate));
    }
}

/// Returns a network's outputs as 32-bit numbers.
fn outputs(network: &dyn TorchNetwork, leaves: &Leaves, inputs: &Tensor, kind: Kind) -> Tensor {
    network.forward(&leaves.of_network(kind), &inputs.to_kind(kind)).outputs.to_kind(Kind::Float)
}

impl Cut {
    /// Makes the shards. `shard` gets a function that returns the part of a tensor, `[samples, width]`, for a shard.
    fn shards<S>(self, shard: impl Fn(&dyn Fn(&Tensor) -> Tensor) -> S) -> Vec<S> {
        let Self { samples, shards } = self;
        let bounds = (0..shards).map(|index| (index * samples / shards, (index + 1) * samples / shards));
        bounds.map(|(first, end)| shard(&|all: &Tensor| all.narrow(0, first, end - first))).collect()
    }
}

/// The data of one shard of the critics' step, owned by one thread: tensors can be sent to a thread, but not shared.
struct CriticShard {
    /// `[samples, observation width + numbers]`.
    inputs: Tensor,
    /// `[samples, action width]`.
    actions: Tensor,
    /// `[samples, 1]`, as `counted`.
    targets: Tensor,
    counted: Tensor,
    /// The weight of a sample in the mean, without dimensions.
    weight: Tensor,
}

impl CriticShard {
    fn shallow_clone(&self) -> Self {
        let Self { inputs, actions, targets, counted, weight } = self;
        Self {
            inputs: inputs.shallow_clone(),
            actions: actions.shallow_clone(),
            targets: targets.shallow_clone(),
            counted: counted.shallow_clone(),
            weight: weight.shallow_clone(),
        }
    }

    /// Computes the shard's gradient of one critic, and its sums of losses and of values.
    ///
    /// Each head's value of the chosen choice is led to the same target, as for DQN.
    fn gradient(
        &self,
        network: &dyn TorchNetwork,
        columns: &ActionColumns,
        leaves: &Leaves,
        kind: Kind,
    ) -> ShardGradient {
        let chosen = columns.chosen(&outputs(network, leaves, &self.inputs, kind), &self.actions);
        let loss = ((&chosen - &self.targets).square() * 0.5).mean_dim(1, true, Kind::Float);
        let value = chosen.detach().mean_dim(1, true, Kind::Float);
        let sums = (Tensor::cat(&[loss, value], 1) * &self.counted).sum_dim_intlist(0, false, Kind::Float);
        let gradient = leaves.gradient(&(sums.get(0) * &self.weight));
        ShardGradient { gradient, sums: sums.detach() }
    }
}

/// The data of one shard of the policy's step, owned by one thread.
struct PolicyShard {
    /// The observations are normalised.
    rows: RowTensors,
    /// `[samples, 1]`.
    counted: Tensor,
    /// The weight of a sample in the mean, without dimensions.
    weight: Tensor,
    /// `[2]`.
    temperatures: Tensor,
    /// The parameters of both critics, to which no gradient flows back.
    critics: [Leaves; 2],
}

impl PolicyShard {
    /// Computes the shard's gradient of the policy, and its sums: of the loss, of the entropies of numbers and of choices,
    /// and of the greatest that choices can have. `networks` are those of the policy and of a critic.
    fn gradient(
        &self,
        [policy, critic]: [&dyn TorchNetwork; 2],
        columns: &ActionColumns,
        leaves: &Leaves,
        kind: Kind,
    ) -> ShardGradient {
        let RowTensors { observations, masks, normals } = &self.rows;
        let of_policy = outputs(policy, leaves, observations, kind);
        let drawn = columns.draw(&of_policy, normals, masks.as_ref());
        let inputs = ActionColumns::critic_inputs(observations, &drawn.numbers);
        let [first, second] = self.critics.each_ref().map(|leaves| outputs(critic, leaves, &inputs, kind));
        let value = columns.soft_value(&drawn, [&first, &second], &self.temperatures);
        let none = drawn.log_densities.zeros_like();
        let [entropies, greatest] = match &drawn.choices {
            Some(DrawnChoices { entropies, greatest, .. }) => [entropies, greatest],
            None => [&none, &none],
        };
        let rows = Tensor::cat(&[&-value, &-&drawn.log_densities, entropies, greatest], 1) * &self.counted;
        let sums = rows.sum_dim_intlist(0, false, Kind::Float);
        let gradient = leaves.gradient(&(sums.get(0) * &self.weight));
        ShardGradient { gradient, sums: sums.detach() }
    }
}
