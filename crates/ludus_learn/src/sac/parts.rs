//! The parts of an action: numbers and choices, and their columns in all arrays.

use ludus_spec::Head;

use crate::LearnError;

/// The parts of an action, as the heads of a policy with squashed numbers describe them.
///
/// A critic reads the observation and the numbers. Its outputs are the values of the choices, those of each head as if
/// the other heads took no part; or one value if there are no choices:
///
/// ```text
/// Q(s, numbers, choices) = mean over heads h of y[h, choice of h]
/// ```
///
/// # Sources
///
/// Delalleau et al. 2019, arXiv:1912.11077, §3, for actions of both; Tavakoli et al. 2018, arXiv:1711.08946, §4.1, for
/// branches.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionParts {
    /// The numbers, in the order of the action's columns.
    pub numbers: Vec<NumberColumns>,
    /// The choices, in the order of the action's columns.
    pub choices: Vec<ChoiceColumns>,
    /// Columns of a policy's output row.
    pub output_width: usize,
    /// Columns of an action row.
    pub action_width: usize,
    /// Columns of a mask row, where there are masks: one per choice.
    pub choice_count: usize,
}

/// The columns of one number of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberColumns {
    /// The column of a policy's output row with the mean before it is squashed.
    pub mean: usize,
    /// The column of a policy's output row that determines the standard deviation; see
    /// [`SquashedGaussian`](ludus_net::SquashedGaussian).
    pub spread: usize,
    /// The column of an action row.
    pub action: usize,
}

/// The columns of one choice of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChoiceColumns {
    /// The choices that there are.
    pub count: usize,
    /// The first column of a policy's output row.
    pub output: usize,
    /// The first column of a mask row, of a row of probabilities and of a critic's output row.
    pub first: usize,
    /// The column of an action row.
    pub action: usize,
}

impl ActionParts {
    /// Finds the parts that these heads describe.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotSquashed`] if a head's numbers are not squashed.
    pub fn new(heads: &[Head]) -> Result<Self, LearnError> {
        let (numbers, choices) = (Vec::new(), Vec::new());
        let mut parts = Self { numbers, choices, output_width: 0, action_width: 0, choice_count: 0 };
        for head in heads {
            let (output, action) = (parts.output_width, parts.action_width);
            match *head {
                Head::Gaussian { .. } => return Err(LearnError::NotSquashed),
                Head::SquashedGaussian { width } => parts.numbers.extend((0..width).map(|dimension| NumberColumns {
                    mean: output + dimension,
                    spread: output + width + dimension,
                    action: action + dimension,
                })),
                Head::Categorical { choices: count } => {
                    parts.choices.push(ChoiceColumns { count, output, first: parts.choice_count, action });
                    parts.choice_count += count;
                }
            }
            parts.output_width += head.output_width();
            parts.action_width += head.action_width();
        }
        Ok(parts)
    }

    /// Columns of a critic's output row.
    pub fn value_width(&self) -> usize {
        self.choice_count.max(1)
    }

    /// The heads of a critic.
    pub fn critic_heads(&self) -> Vec<Head> {
        if self.choices.is_empty() {
            return vec![Head::Gaussian { width: 1 }];
        }
        self.choices.iter().map(|choice| Head::Categorical { choices: choice.count }).collect()
    }

    /// Copies a critic's inputs side by side: the normalised observation, then the numbers of the action.
    pub(super) fn critic_inputs(&self, observations: &[f32], actions: &[f32], inputs: &mut Vec<f32>) {
        inputs.clear();
        let rows = actions.len() / self.action_width;
        let width = observations.len() / rows.max(1);
        for (observation, action) in observations.chunks_exact(width).zip(actions.chunks_exact(self.action_width)) {
            inputs.extend_from_slice(observation);
            inputs.extend(self.numbers.iter().map(|number| action[number.action]));
        }
    }
}

impl ChoiceColumns {
    /// The columns of a mask row, of a row of probabilities and of a critic's output row.
    pub const fn range(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_columns_of_their_heads() {
        let heads = [
            Head::SquashedGaussian { width: 2 },
            Head::Categorical { choices: 3 },
            Head::SquashedGaussian { width: 1 },
            Head::Categorical { choices: 2 },
        ];
        let parts = ActionParts::new(&heads).unwrap();
        let numbers: Vec<_> = parts.numbers.iter().map(|number| (number.mean, number.spread, number.action)).collect();
        assert_eq!(numbers, [(0, 2, 0), (1, 3, 1), (7, 8, 3)]);
        let choices: Vec<_> =
            parts.choices.iter().map(|choice| (choice.output, choice.range(), choice.action)).collect();
        assert_eq!(choices, [(4, 0..3, 2), (9, 3..5, 4)]);
        assert_eq!((parts.output_width, parts.action_width, parts.value_width()), (11, 5, 5));
        let mut inputs = Vec::new();
        parts.critic_inputs(&[10.0, 20.0], &[0.1, 0.2, 2.0, 0.3, 1.0, 0.4, 0.5, 0.0, 0.6, 0.0], &mut inputs);
        assert_eq!(inputs, [10.0, 0.1, 0.2, 0.3, 20.0, 0.4, 0.5, 0.6]);
    }

    #[test]
    fn numbers_have_to_be_squashed() {
        assert_eq!(ActionParts::new(&[Head::Gaussian { width: 1 }]).unwrap_err(), LearnError::NotSquashed);
    }
}
