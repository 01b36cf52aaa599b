//! The weights of the entropies, tuned while the policy learns.

use ludus_net::{Adam, check_finite};

use super::config::SacConfig;
use super::drawn::Temperatures;
use super::losses::SacLosses;
use super::parts::ActionParts;
use crate::LearnError;
use crate::gradient::check_loss;

/// The temperatures of numbers and of choices, and their optimiser.
///
/// ```text
/// J(ln α) = ln α·(entropy − target)
/// ```
///
/// So a policy that is less random than its target gets a greater weight for its entropy.
///
/// # Source
///
/// Haarnoja et al. 2018, arXiv:1812.05905, eq. 18, on ln α.
#[derive(Clone, Debug)]
pub(super) struct TunedTemperatures {
    /// ln α of numbers and of choices.
    logs: [f32; 2],
    is_tuned: [bool; 2],
    /// The target entropy of numbers.
    number_target: f32,
    /// The part of the greatest entropy of choices that is their target.
    choice_target: f32,
    optimizer: Adam,
}

impl TunedTemperatures {
    pub fn new(config: &SacConfig, parts: &ActionParts) -> Self {
        let SacConfig { temperature, choice_temperature, target_entropy, choice_target_entropy, .. } = *config;
        let has = [!parts.numbers.is_empty(), !parts.choices.is_empty()];
        Self {
            logs: [temperature, choice_temperature].map(|temperature| temperature.start().ln()),
            is_tuned: [temperature.is_tuned() && has[0], choice_temperature.is_tuned() && has[1]],
            number_target: target_entropy * parts.numbers.len() as f32,
            choice_target: choice_target_entropy,
            optimizer: Adam::new(2),
        }
    }

    pub fn now(&self) -> Temperatures {
        Temperatures { numbers: self.logs[0].exp(), choices: self.logs[1].exp() }
    }

    /// Takes a gradient step with the mean entropies of a minibatch. Detail 37.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if an entropy is not finite, with the temperatures as they were before.
    pub fn learn(&mut self, losses: &SacLosses, learning_rate: f32) -> Result<(), LearnError> {
        let above = [
            losses.number_entropy - self.number_target,
            losses.choice_entropy - self.choice_target * losses.greatest_entropy,
        ];
        let gradient = [0, 1].map(|part| if self.is_tuned[part] { above[part] } else { 0.0 });
        let norm = self.optimizer.step(&mut self.logs, &gradient, learning_rate, f32::INFINITY);
        check_loss("policy's entropy", norm)
    }

    /// Returns ln α of both, and their optimiser's moments.
    pub fn numbers(&self) -> (Vec<f32>, u64) {
        let numbers = [&self.logs[..], self.optimizer.mean(), self.optimizer.variance()].concat();
        (numbers, self.optimizer.step_count())
    }

    /// Returns the temperatures with these numbers.
    ///
    /// # Errors
    ///
    /// If there are more or fewer, or if one of them is not finite.
    pub fn with_numbers(&self, numbers: &[f32], steps: u64) -> Result<Self, LearnError> {
        let &[first, second, m0, m1, v0, v1] = numbers else {
            return Err(LearnError::Checkpoint { what: "numbers of a temperature", was: numbers.len(), now: 6 });
        };
        check_finite("the checkpoint's array of temperatures", numbers)?;
        let optimizer = Adam::from_state(vec![m0, m1], vec![v0, v1], steps)?;
        // What is fixed is as the config says.
        let logs = [0, 1].map(|part| if self.is_tuned[part] { [first, second][part] } else { self.logs[part] });
        Ok(Self { logs, optimizer, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Head;

    use super::*;
    use crate::sac::config::Temperature;

    fn temperatures(config: &SacConfig) -> TunedTemperatures {
        let heads = [Head::SquashedGaussian { width: 2 }, Head::Categorical { choices: 4 }];
        TunedTemperatures::new(config, &ActionParts::new(&heads).unwrap())
    }

    /// The gradient is that of `ln α·(entropy − target)`: Adam's first step is the rate against its sign.
    #[test]
    fn a_temperature_rises_where_entropy_is_below_its_target() {
        let config = SacConfig { choice_target_entropy: 0.5, ..SacConfig::default() };
        let mut of = temperatures(&config);
        assert_eq!(of.now(), Temperatures { numbers: 1.0, choices: 1.0 });
        // Targets: -2, and half of the greatest entropy.
        let losses =
            SacLosses { number_entropy: -3.0, choice_entropy: 0.9, greatest_entropy: 1.6, ..SacLosses::default() };
        of.learn(&losses, 0.1).unwrap();
        assert!((of.logs[0] - 0.1).abs() < 1e-4 && (of.logs[1] + 0.1).abs() < 1e-4, "{:?}", of.logs);
        assert!((of.optimizer.mean()[0] + 0.1).abs() < 1e-6);
        assert!((of.optimizer.mean()[1] - 0.01).abs() < 1e-6);
        let before = of.clone();
        let error = of.learn(&SacLosses { number_entropy: f32::NAN, ..losses }, 0.1).unwrap_err();
        assert!(error.to_string().contains("entropy") && of.logs == before.logs);
    }

    #[test]
    fn a_fixed_temperature_stays() {
        let config = SacConfig { temperature: Temperature::Fixed(0.25), ..SacConfig::default() };
        let mut of = temperatures(&config);
        of.learn(&SacLosses { number_entropy: 5.0, choice_entropy: 5.0, ..SacLosses::default() }, 0.1).unwrap();
        assert!((of.now().numbers - 0.25).abs() < 1e-6 && of.now().choices < 1.0);
        let (numbers, steps) = of.numbers();
        let again = of.with_numbers(&numbers, steps).unwrap();
        assert_eq!((again.logs, again.optimizer.clone()), (of.logs, of.optimizer.clone()));
        assert!(of.with_numbers(&numbers[1..], steps).is_err());
        assert!(of.with_numbers(&[f32::NAN; 6], steps).is_err());
    }
}
