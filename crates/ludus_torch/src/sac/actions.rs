//! Actions of numbers and choices on tensors: as `ludus_learn`'s, formula for formula.

use std::f64::consts::LN_2;

use ludus_learn::{ActionParts, ChoiceColumns};
use ludus_net::SquashedGaussian;
use tch::{Kind, Tensor};

use crate::heads::{LOG_SQRT_TAU, side_by_side};

/// The columns of the parts of an action. Neighbouring numbers are read at once.
#[derive(Clone, Debug)]
pub(super) struct ActionColumns {
    pub numbers: Vec<NumberRun>,
    pub choices: Vec<ChoiceColumns>,
}

/// The first columns of neighbouring numbers, and their count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumberRun {
    pub mean: i64,
    pub spread: i64,
    pub action: i64,
    pub width: i64,
}

/// Actions of some rows: numbers are drawn, and choices are kept as probabilities, over which everything is averaged.
pub(super) struct DrawnActions {
    /// `[rows, numbers]`.
    pub numbers: Tensor,
    /// The log-density of each row's numbers: `[rows, 1]`.
    pub log_densities: Tensor,
    pub choices: Option<DrawnChoices>,
}

/// The choices of some rows.
pub(super) struct DrawnChoices {
    /// `[rows, choices]`.
    pub probabilities: Tensor,
    /// The entropy of each row: `[rows, 1]`.
    pub entropies: Tensor,
    /// The greatest entropy that the allowed choices can have: `[rows, 1]`.
    pub greatest: Tensor,
}

impl ActionColumns {
    pub fn new(parts: &ActionParts) -> Self {
        let mut numbers: Vec<NumberRun> = Vec::new();
        for columns in &parts.numbers {
            let [mean, spread, action] = [columns.mean, columns.spread, columns.action].map(|column| column as i64);
            match numbers.last_mut() {
                Some(run) if run.goes_on_at([mean, spread, action]) => run.width += 1,
                _ => numbers.push(NumberRun { mean, spread, action, width: 1 }),
            }
        }
        Self { numbers, choices: parts.choices.clone() }
    }

    /// Returns the count of numbers.
    pub fn number_count(&self) -> i64 {
        self.numbers.iter().map(|run| run.width).sum()
    }

    /// Returns the numbers of actions: `[rows, numbers]`.
    pub fn numbers_of(&self, actions: &Tensor) -> Tensor {
        self.columns_of(actions, |run| run.action)
    }

    /// Returns means and logarithms of the standard deviations before numbers are squashed, each `[rows, numbers]`.
    pub fn gaussians(&self, outputs: &Tensor) -> [Tensor; 2] {
        let [middle, reach] = SquashedGaussian::LOG_STD_MIDDLE_AND_REACH.map(f64::from);
        let spreads = self.columns_of(outputs, |run| run.spread);
        [self.columns_of(outputs, |run| run.mean), spreads.tanh() * reach + middle]
    }

    fn columns_of(&self, all: &Tensor, first: impl Fn(&NumberRun) -> i64) -> Tensor {
        if self.numbers.is_empty() {
            return all.narrow(1, 0, 0);
        }
        side_by_side(self.numbers.iter().map(|run| all.narrow(1, first(run), run.width)).collect())
    }

    /// Returns the logits of a choice, −∞ where it is not allowed: `[rows, count]`.
    pub fn logits(choice: &ChoiceColumns, outputs: &Tensor, masks: Option<&Tensor>) -> Tensor {
        let count = choice.count as i64;
        let logits = outputs.narrow(1, choice.output as i64, count);
        let Some(masks) = masks else { return logits };
        logits.masked_fill(&masks.narrow(1, choice.first as i64, count).le(0.5), f64::NEG_INFINITY)
    }

    /// Draws an action for each row from the policy's outputs.
    ///
    /// # Shapes
    ///
    /// `outputs` is `[rows, output width]`, `normals`, which are standard normal numbers, `[rows, numbers]`, and `masks`
    /// `[rows, choices]`.
    pub fn draw(&self, outputs: &Tensor, normals: &Tensor, masks: Option<&Tensor>) -> DrawnActions {
        let [means, log_std] = self.gaussians(outputs);
        let (numbers, densities) = squashed(&means, &log_std, normals);
        DrawnActions {
            numbers,
            log_densities: densities.sum_dim_intlist(-1, true, Kind::Float),
            choices: (!self.choices.is_empty()).then(|| self.draw_choices(outputs, masks)),
        }
    }

    fn draw_choices(&self, outputs: &Tensor, masks: Option<&Tensor>) -> DrawnChoices {
        let (mut probabilities, mut entropies, mut greatest) = (Vec::new(), Vec::new(), Vec::new());
        for choice in &self.choices {
            let log_probs = Self::logits(choice, outputs, masks).log_softmax(-1, Kind::Float);
            let own = log_probs.exp();
            // A choice of probability 0 adds nothing: 0 · −∞ would be NaN.
            let log_probs = log_probs.masked_fill(&own.eq(0.0), 0.0);
            entropies.push(-(&own * log_probs).sum_dim_intlist(-1, true, Kind::Float));
            greatest.push(greatest_entropy(choice, &own, masks));
            probabilities.push(own);
        }
        DrawnChoices { probabilities: side_by_side(probabilities), entropies: sum(entropies), greatest: sum(greatest) }
    }

    /// Returns the inputs of a critic: `[rows, observation width + numbers]`.
    pub fn critic_inputs(inputs: &Tensor, numbers: &Tensor) -> Tensor {
        Tensor::cat(&[inputs, numbers], 1)
    }

    /// Returns the values of the chosen choices, `[rows, heads]`, or the one value if there are no choices, from a
    /// critic's outputs and the actions.
    pub fn chosen(&self, values: &Tensor, actions: &Tensor) -> Tensor {
        if self.choices.is_empty() {
            return values.shallow_clone();
        }
        let of_choice = |choice: &ChoiceColumns| {
            let index = actions.narrow(1, choice.action as i64, 1).to_kind(Kind::Int64);
            values.narrow(1, choice.first as i64, choice.count as i64).gather(1, &index, false)
        };
        side_by_side(self.choices.iter().map(of_choice).collect())
    }

    /// Returns the value of each row under the policy, `[rows, 1]`: the smaller one of both critics, averaged over the
    /// choices, and the entropies with their weights.
    ///
    /// ```text
    /// V = (1/H)·Σ p[h, c]·min(Q₁, Q₂)[h, c] − α·ln p(numbers) + α_choices·entropy of the choices
    /// ```
    ///
    /// `temperatures` is `[2]`: that of numbers, and that of choices.
    pub fn soft_value(&self, drawn: &DrawnActions, critics: [&Tensor; 2], temperatures: &Tensor) -> Tensor {
        let smaller = smaller(critics);
        let value = match &drawn.choices {
            None => smaller,
            Some(DrawnChoices { probabilities, entropies, .. }) => {
                // The value of a choice that is not allowed is not read.
                let values = smaller.masked_fill(&probabilities.eq(0.0), 0.0);
                let mean = (probabilities * values).sum_dim_intlist(-1, true, Kind::Float) / self.choices.len() as f64;
                mean + entropies * temperatures.get(1)
            }
        };
        value - &drawn.log_densities * temperatures.get(0)
    }
}

impl NumberRun {
    /// True if these are the columns behind the run.
    fn goes_on_at(&self, columns: [i64; 3]) -> bool {
        [self.mean, self.spread, self.action].map(|first| first + self.width) == columns
    }
}

/// Returns numbers in -1..=1 and their log-densities, as [`SquashedGaussian::draw`]; each as the inputs, `[rows, width]`.
///
/// ```text
/// a = tanh(x)      x = μ + σ·z      ln p(a) = −z²/2 − ln σ − ln √(2π) − 2·(ln 2 − |x| − ln(1 + e^(−2·|x|)))
/// ```
pub(super) fn squashed(means: &Tensor, log_std: &Tensor, z: &Tensor) -> (Tensor, Tensor) {
    let numbers = means + log_std.exp() * z;
    let far = numbers.abs();
    let log_slopes = ((&far * -2.0).exp().log1p() + far - LN_2) * -2.0;
    (numbers.tanh(), z.square() * -0.5 - log_std - LOG_SQRT_TAU - log_slopes)
}

/// Returns the smaller one of both critics' values; NaN if one is NaN. Of equal ones the first, which then has the slope.
fn smaller([first, second]: [&Tensor; 2]) -> Tensor {
    let is_second = second.lt_tensor(first).logical_or(&second.isnan());
    second.where_self(&is_second, first)
}

fn greatest_entropy(choice: &ChoiceColumns, probabilities: &Tensor, masks: Option<&Tensor>) -> Tensor {
    let count = match masks {
        Some(masks) => {
            let allowed = masks.narrow(1, choice.first as i64, choice.count as i64);
            allowed.sum_dim_intlist(-1, true, Kind::Float).clamp_min(1.0)
        }
        None => probabilities.detach().narrow(1, 0, 1).full_like(choice.count as f64),
    };
    count.log()
}

fn sum(columns: Vec<Tensor>) -> Tensor {
    columns.into_iter().reduce(|sum, column| sum + column).expect("there is a choice")
}

#[cfg(test)]
mod tests {
    use ludus_spec::Head;

    use super::*;

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        Vec::try_from(tensor.reshape([-1])).unwrap()
    }

    #[test]
    fn neighbouring_numbers_are_one_run() {
        let heads = [
            Head::SquashedGaussian { width: 2 },
            Head::Categorical { choices: 3 },
            Head::SquashedGaussian { width: 1 },
        ];
        let columns = ActionColumns::new(&ActionParts::new(&heads).unwrap());
        assert_eq!(
            columns.numbers,
            [
                NumberRun { mean: 0, spread: 2, action: 0, width: 2 },
                NumberRun { mean: 7, spread: 8, action: 3, width: 1 }
            ]
        );
        let actions = Tensor::from_slice(&[0.1_f32, 0.2, 2.0, 0.3]).unsqueeze(0);
        assert_eq!(numbers(&columns.numbers_of(&actions)), [0.1, 0.2, 0.3]);
        let values = Tensor::from_slice(&[5.0_f32, 6.0, 7.0]).unsqueeze(0);
        assert_eq!(numbers(&columns.chosen(&values, &actions)), [7.0]);
    }

    #[test]
    fn a_squashed_draw_is_that_of_plain_rust() {
        for (mean, spread) in [(0.0, 0.0), (0.7, 0.6), (-1.5, -0.5), (0.2, 2.5), (4.0, 0.3), (-30.0, 0.1)] {
            let of = SquashedGaussian::new(mean, spread);
            for z in [-1.5_f32, -0.25, 0.0, 0.9] {
                let expected = of.draw(z);
                let [mean, log_std, z] = [mean, of.std().ln(), z].map(|number| Tensor::from_slice(&[number]));
                let (action, log_density) = squashed(&mean, &log_std, &z);
                let close = |found: &Tensor, expected: f32| {
                    let found = numbers(found)[0];
                    assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found} against {expected}");
                };
                close(&action, expected.action);
                close(&log_density, expected.log_density);
            }
        }
    }

    /// ln 2, ln 6 and a choice that is not allowed: probabilities 1/4 and 3/4. The numbers are those of the test of
    /// `ludus_learn`.
    #[test]
    fn values_worked_by_hand() {
        let heads = [Head::SquashedGaussian { width: 1 }, Head::Categorical { choices: 3 }];
        let columns = ActionColumns::new(&ActionParts::new(&heads).unwrap());
        let row = |numbers: &[f32]| Tensor::from_slice(numbers).unsqueeze(0);
        let outputs = row(&[0.2, 0.0, 2.0_f32.ln(), 6.0_f32.ln(), 90.0]);
        let drawn = columns.draw(&outputs, &row(&[0.3]), Some(&row(&[1.0, 1.0, 0.0])));
        let choices = drawn.choices.as_ref().unwrap();
        let entropy = 0.25 * 4.0_f32.ln() + 0.75 * (4.0_f32 / 3.0).ln();
        assert!((numbers(&choices.entropies)[0] - entropy).abs() < 1e-6);
        assert!((numbers(&choices.greatest)[0] - 2.0_f32.ln()).abs() < 1e-6);
        let critics = [row(&[8.0, 3.0, f32::NAN]), row(&[4.0, 5.0, f32::NAN])];
        let temperatures = Tensor::from_slice(&[0.5_f32, 2.0]);
        let value = numbers(&columns.soft_value(&drawn, [&critics[0], &critics[1]], &temperatures))[0];
        // 0.25·4 + 0.75·3 = 3.25
        let expected = 3.25 - 0.5 * numbers(&drawn.log_densities)[0] + 2.0 * entropy;
        assert!((value - expected).abs() < 1e-5);
        let unknown = row(&[f32::NAN; 3]);
        assert!(numbers(&columns.soft_value(&drawn, [&critics[0], &unknown], &temperatures))[0].is_nan());
        let none = columns.draw(&outputs, &row(&[0.3]), Some(&row(&[0.0; 3])));
        assert!(numbers(&columns.soft_value(&none, [&critics[0], &critics[1]], &temperatures))[0].is_nan());
    }
}
