//! Values of actions, read from a network's output rows.

use ludus_spec::Head;

use crate::LearnError;

/// The values of discrete actions, as a network's output rows and values describe them.
///
/// A head (a branch of the action) has a value for each of its choices:
///
/// ```text
/// Q[d](s, a) = y[d, a]                                   plain
/// Q[d](s, a) = V(s) + y[d, a] − mean over a' of y[d, a']   dueling
/// ```
///
/// where `y` is the policy's output and `V` the critic's. So the greedy choice is that with the greatest output, for a
/// policy file as well: it needs no critic.
///
/// # Sources
///
/// Wang et al. 2016, arXiv:1511.06581, eq. 9, for dueling; Tavakoli et al. 2018, arXiv:1711.08946, §4.1, for branches.
#[derive(Clone, Debug)]
pub(crate) struct ActionValues {
    /// The first output, and the first flag of a mask, of each head, and the count of its choices.
    heads: Vec<(usize, usize)>,
    width: usize,
    /// True if a value is the critic's value and an advantage.
    pub is_dueling: bool,
}

/// The outputs of a network for one row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputRow<'a> {
    /// The policy's outputs `[output width]`.
    pub outputs: &'a [f32],
    /// The critic's value.
    pub value: f32,
    /// True for each choice that is allowed `[output width]`; empty if all are.
    pub mask: &'a [bool],
}

impl ActionValues {
    /// Makes the values of these heads' choices.
    ///
    /// # Errors
    ///
    /// [`LearnError::Continuous`] if a head is not categorical.
    pub fn new(heads: &[Head], is_dueling: bool) -> Result<Self, LearnError> {
        let mut width = 0;
        let mut places = Vec::with_capacity(heads.len());
        for head in heads {
            let &Head::Categorical { choices } = head else { return Err(LearnError::Continuous) };
            places.push((width, choices));
            width += choices;
        }
        Ok(Self { heads: places, width, is_dueling })
    }

    /// Columns of an output row, and of a mask.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Heads: columns of an action row.
    pub fn head_count(&self) -> usize {
        self.heads.len()
    }

    /// Writes the greedy action: for each head, the allowed choice of the greatest value, the first one of several.
    pub fn greedy(&self, row: OutputRow<'_>, action: &mut [f32]) {
        for (head, choice) in action.iter_mut().enumerate() {
            *choice = self.best(row, head).map_or(0.0, |choice| choice as f32);
        }
    }

    /// Returns the mean over the heads of the value of this action.
    pub fn of_action(&self, row: OutputRow<'_>, action: &[f32]) -> f32 {
        let values = action.iter().enumerate().map(|(head, &choice)| self.of_choice(row, head, choice as usize));
        values.sum::<f32>() / self.heads.len() as f32
    }

    /// Returns the mean over the heads of the greatest value of an allowed choice; NaN if a head has no such choice.
    pub fn greatest(&self, row: OutputRow<'_>) -> f32 {
        let of_head = |head| self.best(row, head).map_or(f32::NAN, |choice| self.of_choice(row, head, choice));
        (0..self.heads.len()).map(of_head).sum::<f32>() / self.heads.len() as f32
    }

    /// Returns the value of a choice of a head.
    pub fn of_choice(&self, row: OutputRow<'_>, head: usize, choice: usize) -> f32 {
        let outputs = self.outputs(row, head);
        let output = outputs[choice];
        if self.is_dueling { row.value + (output - mean(outputs)) } else { output }
    }

    /// Adds the derivatives of a loss, whose derivative with respect to a choice's value is `slope`.
    pub fn backward(&self, head: usize, choice: usize, slope: f32, d_outputs: &mut [f32], d_value: &mut f32) {
        let (first, choices) = self.heads[head];
        d_outputs[first + choice] += slope;
        if self.is_dueling {
            let share = slope / choices as f32;
            d_outputs[first..first + choices].iter_mut().for_each(|derivative| *derivative -= share);
            *d_value += slope;
        }
    }

    /// Returns the allowed choice that a draw in `0.0..1.0` selects, each with the same probability; 0 if there is none.
    pub fn drawn(&self, mask: &[bool], head: usize, draw: f32) -> usize {
        let (first, choices) = self.heads[head];
        drawn_choice(choices, mask.get(first..first + choices).unwrap_or_default(), draw)
    }

    fn outputs<'a>(&self, row: OutputRow<'a>, head: usize) -> &'a [f32] {
        let (first, choices) = self.heads[head];
        &row.outputs[first..first + choices]
    }

    /// Returns the allowed choice with the greatest output.
    fn best(&self, row: OutputRow<'_>, head: usize) -> Option<usize> {
        let (first, _) = self.heads[head];
        let mut best = None;
        for (choice, &output) in self.outputs(row, head).iter().enumerate() {
            let is_allowed = row.mask.is_empty() || row.mask[first + choice];
            if is_allowed && best.is_none_or(|(_, greatest)| output > greatest) {
                best = Some((choice, output));
            }
        }
        best.map(|(choice, _)| choice)
    }
}

/// Returns the allowed choice that a draw in `0.0..1.0` selects, each with the same probability; 0 if there is none.
/// `allowed` is empty if all are.
pub(crate) fn drawn_choice(choices: usize, allowed: &[bool], draw: f32) -> usize {
    let scaled = |count: usize| ((draw * count as f32) as usize).min(count.saturating_sub(1));
    if allowed.is_empty() {
        return scaled(choices);
    }
    let allowed = || (0..choices).filter(|&choice| allowed[choice]);
    allowed().nth(scaled(allowed().count())).unwrap_or(0)
}

fn mean(numbers: &[f32]) -> f32 {
    numbers.iter().sum::<f32>() / numbers.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [Head; 2] = [Head::Categorical { choices: 3 }, Head::Categorical { choices: 2 }];
    const OUTPUTS: [f32; 5] = [1.0, 5.0, 3.0, -1.0, -2.0];

    fn row(mask: &[bool]) -> OutputRow<'_> {
        OutputRow { outputs: &OUTPUTS, value: 10.0, mask }
    }

    #[test]
    fn values_are_outputs_or_advantages_over_the_critic_s_value() {
        let plain = ActionValues::new(&HEADS, false).unwrap();
        assert_eq!((plain.of_choice(row(&[]), 0, 1), plain.of_choice(row(&[]), 1, 0)), (5.0, -1.0));
        // Means of the outputs: 3 and −1.5.
        let dueling = ActionValues::new(&HEADS, true).unwrap();
        assert_eq!((dueling.of_choice(row(&[]), 0, 1), dueling.of_choice(row(&[]), 1, 0)), (12.0, 10.5));
        assert_eq!(dueling.greatest(row(&[])), (12.0 + 10.5) / 2.0);
        assert_eq!(dueling.of_action(row(&[]), &[0.0, 1.0]), (8.0 + 9.5) / 2.0);
    }

    #[test]
    fn a_choice_that_is_not_allowed_is_in_no_maximum() {
        let values = ActionValues::new(&HEADS, false).unwrap();
        let greedy = |mask: &[bool]| {
            let mut action = [f32::NAN; 2];
            values.greedy(row(mask), &mut action);
            (action, values.greatest(row(mask)))
        };
        assert_eq!(greedy(&[]), ([1.0, 0.0], 2.0));
        assert_eq!(greedy(&[true, false, true, false, true]), ([2.0, 1.0], 0.5));
        let (action, greatest) = greedy(&[false, false, false, true, true]);
        assert_eq!(action, [0.0, 0.0]);
        assert!(greatest.is_nan());
    }

    #[test]
    fn drawn_choices_are_allowed_and_equally_probable() {
        let values = ActionValues::new(&HEADS, false).unwrap();
        assert_eq!([0.0, 0.34, 0.99].map(|draw| values.drawn(&[], 0, draw)), [0, 1, 2]);
        let mask = [true, false, true, false, false];
        assert_eq!([0.0, 0.49, 0.5, 0.99].map(|draw| values.drawn(&mask, 0, draw)), [0, 0, 2, 2]);
        assert_eq!(values.drawn(&mask, 1, 0.5), 0);
    }

    #[test]
    fn derivatives_are_those_of_the_values() {
        for is_dueling in [false, true] {
            let values = ActionValues::new(&HEADS, is_dueling).unwrap();
            let (mut d_outputs, mut d_value) = ([0.0; 5], 0.0);
            values.backward(0, 1, 1.0, &mut d_outputs, &mut d_value);
            for output in 0..5 {
                let moved = |change: f32| {
                    let mut outputs = OUTPUTS;
                    outputs[output] += change;
                    values.of_choice(OutputRow { outputs: &outputs, ..row(&[]) }, 0, 1)
                };
                assert!((d_outputs[output] - (moved(0.5) - moved(-0.5))).abs() < 1e-5);
            }
            assert_eq!(d_value, f32::from(is_dueling));
        }
    }

    #[test]
    fn a_continuous_action_has_no_table_of_values() {
        let error = ActionValues::new(&[HEADS[0], Head::Gaussian { width: 1 }], false).unwrap_err();
        assert_eq!(error, LearnError::Continuous);
    }
}
