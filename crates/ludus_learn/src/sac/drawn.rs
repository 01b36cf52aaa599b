//! Actions that are drawn from the policy, with everything that their gradient needs.

use ludus_net::{SquashedDraw, SquashedGaussian, normal_draw};
use ludus_spec::Seed;

use super::parts::{ActionParts, ChoiceColumns};

/// The weights of the entropies (α).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperatures {
    /// That of the numbers of an action.
    pub numbers: f32,
    /// That of its choices.
    pub choices: f32,
}

impl Temperatures {
    /// Returns the temperatures with these logarithms: those of numbers and of choices.
    pub fn from_logs([numbers, choices]: [f32; 2]) -> Self {
        Self { numbers: numbers.exp(), choices: choices.exp() }
    }
}

/// Actions of some rows: numbers are drawn, and choices are kept as probabilities, over which everything is averaged.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// `[rows, action width]`; the columns of choices are 0.
    pub actions: Vec<f32>,
    /// `[rows, numbers]`
    numbers: Vec<SquashedDraw>,
    /// `[rows, choices]`
    probabilities: Vec<f32>,
    /// Their logarithms; 0 where the probability is 0.
    log_probs: Vec<f32>,
    /// The log-density of each row's numbers `[rows]`.
    log_densities: Vec<f32>,
    /// The entropy of each row's choices `[rows]`.
    entropies: Vec<f32>,
    /// The greatest entropy that the allowed choices can have `[rows]`.
    greatest: Vec<f32>,
}

/// One row of [`Drawn`].
#[derive(Clone, Copy, Debug)]
pub(super) struct DrawnRow<'a> {
    pub numbers: &'a [SquashedDraw],
    pub probabilities: &'a [f32],
    pub log_probs: &'a [f32],
    /// The log-density of the numbers.
    pub log_density: f32,
    /// The entropy of the choices, and the greatest that those which are allowed can have.
    pub entropy: f32,
    pub greatest: f32,
}

impl Drawn {
    /// Draws an action for each row. `masks` is empty if every choice is allowed.
    pub fn draw(&mut self, parts: &ActionParts, outputs: &[f32], masks: &[bool], seed_of: impl Fn(usize) -> Seed) {
        let rows = outputs.len() / parts.output_width;
        self.clear(rows, parts);
        for (row, outputs) in outputs.chunks_exact(parts.output_width).enumerate() {
            let seed = seed_of(row);
            let action = &mut self.actions[row * parts.action_width..][..parts.action_width];
            let mut log_density = 0.0;
            for number in &parts.numbers {
                let of = SquashedGaussian::new(outputs[number.mean], outputs[number.spread]);
                let drawn = of.draw(normal_draw(seed, number.action));
                action[number.action] = drawn.action;
                log_density += drawn.log_density;
                self.numbers.push(drawn);
            }
            self.log_densities.push(log_density);
            let mask = masks.get(row * parts.choice_count..(row + 1) * parts.choice_count).unwrap_or_default();
            let (mut entropy, mut greatest) = (0.0, 0.0);
            for choice in &parts.choices {
                let place = row * parts.choice_count + choice.first;
                let range = place..place + choice.count;
                let (probabilities, log_probs) = (&mut self.probabilities[range.clone()], &mut self.log_probs[range]);
                let allowed = mask.get(choice.range()).unwrap_or_default();
                entropy += softmax(&outputs[choice.output..][..choice.count], allowed, probabilities, log_probs);
                greatest += greatest_entropy(choice, allowed);
            }
            self.entropies.push(entropy);
            self.greatest.push(greatest);
        }
    }

    /// Returns one row.
    pub fn row(&self, parts: &ActionParts, row: usize) -> DrawnRow<'_> {
        let numbers = row * parts.numbers.len()..(row + 1) * parts.numbers.len();
        let choices = row * parts.choice_count..(row + 1) * parts.choice_count;
        DrawnRow {
            numbers: &self.numbers[numbers],
            probabilities: &self.probabilities[choices.clone()],
            log_probs: &self.log_probs[choices],
            log_density: self.log_densities[row],
            entropy: self.entropies[row],
            greatest: self.greatest[row],
        }
    }

    fn clear(&mut self, rows: usize, parts: &ActionParts) {
        let Self { actions, numbers, probabilities, log_probs, log_densities, entropies, greatest } = self;
        numbers.clear();
        [log_densities, entropies, greatest].into_iter().for_each(Vec::clear);
        actions.clear();
        actions.resize(rows * parts.action_width, 0.0);
        probabilities.resize(rows * parts.choice_count, 0.0);
        log_probs.resize(rows * parts.choice_count, 0.0);
    }
}

impl DrawnRow<'_> {
    /// Returns the value of the row under the policy: the smaller one of both critics, averaged over the choices, and the
    /// entropy with its weight.
    ///
    /// ```text
    /// V = (1/H)·Σ p[h, c]·min(Q₁, Q₂)[h, c] − α·ln p(numbers) + α_choices·entropy of the choices
    /// ```
    ///
    /// A choice that is not allowed has the probability 0, and its value is not read.
    ///
    /// # Sources
    ///
    /// Haarnoja et al. 2018, arXiv:1812.05905, eq. 3; Fujimoto et al. 2018, arXiv:1802.09477, for the smaller critic;
    /// Christodoulou 2019, arXiv:1910.07207, eq. 10, for choices.
    pub fn soft_value(&self, parts: &ActionParts, critics: [&[f32]; 2], temperatures: Temperatures) -> f32 {
        let value = if parts.choices.is_empty() {
            smaller(critics, 0)
        } else {
            let values = self.probabilities.iter().enumerate().filter(|&(_, &probability)| probability != 0.0);
            let sum: f32 = values.map(|(choice, probability)| probability * smaller(critics, choice)).sum();
            sum / parts.choices.len() as f32
        };
        value + self.bonus(temperatures)
    }

    /// Returns the entropies with their weights.
    pub fn bonus(&self, temperatures: Temperatures) -> f32 {
        temperatures.choices * self.entropy - temperatures.numbers * self.log_density
    }
}

/// Returns the smaller one of both critics' values; NaN if one is NaN.
pub(super) fn smaller([first, second]: [&[f32]; 2], choice: usize) -> f32 {
    if second[choice] < first[choice] || second[choice].is_nan() { second[choice] } else { first[choice] }
}

fn greatest_entropy(choice: &ChoiceColumns, allowed: &[bool]) -> f32 {
    let count = if allowed.is_empty() { choice.count } else { allowed.iter().filter(|&&allowed| allowed).count() };
    (count.max(1) as f32).ln()
}

/// Writes the probabilities of choices and their logarithms; returns the entropy. `allowed` is empty if every choice is
/// allowed. NaN if none is.
fn softmax(logits: &[f32], allowed: &[bool], probabilities: &mut [f32], log_probs: &mut [f32]) -> f32 {
    let is_allowed = |choice: usize| allowed.is_empty() || allowed[choice];
    let of = |choice: usize| if is_allowed(choice) { logits[choice] } else { f32::NEG_INFINITY };
    let greatest = (0..logits.len()).map(of).fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for (choice, probability) in probabilities.iter_mut().enumerate() {
        *probability = (of(choice) - greatest).exp();
        total += *probability;
    }
    let log_total = total.ln();
    let mut entropy = 0.0;
    for (choice, (probability, log_prob)) in probabilities.iter_mut().zip(log_probs).enumerate() {
        *probability /= total;
        *log_prob = if *probability == 0.0 { 0.0 } else { of(choice) - greatest - log_total };
        entropy -= *probability * *log_prob;
    }
    entropy
}

#[cfg(test)]
mod tests {
    use ludus_spec::Head;

    use super::*;

    fn parts() -> ActionParts {
        ActionParts::new(&[Head::SquashedGaussian { width: 1 }, Head::Categorical { choices: 3 }]).unwrap()
    }

    /// ln 2, ln 6 and a choice that is not allowed: probabilities 1/4 and 3/4.
    #[test]
    fn values_worked_by_hand() {
        let (parts, mut drawn) = (parts(), Drawn::default());
        let outputs = [0.2, 0.0, 2.0_f32.ln(), 6.0_f32.ln(), 90.0];
        drawn.draw(&parts, &outputs, &[true, true, false], |_| Seed::new(1));
        let row = drawn.row(&parts, 0);
        let entropy = 0.25 * 4.0_f32.ln() + 0.75 * (4.0_f32 / 3.0).ln();
        assert!((row.entropy - entropy).abs() < 1e-6 && (row.greatest - 2.0_f32.ln()).abs() < 1e-6);
        let critics = [&[8.0, 3.0, f32::NAN][..], &[4.0, 5.0, f32::NAN]];
        let temperatures = Temperatures { numbers: 0.5, choices: 2.0 };
        // 0.25·4 + 0.75·3 = 3.25
        let expected = 3.25 - 0.5 * row.log_density + 2.0 * entropy;
        assert!((row.soft_value(&parts, critics, temperatures) - expected).abs() < 1e-5);
        assert!(row.soft_value(&parts, [&[f32::NAN; 3], critics[1]], temperatures).is_nan());

        drawn.draw(&parts, &outputs, &[false; 3], |_| Seed::new(1));
        assert!(drawn.row(&parts, 0).soft_value(&parts, critics, temperatures).is_nan());
    }

    #[test]
    fn numbers_alone_have_one_value() {
        let parts = ActionParts::new(&[Head::SquashedGaussian { width: 2 }]).unwrap();
        let mut drawn = Drawn::default();
        drawn.draw(&parts, &[0.3, -0.2, 0.1, 0.4], &[], |_| Seed::new(3));
        let row = drawn.row(&parts, 0);
        let temperatures = Temperatures { numbers: 0.1, choices: 1.0 };
        let value = row.soft_value(&parts, [&[7.0], &[6.0]], temperatures);
        assert!((value - (6.0 - 0.1 * row.log_density)).abs() < 1e-6);
        // The draws are those of the policy itself.
        let (mut actions, mut log_probs) = ([0.0; 2], [0.0]);
        ludus_net::Distribution::new(&[Head::SquashedGaussian { width: 2 }], &[]).sample(
            &[0.3, -0.2, 0.1, 0.4],
            |_| Seed::new(3),
            &mut actions,
            &mut log_probs,
        );
        assert_eq!(drawn.actions, actions);
        assert!((drawn.row(&parts, 0).log_density - log_probs[0]).abs() < 1e-6);
    }
}
