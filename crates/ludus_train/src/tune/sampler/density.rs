//! A density over the values of all keys, estimated from a few trials.

use ludus_spec::Generator;
use rand::RngExt;

use crate::tune::space::{Key, KeyValue, Range};

/// A mixture with a component around the values of each trial, and a wide one that lets all values have some density.
///
/// A component is a product over all keys, so values that were good together are drawn together. A density for each key
/// alone would mix the values of different trials.
///
/// # Source
///
/// Falkner et al. 2018, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", arXiv:1807.01774, section 3;
/// Watanabe 2023, "Tree-Structured Parzen Estimator", arXiv:2304.11127, which finds it better than densities of single
/// keys.
pub(super) struct Density {
    /// A kernel for each key, of each component.
    components: Vec<Vec<Kernel>>,
}

/// The density of one key in a component.
#[derive(Clone, Copy)]
enum Kernel {
    /// A Gaussian over the places of a range, cut off at 0 and 1.
    Gaussian {
        mean: f64,
        /// The standard deviation.
        width: f64,
        /// The part of the Gaussian that is between 0 and 1.
        mass: f64,
    },
    /// Probabilities of choices.
    Choice {
        choices: usize,
        /// The choice of the trial; `None` if all are equally probable.
        of_trial: Option<usize>,
        /// The probability of each other choice.
        other: f64,
    },
}

impl Density {
    /// The density around these trials, each with a value for each key.
    pub fn of(keys: &[Key], trials: &[&[KeyValue]]) -> Self {
        let kernels: Vec<_> = keys.iter().enumerate().map(|(index, key)| kernels(key, index, trials)).collect();
        let component = |index: usize| kernels.iter().map(|of_key| of_key[index]).collect();
        Self { components: (0..=trials.len()).map(component).collect() }
    }

    /// The density of these values.
    pub fn at(&self, keys: &[Key], values: &[KeyValue]) -> f64 {
        let product = |component: &Vec<Kernel>| {
            let factors = component.iter().zip(keys).zip(values);
            factors.map(|((kernel, key), &value)| kernel.at(&key.range, value)).product::<f64>()
        };
        self.components.iter().map(product).sum::<f64>() / self.components.len() as f64
    }

    /// Draws a value for each key.
    pub fn draw(&self, keys: &[Key], rng: &mut Generator) -> Vec<KeyValue> {
        let component = &self.components[rng.random_range(0..self.components.len())];
        component.iter().zip(keys).map(|(kernel, key)| kernel.draw(&key.range, rng)).collect()
    }
}

/// The kernels of a key: one for each trial, and the wide one.
fn kernels(key: &Key, index: usize, trials: &[&[KeyValue]]) -> Vec<Kernel> {
    let values = trials.iter().map(|values| values[index]);
    if let Range::Choice(texts) = &key.range {
        let chosen = values.map(|value| if let KeyValue::Choice(choice) = value { Some(choice) } else { None });
        return chosen.chain([None]).map(|choice| Kernel::choice(texts.len(), choice, trials.len())).collect();
    }
    let places: Vec<_> = values.map(|value| key.range.place(value)).collect();
    places.iter().map(|&place| Kernel::around(place, &places)).chain([Kernel::gaussian(0.5, 1.0)]).collect()
}

impl Kernel {
    /// The Gaussian around one of several places.
    ///
    /// It is as wide as the distance to the farther one of its neighbours, so few places leave room for others.
    /// Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", section 4.2.
    fn around(place: f64, places: &[f64]) -> Self {
        let below = places.iter().copied().filter(|&other| other < place).fold(0.0, f64::max);
        let above = places.iter().copied().filter(|&other| other > place).fold(1.0, f64::min);
        let narrowest = 1.0 / (1.0 + places.len() as f64);
        Self::gaussian(place, (place - below).max(above - place).clamp(narrowest, 1.0))
    }

    fn gaussian(mean: f64, width: f64) -> Self {
        let mass = below((1.0 - mean) / width) - below(-mean / width);
        Self::Gaussian { mean, width, mass }
    }

    /// The probabilities around the choice of one of several trials: with more trials, the others are less probable.
    fn choice(choices: usize, of_trial: Option<usize>, trials: usize) -> Self {
        let share = 1.0 / (1.0 + trials as f64);
        let other = if of_trial.is_some() { share / (1.0 + share * choices as f64) } else { 1.0 / choices as f64 };
        Self::Choice { choices, of_trial, other }
    }

    fn at(&self, range: &Range, value: KeyValue) -> f64 {
        match *self {
            Self::Gaussian { mean, width, mass } => {
                let distance = (range.place(value) - mean) / width;
                (-0.5 * distance * distance).exp() / (width * mass * std::f64::consts::TAU.sqrt())
            }
            Self::Choice { choices, of_trial: Some(choice), other } if value == KeyValue::Choice(choice) => {
                1.0 - other * (choices - 1) as f64
            }
            Self::Choice { other, .. } => other,
        }
    }

    fn draw(&self, range: &Range, rng: &mut Generator) -> KeyValue {
        match *self {
            Self::Gaussian { mean, width, .. } => loop {
                let place = mean + width * gaussian(rng);
                // At least a third of a Gaussian whose mean is in between is in between.
                if (0.0..=1.0).contains(&place) {
                    return range.at(place);
                }
            },
            Self::Choice { choices, of_trial, other } => {
                // The probability of the trial's choice beyond that of the others.
                let beyond = 1.0 - other * choices as f64;
                match of_trial {
                    Some(choice) if rng.random::<f64>() < beyond => KeyValue::Choice(choice),
                    _ => KeyValue::Choice(rng.random_range(0..choices)),
                }
            }
        }
    }
}

/// A draw of the standard normal distribution, by the method of Box and Muller.
fn gaussian(rng: &mut Generator) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// The part of the standard normal distribution below `x`, to 1e-7.
///
/// # Source
///
/// Abramowitz and Stegun 1964, "Handbook of Mathematical Functions", 26.2.17.
fn below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let factors = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = factors.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let above = (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt() * sum;
    if x < 0.0 { above } else { 1.0 - above }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Seed;

    use super::*;

    #[test]
    fn the_normal_distribution_is_that_of_tables() {
        for (x, expected) in
            [(0.0, 0.5), (1.0, 0.841_344_7), (-1.0, 0.158_655_3), (1.96, 0.975_002_1), (4.0, 0.999_968_3)]
        {
            assert!((below(x) - expected).abs() < 1e-6, "{x}: {}", below(x));
        }
    }

    fn keys() -> Vec<Key> {
        let choices = ["a", "b", "c"].map(str::to_owned).to_vec();
        vec![Key::new("number", Range::Uniform(0.0, 1.0)), Key::new("choice", Range::Choice(choices))]
    }

    fn values(place: f64, choice: usize) -> Vec<KeyValue> {
        vec![KeyValue::Number(place), KeyValue::Choice(choice)]
    }

    fn density(trials: &[(f64, usize)]) -> Density {
        let trials: Vec<_> = trials.iter().map(|&(place, choice)| values(place, choice)).collect();
        Density::of(&keys(), &trials.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// The probability that the number is between two places and the choice is this one.
    fn probability(density: &Density, [from, to]: [f64; 2], choice: usize) -> f64 {
        let step = (to - from) * 1e-3;
        let place = |index: u32| from + (f64::from(index) + 0.5) * step;
        (0..1000).map(|index| density.at(&keys(), &values(place(index), choice)) * step).sum()
    }

    #[test]
    fn a_density_adds_up_to_one() {
        for trials in [&[][..], &[(0.3, 0)], &[(0.0, 1), (1.0, 2)], &[(0.1, 0), (0.11, 0), (0.12, 1), (0.9, 2)]] {
            let density = density(trials);
            let sum: f64 = (0..3).map(|choice| probability(&density, [0.0, 1.0], choice)).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{trials:?}: {sum}");
        }
    }

    #[test]
    fn values_are_drawn_as_dense_as_they_are() {
        let density = density(&[(0.2, 0), (0.25, 0), (0.3, 1), (0.9, 2)]);
        let mut rng = Seed::new(1).generator();
        let draws: Vec<_> = (0..20_000).map(|_| density.draw(&keys(), &mut rng)).collect();
        for choice in 0..3 {
            for ends in [[0.0, 0.3], [0.3, 0.7], [0.7, 1.0]] {
                let is_in = |draw: &&Vec<KeyValue>| match draw[..] {
                    [KeyValue::Number(place), drawn] => {
                        (ends[0]..ends[1]).contains(&place) && drawn == KeyValue::Choice(choice)
                    }
                    _ => false,
                };
                let part = draws.iter().filter(is_in).count() as f64 / draws.len() as f64;
                let expected = probability(&density, ends, choice);
                assert!((part - expected).abs() < 0.01, "{ends:?} {choice}: {part}, expected {expected}");
            }
        }
    }

    #[test]
    fn values_that_were_good_together_are_denser_together() {
        let density = density(&[(0.1, 0), (0.1, 0), (0.1, 0), (0.9, 2), (0.9, 2), (0.9, 2)]);
        let at = |place, choice| density.at(&keys(), &values(place, choice));
        assert!(at(0.1, 0) > 1.3 * at(0.1, 2) && at(0.9, 2) > 1.3 * at(0.9, 0));
    }
}
