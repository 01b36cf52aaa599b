//! All parameters of a network in one flat tensor, and the views that the network reads.

use std::ops::Range;

use ludus_spec::Head;
use tch::{Kind, Tensor};

use crate::network::{LOG_STD, Parameter, TorchNetwork};

/// The place of each parameter in the flat array: the network's in their order, then `log_std`.
#[derive(Clone, Debug)]
pub(crate) struct ParameterLayout {
    places: Vec<ParameterTensor>,
    /// Gaussian dimensions; 0 without such heads.
    dimensions: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct ParameterTensor {
    pub name: String,
    pub shape: Vec<i64>,
    pub range: Range<usize>,
}

impl ParameterLayout {
    /// Lays out a network's parameters. Returns the layout and the initial numbers.
    pub fn new(network: &dyn TorchNetwork) -> (Self, Vec<f32>) {
        let dimensions = network.heads().iter().copied().map(gaussian_width).sum();
        let mut parameters = network.parameters();
        let has_log_std = parameters.last().is_some_and(|last| last.name == LOG_STD);
        if dimensions > 0 && !has_log_std {
            parameters.push(Parameter::zeros(LOG_STD, &[dimensions]));
        }
        let mut values = Vec::new();
        let places = parameters.into_iter().map(|parameter| place(parameter, &mut values)).collect();
        (Self { places, dimensions }, values)
    }

    pub fn iter(&self) -> impl Iterator<Item = &ParameterTensor> {
        self.places.iter()
    }

    /// Returns the count of numbers in the flat array.
    pub fn count(&self) -> usize {
        self.places.last().map_or(0, |last| last.range.end)
    }
}

/// Returns names and shapes of a network's parameters, `log_std` included, in the order of the flat tensor.
pub fn listed_parameters(network: &dyn TorchNetwork) -> Vec<(String, Vec<usize>)> {
    let (places, _) = ParameterLayout::new(network);
    let size = |shape: &[i64]| shape.iter().map(|&size| size as usize).collect();
    places.iter().map(|place| (place.name.clone(), size(&place.shape))).collect()
}

fn gaussian_width(head: Head) -> usize {
    match head {
        Head::Gaussian { width } => width,
        Head::SquashedGaussian { .. } | Head::Categorical { .. } => 0,
    }
}

fn place(parameter: Parameter, values: &mut Vec<f32>) -> ParameterTensor {
    let start = values.len();
    values.extend(&parameter.values);
    let shape = parameter.shape.iter().map(|&size| size as i64).collect();
    ParameterTensor { name: parameter.name, shape, range: start..values.len() }
}

/// Views of the flat tensor, one per parameter, to which gradients flow back. Each thread has its own.
#[derive(Debug)]
pub(crate) struct Leaves {
    views: Vec<Tensor>,
    has_log_std: bool,
}

impl Leaves {
    pub fn new(places: &ParameterLayout, flat: &Tensor) -> Self {
        let view = |place: &ParameterTensor| {
            let part = flat.narrow(0, place.range.start as i64, place.range.len() as i64);
            part.view(&place.shape[..]).detach().set_requires_grad(true)
        };
        Self { views: places.iter().map(view).collect(), has_log_std: places.dimensions > 0 }
    }

    /// Returns views to which no gradient flows back.
    pub fn constants(places: &ParameterLayout, flat: &Tensor) -> Self {
        let leaves = Self::new(places, flat);
        Self { views: leaves.views.iter().map(Tensor::detach).collect(), ..leaves }
    }

    /// Returns the parameters that the network's forward pass reads (all but `log_std`), as numbers of this kind.
    pub fn of_network(&self, kind: Kind) -> Vec<Tensor> {
        let own = &self.views[..self.views.len() - usize::from(self.has_log_std)];
        own.iter().map(|view| view.to_kind(kind)).collect()
    }

    pub fn log_std(&self) -> Option<&Tensor> {
        self.views.last().filter(|_| self.has_log_std)
    }

    /// Returns the derivatives of `loss` with respect to all parameters, in one flat tensor. They are 0 for parameters
    /// that it does not depend on.
    pub fn gradient(&self, loss: &Tensor) -> Tensor {
        let derivatives = Tensor::run_backward(&[loss], &self.views, false, false);
        let flat = |(derivative, view): (Tensor, &Tensor)| {
            let derivative = if derivative.defined() { derivative } else { view.zeros_like() };
            derivative.reshape([-1])
        };
        let parts: Vec<Tensor> = derivatives.into_iter().zip(&self.views).map(flat).collect();
        Tensor::cat(&parts, 0)
    }
}
