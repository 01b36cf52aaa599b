//! Values of discrete actions on tensors: as `ludus_learn`'s, formula for formula.

use ludus_learn::LearnError;
use ludus_spec::Head;
use tch::{Kind, Tensor};

use crate::behavior::{BehaviorPolicy, BehaviorRows, Decisions};
use crate::network::Forward;

/// The values of discrete actions, as a network's outputs and values describe them.
///
/// ```text
/// Q[d](s, a) = y[d, a]                                   plain
/// Q[d](s, a) = V(s) + y[d, a] − mean over a' of y[d, a']   dueling
/// ```
///
/// Details 20 and 21.
#[derive(Clone, Debug)]
pub(crate) struct ActionValues {
    heads: Vec<HeadChoices>,
    pub is_dueling: bool,
}

/// The choices of a head: columns of outputs and masks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadChoices {
    pub first: i64,
    pub count: i64,
}

impl ActionValues {
    /// Makes the values of these heads' choices, which are the outputs.
    ///
    /// # Errors
    ///
    /// [`LearnError::Continuous`] if a head is not categorical.
    pub fn new(heads: &[Head]) -> Result<Self, LearnError> {
        let mut first = 0;
        let mut own = Vec::with_capacity(heads.len());
        for head in heads {
            let &Head::Categorical { choices } = head else { return Err(LearnError::Continuous) };
            let count = choices as i64;
            own.push(HeadChoices { first, count });
            first += count;
        }
        Ok(Self { heads: own, is_dueling: false })
    }

    /// Returns the count of heads: columns of an action row.
    pub const fn head_count(&self) -> usize {
        self.heads.len()
    }

    /// Returns the values of all choices: `[rows, output width]`.
    pub fn of_choices(&self, forward: &Forward) -> Tensor {
        let outputs = forward.outputs.to_kind(Kind::Float);
        if !self.is_dueling {
            return outputs;
        }
        let advantages = |head: &HeadChoices| {
            let outputs = head.columns(&outputs);
            &outputs - outputs.mean_dim(-1, true, Kind::Float)
        };
        self.per_head(advantages) + forward.value_columns().narrow(1, 0, 1)
    }

    /// Returns the value of each head's choice: `[rows, heads]`.
    pub fn of_actions(&self, of_choices: &Tensor, actions: &Tensor) -> Tensor {
        let choices = actions.to_kind(Kind::Int64);
        let mut column = 0..;
        self.per_head(|head| {
            let choice = choices.narrow(1, column.next().unwrap_or_default(), 1);
            head.columns(of_choices).gather(1, &choice, false)
        })
    }

    /// Returns the allowed choice of the greatest output of each head, the first one of several: `[rows, heads]`.
    pub fn greedy(&self, outputs: &Tensor, masks: Option<&Tensor>) -> Tensor {
        self.per_head(|head| head.allowed(outputs, masks).argmax(-1, true).to_kind(Kind::Float))
    }

    /// Returns the mean over the heads of the greatest value of an allowed choice, `[rows, 1]`; −∞ if there is none.
    pub fn greatest(&self, of_choices: &Tensor, masks: Option<&Tensor>) -> Tensor {
        self.per_head(|head| head.allowed(of_choices, masks).amax(-1, true)).mean_dim(-1, true, Kind::Float)
    }

    /// Returns the allowed choice that a draw in `0.0..1.0` selects, each with the same probability; 0 if there is none.
    /// `draws` is `[rows, heads]`, as the result.
    fn drawn(&self, masks: Option<&Tensor>, draws: &Tensor) -> Tensor {
        let mut column = 0..;
        self.per_head(|head| head.drawn(masks, &draws.narrow(1, column.next().unwrap_or_default(), 1)))
    }

    /// Returns the columns of all heads, side by side.
    fn per_head(&self, columns: impl FnMut(&HeadChoices) -> Tensor) -> Tensor {
        let columns: Vec<Tensor> = self.heads.iter().map(columns).collect();
        Tensor::cat(&columns, 1)
    }
}

impl HeadChoices {
    fn columns(self, all: &Tensor) -> Tensor {
        all.narrow(1, self.first, self.count)
    }

    /// Returns the numbers of the choices; −∞ for those that are not allowed.
    fn allowed(self, numbers: &Tensor, masks: Option<&Tensor>) -> Tensor {
        let numbers = self.columns(numbers);
        match masks {
            Some(masks) => numbers.masked_fill(&self.columns(masks).le(0.5), f64::NEG_INFINITY),
            None => numbers,
        }
    }

    /// Returns the allowed choice that a draw in `0.0..1.0` selects, each with the same probability; 0 if there is none.
    pub fn drawn(self, masks: Option<&Tensor>, draw: &Tensor) -> Tensor {
        let Some(masks) = masks else {
            return (draw * self.count as f64).floor().clamp_max((self.count - 1) as f64);
        };
        let is_allowed = self.columns(masks).gt(0.5);
        let allowed = is_allowed.to_kind(Kind::Float);
        let count = allowed.sum_dim_intlist(-1, true, Kind::Float);
        // The index among those that are allowed.
        let index = (draw * &count).floor().minimum(&(count - 1.0));
        let is_drawn = (allowed.cumsum(-1, Kind::Float) - 1.0).eq_tensor(&index).logical_and(&is_allowed);
        is_drawn.to_kind(Kind::Float).argmax(-1, true).to_kind(Kind::Float)
    }
}

/// The greedy action, or with the probability ε one of those that are allowed. The value of a row is that of its greedy
/// action. Detail 22.
#[derive(Debug)]
pub(crate) struct EpsilonGreedy {
    pub values: ActionValues,
    /// ε, without dimensions. Its memory stays in place, since recorded decisions read it.
    pub epsilon: Tensor,
    children: Vec<u64>,
}

impl EpsilonGreedy {
    pub fn new(values: ActionValues, epsilon: Tensor) -> Self {
        // As in `ludus_learn`: child 0 decides whether a row explores, child 1 + d is the draw of head d.
        let children = (0..=values.head_count() as u64).collect();
        Self { values, epsilon, children }
    }
}

impl BehaviorPolicy for EpsilonGreedy {
    fn action_width(&self) -> usize {
        self.values.head_count()
    }

    fn children(&self) -> &[u64] {
        &self.children
    }

    fn decide(&self, forward: &Forward, BehaviorRows { draws, masks, .. }: BehaviorRows<'_>) -> Decisions {
        let explores = draws.narrow(1, 0, 1).lt_tensor(&self.epsilon);
        let drawn = self.values.drawn(masks, &draws.narrow(1, 1, self.values.head_count() as i64));
        let actions = drawn.where_self(&explores, &self.values.greedy(&forward.outputs, masks));
        let values = self.values(forward, masks);
        Decisions { actions, log_probs: values.zeros_like(), values }
    }

    fn values(&self, forward: &Forward, masks: Option<&Tensor>) -> Tensor {
        self.values.greatest(&self.values.of_choices(forward), masks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: [Head; 2] = [Head::Categorical { choices: 3 }, Head::Categorical { choices: 2 }];

    fn values(is_dueling: bool) -> ActionValues {
        ActionValues { is_dueling, ..ActionValues::new(&HEADS).unwrap() }
    }

    fn row(numbers: &[f32]) -> Tensor {
        Tensor::from_slice(numbers).unsqueeze(0)
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.reshape([-1])).unwrap()
    }

    fn forward() -> Forward {
        Forward { outputs: row(&[1.0, 5.0, 3.0, -1.0, -2.0]), values: Tensor::from_slice(&[10.0_f32]) }
    }

    /// The numbers are those of the test of `ludus_learn`.
    #[test]
    fn values_are_outputs_or_advantages_over_the_critic_s_value() {
        assert_eq!(numbers(&values(false).of_choices(&forward())), [1.0, 5.0, 3.0, -1.0, -2.0]);
        let dueling = values(true);
        let of_choices = dueling.of_choices(&forward());
        assert_eq!(numbers(&of_choices), [8.0, 12.0, 10.0, 10.5, 9.5]);
        assert_eq!(numbers(&dueling.greatest(&of_choices, None)), [11.25]);
        assert_eq!(numbers(&dueling.of_actions(&of_choices, &row(&[0.0, 1.0]))), [8.0, 9.5]);
    }

    #[test]
    fn a_choice_that_is_not_allowed_is_in_no_maximum() {
        let check = |masks: Option<[f32; 5]>, action: [f32; 2], greatest: f32| {
            let (values, masks, outputs) = (values(false), masks.map(|masks| row(&masks)), forward().outputs);
            assert_eq!(numbers(&values.greedy(&outputs, masks.as_ref())), action);
            assert_eq!(numbers(&values.greatest(&outputs, masks.as_ref())), [greatest]);
        };
        check(None, [1.0, 0.0], 2.0);
        check(Some([1.0, 0.0, 1.0, 0.0, 1.0]), [2.0, 1.0], 0.5);
        check(Some([0.0, 0.0, 0.0, 1.0, 1.0]), [0.0, 0.0], f32::NEG_INFINITY);
    }

    #[test]
    fn drawn_choices_are_allowed_and_equally_probable() {
        let drawn = |masks: Option<&Tensor>, draw: f32| numbers(&values(false).drawn(masks, &row(&[draw, 0.5])));
        assert_eq!([0.0, 0.34, 0.99].map(|draw| drawn(None, draw)[0]), [0.0, 1.0, 2.0]);
        let masks = row(&[1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!([0.0, 0.49, 0.5, 0.99].map(|draw| drawn(Some(&masks), draw)[0]), [0.0, 0.0, 2.0, 2.0]);
        assert_eq!(drawn(Some(&masks), 0.5)[1], 0.0);
    }
}
