//! The parameters that training starts from.

use std::f64::consts::{SQRT_2, TAU};

use ludus_spec::Seed;

use crate::Layout;
use crate::dense::Dense;
use crate::layout::Tensor;
use crate::memory::Recurrence;

/// Writes orthogonal weights, gains of 1 and the biases of update gates, and leaves all other parameters at 0.
pub(crate) fn initial_parameters(layout: &Layout, seed: Seed, parameters: &mut [f32]) {
    for (index, tensor) in layout.tensors().enumerate() {
        if let [outputs, inputs @ ..] = &tensor.shape[..]
            && !inputs.is_empty()
        {
            let matrix = orthogonal(*outputs, inputs.iter().product(), seed.derive(index as u64));
            write(&tensor, &matrix, gain(layout, &tensor.name), parameters);
        }
    }
    for (layer, norm) in layout.norms() {
        parameters[norm.gain.clone()][..layer.outputs].fill(1.0);
    }
    for recurrence in layout.recurrences() {
        for layer in recurrence.layers() {
            for (unit, bias) in parameters[layer.bias.clone()].iter_mut().take(layer.outputs).enumerate() {
                *bias = recurrence.first_bias(&layer.name, unit).unwrap_or(0.0) as f32;
            }
        }
    }
}

fn gain(layout: &Layout, name: &str) -> f64 {
    let is_of = |layer: &Dense| name == format!("{}.weight", layer.name);
    if layout.actor.head.as_ref().is_some_and(is_of) {
        0.01
    } else if layout.critic.head.as_ref().is_some_and(is_of)
        || layout.recurrences().flat_map(Recurrence::gates).any(is_of)
        || is_attention(name)
    {
        1.0
    } else {
        SQRT_2
    }
}

/// True for a layer of an attention, which no activation follows.
fn is_attention(name: &str) -> bool {
    let layer = name.strip_prefix("encoder.").and_then(|name| name.strip_suffix(".weight"));
    let ends = [".query", ".key", ".output"];
    layer.is_some_and(|layer| ends.iter().any(|end| layer.ends_with(end)) || layer.contains(".value."))
}

fn write(tensor: &Tensor<'_>, matrix: &[f64], gain: f64, parameters: &mut [f32]) {
    for (element, value) in matrix.iter().enumerate() {
        parameters[tensor.position(element)] = (value * gain) as f32;
    }
}

/// Returns a row-major `[rows, columns]` matrix whose rows are orthonormal, or whose columns are if there are more
/// rows.
///
/// # Source
///
/// Saxe et al. 2014, arXiv:1312.6120; here by the Gram–Schmidt process on normally distributed vectors.
pub fn orthogonal(rows: usize, columns: usize, seed: Seed) -> Vec<f64> {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<f64> = (0..count * length).map(|index| normal(seed.derive(index as u64))).collect();
    for index in 0..count {
        let (before, rest) = vectors.split_at_mut(index * length);
        let vector = &mut rest[..length];
        for earlier in before.chunks_exact(length) {
            let overlap = dot(earlier, vector);
            vector.iter_mut().zip(earlier).for_each(|(v, e)| *v -= overlap * e);
        }
        let norm = dot(vector, vector).sqrt();
        vector.iter_mut().for_each(|v| *v /= norm);
    }
    if rows <= columns { vectors } else { turned(&vectors, length) }
}

/// Returns the transpose of a row-major matrix with rows of this length.
fn turned(vectors: &[f64], length: usize) -> Vec<f64> {
    (0..length).flat_map(|column| vectors.iter().skip(column).step_by(length).copied()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Returns a normally distributed number, by the Box–Muller transform.
fn normal(seed: Seed) -> f64 {
    let (radius, angle) = (f64::from(seed.derive(0).uniform()), f64::from(seed.derive(1).uniform()));
    (-2.0 * (1.0 - radius).ln()).sqrt() * (TAU * angle).cos()
}

#[cfg(test)]
mod tests {
    use ludus_spec::Head;

    use super::*;
    use crate::{Network, NetworkConfig};

    /// Returns the greatest deviation of `W·Wᵀ` (or `Wᵀ·W` of a tall matrix) from `gain²` on the diagonal and 0 off it,
    /// relative to `gain²`.
    fn deviation(weight: &[f32], outputs: usize, inputs: usize, gain: f64) -> f64 {
        let weight: Vec<_> = weight.iter().copied().map(f64::from).collect();
        let vectors = if outputs <= inputs { weight } else { turned(&weight, inputs) };
        let vectors: Vec<_> = vectors.chunks_exact(outputs.max(inputs)).collect();
        let mut worst: f64 = 0.0;
        for (i, a) in vectors.iter().enumerate() {
            for (j, b) in vectors.iter().enumerate() {
                let expected = if i == j { gain * gain } else { 0.0 };
                worst = worst.max((dot(a, b) - expected).abs() / (gain * gain));
            }
        }
        worst
    }

    #[test]
    fn weights_are_orthogonal_and_the_rest_is_zero() {
        let heads = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 9 }];
        for shared in [false, true] {
            let config = NetworkConfig { hidden: vec![40, 70], shared, ..NetworkConfig::default() };
            let network = Network::new(Layout::new(6, &heads, &config).unwrap(), Seed::new(1));
            for (name, shape, numbers) in network.layout().export(network.parameters()) {
                let [outputs, inputs] = shape[..] else {
                    assert!(numbers.iter().all(|&number| number == 0.0), "{name}");
                    continue;
                };
                let gain = match outputs {
                    11 => 0.01,
                    1 => 1.0,
                    _ => SQRT_2,
                };
                assert!(deviation(&numbers, outputs, inputs, gain) < 1e-5, "{name}");
            }
        }
    }

    #[test]
    fn another_seed_gives_other_weights() {
        let layout = Layout::new(6, &[Head::Gaussian { width: 2 }], &NetworkConfig::default()).unwrap();
        let of = |seed: u64| Network::new(layout.clone(), Seed::new(seed)).parameters().to_vec();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
