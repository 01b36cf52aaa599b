//! The decisions of the policy while it learns: drawn from its distribution, or random before it has learned.

use std::any::Any;

use ludus_net::{Scratch, SquashedGaussian, normal_draw, stage};
use ludus_spec::Seed;

use super::actor::Actor;
use super::learner::SacBehavior;
use crate::value::drawn_choice;
use crate::{DecisionRows, GroupDecider, PhaseTimer, RowSeeds};

/// The working memory of one thread.
struct ActorScratch {
    network: Scratch,
    /// Inputs of the network, if the rollout does not keep them.
    inputs: Vec<f32>,
    outputs: Vec<f32>,
}

impl GroupDecider for Actor {
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(ActorScratch { network: self.scratch.clone(), inputs: Vec::new(), outputs: Vec::new() })
    }

    /// Draws an action for each row. The policy has no critic of its own, so values are 0. Detail 32.
    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        rows.values.fill(0.0);
        if self.behavior == SacBehavior::Random {
            self.decide_at_random(rows);
            return timer.forwarded();
        }
        let scratch = scratch.downcast_mut::<ActorScratch>();
        let scratch = scratch.expect("a policy gets the working memory that it has made");
        let ActorScratch { network, inputs: unkept, outputs } = scratch;
        let inputs = if rows.inputs.is_empty() {
            unkept.resize(rows.observations.len(), 0.0);
            &mut unkept[..]
        } else {
            rows.inputs
        };
        stage(self.learned.normalizer.as_ref(), rows.observations, inputs);
        timer.copied();
        let most = self.learned.network.most_block_rows();
        for first in (0..rows.values.len()).step_by(most) {
            let block = first..rows.values.len().min(first + most);
            let of = |width: usize| block.start * width..block.end * width;
            let inputs = &inputs[of(self.learned.network.layout().inputs())];
            let actions = &mut rows.actions[of(self.parts.action_width)];
            let masks = if rows.masks.is_empty() { &[][..] } else { &rows.masks[of(self.parts.choice_count)] };
            outputs.resize(block.len() * self.parts.output_width, 0.0);
            self.learned.network.outputs_of_block(inputs, network, outputs);
            let distribution = self.learned.network.distribution().masked(masks);
            let log_probs = &mut rows.log_probs[block.clone()];
            distribution.sample(outputs, |row| rows.seeds.of(first + row), actions, log_probs);
            if let SacBehavior::Smooth(step) = self.behavior {
                let seeds = RowSeeds { step, ..rows.seeds };
                self.explore_smoothly(network, (inputs, outputs), |row| seeds.of(first + row), actions);
            }
        }
        timer.forwarded();
    }
}

impl Actor {
    /// Replaces the numbers of a block's actions by those whose noise is a function of the observation. Detail 40.
    fn explore_smoothly(
        &self,
        scratch: &Scratch,
        (inputs, outputs): (&[f32], &[f32]),
        seed_of: impl Fn(usize) -> Seed,
        actions: &mut [f32],
    ) {
        let (parts, columns) = (&self.parts, self.learned.network.layout().inputs());
        let rows = inputs.chunks_exact(columns).zip(outputs.chunks_exact(parts.output_width));
        for (row, ((inputs, outputs), action)) in rows.zip(actions.chunks_exact_mut(parts.action_width)).enumerate() {
            let features = self.learned.network.features_of_row(scratch, row).unwrap_or(inputs);
            for (index, number) in parts.numbers.iter().enumerate() {
                let of = SquashedGaussian::new(outputs[number.mean], outputs[number.spread]);
                let noise = smooth_noise(features, seed_of(row).derive(index as u64));
                action[number.action] = of.draw(noise).action;
            }
        }
    }

    /// Draws every number in -1..=1 and every allowed choice with the same probability.
    fn decide_at_random(&self, rows: DecisionRows<'_>) {
        let parts = &self.parts;
        rows.log_probs.fill(0.0);
        for (row, action) in rows.actions.chunks_exact_mut(parts.action_width).enumerate() {
            let seed = rows.seeds.of(row);
            let draw = |column: usize| seed.derive(2 * column as u64).uniform();
            let mask = rows.masks.get(row * parts.choice_count..(row + 1) * parts.choice_count).unwrap_or_default();
            for number in &parts.numbers {
                action[number.action] = 2.0 * draw(number.action) - 1.0;
            }
            for choice in &parts.choices {
                let allowed = mask.get(choice.range()).unwrap_or_default();
                action[choice.action] = drawn_choice(choice.count, allowed, draw(choice.action)) as f32;
            }
        }
    }
}

/// Returns `θ·f/‖f‖`, where the seed determines θ: a standard normal number over all θ, and a smooth function of the
/// features.
fn smooth_noise(features: &[f32], seed: Seed) -> f32 {
    let (mut sum, mut squares) = (0.0, 0.0);
    for (index, &feature) in features.iter().enumerate() {
        sum += feature * normal_draw(seed, index);
        squares += feature * feature;
    }
    if squares > 0.0 { sum / squares.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_noise_is_standard_normal_and_changes_with_the_features_alone() {
        let features = [0.5, -0.25, 0.0, 2.0];
        let draws: Vec<f32> = (0..4_000).map(|seed| smooth_noise(&features, Seed::new(seed))).collect();
        let mean = draws.iter().sum::<f32>() / 4_000.0;
        let variance = draws.iter().map(|draw| draw * draw).sum::<f32>() / 4_000.0;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.06, "{mean}, {variance}");
        let near = features.map(|feature| feature + 1e-3);
        assert!((smooth_noise(&near, Seed::new(1)) - smooth_noise(&features, Seed::new(1))).abs() < 0.02);
        let opposite = features.map(|feature| -feature);
        assert_eq!(smooth_noise(&opposite, Seed::new(1)), -smooth_noise(&features, Seed::new(1)));
        assert_eq!(smooth_noise(&[0.0; 3], Seed::new(1)), 0.0);
    }
}
