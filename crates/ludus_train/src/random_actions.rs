//! Actions that no policy decides.

use std::any::Any;

use ludus_learn::{DecisionRows, GroupDecider, PhaseTimer, RowSeeds};
use ludus_spec::{ActionKind, AgentSpec, Seed};
use rand::RngExt;
use rand::seq::IteratorRandom;

/// Random actions `[rows, action_width]` that are drawn before there are masks: numbers are uniform over `-1..=1`,
/// choices over all that there are.
pub(crate) fn random_actions(spec: &AgentSpec, rows: usize, seed: Seed) -> Vec<f32> {
    let mut rng = seed.generator();
    let mut actions = Vec::with_capacity(rows * spec.action_width());
    for _ in 0..rows {
        for field in &spec.action {
            match field.kind {
                ActionKind::Discrete => actions.push(rng.random_range(0..field.parts.len()) as f32),
                ActionKind::Continuous { .. } => {
                    actions.extend((0..field.parts.len()).map(|_| rng.random_range(-1.0..=1.0_f32)));
                }
            }
        }
    }
    actions
}

/// Random actions in one step: every number in `-1..=1` and every allowed choice with the same probability.
///
/// Checks of games and opponents that play at random decide through it.
pub(crate) struct RandomStep<'a> {
    pub spec: &'a AgentSpec,
    /// The seed from which the draws of each row derive.
    pub seed: Seed,
}

impl GroupDecider for RandomStep<'_> {
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(())
    }

    fn memory_width(&self) -> Option<usize> {
        Some(0)
    }

    fn decide(&self, _scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        self.draw(rows.masks, RowSeeds { step: self.seed, ..rows.seeds }, rows.actions);
        timer.forwarded();
    }
}

impl RandomStep<'_> {
    /// Returns the actions of all `rows` rows of a world `[rows, action width]`. `masks` is `[rows, mask width]`, or
    /// empty if all choices are allowed.
    pub fn actions(&self, masks: &[bool], rows: usize) -> Vec<f32> {
        let mut actions = vec![0.0; rows * self.spec.action_width()];
        self.draw(masks, RowSeeds { step: self.seed, first_row: 0, rows: &[] }, &mut actions);
        actions
    }

    fn draw(&self, masks: &[bool], seeds: RowSeeds<'_>, actions: &mut [f32]) {
        let width = self.spec.action_width().max(1);
        let flags = masks.len() / (actions.len() / width).max(1);
        for (index, action) in actions.chunks_exact_mut(width).enumerate() {
            draw_allowed(self.spec, &masks[index * flags..][..flags], seeds.of(index), action);
        }
    }
}

/// Draws the action of a row. `mask` has a flag for every choice of the action; it is empty if all are allowed.
fn draw_allowed(spec: &AgentSpec, mask: &[bool], seed: Seed, action: &mut [f32]) {
    let (mut rng, mut column, mut first) = (seed.generator(), 0, 0);
    for field in &spec.action {
        let parts = field.parts.len();
        match field.kind {
            ActionKind::Discrete => {
                let is_allowed = |choice: &usize| mask.get(first + choice).is_none_or(|&is_allowed| is_allowed);
                action[column] = (0..parts).filter(is_allowed).choose(&mut rng).unwrap_or(0) as f32;
                (column, first) = (column + 1, first + parts);
            }
            ActionKind::Continuous { .. } => {
                action[column..column + parts].fill_with(|| rng.random_range(-1.0..=1.0));
                column += parts;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::ActionField;

    use super::*;

    fn spec() -> AgentSpec {
        let field = |name: &str, kind, parts: &[&str]| ActionField {
            name: name.to_owned(),
            doc: String::new(),
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            kind,
        };
        let turn = field("turn", ActionKind::Discrete, &["left", "right", "none"]);
        let push = field("push", ActionKind::Continuous { low: -2.0, high: 2.0 }, &["x", "y"]);
        let jump = field("jump", ActionKind::Discrete, &["no", "yes"]);
        AgentSpec { action: vec![turn, push, jump], ..AgentSpec::default() }
    }

    #[test]
    fn only_allowed_choices_are_drawn_and_all_of_them() {
        let (spec, mask) = (spec(), [true, false, true, false, true]);
        let mut turns = [0; 3];
        for seed in 0..300 {
            let [mut action, mut again] = [[9.0; 4]; 2];
            draw_allowed(&spec, &mask, Seed::new(seed), &mut action);
            draw_allowed(&spec, &mask, Seed::new(seed), &mut again);
            assert_eq!(action, again);
            turns[action[0] as usize] += 1;
            assert!(action[1..3].iter().all(|number| (-1.0..=1.0).contains(number)) && action[3] == 1.0, "{action:?}");
        }
        assert!(turns[0] > 100 && turns[1] == 0 && turns[2] > 100, "{turns:?}");
        let mut action = [9.0; 4];
        draw_allowed(&spec, &[], Seed::new(1), &mut action);
        assert!(action[0] <= 2.0 && action[3] <= 1.0, "all are allowed without a mask: {action:?}");
    }
}
