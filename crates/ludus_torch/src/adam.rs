//! The optimiser, over one flat tensor.

use tch::{Device, Kind, Tensor};

/// Adam's decay rates of the running means, and the number that keeps the denominator from 0: as in `ludus_net`.
const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-5;

/// Adam, with the gradient clipped by its norm. The formulas are those of [`ludus_net::Adam`].
#[derive(Debug)]
pub(crate) struct Adam {
    pub mean: Tensor,
    pub variance: Tensor,
}

/// The inputs of a step besides the gradient, each a tensor without dimensions.
pub(crate) struct Rates {
    /// The step size divided by the bias correction of the first moments.
    pub learning_rate: Tensor,
    /// One over the root of the bias correction of the second moments.
    pub unbias_2: Tensor,
    /// The maximum norm of the gradient.
    pub max_grad_norm: Tensor,
    /// 1 to take the step, 0 to leave everything as it is.
    pub is_taken: Tensor,
}

/// Returns the step size divided by the bias correction of the first moments, and one over the root of that of the
/// second moments. `step` counts from 1.
pub(crate) fn unbiased(learning_rate: f32, step: u64) -> [f32; 2] {
    let unbias = |beta: f64| 1.0 - beta.powf(step as f64);
    [(f64::from(learning_rate) / unbias(BETA_1)) as f32, unbias(BETA_2).sqrt().recip() as f32]
}

impl Adam {
    pub fn new(count: usize, device: Device) -> Self {
        let zeros = || Tensor::zeros([count as i64], (Kind::Float, device));
        Self { mean: zeros(), variance: zeros() }
    }

    /// Updates moments and parameters if `is_taken` is 1; then the gradient must be finite.
    pub fn step(&mut self, parameters: &mut Tensor, gradient: &Tensor, norm: &Tensor, rates: &Rates) {
        let Rates { learning_rate, unbias_2, max_grad_norm, is_taken } = rates;
        let clip = (max_grad_norm / (norm + 1e-6)).clamp_max(1.0);
        // A product with 0 would not do: NaN times 0 is NaN.
        let gradient = (gradient * clip).where_self(&is_taken.gt(0.0), &self.mean);
        let squared = gradient.square();
        let _ = self.mean.lerp_tensor_(&gradient, &(is_taken * (1.0 - BETA_1)));
        let _ = self.variance.lerp_tensor_(&squared, &(is_taken * (1.0 - BETA_2)));
        let root = self.variance.sqrt() * unbias_2 + EPSILON;
        *parameters -= &self.mean * (learning_rate * is_taken) / root;
    }
}
