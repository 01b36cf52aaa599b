//! Actions that no policy decides.

use ludus_spec::{ActionKind, AgentSpec, Seed};
use rand::RngExt;

/// Random actions `[rows, action_width]`: numbers are uniform over `-1..=1`, choices over all that there are.
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
