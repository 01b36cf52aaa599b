//! The weights of the entropies on the device, tuned while the policy learns.

use ludus_learn::{TemperatureSettings, TemperatureState, Temperatures};
use tch::Tensor;

use crate::adam::{Adam, Rates};
use crate::link::Link;

/// The temperatures of numbers and of choices, and their optimiser: as `ludus_learn`'s, formula for formula.
#[derive(Debug)]
pub(super) struct TensorTemperatures {
    settings: TemperatureSettings,
    /// ln α of numbers and of choices: `[2]`.
    logs: Tensor,
    /// 1 for those that are tuned, else 0: `[2]`.
    is_tuned: Tensor,
    adam: Adam,
    /// The maximum norm of the gradient: there is none.
    unlimited: Tensor,
    /// The temperatures as they were read last.
    pub read: Temperatures,
    good: Option<Mark>,
}

/// The marked state: copies on the device, and the temperatures as they were read before.
#[derive(Debug)]
struct Mark {
    tensors: [Tensor; 3],
    read: Temperatures,
}

impl TensorTemperatures {
    pub fn new(settings: TemperatureSettings, link: &Link) -> Self {
        Self {
            logs: link.send(&settings.logs),
            is_tuned: link.send(&settings.is_tuned.map(f32::from)),
            adam: Adam::new(2, link.device()),
            unlimited: link.send(&[f32::INFINITY]).get(0),
            read: Temperatures::from_logs(settings.logs),
            settings,
            good: None,
        }
    }

    /// Returns the temperatures: `[2]`.
    pub fn now(&self) -> Tensor {
        self.logs.exp()
    }

    /// Takes a gradient step with the mean entropies of a minibatch: of numbers, of choices, and the greatest that
    /// choices can have. Detail 37.
    pub fn step(&mut self, [numbers, choices, greatest]: [&Tensor; 3], rates: TemperatureRates) {
        let TemperatureSettings { number_target, choice_target, .. } = self.settings;
        let above = [numbers - f64::from(number_target), choices - greatest * f64::from(choice_target)];
        let gradient = Tensor::stack(&above, 0) * &self.is_tuned;
        let norm = gradient.dot(&gradient).sqrt();
        let TemperatureRates { learning_rate, unbias_2, is_taken } = rates;
        let max_grad_norm = self.unlimited.shallow_clone();
        self.adam.step(&mut self.logs, &gradient, &norm, &Rates { learning_rate, unbias_2, max_grad_norm, is_taken });
    }

    /// Reads the temperatures. Waits for the device.
    pub fn read(&mut self, link: &Link) {
        let logs = link.fetch(&self.logs);
        self.read = Temperatures::from_logs([logs[0], logs[1]]);
    }

    pub fn mark(&mut self) {
        let Self { logs, adam, .. } = self;
        let tensors = [&*logs, &adam.mean, &adam.variance].map(Tensor::copy);
        self.good = Some(Mark { tensors, read: self.read });
    }

    pub fn rewind(&mut self) {
        let Some(Mark { tensors, read }) = &self.good else { return };
        let Adam { mean, variance } = &mut self.adam;
        for (place, tensor) in [&mut self.logs, mean, variance].into_iter().zip(tensors) {
            place.copy_(tensor);
        }
        self.read = *read;
    }

    /// Returns the state, to save.
    pub fn state(&self, optimizer_steps: u64, link: &Link) -> TemperatureState {
        let [logs, first_moments, second_moments] = [&self.logs, &self.adam.mean, &self.adam.variance].map(|tensor| {
            let numbers = link.fetch(tensor);
            [numbers[0], numbers[1]]
        });
        TemperatureState { logs, first_moments, second_moments, optimizer_steps }
    }

    /// Restores a state that was checked.
    pub fn restore(&mut self, state: &TemperatureState, link: &Link) {
        let logs = self.settings.restored_logs(state);
        let Adam { mean, variance } = &mut self.adam;
        let saved = [logs, state.first_moments, state.second_moments];
        for (place, saved) in [&mut self.logs, mean, variance].into_iter().zip(saved) {
            place.copy_(&link.send(&saved));
        }
        self.read = Temperatures::from_logs(logs);
    }
}

/// The inputs of a step, each a tensor without dimensions; see [`Rates`].
pub(super) struct TemperatureRates {
    pub learning_rate: Tensor,
    pub unbias_2: Tensor,
    pub is_taken: Tensor,
}
