//! The divergence between the distributions of two policies, row by row.

use super::squashed::SquashedGaussian;
use super::{ActionColumn, CategoricalColumns, Distribution};
use crate::lanewise::{exp, ln};

/// One row of both policies.
#[derive(Clone, Copy)]
pub(super) struct RowPair<'a> {
    pub own: &'a [f32],
    pub teacher: &'a [f32],
    /// Empty if every choice is allowed.
    pub mask: &'a [bool],
}

/// The derivatives of a loss with respect to a row of outputs, and to the deviations of all rows.
pub(super) struct RowGradient<'a> {
    pub d_outputs: &'a mut [f32],
    pub d_log_std: &'a mut [f32],
}

/// Returns the divergence of a row: the sum over all parts of an action.
pub(super) fn divergence(own: Distribution<'_>, teacher: Distribution<'_>, row: RowPair<'_>) -> f32 {
    let part = |(own, teacher): (ActionColumn, ActionColumn)| match (own, teacher) {
        (ActionColumn::Categorical(columns), _) => categorical(columns, row),
        (own, teacher) => normal_of(own, row.own).divergence_from(normal_of(teacher, row.teacher)),
    };
    own.parts().zip(teacher.parts()).map(part).sum()
}

/// Adds the derivatives of a row's divergence, times `weight`.
pub(super) fn backward(
    own: Distribution<'_>,
    teacher: Distribution<'_>,
    row: RowPair<'_>,
    weight: f32,
    gradient: &mut RowGradient<'_>,
) {
    let mut dimension = 0;
    for (own, teacher) in own.parts().zip(teacher.parts()) {
        if let ActionColumn::Categorical(columns) = own {
            categorical_backward(columns, row, weight, gradient.d_outputs);
            continue;
        }
        let student = normal_of(own, row.own);
        let [d_mean, d_log_std] = student.backward(normal_of(teacher, row.teacher)).map(|slope| weight * slope);
        match own {
            ActionColumn::Squashed { output, spread, .. } => {
                gradient.d_outputs[output] += d_mean;
                gradient.d_outputs[spread] += d_log_std * student.slope;
            }
            ActionColumn::Gaussian { output, .. } => {
                gradient.d_outputs[output] += d_mean;
                gradient.d_log_std[dimension] += d_log_std;
                dimension += 1;
            }
            ActionColumn::Categorical(_) => {}
        }
    }
}

/// A normally distributed number: that of a Gaussian dimension, or that of a squashed one before it is squashed.
#[derive(Clone, Copy)]
struct Normal {
    mean: f32,
    log_std: f32,
    /// The derivative of `log_std` with respect to the output that it depends on; 1 if it is a parameter.
    slope: f32,
}

/// Returns the normal distribution of a dimension. Squashing is invertible, so it changes no divergence.
fn normal_of(column: ActionColumn, outputs: &[f32]) -> Normal {
    match column {
        ActionColumn::Gaussian { output, log_std, .. } => Normal { mean: outputs[output], log_std, slope: 1.0 },
        ActionColumn::Squashed { output, spread, .. } => {
            let SquashedGaussian { mean, log_std, slope } = SquashedGaussian::new(outputs[output], outputs[spread]);
            Normal { mean, log_std, slope }
        }
        ActionColumn::Categorical(_) => unreachable!("a choice is no number"),
    }
}

impl Normal {
    /// Returns the divergence `KL(teacher ‖ self)`.
    ///
    /// ```text
    /// KL = ln(σ/σₜ) + (σₜ² + (μ − μₜ)²) / (2·σ²) − ½
    /// ```
    fn divergence_from(self, teacher: Self) -> f32 {
        let [ratio, distance] = self.scaled(teacher);
        self.log_std - teacher.log_std + 0.5 * (ratio + distance * distance - 1.0)
    }

    /// Returns the derivatives of the divergence with respect to the mean and to `log_std`.
    ///
    /// ```text
    /// ∂KL/∂μ = (μ − μₜ)/σ²      ∂KL/∂ln σ = 1 − (σₜ² + (μ − μₜ)²)/σ²
    /// ```
    fn backward(self, teacher: Self) -> [f32; 2] {
        let [ratio, distance] = self.scaled(teacher);
        [distance * exp(-self.log_std), 1.0 - ratio - distance * distance]
    }

    /// Returns (σₜ/σ)² and (μ − μₜ)/σ.
    fn scaled(self, teacher: Self) -> [f32; 2] {
        let ratio = exp(2.0 * (teacher.log_std - self.log_std));
        [ratio, (self.mean - teacher.mean) * exp(-self.log_std)]
    }
}

/// The logarithm of the sum of `exp(logit)` over the allowed choices of a head, and the greatest of their logits.
#[derive(Clone, Copy)]
struct LogSum {
    greatest: f32,
    log_total: f32,
}

impl LogSum {
    fn of(columns: CategoricalColumns, outputs: &[f32], mask: &[bool]) -> Self {
        let allowed = || (0..columns.choices).filter(move |&choice| is_allowed(columns, mask, choice));
        let logit = |choice: usize| outputs[columns.output + choice];
        let greatest = allowed().map(logit).fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = allowed().map(|choice| exp(logit(choice) - greatest)).sum();
        Self { greatest, log_total: ln(total) }
    }

    /// Returns the log-probability of a choice.
    fn log_prob(self, logit: f32) -> f32 {
        logit - self.greatest - self.log_total
    }
}

fn is_allowed(columns: CategoricalColumns, mask: &[bool], choice: usize) -> bool {
    mask.is_empty() || mask[columns.mask + choice]
}

/// Returns `Σ pₜ·(ln pₜ − ln p)` over the allowed choices.
fn categorical(columns: CategoricalColumns, row: RowPair<'_>) -> f32 {
    let [own, teacher] = [row.own, row.teacher].map(|outputs| LogSum::of(columns, outputs, row.mask));
    let mut sum = 0.0;
    for choice in (0..columns.choices).filter(|&choice| is_allowed(columns, row.mask, choice)) {
        let column = columns.output + choice;
        let (log_prob, of_teacher) = (own.log_prob(row.own[column]), teacher.log_prob(row.teacher[column]));
        let probability = exp(of_teacher);
        // A choice that the teacher never makes adds nothing, even if its log-probability is −∞.
        sum += if probability == 0.0 { 0.0 } else { probability * (of_teacher - log_prob) };
    }
    sum
}

/// Adds `weight·(p − pₜ)` to the derivatives of the allowed choices.
fn categorical_backward(columns: CategoricalColumns, row: RowPair<'_>, weight: f32, d_outputs: &mut [f32]) {
    let [own, teacher] = [row.own, row.teacher].map(|outputs| LogSum::of(columns, outputs, row.mask));
    for choice in (0..columns.choices).filter(|&choice| is_allowed(columns, row.mask, choice)) {
        let column = columns.output + choice;
        let (log_prob, of_teacher) = (own.log_prob(row.own[column]), teacher.log_prob(row.teacher[column]));
        d_outputs[column] += weight * (exp(log_prob) - exp(of_teacher));
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Head;

    use super::super::TeacherRows;
    use super::*;

    const HEADS: [Head; 3] =
        [Head::Gaussian { width: 2 }, Head::Categorical { choices: 4 }, Head::Gaussian { width: 1 }];
    const SQUASHED: [Head; 2] = [Head::SquashedGaussian { width: 2 }, Head::Categorical { choices: 3 }];

    /// Outputs and deviations of a policy.
    #[derive(Clone)]
    struct Described {
        outputs: Vec<f32>,
        log_std: Vec<f32>,
    }

    /// KL(teacher ‖ own) in double precision, from the densities' own formulas.
    fn definition(heads: &[Head], own: &Described, teacher: &Described, mask: &[bool]) -> f64 {
        let (mut output, mut dimension, mut flag, mut sum) = (0, 0, 0, 0.0);
        let number = |described: &Described, column: usize| f64::from(described.outputs[column]);
        let normal = |own: [f64; 2], teacher: [f64; 2]| {
            let density = |[mean, log_std]: [f64; 2], x: f64| {
                let z = (x - mean) / log_std.exp();
                -0.5 * z * z - log_std - 0.5 * std::f64::consts::TAU.ln()
            };
            // The integral of pₜ·(ln pₜ − ln p), over ±12 deviations of the teacher.
            let step = 1e-3;
            let points = (-12_000..=12_000).map(|index| teacher[0] + f64::from(index) * step * teacher[1].exp());
            points.map(|x| density(teacher, x).exp() * (density(teacher, x) - density(own, x))).sum::<f64>()
                * step
                * teacher[1].exp()
        };
        for &head in heads {
            match head {
                Head::Gaussian { width } => {
                    for column in 0..width {
                        let of = |described: &Described| {
                            [number(described, output + column), f64::from(described.log_std[dimension + column])]
                        };
                        sum += normal(of(own), of(teacher));
                    }
                    (output, dimension) = (output + width, dimension + width);
                }
                Head::SquashedGaussian { width } => {
                    let [middle, reach] = SquashedGaussian::LOG_STD_MIDDLE_AND_REACH.map(f64::from);
                    for column in 0..width {
                        let of = |described: &Described| {
                            let spread = number(described, output + width + column);
                            [number(described, output + column), middle + reach * spread.tanh()]
                        };
                        sum += normal(of(own), of(teacher));
                    }
                    output += 2 * width;
                }
                Head::Categorical { choices } => {
                    let allowed = |choice: &usize| mask.is_empty() || mask[flag + choice];
                    let total = |described: &Described| {
                        (0..choices).filter(allowed).map(|choice| number(described, output + choice).exp()).sum::<f64>()
                    };
                    let totals = [total(own), total(teacher)];
                    for choice in (0..choices).filter(allowed) {
                        let log_prob = number(own, output + choice) - totals[0].ln();
                        let of_teacher = number(teacher, output + choice) - totals[1].ln();
                        sum += of_teacher.exp() * (of_teacher - log_prob);
                    }
                    (output, flag) = (output + choices, flag + choices);
                }
            }
        }
        sum
    }

    fn described(heads: &[Head], seed: u64) -> Described {
        let width = heads.iter().map(|head| head.output_width()).sum::<usize>();
        let dimensions = heads.iter().map(|head| if let Head::Gaussian { width } = head { *width } else { 0 }).sum();
        let numbers = |child: u64, count: usize| -> Vec<f32> {
            let seed = ludus_spec::Seed::new(seed).derive(child);
            // In steps of 2⁻¹⁰, so that the differences below are exact.
            (0..count).map(|index| (3072.0 * seed.derive(index as u64).uniform()).round() / 1024.0 - 1.5).collect()
        };
        Described { outputs: numbers(0, width), log_std: numbers(1, dimensions) }
    }

    /// Checks divergence and gradient against the definition and its finite differences.
    fn check(heads: &[Head], seed: u64, mask: &[bool]) {
        let (own, teacher) = (described(heads, seed), described(heads, seed + 100));
        let distribution = Distribution::new(heads, &own.log_std).masked(mask);
        let of_teacher =
            TeacherRows { distribution: Distribution::new(heads, &teacher.log_std), outputs: &teacher.outputs };
        let mut found = [0.0];
        distribution.divergences(&own.outputs, of_teacher, &mut found);
        let expected = definition(heads, &own, &teacher, mask);
        assert!((f64::from(found[0]) - expected).abs() < 1e-5 * (1.0 + expected), "{} for {expected}", found[0]);

        let weight = 0.7;
        let (mut d_outputs, mut d_log_std) = (vec![0.0; own.outputs.len()], vec![0.0; own.log_std.len()]);
        distribution.divergence_backward(&own.outputs, of_teacher, &[weight], &mut d_outputs, &mut d_log_std);
        let moved = |change: &dyn Fn(&mut Described, f32)| {
            let at = |step: f32| {
                let mut moved = own.clone();
                change(&mut moved, step);
                definition(heads, &moved, &teacher, mask)
            };
            (at(1.0 / 512.0) - at(-1.0 / 512.0)) * 256.0
        };
        let compare = |what: &str, own: f32, difference: f64| {
            let expected = f64::from(weight) * difference;
            let error = (f64::from(own) - expected).abs();
            assert!(error < 1e-4 * (1.0 + expected.abs()), "{what}: {own} against {expected}");
        };
        for (column, &derivative) in d_outputs.iter().enumerate() {
            let difference = moved(&|described, step| described.outputs[column] += step);
            compare("an output", derivative, difference);
        }
        for (dimension, &derivative) in d_log_std.iter().enumerate() {
            let difference = moved(&|described, step| described.log_std[dimension] += step);
            compare("a deviation", derivative, difference);
        }
    }

    #[test]
    fn a_divergence_and_its_gradient_are_those_of_the_definition() {
        for seed in 1..6 {
            check(&HEADS, seed, &[]);
            check(&HEADS, seed, &[true, false, true, true]);
            check(&SQUASHED, seed, &[]);
            check(&SQUASHED, seed, &[false, true, true]);
        }
    }

    #[test]
    fn a_policy_does_not_diverge_from_itself() {
        let own = described(&HEADS, 1);
        let distribution = Distribution::new(&HEADS, &own.log_std);
        let teacher = TeacherRows { distribution, outputs: &own.outputs };
        let mut found = [1.0];
        distribution.divergences(&own.outputs, teacher, &mut found);
        assert!(found[0].abs() < 1e-6, "{found:?}");
        let (mut d_outputs, mut d_log_std) = (vec![0.0; 7], vec![0.0; 3]);
        distribution.divergence_backward(&own.outputs, teacher, &[1.0], &mut d_outputs, &mut d_log_std);
        assert!(d_outputs.iter().chain(&d_log_std).all(|derivative| derivative.abs() < 1e-6));
    }

    /// A teacher that is sure of its choice, and one choice that is allowed.
    #[test]
    fn choices_without_a_probability_add_nothing() {
        let heads = [Head::Categorical { choices: 3 }];
        let divergence = |teacher: &[f32], mask: &[bool]| {
            let (own, mut found) = (Distribution::new(&heads, &[]).masked(mask), [0.0]);
            let teacher = TeacherRows { distribution: Distribution::new(&heads, &[]), outputs: teacher };
            own.divergences(&[0.0, 0.0, 0.0], teacher, &mut found);
            found[0]
        };
        assert!((divergence(&[500.0, 0.0, 0.0], &[]) - 3.0_f32.ln()).abs() < 1e-6);
        assert_eq!(divergence(&[500.0, 3.0, 0.0], &[false, true, false]), 0.0);
    }
}
