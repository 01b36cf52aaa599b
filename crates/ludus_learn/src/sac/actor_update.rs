//! The policy's gradient step.

use ludus_net::{Network, Scratch, SquashedGaussian, stage};

use super::actor::Actor;
use super::critics::{Critics, SacContext};
use super::drawn::{Drawn, DrawnRow, Temperatures, smaller};
use super::learner::DecidedRows;
use super::losses::SacLosses;
use super::parts::ActionParts;
use crate::gradient::{Shard, ShardedGradient, StepSize, Units, check_loss};
use crate::{LearnError, Machine};

/// The policy's gradient, and its working memory.
#[derive(Debug)]
pub(super) struct ActorUpdate {
    gradient: ShardedGradient<ActorWorker, SacLosses>,
}

/// The working memory of one thread for the policy's gradient.
#[derive(Debug)]
struct ActorWorker {
    actor: Scratch,
    critics: [Scratch; 2],
    drawn: Drawn,
    decided: DecidedRows,
    /// Normalised observations.
    observations: Vec<f32>,
    outputs: Vec<f32>,
    d_outputs: Vec<f32>,
    inputs: Vec<f32>,
    values: [Vec<f32>; 2],
    d_values: [Vec<f32>; 2],
    /// Derivatives with respect to the numbers `[rows, numbers]`.
    d_numbers: Vec<f32>,
    /// Those of the rows on which a critic has an influence, and the rows.
    d_inputs: Vec<f32>,
    rows: Vec<usize>,
}

impl ActorUpdate {
    pub fn new(actor: &Actor, critics: &Critics, machine: &Machine) -> Self {
        let parameters = actor.learned.network.parameters().len();
        let make = || ActorWorker::new(&actor.scratch, &critics.scratch);
        Self { gradient: ShardedGradient::new(parameters, &machine.pool, make) }
    }

    /// Computes the policy's gradient on these samples. Returns the means of the losses. Detail 36.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`].
    pub fn compute(
        &mut self,
        context: SacContext<'_>,
        critics: &Critics,
        machine: &Machine,
    ) -> Result<SacLosses, LearnError> {
        let samples = context.samples.count();
        let make = || ActorWorker::new(&context.actor.scratch, &critics.scratch);
        let sums = self.gradient.compute(&machine.pool, Units::Samples(samples), make, |worker, shard| {
            worker.compute_gradient(context, &critics.networks, shard);
        });
        let mut losses = SacLosses::default();
        losses.add(&sums, 1.0 / samples as f32);
        check_loss("policy's loss", losses.actor_loss)?;
        Ok(losses)
    }

    /// The gradient that was computed last.
    #[cfg(test)]
    pub fn gradient(&self) -> &[f32] {
        &self.gradient.sum
    }

    /// Takes a step along the gradient that was computed. Returns its norm.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`], with all parameters as they were before.
    pub fn take_step(&mut self, actor: &mut Actor, size: StepSize) -> Result<f32, LearnError> {
        actor.learned.take_step(&self.gradient.sum, size)
    }
}

impl ActorWorker {
    fn new(actor: &Scratch, critic: &Scratch) -> Self {
        Self {
            actor: actor.clone(),
            critics: [critic.clone(), critic.clone()],
            drawn: Drawn::default(),
            decided: DecidedRows::default(),
            observations: Vec::new(),
            outputs: Vec::new(),
            d_outputs: Vec::new(),
            inputs: Vec::new(),
            values: Default::default(),
            d_values: Default::default(),
            d_numbers: Vec::new(),
            d_inputs: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Computes the gradient and the losses of a shard, block by block, while activations are in the cache.
    fn compute_gradient(&mut self, context: SacContext<'_>, critics: &[Network; 2], shard: &mut Shard<SacLosses>) {
        let most = context.actor.learned.network.most_block_rows().min(critics[0].most_block_rows());
        let mut first = shard.units.start;
        shard.gradient.fill(0.0);
        while first < shard.units.end {
            let rows = most.min(shard.units.end - first);
            self.forward(context, critics, first, rows);
            self.derive(context, &mut shard.losses);
            self.backward(context, critics, &mut shard.gradient);
            first += rows;
        }
    }

    /// Draws actions of a block of samples, and computes the critics' values of them.
    fn forward(&mut self, context: SacContext<'_>, critics: &[Network; 2], first: usize, rows: usize) {
        let SacContext { actor, samples, seed, .. } = context;
        let Self { decided, observations, outputs, inputs, values, drawn, .. } = self;
        let parts = &actor.parts;
        samples.gather(first..first + rows, decided);
        observations.resize(decided.observations.len(), 0.0);
        stage(actor.learned.normalizer.as_ref(), &decided.observations, observations);
        outputs.resize(rows * parts.output_width, 0.0);
        actor.learned.network.outputs_of_block(observations, &mut self.actor, outputs);
        drawn.draw(parts, outputs, &decided.masks, |row| seed.derive((first + row) as u64));
        parts.critic_inputs(observations, &drawn.actions, inputs);
        for ((critic, values), scratch) in critics.iter().zip(values).zip(&mut self.critics) {
            values.resize(rows * parts.value_width(), 0.0);
            critic.outputs_of_block(inputs, scratch, values);
        }
    }

    /// Adds the losses of the block's samples, and writes the derivatives with respect to the critics' outputs and to the
    /// logits of choices.
    fn derive(&mut self, context: SacContext<'_>, losses: &mut SacLosses) {
        let SacContext { actor, temperatures, samples, .. } = context;
        let parts = &actor.parts;
        let Self { outputs, d_outputs, values, d_values, drawn, .. } = self;
        let (width, weight) = (parts.value_width(), 1.0 / samples.count() as f32);
        d_outputs.clear();
        d_outputs.resize(outputs.len(), 0.0);
        for (d_values, values) in d_values.iter_mut().zip(&*values) {
            d_values.clear();
            d_values.resize(values.len(), 0.0);
        }
        for (row, d_outputs) in d_outputs.chunks_exact_mut(parts.output_width).enumerate() {
            let drawn = drawn.row(parts, row);
            let place = row * width..(row + 1) * width;
            let [first, second] = &mut *d_values;
            let both = [&values[0][place.clone()], &values[1][place.clone()]];
            losses.actor_loss -= drawn.soft_value(parts, both, temperatures);
            losses.number_entropy -= drawn.log_density;
            losses.choice_entropy += drawn.entropy;
            losses.greatest_entropy += drawn.greatest;
            derive_values(parts, drawn, both, weight, [&mut first[place.clone()], &mut second[place]]);
            derive_logits(parts, drawn, both, weight, temperatures, d_outputs);
        }
    }

    /// Adds the block's gradient of the policy, through the numbers that the critics read.
    fn backward(&mut self, context: SacContext<'_>, critics: &[Network; 2], gradient: &mut [f32]) {
        let SacContext { actor, temperatures, samples, .. } = context;
        let parts = &actor.parts;
        if !parts.numbers.is_empty() {
            self.derive_numbers(parts, critics);
            let Self { outputs, d_outputs, d_numbers, drawn, .. } = self;
            let d_log_density = temperatures.numbers / samples.count() as f32;
            let d_rows = d_numbers.chunks_exact(parts.numbers.len());
            let rows = outputs.chunks_exact(parts.output_width).zip(d_outputs.chunks_exact_mut(parts.output_width));
            for (row, ((outputs, d_outputs), d_numbers)) in rows.zip(d_rows).enumerate() {
                for ((number, draw), d_number) in parts.numbers.iter().zip(drawn.row(parts, row).numbers).zip(d_numbers)
                {
                    let of = SquashedGaussian::new(outputs[number.mean], outputs[number.spread]);
                    [d_outputs[number.mean], d_outputs[number.spread]] =
                        of.backward_draw(*draw, *d_number, d_log_density);
                }
            }
        }
        actor.learned.network.gradient_of_block(&self.observations, &mut self.actor, &self.d_outputs, gradient);
    }

    /// Writes the derivatives with respect to the numbers, through the rows on which each critic has an influence: about
    /// half of them where there are no choices.
    fn derive_numbers(&mut self, parts: &ActionParts, critics: &[Network; 2]) {
        let Self { values, d_values, d_numbers, d_inputs, rows, .. } = self;
        let (width, numbers) = (parts.value_width(), parts.numbers.len());
        d_numbers.clear();
        d_numbers.resize(values[0].len() / width * numbers, 0.0);
        for (index, critic) in critics.iter().enumerate() {
            let d_values = &mut d_values[index];
            rows.clear();
            let slopes = d_values.chunks_exact(width).enumerate();
            // A slope that is no number counts too.
            rows.extend(slopes.filter(|(_, slopes)| slopes.iter().any(|&slope| slope != 0.0)).map(|(row, _)| row));
            for (to, &from) in rows.iter().enumerate() {
                d_values.copy_within(from * width..(from + 1) * width, to * width);
            }
            d_inputs.resize(rows.len() * numbers, 0.0);
            let inputs = critic.layout().inputs();
            critic.input_gradient_of_rows(
                rows,
                &mut self.critics[index],
                &d_values[..rows.len() * width],
                inputs - numbers..inputs,
                d_inputs,
            );
            for (&row, d_inputs) in rows.iter().zip(d_inputs.chunks_exact(numbers)) {
                let d_numbers = &mut d_numbers[row * numbers..(row + 1) * numbers];
                d_numbers.iter_mut().zip(d_inputs).for_each(|(sum, derivative)| *sum += derivative);
            }
        }
    }
}

/// Writes the derivatives of the loss with respect to the outputs of both critics: the smaller one counts.
fn derive_values(
    parts: &ActionParts,
    drawn: DrawnRow<'_>,
    [first, second]: [&[f32]; 2],
    weight: f32,
    [d_first, d_second]: [&mut [f32]; 2],
) {
    let per_head = weight / parts.choices.len().max(1) as f32;
    for column in 0..first.len() {
        let slope = -per_head * drawn.probabilities.get(column).copied().unwrap_or(1.0);
        let is_second = second[column] < first[column];
        *(if is_second { &mut d_second[column] } else { &mut d_first[column] }) = slope;
    }
}

/// Writes the derivatives of the loss with respect to the logits of choices.
///
/// ```text
/// l[c] = α·ln p[c] − min(Q₁, Q₂)[c]/H      ∂L/∂logit[c] = p[c]·(l[c] − Σ p·l)
/// ```
fn derive_logits(
    parts: &ActionParts,
    drawn: DrawnRow<'_>,
    critics: [&[f32]; 2],
    weight: f32,
    temperatures: Temperatures,
    d_outputs: &mut [f32],
) {
    let per_head = 1.0 / parts.choices.len().max(1) as f32;
    for choice in &parts.choices {
        let loss = |column: usize| temperatures.choices * drawn.log_probs[column] - per_head * smaller(critics, column);
        let possible = || choice.range().filter(|&column| drawn.probabilities[column] != 0.0);
        let mean: f32 = possible().map(|column| drawn.probabilities[column] * loss(column)).sum();
        for column in possible() {
            let slope = drawn.probabilities[column] * (loss(column) - mean);
            d_outputs[choice.output + column - choice.first] = weight * slope;
        }
    }
}
