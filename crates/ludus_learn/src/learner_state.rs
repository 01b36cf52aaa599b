//! The saved state of a network that learns: weights, the optimiser's moments, statistics of observations.

use ludus_net::{Normalizer, check_finite};

use crate::LearnError;

/// Names of counters and arrays in a saved state.
pub(crate) const OPTIMIZER_STEPS: &str = "optimizer_steps";
pub(crate) const FIRST_MOMENTS: &str = "adam.mean";
pub(crate) const SECOND_MOMENTS: &str = "adam.variance";

/// The state of a learner: weights, the optimiser's moments, statistics of observations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LearnerState {
    /// All weights, in the order of the network's layout.
    pub parameters: Vec<f32>,
    /// Adam's first moments, one per parameter.
    pub first_moments: Vec<f32>,
    /// Adam's second moments, one per parameter.
    pub second_moments: Vec<f32>,
    /// The number of Adam's steps so far.
    pub optimizer_steps: u64,
    /// The normaliser of observations; `None` if they are not normalised.
    pub normalizer: Option<Normalizer>,
}

impl LearnerState {
    /// Sets the optimiser back to its start.
    pub fn forget_moments(&mut self) {
        self.first_moments.fill(0.0);
        self.second_moments.fill(0.0);
        self.optimizer_steps = 0;
    }

    /// Checks that a learner with this many parameters, and with this normaliser or none, can go on from the state.
    ///
    /// # Errors
    ///
    /// If there are more or fewer parameters or moments, if only one of the two has a normaliser, if the normalisers
    /// differ in width, or if a parameter or a moment is not finite.
    pub fn check(&self, parameters: usize, normalizer: Option<&Normalizer>) -> Result<(), LearnError> {
        check_count("parameters", self.parameters.len(), parameters)?;
        check_count("moments", self.first_moments.len(), parameters)?;
        check_count("moments", self.second_moments.len(), parameters)?;
        let normalizers = [self.normalizer.is_some(), normalizer.is_some()].map(usize::from);
        check_count("observation normalisers", normalizers[0], normalizers[1])?;
        if let Some((saved, own)) = self.normalizer.as_ref().zip(normalizer) {
            saved.check_width(own.width())?;
        }
        check_finite("the checkpoint's array of parameters", &self.parameters)?;
        check_finite("the checkpoint's array of first moments", &self.first_moments)?;
        check_finite("the checkpoint's array of second moments", &self.second_moments)?;
        Ok(())
    }
}

fn check_count(what: &'static str, was: usize, now: usize) -> Result<(), LearnError> {
    if was == now { Ok(()) } else { Err(LearnError::Checkpoint { what, was, now }) }
}
