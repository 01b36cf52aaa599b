//! The decisions of the policy while it learns: drawn from its distribution, or random before it has learned.

use std::any::Any;

use ludus_net::{Scratch, stage};

use super::actor::Actor;
use crate::value::drawn_choice;
use crate::{DecisionRows, GroupDecider, PhaseTimer};

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
        if self.is_random {
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
        stage(self.normalizer.as_ref(), rows.observations, inputs);
        timer.copied();
        outputs.resize(rows.values.len() * self.parts.output_width, 0.0);
        self.network.forward_policy(inputs, network, outputs);
        let distribution = self.network.distribution().masked(rows.masks);
        distribution.sample(outputs, |row| rows.seeds.of(row), rows.actions, rows.log_probs);
        timer.forwarded();
    }
}

impl Actor {
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
