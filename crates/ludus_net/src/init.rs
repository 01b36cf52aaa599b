//! The parameters that training starts from.

use ludus_spec::Seed;

use crate::Layout;
use crate::layout::Tensor;

/// Writes orthogonal weights; everything else is left at zero.
pub(crate) fn initial_parameters(layout: &Layout, seed: Seed, parameters: &mut [f32]) {
    for (index, tensor) in layout.tensors().enumerate() {
        if let [outputs, inputs] = tensor.shape[..] {
            let matrix = orthogonal(outputs, inputs, seed.derive(index as u64));
            write(&tensor, &matrix, gain(layout, &tensor.name), parameters);
        }
    }
}

fn gain(layout: &Layout, name: &str) -> f64 {
    let is_head =
        |chain: &[crate::layout::Dense]| chain.last().is_some_and(|head| name == format!("{}.weight", head.name));
    if is_head(&layout.actor) {
        0.01
    } else if is_head(&layout.critic) {
        1.0
    } else {
        std::f64::consts::SQRT_2
    }
}

fn write(tensor: &Tensor<'_>, matrix: &[f64], gain: f64, parameters: &mut [f32]) {
    for (element, value) in matrix.iter().enumerate() {
        parameters[tensor.position(element)] = (value * gain) as f32;
    }
}

/// A row-major `[rows, columns]` matrix whose rows are orthonormal, or whose columns are if there are more rows.
///
/// # Source
///
/// Saxe et al. 2014, arXiv:1312.6120; here by the Gram–Schmidt process on normally distributed vectors.
fn orthogonal(rows: usize, columns: usize, seed: Seed) -> Vec<f64> {
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

/// The transpose of a row-major matrix with rows of this length.
fn turned(vectors: &[f64], length: usize) -> Vec<f64> {
    (0..length).flat_map(|column| vectors.iter().skip(column).step_by(length).copied()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Normally distributed, by the Box–Muller transform.
fn normal(seed: Seed) -> f64 {
    let (radius, angle) = (f64::from(seed.derive(0).uniform()), f64::from(seed.derive(1).uniform()));
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
