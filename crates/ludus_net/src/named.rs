//! Parameters as plain, named matrices, as in policy files.

use crate::adam::check_finite;
use crate::layout::Tensor;
use crate::{Layout, NetError};

/// A tensor's name, its shape and its numbers in row-major order.
pub type NamedTensor = (String, Vec<usize>, Vec<f32>);

impl Layout {
    /// Returns plain `[out, in]` weights and `[out]` biases, named as in PyTorch, in the order of [`Layout::tensors`].
    ///
    /// `parameters` may be any array with this layout, such as an optimiser's moments.
    ///
    /// # Panics
    ///
    /// If `parameters` does not have [`Layout::parameter_count`] numbers.
    pub fn export(&self, parameters: &[f32]) -> Vec<NamedTensor> {
        assert_eq!(parameters.len(), self.parameter_count(), "an array of this layout");
        let named = |tensor: Tensor<'_>| {
            let numbers = (0..tensor.element_count()).map(|element| parameters[tensor.position(element)]).collect();
            (tensor.name, tensor.shape, numbers)
        };
        self.tensors().map(named).collect()
    }

    /// Returns the parameter array of exported tensors: the inverse of [`Layout::export`]. The tensors may be in any
    /// order.
    ///
    /// # Errors
    ///
    /// If a tensor is missing, unknown, of another shape, or not finite.
    pub fn import(&self, tensors: &[NamedTensor]) -> Result<Vec<f32>, NetError> {
        self.check_names(tensors)?;
        let mut parameters = vec![0.0; self.parameter_count()];
        for tensor in self.tensors() {
            let given = tensors.iter().find(|(name, ..)| *name == tensor.name);
            let given =
                given.ok_or_else(|| NetError::MissingTensor { name: tensor.name.clone(), needed: self.names() })?;
            check_tensor(&tensor, given)?;
            for (element, &number) in given.2.iter().enumerate() {
                parameters[tensor.position(element)] = number;
            }
        }
        Ok(parameters)
    }

    fn check_names(&self, tensors: &[NamedTensor]) -> Result<(), NetError> {
        let is_known = |name: &str| self.tensors().any(|tensor| tensor.name == name);
        match tensors.iter().find(|(name, ..)| !is_known(name)) {
            Some((name, ..)) => Err(NetError::UnknownTensor { name: name.clone(), needed: self.names() }),
            None => Ok(()),
        }
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.tensors().map(|tensor| format!("`{}`", tensor.name)).collect();
        names.join(", ")
    }
}

fn check_tensor(tensor: &Tensor<'_>, (name, shape, numbers): &NamedTensor) -> Result<(), NetError> {
    if *shape != tensor.shape || numbers.len() != tensor.element_count() {
        return Err(NetError::WrongShape { name: name.clone(), expected: tensor.shape.clone(), actual: shape.clone() });
    }
    check_finite(&format!("tensor `{name}`"), numbers)
}
