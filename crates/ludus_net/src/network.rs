//! The network: its parameters, and what is derived from them.

use ludus_spec::Seed;

use crate::aligned::Aligned;
use crate::init::initial_parameters;
use crate::panels::Panels;
use crate::simd::SimdLevel;
use crate::transpose::transpose;
use crate::{Distribution, Layout, NetError};

/// An actor-critic network: maps observations to the parameters of action distributions, and to values.
///
/// Reading is `&self`, so several threads may share one network, each with its own [`Scratch`](crate::Scratch). A row's
/// results are the same bits whatever rows are computed with it.
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) layout: Layout,
    pub(crate) parameters: Aligned,
    /// Copies of weights as the backward pass reads them, made anew with every change.
    pub(crate) transposed: Aligned,
    pub(crate) level: SimdLevel,
}

impl Network {
    /// A new network with orthogonal weights, zero biases and standard deviations of 1.
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

    /// The shape.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The flat parameter array; [`Layout::tensors`] says what is where.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// Changes the parameters, then brings everything derived from them up to date.
    ///
    /// It takes as long as a forward pass of some rows, so change all parameters in one call.
    pub fn update<R>(&mut self, change: impl FnOnce(&mut [f32]) -> R) -> R {
        let result = change(&mut self.parameters);
        self.refresh();
        result
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    ///
    /// If there are not [`Layout::parameter_count`] of them.
    pub fn set_parameters(&mut self, parameters: &[f32]) -> Result<(), NetError> {
        let expected = self.parameters.len();
        if parameters.len() != expected {
            return Err(NetError::WrongLength { what: "parameters", expected, actual: parameters.len() });
        }
        self.update(|own| own.copy_from_slice(parameters));
        Ok(())
    }

    /// The action distributions, to be read off output rows.
    pub fn distribution(&self) -> Distribution<'_> {
        Distribution::new(self.layout.heads(), &self.parameters[self.layout.log_std()])
    }

    /// Uses other vector instructions than the best: for tests and comparisons.
    pub fn set_simd_level(&mut self, level: SimdLevel) {
        self.level = level;
    }

    /// Makes the copies anew and keeps the padding zero.
    fn refresh(&mut self) {
        self.parameters[self.layout.log_std().end..].fill(0.0);
        for layer in self.layout.encoders.convolutions() {
            clear_weight(layer.panels(), layer.weight.start, &mut self.parameters);
            self.parameters[layer.bias.clone()][layer.output.channels..].fill(0.0);
        }
        for layer in self.layout.layers() {
            clear_weight(layer.panels(), layer.weight.start, &mut self.parameters);
            self.parameters[layer.bias.clone()][layer.outputs..].fill(0.0);
            let copy = &mut self.transposed[layer.transposed.clone()];
            if !copy.is_empty() {
                transpose(&self.parameters[layer.weight.clone()], layer.panels(), copy);
            }
        }
    }
}

/// Columns past a layer's width must be zero, else they would leak into the next layer.
fn clear_weight(panels: Panels, start: usize, parameters: &mut [f32]) {
    for column in panels.width..panels.padded_width() {
        for row in 0..panels.depth {
            parameters[start + panels.index(row, column)] = 0.0;
        }
    }
}
