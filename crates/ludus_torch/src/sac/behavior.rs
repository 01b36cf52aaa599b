//! The decisions of the policy while it learns: drawn from its distribution, or random before it has learned.

use ludus_learn::{ActionParts, ChoiceColumns};
use tch::{Kind, Tensor};

use super::actions::{ActionColumns, squashed};
use crate::action_values::HeadChoices;
use crate::behavior::{BehaviorPolicy, BehaviorRows, Decisions};
use crate::heads::{normal_numbers, sample_choice, side_by_side};
use crate::network::Forward;

/// Draws actions. The value of a row is 0, because the policy has no critic of its own. Detail 32.
#[derive(Debug)]
pub(super) struct SacPolicy {
    pub columns: ActionColumns,
    /// 1 if actions are random, else 0, without dimensions. Its memory stays in place, since recorded decisions read it.
    pub is_random: Tensor,
    action_width: usize,
    children: Vec<u64>,
}

impl SacPolicy {
    pub fn new(parts: &ActionParts, is_random: Tensor) -> Self {
        // As in `ludus_net`: column c draws from children 2c and 2c + 1. Here all radii come first, then all angles, then
        // the draws of choices.
        let numbers = || parts.numbers.iter().map(|number| 2 * number.action as u64);
        let choices = parts.choices.iter().map(|choice| 2 * choice.action as u64);
        let children = numbers().chain(numbers().map(|child| child + 1)).chain(choices).collect();
        Self { columns: ActionColumns::new(parts), is_random, action_width: parts.action_width, children }
    }

    /// Draws the choices of a head, `[rows, 1]`, and returns their log-probabilities, 0 if they are random.
    fn choose(&self, choice: &ChoiceColumns, forward: &Forward, draw: &Tensor, masks: Option<&Tensor>) -> [Tensor; 2] {
        let (drawn, log_probs) = sample_choice(&ActionColumns::logits(choice, &forward.outputs, masks), draw);
        let all = HeadChoices { first: choice.first as i64, count: choice.count as i64 };
        [self.or_random(&drawn, &all.drawn(masks, draw)), log_probs]
    }

    fn or_random(&self, drawn: &Tensor, random: &Tensor) -> Tensor {
        random.where_self(&self.is_random.gt(0.5), drawn)
    }
}

impl BehaviorPolicy for SacPolicy {
    fn action_width(&self) -> usize {
        self.action_width
    }

    fn children(&self) -> &[u64] {
        &self.children
    }

    fn decide(&self, forward: &Forward, BehaviorRows { draws, masks, .. }: BehaviorRows<'_>) -> Decisions {
        let count = self.columns.number_count();
        let radii = draws.narrow(1, 0, count);
        let normals = normal_numbers(&radii, &draws.narrow(1, count, count));
        let [means, log_std] = self.columns.gaussians(&forward.outputs);
        let (numbers, densities) = squashed(&means, &log_std, &normals);
        let numbers = self.or_random(&numbers, &(radii * 2.0 - 1.0));
        let mut log_probs = densities.sum_dim_intlist(-1, true, Kind::Float);
        // The parts of an action, by their first column.
        let mut parts = Vec::new();
        let mut before = 0;
        for run in &self.columns.numbers {
            parts.push((run.action, numbers.narrow(1, before, run.width)));
            before += run.width;
        }
        for (index, choice) in self.columns.choices.iter().enumerate() {
            let draw = draws.narrow(1, 2 * count + index as i64, 1);
            let [chosen, log_prob] = self.choose(choice, forward, &draw, masks);
            log_probs += log_prob;
            parts.push((choice.action as i64, chosen));
        }
        parts.sort_by_key(|&(first, _)| first);
        let log_probs = self.or_random(&log_probs, &log_probs.zeros_like());
        let values = log_probs.zeros_like();
        Decisions { actions: side_by_side(parts.into_iter().map(|(_, part)| part).collect()), log_probs, values }
    }

    fn values(&self, forward: &Forward, _: Option<&Tensor>) -> Tensor {
        forward.outputs.narrow(1, 0, 1).zeros_like()
    }
}
