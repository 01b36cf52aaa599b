//! The two critics, their targets and their gradient step.

use std::ops::Range;

use ludus_net::{Adam, Network, Scratch, TargetNetwork, stage};
use ludus_spec::Seed;

use super::actor::Actor;
use super::drawn::{Drawn, Temperatures};
use super::learner::{CriticState, DecidedRows, SacNextRows, SacSamples};
use super::losses::SacLosses;
use super::parts::ActionParts;
use crate::gradient::{Shard, ShardedGradient, StepSize, Units, check_loss, check_parameters, take_step};
use crate::{LearnError, Machine};

/// Two networks that estimate the values of actions, each with a target that follows it.
#[derive(Debug)]
pub(super) struct Critics {
    pub networks: [Network; 2],
    targets: [TargetNetwork; 2],
    optimizers: [Adam; 2],
    pub scratch: Scratch,
    gradient: ShardedGradient<CriticWorker, SacLosses>,
}

/// The inputs of a minibatch's gradients.
#[derive(Clone, Copy)]
pub(super) struct SacContext<'a> {
    pub actor: &'a Actor,
    pub samples: &'a dyn SacSamples,
    pub temperatures: Temperatures,
    /// The seed of the draws of the actions that are estimated. A sample's seed is the child with its index.
    pub seed: Seed,
}

/// The working memory of one thread for the critics' gradient.
#[derive(Debug)]
struct CriticWorker {
    actor: Scratch,
    critic: Scratch,
    drawn: Drawn,
    batch: CriticBatch,
}

/// Samples of the replay side by side.
#[derive(Debug, Default)]
struct CriticBatch {
    decided: DecidedRows,
    next: SacNextRows,
    /// Normalised observations.
    observations: Vec<f32>,
    /// The policy's outputs.
    outputs: Vec<f32>,
    inputs: Vec<f32>,
    /// Outputs of both critics, and the derivatives with respect to those of one.
    values: [Vec<f32>; 2],
    d_values: Vec<f32>,
    targets: Vec<f32>,
}

impl Critics {
    /// Makes critics of these networks, which have the same layout, for a policy.
    pub fn new(networks: [Network; 2], actor: &Actor, machine: &Machine) -> Self {
        let layout = networks[0].layout();
        let scratch = Scratch::new(layout);
        let parameters = layout.parameter_count();
        let make = || CriticWorker::new(actor.scratch.clone(), scratch.clone());
        Self {
            targets: [0, 1].map(|index| TargetNetwork::new(&networks[index])),
            optimizers: [Adam::new(parameters), Adam::new(parameters)],
            gradient: ShardedGradient::new(2 * parameters, &machine.pool, make),
            networks,
            scratch,
        }
    }

    /// Computes the gradients of both critics on these samples. Returns the means of the losses. Details 34 and 35.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`].
    pub fn compute(&mut self, context: SacContext<'_>, machine: &Machine) -> Result<SacLosses, LearnError> {
        let Self { networks, targets, scratch, gradient, .. } = self;
        let samples = context.samples.count();
        let make = || CriticWorker::new(context.actor.scratch.clone(), scratch.clone());
        let critics = CriticPair { networks, targets };
        let sums = gradient.compute(&machine.pool, Units::Samples(samples), make, |worker, shard| {
            worker.compute_gradient(context, critics, shard);
        });
        let mut losses = SacLosses::default();
        losses.add(&sums, 1.0 / samples as f32);
        check_loss("critics' loss", losses.critic_loss)?;
        Ok(losses)
    }

    /// Takes a step along the gradients that were computed. Returns the greater one of their norms.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`]; the parameters of a critic are as they were before if its
    /// own gradient is not finite.
    pub fn take_step(&mut self, size: StepSize) -> Result<f32, LearnError> {
        let Self { networks, optimizers, gradient, .. } = self;
        let parameters = networks[0].parameters().len();
        let mut greatest = 0.0_f32;
        for (index, gradient) in gradient.sum.chunks_exact(parameters).enumerate() {
            greatest = greatest.max(take_step(&mut networks[index], &mut optimizers[index], gradient, size)?);
        }
        Ok(greatest)
    }

    /// Moves the targets towards the critics. Detail 38.
    pub fn move_targets(&mut self, rate: f32) {
        self.targets.iter_mut().zip(&self.networks).for_each(|(target, network)| target.follow(network, rate));
    }

    /// Returns an error if a gradient step has left a parameter that is not finite.
    pub fn check(&self) -> Result<(), LearnError> {
        self.networks.iter().try_for_each(check_parameters)
    }

    /// The gradients that were computed last.
    #[cfg(test)]
    pub fn gradient(&self) -> &[f32] {
        &self.gradient.sum
    }

    /// Returns all weights, those of both critics one after the other.
    pub fn parameters(&self) -> Vec<f32> {
        self.networks.iter().flat_map(Network::parameters).copied().collect()
    }

    /// Returns the state, to save.
    pub fn state(&self) -> CriticState {
        let Self { targets, optimizers, .. } = self;
        CriticState {
            parameters: self.parameters(),
            targets: targets.iter().flat_map(TargetNetwork::parameters).copied().collect(),
            first_moments: optimizers.iter().flat_map(Adam::mean).copied().collect(),
            second_moments: optimizers.iter().flat_map(Adam::variance).copied().collect(),
            optimizer_steps: optimizers[0].step_count(),
        }
    }

    /// Replaces the state by one that was checked.
    ///
    /// # Errors
    ///
    /// If it was not.
    pub fn set_state(&mut self, state: &CriticState) -> Result<(), LearnError> {
        let count = self.networks[0].parameters().len();
        for index in 0..2 {
            let of = |array: &[f32]| array[index * count..(index + 1) * count].to_vec();
            self.networks[index].set_parameters(&of(&state.parameters))?;
            self.targets[index].set_parameters(&of(&state.targets))?;
            let moments = (of(&state.first_moments), of(&state.second_moments));
            self.optimizers[index] = Adam::from_state(moments.0, moments.1, state.optimizer_steps)?;
        }
        Ok(())
    }
}

/// The critics as they are before the gradient step.
#[derive(Clone, Copy)]
struct CriticPair<'a> {
    networks: &'a [Network; 2],
    targets: &'a [TargetNetwork; 2],
}

impl CriticWorker {
    fn new(actor: Scratch, critic: Scratch) -> Self {
        Self { actor, critic, drawn: Drawn::default(), batch: CriticBatch::default() }
    }

    /// Computes the gradients of both critics and the losses of a shard.
    fn compute_gradient(&mut self, context: SacContext<'_>, critics: CriticPair<'_>, shard: &mut Shard<SacLosses>) {
        self.estimate_targets(context, critics, shard.units.clone());
        self.gather(context, shard.units.clone());
        let Self { critic: scratch, batch, .. } = self;
        let weight = 1.0 / context.samples.count() as f32;
        let (losses, gradient) = (&mut shard.losses, &mut shard.gradient);
        let parameters = gradient.len() / 2;
        gradient.fill(0.0);
        for (network, gradient) in critics.networks.iter().zip(gradient.chunks_exact_mut(parameters)) {
            batch.add_gradient(context, network, weight, scratch, (gradient, losses));
        }
    }

    /// Writes the targets of the transitions, with actions that the policy draws after them. Detail 34.
    ///
    /// ```text
    /// target = r[0] + γ·r[1] + … + γⁿ·V(s[n])      V by the target critics
    /// ```
    fn estimate_targets(&mut self, context: SacContext<'_>, critics: CriticPair<'_>, range: Range<usize>) {
        let SacContext { actor, samples, temperatures, seed } = context;
        let Self { actor: policy_scratch, critic: scratch, drawn, batch } = self;
        let CriticBatch { next, observations, outputs, inputs, values, targets, .. } = batch;
        let (parts, first, rows) = (&actor.parts, range.start, range.len());
        samples.gather_next(range, next);
        targets.clear();
        observations.resize(next.observations.len(), 0.0);
        stage(actor.learned.normalizer.as_ref(), &next.observations, observations);
        outputs.resize(rows * parts.output_width, 0.0);
        actor.learned.network.forward_policy(observations, policy_scratch, outputs);
        drawn.draw(parts, outputs, &next.masks, |row| seed.derive((first + row) as u64));
        parts.critic_inputs(observations, &drawn.actions, inputs);
        let width = parts.value_width();
        for (target, values) in critics.targets.iter().zip(&mut *values) {
            values.resize(rows * width, 0.0);
            target.forward_policy(inputs, scratch, values);
        }
        for (row, (reward, &bootstrap)) in next.rewards.iter().zip(&next.bootstraps).enumerate() {
            let of_row = [0, 1].map(|critic| &values[critic][row * width..][..width]);
            let value = drawn.row(parts, row).soft_value(parts, of_row, temperatures);
            // A terminated step has no successor, whose value might not even be a number.
            let later = if bootstrap == 0.0 { 0.0 } else { bootstrap * value };
            targets.push(reward + later);
        }
    }

    /// Copies the samples' own observations and actions side by side.
    fn gather(&mut self, SacContext { actor, samples, .. }: SacContext<'_>, range: Range<usize>) {
        let CriticBatch { decided, observations, inputs, .. } = &mut self.batch;
        samples.gather(range, decided);
        stage(actor.learned.normalizer.as_ref(), &decided.observations, observations);
        actor.parts.critic_inputs(observations, &decided.actions, inputs);
    }
}

impl CriticBatch {
    /// Adds the gradient of one critic's squared error, and its losses.
    fn add_gradient(
        &mut self,
        context: SacContext<'_>,
        network: &Network,
        weight: f32,
        scratch: &mut Scratch,
        (gradient, losses): (&mut [f32], &mut SacLosses),
    ) {
        let Self { inputs, values: [values, _], d_values, decided: DecidedRows { actions, .. }, targets, .. } = self;
        let parts = &context.actor.parts;
        let (width, columns) = (parts.value_width(), network.layout().inputs());
        let most = network.most_block_rows();
        for (block, inputs) in inputs.chunks(most * columns).enumerate() {
            let rows = inputs.len() / columns;
            let values = &mut values[..rows * width];
            network.outputs_of_block(inputs, scratch, values);
            d_values.clear();
            d_values.resize(rows * width, 0.0);
            for row in 0..rows {
                let sample = block * most + row;
                let action = &actions[sample * parts.action_width..][..parts.action_width];
                let of_row = (&values[row * width..][..width], &mut d_values[row * width..][..width]);
                derive_error(parts, action, targets[sample], weight, of_row, losses);
            }
            network.gradient_of_block(inputs, scratch, d_values, gradient);
        }
    }
}

/// Adds the loss of one sample, half the squared error, and writes its derivatives.
///
/// Each head's value of the chosen choice is led to the same target, as for DQN.
fn derive_error(
    parts: &ActionParts,
    action: &[f32],
    target: f32,
    weight: f32,
    (values, d_values): (&[f32], &mut [f32]),
    losses: &mut SacLosses,
) {
    let per_head = 1.0 / parts.choices.len().max(1) as f32;
    let mut add = |column: usize| {
        let error = values[column] - target;
        // Both critics are added up: their mean is reported.
        losses.critic_loss += 0.5 * per_head * 0.5 * error * error;
        losses.value += 0.5 * per_head * values[column];
        d_values[column] = weight * per_head * error;
    };
    if parts.choices.is_empty() {
        add(0);
    }
    parts.choices.iter().for_each(|choice| add(choice.first + action[choice.action] as usize));
}
