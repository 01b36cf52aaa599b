//! The network: its parameters, and the data derived from them.

use ludus_spec::Seed;

use crate::aligned::Aligned;
use crate::init::initial_parameters;
use crate::simd::SimdLevel;
use crate::transpose::transpose;
use crate::{Distribution, Layout, NetError};

/// An actor-critic network: maps observations to the parameters of action distributions, and to values.
///
/// Passes take `&self`, so several threads may share one network, each with its own [`Scratch`](crate::Scratch). A
/// row's results have the same bits with any other rows in the call.
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) layout: Layout,
    pub(crate) parameters: Aligned,
    /// Transposed copies of weights for the backward pass, made anew with every change.
    pub(crate) transposed: Aligned,
    pub(crate) level: SimdLevel,
}

impl Network {
    /// Makes a network with orthogonal weights, zero biases and standard deviations of 1.
    ///
    /// Gains are √2 for hidden layers, 0.01 for the policy head and 1 for the value head.
    ///
    /// # Source
    ///
    /// Huang et al. 2022, "The 37 implementation details of PPO", detail 2.
    pub fn new(layout: Layout, seed: Seed) -> Self {
        let mut parameters = Aligned::zeros(layout.parameter_count());
        initial_parameters(&layout, seed, &mut parameters);
        let transposed = Aligned::zeros(layout.transposed_count);
        let mut network = Self { layout, parameters, transposed, level: SimdLevel::best() };
        network.refresh();
        network
    }

    /// Returns the layout of the parameters.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the flat parameter array. [`Layout::tensors`] names its parts.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// Changes the parameters, then updates everything that is derived from them.
    ///
    /// The update takes as long as a forward pass of some rows, so change all parameters in one call.
    pub fn update<R>(&mut self, change: impl FnOnce(&mut [f32]) -> R) -> R {
        let result = change(&mut self.parameters);
        self.refresh();
        result
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    ///
    /// If the length is not [`Layout::parameter_count`].
    pub fn set_parameters(&mut self, parameters: &[f32]) -> Result<(), NetError> {
        let expected = self.parameters.len();
        if parameters.len() != expected {
            return Err(NetError::WrongLength { what: "parameters", expected, actual: parameters.len() });
        }
        self.update(|own| own.copy_from_slice(parameters));
        Ok(())
    }

    /// Returns the action distributions of the network's output rows.
    pub fn distribution(&self) -> Distribution<'_> {
        Distribution::new(self.layout.heads(), &self.parameters[self.layout.log_std()])
    }

    /// Sets other vector instructions than the best, for tests and comparisons.
    pub fn set_simd_level(&mut self, level: SimdLevel) {
        self.level = level;
    }

    /// Sets the padding to 0, and copies the weights into their transposed copies.
    fn refresh(&mut self) {
        self.parameters[self.layout.log_std().end..].fill(0.0);
        self.layout.encoders.refresh(&mut self.parameters, &mut self.transposed);
        for (layer, norm) in self.layout.norms() {
            for range in [&norm.gain, &norm.bias] {
                self.parameters[range.clone()][layer.outputs..].fill(0.0);
            }
        }
        for layer in self.layout.layers() {
            layer.panels().clear_padding(&mut self.parameters[layer.weight.clone()]);
            self.parameters[layer.bias.clone()][layer.outputs..].fill(0.0);
            let copy = &mut self.transposed[layer.transposed.clone()];
            if !copy.is_empty() {
                transpose(&self.parameters[layer.weight.clone()], layer.panels(), copy);
            }
        }
    }
}
