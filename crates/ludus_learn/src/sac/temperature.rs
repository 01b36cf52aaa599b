//! The weights of the entropies, tuned while the policy learns.

use ludus_net::{Adam, check_finite};

use super::config::SacConfig;
use super::drawn::Temperatures;
use super::losses::SacLosses;
use super::parts::ActionParts;
use crate::LearnError;
use crate::gradient::check_loss;

/// The settings of the temperatures. In pairs, the first is for numbers and the second for choices.
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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TemperatureSettings {
    /// ln α at the start.
    pub logs: [f32; 2],
    /// True for those that are tuned.
    pub is_tuned: [bool; 2],
    /// The target entropy of all numbers together \[nats\].
    pub number_target: f32,
    /// The part of the greatest entropy of the allowed choices that is their target.
    pub choice_target: f32,
}

impl TemperatureSettings {
    /// Returns the settings of a config, for actions of these parts.
    pub fn new(config: &SacConfig, parts: &ActionParts) -> Self {
        let SacConfig { temperature, choice_temperature, target_entropy, choice_target_entropy, .. } = *config;
        let has = [!parts.numbers.is_empty(), !parts.choices.is_empty()];
        Self {
            logs: [temperature, choice_temperature].map(|temperature| temperature.start().ln()),
            is_tuned: [temperature.is_tuned() && has[0], choice_temperature.is_tuned() && has[1]],
            number_target: target_entropy * parts.numbers.len() as f32,
            choice_target: choice_target_entropy,
        }
    }

    /// Returns ln α after a state was restored: the saved one if it is tuned, that of the settings if it is fixed.
    pub fn restored_logs(&self, saved: &TemperatureState) -> [f32; 2] {
        [0, 1].map(|part| if self.is_tuned[part] { saved.logs[part] } else { self.logs[part] })
    }
}

/// The saved state of the temperatures and of their optimiser. In pairs, the first is for numbers and the second for
/// choices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TemperatureState {
    /// ln α.
    pub logs: [f32; 2],
    /// Adam's first moments.
    pub first_moments: [f32; 2],
    /// Adam's second moments.
    pub second_moments: [f32; 2],
    /// The number of Adam's steps so far.
    pub optimizer_steps: u64,
}

impl TemperatureState {
    /// Returns the numbers, one after the other.
    pub(super) fn numbers(&self) -> Vec<f32> {
        [self.logs, self.first_moments, self.second_moments].concat()
    }

    /// Returns the state with these numbers.
    ///
    /// # Errors
    ///
    /// If there are more or fewer.
    pub(super) fn from_numbers(numbers: &[f32], optimizer_steps: u64) -> Result<Self, LearnError> {
        let &[first, second, m0, m1, v0, v1] = numbers else {
            return Err(LearnError::Checkpoint { what: "numbers of a temperature", was: numbers.len(), now: 6 });
        };
        Ok(Self { logs: [first, second], first_moments: [m0, m1], second_moments: [v0, v1], optimizer_steps })
    }

    /// Returns an error if a number is not finite.
    pub(super) fn check(&self) -> Result<(), LearnError> {
        Ok(check_finite("the checkpoint's array of temperatures", &self.numbers())?)
    }
}

/// The temperatures, and their optimiser.
#[derive(Clone, Debug)]
pub(super) struct TunedTemperatures {
    settings: TemperatureSettings,
    logs: [f32; 2],
    optimizer: Adam,
}

impl TunedTemperatures {
    pub fn new(settings: TemperatureSettings) -> Self {
        Self { logs: settings.logs, settings, optimizer: Adam::new(2) }
    }

    pub fn now(&self) -> Temperatures {
        Temperatures::from_logs(self.logs)
    }

    /// Takes a gradient step with the mean entropies of a minibatch. Detail 37.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if an entropy is not finite, with the temperatures as they were before.
    pub fn learn(&mut self, losses: &SacLosses, learning_rate: f32) -> Result<(), LearnError> {
        let TemperatureSettings { is_tuned, number_target, choice_target, .. } = self.settings;
        let above =
            [losses.number_entropy - number_target, losses.choice_entropy - choice_target * losses.greatest_entropy];
        let gradient = [0, 1].map(|part| if is_tuned[part] { above[part] } else { 0.0 });
        let norm = self.optimizer.step(&mut self.logs, &gradient, learning_rate, f32::INFINITY);
        check_loss("policy's entropy", norm)
    }

    /// Returns the state, to save.
    pub fn state(&self) -> TemperatureState {
        let pair = |moments: &[f32]| [moments[0], moments[1]];
        TemperatureState {
            logs: self.logs,
            first_moments: pair(self.optimizer.mean()),
            second_moments: pair(self.optimizer.variance()),
            optimizer_steps: self.optimizer.step_count(),
        }
    }

    /// Returns the temperatures of a saved state.
    ///
    /// # Errors
    ///
    /// If one of its numbers is not finite.
    pub fn restored(&self, saved: &TemperatureState) -> Result<Self, LearnError> {
        let TemperatureState { first_moments, second_moments, optimizer_steps, .. } = *saved;
        saved.check()?;
        let optimizer = Adam::from_state(first_moments.to_vec(), second_moments.to_vec(), optimizer_steps)?;
        Ok(Self { logs: self.settings.restored_logs(saved), optimizer, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Head;

    use super::*;
    use crate::sac::config::Temperature;

    fn temperatures(config: &SacConfig) -> TunedTemperatures {
        let heads = [Head::SquashedGaussian { width: 2 }, Head::Categorical { choices: 4 }];
        TunedTemperatures::new(TemperatureSettings::new(config, &ActionParts::new(&heads).unwrap()))
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
        let saved = of.state();
        let again = of.restored(&TemperatureState::from_numbers(&saved.numbers(), saved.optimizer_steps).unwrap());
        let again = again.unwrap();
        assert_eq!((again.logs, again.optimizer.clone()), (of.logs, of.optimizer.clone()));
        assert!(TemperatureState::from_numbers(&saved.numbers()[1..], 1).is_err());
        assert!(of.restored(&TemperatureState { logs: [f32::NAN; 2], ..saved }).is_err());
        let other = of.restored(&TemperatureState { logs: [3.0, 4.0], ..saved }).unwrap();
        assert_eq!(other.logs, [of.logs[0], 4.0], "what is fixed stays");
    }
}
