//! The gradient of a part of a minibatch.

mod divergence;
mod gather;

use std::ops::Range;

use ludus_net::{AfterStep, Block, Network, Scratch, Sequences, Upstream};

use gather::gather_rows;

use crate::gradient::Shard;
use crate::ppo::{Losses, UpdateSettings, surrogate, value_error};
use crate::{Minibatch, Samples, Standardization, TaughtSamples};

/// The inputs of a minibatch's loss.
#[derive(Clone, Copy, Debug)]
pub(super) struct LossContext<'a> {
    pub network: &'a Network,
    pub rollout: Samples<'a>,
    /// Steps of the rollout.
    pub steps: usize,
    pub minibatch: Minibatch<'a>,
    pub objective: Objective<'a>,
}

/// The loss of a minibatch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Objective<'a> {
    /// The loss of PPO.
    Ppo {
        /// The standardisation of the advantages of the minibatch's samples.
        advantages: Standardization,
        settings: &'a UpdateSettings,
    },
    /// The negative log-likelihood of the actions.
    Likelihood,
    /// The divergence of a teacher's distributions.
    Divergence(TaughtSamples<'a>),
}

/// The inputs of PPO's loss.
#[derive(Clone, Copy)]
struct PpoContext<'a> {
    of: LossContext<'a>,
    advantages: Standardization,
    settings: &'a UpdateSettings,
}

/// The working memory of one thread for learning: the shard's samples side by side.
#[derive(Debug)]
pub(super) struct GradientWorker {
    scratch: Scratch,
    sequences: SequenceColumns,
    inputs: Vec<f32>,
    actions: Vec<f32>,
    /// Empty if every choice is allowed.
    masks: Vec<bool>,
    block: BlockColumns,
}

/// The steps of a shard's rows, if the policy has a memory.
#[derive(Debug, Default)]
struct SequenceColumns {
    /// All samples of the rows, experience or not `[steps, rows]`.
    samples: Vec<u32>,
    after: Vec<AfterStep>,
    first_memory: Vec<f32>,
    /// The actions of all samples, if the network observes its last action.
    actions: Vec<f32>,
}

/// Columns of one block of rows.
#[derive(Debug, Default)]
struct BlockColumns {
    log_probs: Vec<f32>,
    entropies: Vec<f32>,
    d_log_probs: Vec<f32>,
    d_entropies: Vec<f32>,
    /// The log-probabilities and the advantages of the rollout, side by side: the samples are in no order, and a loop that
    /// computes would wait for each of them.
    old_log_probs: Vec<f32>,
    advantages: Vec<f32>,
    /// The values and their targets, in the same way `[rows, value_heads]`. Values are empty if they are not clipped.
    old_values: Vec<f32>,
    targets: Vec<f32>,
    /// The outputs of a teacher, if there is one.
    taught: Vec<f32>,
}

/// The decisions in the samples of one block.
#[derive(Clone, Copy)]
struct Decided<'a> {
    samples: &'a [u32],
    actions: &'a [f32],
    masks: &'a [bool],
}

impl GradientWorker {
    pub fn new(scratch: Scratch) -> Self {
        let (sequences, block) = (SequenceColumns::default(), BlockColumns::default());
        Self { scratch, sequences, inputs: Vec::new(), actions: Vec::new(), masks: Vec::new(), block }
    }

    /// Computes a shard's gradient and losses.
    pub fn compute_gradient(&mut self, context: LossContext<'_>, shard: &mut Shard<Losses>) {
        if context.minibatch.rows.is_empty() {
            let samples = &context.minibatch.samples[shard.units.clone()];
            self.gather(context, samples);
            let Self { scratch, inputs, actions, masks, block: columns, .. } = self;
            let decided = Decided { samples, actions, masks };
            context.network.gradient(inputs, scratch, &mut shard.gradient, |block| {
                let rows = block.values.len() / context.value_heads();
                let decided = decided.part(context, block.first_row..block.first_row + rows);
                columns.derive(context, decided, block, &mut shard.losses);
            });
        } else {
            self.sequences.list(context, shard.units.clone());
            let samples = std::mem::take(&mut self.sequences.samples);
            self.gather(context, &samples);
            self.ignore_what_is_no_experience(context, &samples);
            let Self { scratch, inputs, actions, masks, block: columns, sequences, .. } = self;
            let decided = Decided { samples: &samples, actions, masks };
            let SequenceColumns { first_memory, after, actions: all_actions, .. } = sequences;
            let steps = Sequences { first_memory, after, actions: all_actions };
            context.network.gradient_of_sequences(inputs, steps, scratch, &mut shard.gradient, |block| {
                columns.derive(context, decided, block, &mut shard.losses);
            });
            self.sequences.samples = samples;
        }
    }

    /// Gives steps that are no experience an action that has a probability. Its derivative is 0.
    fn ignore_what_is_no_experience(&mut self, context: LossContext<'_>, samples: &[u32]) {
        let (action_width, mask_width) = (context.network.layout().action_width(), context.rollout.mask_width());
        for (row, &sample) in samples.iter().enumerate() {
            if !context.is_experience(sample) {
                self.actions[row * action_width..][..action_width].fill(0.0);
                self.masks[row * mask_width..][..mask_width].fill(true);
            }
        }
    }

    /// Copies the network's inputs, the actions and the masks of the samples side by side. Details 14 and 19.
    fn gather(&mut self, context: LossContext<'_>, samples: &[u32]) {
        let (layout, rollout) = (context.network.layout(), context.rollout);
        let Self { inputs, actions, masks, .. } = self;
        inputs.resize(samples.len() * layout.inputs(), 0.0);
        gather_rows(if rollout.inputs.is_empty() { rollout.observations } else { rollout.inputs }, samples, inputs);
        actions.resize(samples.len() * layout.action_width(), 0.0);
        gather_rows(rollout.actions, samples, actions);
        masks.resize(samples.len() * rollout.mask_width(), true);
        gather_rows(rollout.masks, samples, masks);
    }
}

impl SequenceColumns {
    /// Lists all steps of a minibatch's rows in this range.
    fn list(&mut self, context: LossContext<'_>, rows: Range<usize>) {
        let Self { samples, after, first_memory, actions } = self;
        let rows = &context.minibatch.rows[rows];
        samples.clear();
        for step in 0..context.steps {
            samples.extend(rows.iter().map(|row| row.steps.sample(step) as u32));
        }
        after.clear();
        after.extend(samples.iter().map(|&sample| context.rollout.after[sample as usize]));
        let layout = context.network.layout();
        if !layout.last_action_columns().is_empty() {
            actions.resize(samples.len() * layout.action_width(), 0.0);
            gather_rows(context.rollout.actions, samples, actions);
        }
        let width = layout.memory_width();
        first_memory.clear();
        for row in rows {
            first_memory.extend_from_slice(&context.rollout.first_memory[row.steps.row as usize * width..][..width]);
        }
    }
}

impl<'a> Decided<'a> {
    /// Returns the decisions of these rows.
    fn part(self, context: LossContext<'_>, rows: Range<usize>) -> Self {
        let (action_width, mask_width) = (context.network.layout().action_width(), context.rollout.mask_width());
        Self {
            samples: &self.samples[rows.clone()],
            actions: &self.actions[rows.start * action_width..rows.end * action_width],
            masks: &self.masks[rows.start * mask_width..rows.end * mask_width],
        }
    }
}

impl BlockColumns {
    /// Adds a block's losses, and writes their derivatives with respect to the network's outputs.
    fn derive(&mut self, context: LossContext<'_>, decided: Decided<'_>, mut block: Block<'_>, losses: &mut Losses) {
        self.resize(decided.samples.len());
        match context.objective {
            Objective::Ppo { advantages, settings } => {
                self.evaluate(context, decided, &block);
                let context = PpoContext { of: context, advantages, settings };
                self.derive_ppo(context, decided.samples, &mut block, losses);
            }
            Objective::Likelihood => {
                self.evaluate(context, decided, &block);
                self.derive_likelihood(context, decided.samples, losses);
            }
            Objective::Divergence(taught) => return self.derive_divergence(context, taught, decided, block, losses),
        }
        let upstream = Upstream { d_log_probs: &self.d_log_probs, d_entropies: &self.d_entropies };
        let distribution = context.network.distribution().masked(decided.masks);
        distribution.backward(block.outputs, decided.actions, upstream, block.d_outputs, block.d_log_std);
    }

    /// Computes the log-probability and the entropy of each decision.
    fn evaluate(&mut self, context: LossContext<'_>, decided: Decided<'_>, block: &Block<'_>) {
        let distribution = context.network.distribution().masked(decided.masks);
        distribution.evaluate(block.outputs, decided.actions, &mut self.log_probs, &mut self.entropies);
    }

    /// The losses of PPO, and their derivatives. Details 9 to 12.
    fn derive_ppo(&mut self, context: PpoContext<'_>, samples: &[u32], block: &mut Block<'_>, losses: &mut Losses) {
        let (of, settings) = (context.of, context.settings);
        self.d_entropies.fill(-of.weight() * settings.entropy);
        let has_other_steps = !of.minibatch.rows.is_empty();
        let heads = of.value_heads();
        self.gather(context, samples);
        for (row, &sample) in samples.iter().enumerate() {
            if has_other_steps && !of.is_experience(sample) {
                (self.d_log_probs[row], self.d_entropies[row]) = (0.0, 0.0);
                continue;
            }
            self.d_log_probs[row] = self.policy_slope(context, row, losses);
            for place in row * heads..(row + 1) * heads {
                block.d_values[place] = self.value_slope(context, block.values[place], place, losses);
            }
        }
    }

    /// The negative log-likelihood of the actions, and its derivative. Detail 46.
    fn derive_likelihood(&mut self, context: LossContext<'_>, samples: &[u32], losses: &mut Losses) {
        self.d_entropies.fill(0.0);
        for (row, &sample) in samples.iter().enumerate() {
            if context.is_experience(sample) {
                losses.policy -= self.log_probs[row];
                losses.entropy += self.entropies[row];
                self.d_log_probs[row] = -context.weight();
            } else {
                self.d_log_probs[row] = 0.0;
            }
        }
    }

    /// Copies the rollout's numbers of these samples side by side.
    fn gather(&mut self, PpoContext { of, settings, .. }: PpoContext<'_>, samples: &[u32]) {
        let (rollout, values) = (of.rollout, samples.len() * of.value_heads());
        let clipped = if settings.value_clip.is_some() { values } else { 0 };
        for (gathered, rows, len) in [
            (&mut self.old_log_probs, rollout.log_probs, samples.len()),
            (&mut self.advantages, rollout.policy_advantages, samples.len()),
            (&mut self.old_values, rollout.values, clipped),
            (&mut self.targets, rollout.returns, values),
        ] {
            gathered.resize(len, 0.0);
            gather_rows(rows, samples, gathered);
        }
    }

    fn policy_slope(&self, context: PpoContext<'_>, row: usize, losses: &mut Losses) -> f32 {
        let PpoContext { of, advantages, settings } = context;
        let log_ratio = self.log_probs[row] - self.old_log_probs[row];
        let advantage = advantages.apply(self.advantages[row]);
        let clip = settings.clip;
        let found = surrogate(log_ratio, advantage, clip);
        losses.policy += found.loss;
        losses.entropy += self.entropies[row];
        // Detail 17: Schulman 2020, "Approximating KL Divergence", http://joschu.net/blog/kl-approx.html, k1 and k3.
        losses.old_approx_kl -= log_ratio;
        losses.approx_kl += found.ratio - 1.0 - log_ratio;
        losses.clip_fraction += f32::from((found.ratio - 1.0).abs() > clip);
        of.weight() * found.slope
    }

    /// Adds the loss of one value, and returns its derivative. `place` is that of the value among those of the block.
    ///
    /// The loss of a sample is the mean over its values.
    fn value_slope(&self, context: PpoContext<'_>, value: f32, place: usize, losses: &mut Losses) -> f32 {
        let PpoContext { of, settings, .. } = context;
        let old_value = self.old_values.get(place).copied().unwrap_or_default();
        let found = value_error(value, old_value, self.targets[place], settings.value_clip);
        let part = 1.0 / of.value_heads() as f32;
        losses.value += part * found.loss;
        part * of.weight() * settings.value_coefficient * found.slope
    }

    fn resize(&mut self, rows: usize) {
        for column in [&mut self.log_probs, &mut self.entropies, &mut self.d_log_probs, &mut self.d_entropies] {
            column.resize(rows, 0.0);
        }
    }
}

impl LossContext<'_> {
    /// Returns the weight of one sample in a mean over the minibatch.
    fn weight(&self) -> f32 {
        1.0 / self.minibatch.samples.len() as f32
    }

    /// Returns the number of values per sample.
    fn value_heads(&self) -> usize {
        self.network.layout().value_heads()
    }

    fn is_experience(&self, sample: u32) -> bool {
        self.rollout.outcomes[sample as usize].is_experience()
    }
}

#[cfg(test)]
mod sequence_tests;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ludus_net::{Layout, Network, NetworkConfig};
    use ludus_spec::{Head, Outcome, Seed, stopped_clock};
    use rayon::ThreadPoolBuilder;

    use super::*;
    use crate::{Learner, Machine, NativeLearner, Rollout, RolloutShape};

    const SETTINGS: UpdateSettings = UpdateSettings {
        learning_rate: 0.0,
        clip: 0.2,
        value_clip: None,
        entropy: 0.3,
        value_coefficient: 0.7,
        max_grad_norm: 1.0,
        normalize_advantages: true,
    };

    const SHAPE: RolloutShape = RolloutShape {
        steps: 1,
        rows: Vec::new(),
        observation_width: 3,
        action_width: 3,
        mask_width: 0,
        memory_width: 0,
        reward_streams: 0,
        value_heads: 1,
        has_inputs: false,
        has_drivers: false,
        has_teams: false,
    };

    /// A policy with a Gaussian and a categorical head.
    fn network() -> Network {
        let heads = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 3 }];
        let config = NetworkConfig { hidden: vec![5], ..NetworkConfig::default() };
        let mut network = Network::new(Layout::new(3, &heads, &config).unwrap(), Seed::new(1));
        // Random offsets make the policy far from uniform, so that every derivative matters.
        let scatter = |(index, p): (usize, &mut f32)| *p += Seed::new(2).derive(index as u64).uniform() - 0.5;
        network.update(|parameters| parameters.iter_mut().enumerate().for_each(scatter));
        network
    }

    fn rollout(rows: usize) -> Rollout {
        rollout_of(RolloutShape { rows: vec![rows], ..SHAPE })
    }

    fn rollout_of(shape: RolloutShape) -> Rollout {
        let mut rollout = Rollout::new(shape);
        let slab = rollout.slabs_mut().next().unwrap();
        let arrays = [slab.observations, slab.actions, slab.values, slab.advantages, slab.returns, slab.log_probs];
        for (seed, array) in arrays.into_iter().enumerate() {
            let seed = Seed::new(seed as u64 + 3);
            array.iter_mut().enumerate().for_each(|(index, x)| *x = 2.0 * seed.derive(index as u64).uniform() - 1.0);
        }
        slab.log_probs.iter_mut().for_each(|log_prob| *log_prob -= 3.0);
        slab.actions.iter_mut().skip(2).step_by(3).for_each(|choice| *choice = (*choice + 1.5).floor());
        slab.outcomes.fill(Outcome::Running);
        rollout
    }

    /// A rollout with masks that forbid some of the choices that were not made.
    fn masked_rollout(rows: usize) -> Rollout {
        let mut rollout = rollout_of(RolloutShape { rows: vec![rows], mask_width: 3, ..SHAPE });
        let slab = rollout.slabs_mut().next().unwrap();
        for (sample, mask) in slab.masks.chunks_exact_mut(3).enumerate() {
            let chosen = slab.actions[3 * sample + 2] as usize;
            mask[(chosen + 1 + sample % 2) % 3] = false;
        }
        rollout
    }

    fn compute_gradient(network: &Network, rollout: &Rollout, samples: &[u32]) -> Shard<Losses> {
        let advantages = Standardization::of(rollout.samples().policy_advantages, samples);
        compute_gradient_of(network, rollout, samples, Objective::Ppo { advantages, settings: &SETTINGS })
    }

    fn compute_gradient_of(
        network: &Network,
        rollout: &Rollout,
        samples: &[u32],
        objective: Objective<'_>,
    ) -> Shard<Losses> {
        let minibatch = Minibatch { samples, rows: &[] };
        let context = LossContext { network, rollout: rollout.samples(), steps: 1, minibatch, objective };
        let gradient = vec![0.0; network.parameters().len()];
        let mut shard = Shard { gradient, losses: Losses::default(), units: 0..samples.len(), errors: Vec::new() };
        GradientWorker::new(Scratch::new(network.layout())).compute_gradient(context, &mut shard);
        shard
    }

    /// Compares every derivative with a finite difference of the loss.
    #[test]
    fn a_shard_s_gradient_is_that_of_its_losses() {
        check_gradient(&rollout(7));
        check_gradient(&masked_rollout(7));
    }

    fn check_gradient(rollout: &Rollout) {
        check_gradient_of(&network(), rollout);
    }

    fn check_gradient_of(network: &Network, rollout: &Rollout) {
        let samples = [4, 0, 6, 1, 5];
        let loss_at = |parameter: usize, change: f32| {
            let mut moved = network.clone();
            moved.update(|parameters| parameters[parameter] += change);
            let Losses { policy, value, entropy, .. } = compute_gradient(&moved, rollout, &samples).losses;
            (policy + SETTINGS.value_coefficient * value - SETTINGS.entropy * entropy) / samples.len() as f32
        };
        let gradient = compute_gradient(network, rollout, &samples).gradient;
        assert!(gradient.iter().filter(|derivative| derivative.abs() > 1e-3).count() > 40);
        for tensor in network.layout().tensors() {
            for parameter in (0..tensor.element_count()).map(|element| tensor.position(element)) {
                let difference = (loss_at(parameter, 1e-2) - loss_at(parameter, -1e-2)) / 2e-2;
                let error = (gradient[parameter] - difference).abs();
                assert!(error < 2e-3, "{}: {} against {difference}", tensor.name, gradient[parameter]);
            }
        }
    }

    /// The loss of cloning is the negative log-likelihood of the actions, of numbers and of choices under their masks.
    #[test]
    fn the_gradient_of_cloning_is_that_of_the_negative_log_likelihood() {
        let squashed = NetworkConfig { hidden: vec![5], squashed: true, ..NetworkConfig::default() };
        let heads = [Head::SquashedGaussian { width: 2 }, Head::Categorical { choices: 3 }];
        let squashed = Network::new(Layout::new(3, &heads, &squashed).unwrap(), Seed::new(1));
        for (network, rollout) in [
            (network(), rollout(7)),
            (network(), masked_rollout(7)),
            (squashed.clone(), rollout(7)),
            (squashed, masked_rollout(7)),
        ] {
            check_cloning(&network, &rollout);
        }
    }

    fn check_cloning(network: &Network, rollout: &Rollout) {
        check_policy_loss(network, rollout, Objective::Likelihood);
    }

    /// Compares every derivative of a loss of the policy alone with a finite difference.
    fn check_policy_loss(network: &Network, rollout: &Rollout, objective: Objective<'_>) {
        let samples = [4, 0, 6, 1, 5];
        let loss_at = |parameter: usize, change: f32| {
            let mut moved = network.clone();
            moved.update(|parameters| parameters[parameter] += change);
            compute_gradient_of(&moved, rollout, &samples, objective).losses.policy / samples.len() as f32
        };
        let gradient = compute_gradient_of(network, rollout, &samples, objective).gradient;
        for tensor in network.layout().tensors() {
            for parameter in (0..tensor.element_count()).map(|element| tensor.position(element)) {
                let difference = (loss_at(parameter, 1e-2) - loss_at(parameter, -1e-2)) / 2e-2;
                let error = (gradient[parameter] - difference).abs();
                let most = 3e-3 * (1.0 + difference.abs());
                assert!(error < most, "{}: {} against {difference}", tensor.name, gradient[parameter]);
                assert!(!tensor.name.starts_with("critic") || gradient[parameter] == 0.0, "values are not imitated");
            }
        }
    }

    /// The loss of distillation is the divergence from the teacher in the samples.
    #[test]
    fn the_gradient_of_distillation_is_that_of_the_divergence() {
        for rollout in [rollout(7), masked_rollout(7)] {
            let (network, width) = (network(), network().layout().output_width());
            let of_teacher: Vec<f32> =
                (0..8 * width as u64).map(|place| 2.0 * Seed::new(31).derive(place).uniform() - 1.0).collect();
            let heads = network.layout().heads().to_vec();
            let distribution = ludus_net::Distribution::new(&heads, &[-0.4, 0.3]);
            let objective = Objective::Divergence(TaughtSamples { distribution, outputs: &of_teacher });
            check_policy_loss(&network, &rollout, objective);
        }
    }

    /// Two values per sample, and a policy that learns from the weighted sum of their advantages.
    #[test]
    fn a_shard_s_gradient_is_that_of_the_losses_of_all_values() {
        let network = network().with_value_heads(2, Seed::new(8)).unwrap();
        let mut rollout = rollout_of(RolloutShape { rows: vec![7], value_heads: 2, ..SHAPE });
        rollout.combine_advantages(&[1.0, 0.5]);
        let samples = rollout.samples();
        let sum = samples.advantages[6] + 0.5 * samples.advantages[7];
        assert_eq!(samples.policy_advantages[3], sum);
        check_gradient_of(&network, &rollout);
    }

    /// 300 samples make three shards.
    #[test]
    fn shards_add_up_to_the_whole() {
        let (network, rollout) = (network(), rollout(300));
        let samples: Vec<u32> = (0..300).rev().collect();
        let whole = compute_gradient(&network, &rollout, &samples);
        let pool = Arc::new(ThreadPoolBuilder::new().num_threads(1).build().unwrap());
        let mut learner = NativeLearner::new(network, None, Machine { pool, clock: stopped_clock }).unwrap();
        learner.learn_minibatch(&rollout, Minibatch { samples: &samples, rows: &[] }, &SETTINGS).unwrap();
        assert_eq!(learner.gradient.shards.len(), 3);
        for (sum, expected) in learner.gradient.sum.iter().zip(&whole.gradient) {
            assert!((sum - expected).abs() < 1e-5, "{sum} instead of {expected}");
        }
        let losses = learner.take_losses().unwrap();
        assert!((losses.value - whole.losses.value).abs() < 1e-3);
        assert_eq!(learner.take_losses().unwrap(), Losses::default());
    }
}
