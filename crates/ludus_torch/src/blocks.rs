//! Samples on their way to the device: arrays one behind the other, in one copy.

use tch::Tensor;

/// Appends an array of samples, `[samples, width]`, padded to `size` samples by copies of the first one.
pub(crate) fn pack_block(block: &[f32], [samples, size]: [usize; 2], numbers: &mut Vec<f32>) {
    let width = block.len() / samples;
    numbers.extend_from_slice(block);
    (samples..size).for_each(|_| numbers.extend_from_slice(&block[..width]));
}

/// Appends masks of samples as [`pack_block`] does, 1 for each choice that is allowed, else 0.
pub(crate) fn pack_masks(masks: &[bool], sizes: [usize; 2], numbers: &mut Vec<f32>) {
    pack_block(&masks.iter().map(|&is_allowed| f32::from(is_allowed)).collect::<Vec<f32>>(), sizes, numbers);
}

/// Appends 1 for each of the samples, and 0 for padding to `size`.
pub(crate) fn pack_counted([samples, size]: [usize; 2], numbers: &mut Vec<f32>) {
    numbers.extend(std::iter::repeat_n(1.0, samples));
    numbers.extend(std::iter::repeat_n(0.0, size - samples));
}

/// Returns the arrays of these widths that were packed, each `[samples and padding, width]`.
pub(crate) fn unpack_blocks<const N: usize>(numbers: &Tensor, widths: [usize; N]) -> [Tensor; N] {
    let size = numbers.numel() / widths.iter().sum::<usize>();
    let mut before = 0;
    widths.map(|width| {
        let first = before * size;
        before += width;
        numbers.narrow(0, first as i64, (size * width) as i64).view([size as i64, width as i64])
    })
}
