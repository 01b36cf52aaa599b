//! Actions as numbers that a network reads.

use ludus_spec::{ActionField, AgentSpec, Block, Head, ObservationField, ObservationKind};

/// The columns of an action that a network reads: a number in -1..=1 for each dimension, and a flag for each choice.
#[derive(Clone, Debug)]
pub(crate) struct ActionColumns {
    heads: Vec<Head>,
    width: usize,
}

impl ActionColumns {
    /// Makes the columns of the actions of these agents.
    pub fn new(spec: &AgentSpec) -> Self {
        Self { heads: spec.heads(), width: spec.action.iter().map(|field| field.parts.len()).sum() }
    }

    /// Returns the columns as fields of an observation. They have one scale already, so they are not normalised.
    pub fn fields(spec: &AgentSpec) -> impl Iterator<Item = ObservationField> {
        let field = |(index, field): (usize, &ActionField)| ObservationField {
            name: format!("action {index}"),
            doc: String::new(),
            block: Block::values(field.parts.clone()),
            range: None,
            kind: ObservationKind::Flag,
            is_critic: false,
        };
        spec.action.iter().enumerate().map(field)
    }

    /// Returns the count of columns.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Writes an action `[action width]` as numbers `[width]`.
    pub fn write(&self, mut action: &[f32], mut numbers: &mut [f32]) {
        for &head in &self.heads {
            let (taken, written);
            (taken, action) = action.split_at(head.action_width());
            match head {
                Head::Categorical { choices } => {
                    (written, numbers) = numbers.split_at_mut(choices);
                    let flag = |choice: usize| f32::from(taken[0] == choice as f32);
                    written.iter_mut().enumerate().for_each(|(choice, written)| *written = flag(choice));
                }
                // The game carries out no number beyond the range.
                Head::Gaussian { width } | Head::SquashedGaussian { width } => {
                    (written, numbers) = numbers.split_at_mut(width);
                    written.iter_mut().zip(taken).for_each(|(written, number)| *written = number.clamp(-1.0, 1.0));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::ActionKind;

    use super::*;

    #[test]
    fn numbers_keep_to_their_range_and_choices_are_flags() {
        let field = |parts: &[&str], kind| ActionField {
            name: String::new(),
            doc: String::new(),
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            kind,
        };
        let continuous = ActionKind::Continuous { low: 0.0, high: 5.0 };
        let action = vec![field(&["x", "y"], continuous), field(&["wait", "go", "jump"], ActionKind::Discrete)];
        let spec = AgentSpec { action, ..AgentSpec::default() };
        let columns = ActionColumns::new(&spec);
        let mut numbers = [f32::NAN; 5];
        columns.write(&[-1.5, 0.25, 1.0], &mut numbers);
        assert_eq!((columns.width(), numbers), (5, [-1.0, 0.25, 0.0, 1.0, 0.0]));
        let widths: usize = ActionColumns::fields(&spec).map(|field| field.width()).sum();
        assert_eq!(widths, columns.width());
    }
}
