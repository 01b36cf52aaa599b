//! Changes to the gradient of PPO's steps: what is imitated, and parameters that stand still.

use tch::Tensor;

use crate::parameters::ParameterLayout;

/// The changes to the gradient of PPO's steps. Recorded steps read and write its memory.
#[derive(Debug)]
pub(crate) struct ExtraGradient {
    /// The gradient that is added to the next step `[parameters]`.
    sum: Tensor,
    /// 1 for each parameter that learns from rewards, else 0 `[parameters]`.
    learns: Tensor,
}

impl ExtraGradient {
    /// Changes nothing about the gradient of these parameters.
    pub fn new(parameters: &Tensor) -> Self {
        Self { sum: parameters.zeros_like(), learns: parameters.ones_like() }
    }

    /// Forgets a gradient that was not applied.
    pub fn clear(&mut self) {
        let _ = self.sum.zero_();
    }

    /// Adds a gradient times `weight` to the next step.
    pub fn add(&mut self, gradient: &Tensor, weight: f32) {
        self.sum += gradient * f64::from(weight);
    }

    /// Returns the changed gradient of a step of PPO, and forgets what was added.
    pub fn apply(&mut self, gradient: &Tensor) -> Tensor {
        let changed = gradient.where_self(&self.learns.gt(0.0), &self.sum.zeros_like()) + &self.sum;
        self.clear();
        changed
    }

    /// Lets only the critic learn from rewards, if the places of all parameters are given, else all of them.
    pub fn freeze(&mut self, places: Option<&ParameterLayout>) {
        let Some(places) = places else {
            let _ = self.learns.fill_(1.0);
            return;
        };
        let _ = self.learns.zero_();
        for place in places.iter().filter(|place| place.name.starts_with("critic.")) {
            let _ = self.learns.narrow(0, place.range.start as i64, place.range.len() as i64).fill_(1.0);
        }
    }
}
