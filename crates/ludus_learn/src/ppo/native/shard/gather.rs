//! Copies of samples' rows, side by side.

/// Copies the rows of these samples side by side. Does nothing if rows have no columns.
pub(super) fn gather_rows<T: Copy>(rows: &[T], samples: &[u32], gathered: &mut [T]) {
    let width = gathered.len() / samples.len().max(1);
    // A row of a width that the compiler knows is copied in registers. For any other it calls `memcpy`, which takes longer
    // than the copy of a few numbers.
    match width {
        1 => gather_narrow::<T, 1>(rows, samples, gathered),
        2 => gather_narrow::<T, 2>(rows, samples, gathered),
        3 => gather_narrow::<T, 3>(rows, samples, gathered),
        4 => gather_narrow::<T, 4>(rows, samples, gathered),
        5 => gather_narrow::<T, 5>(rows, samples, gathered),
        6 => gather_narrow::<T, 6>(rows, samples, gathered),
        7 => gather_narrow::<T, 7>(rows, samples, gathered),
        8 => gather_narrow::<T, 8>(rows, samples, gathered),
        0 => {}
        _ => {
            for (out, &sample) in gathered.chunks_exact_mut(width).zip(samples) {
                out.copy_from_slice(&rows[sample as usize * width..][..width]);
            }
        }
    }
}

fn gather_narrow<T: Copy, const WIDTH: usize>(rows: &[T], samples: &[u32], gathered: &mut [T]) {
    let (rows, gathered) = (rows.as_chunks::<WIDTH>().0, gathered.as_chunks_mut::<WIDTH>().0);
    for (out, &sample) in gathered.iter_mut().zip(samples) {
        *out = rows[sample as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_any_width_are_copied_in_the_order_of_the_samples() {
        let samples = [3, 0, 3, 1];
        for width in 0..12 {
            let rows: Vec<u32> = (0..4 * width).collect();
            let mut gathered = vec![0; samples.len() * width as usize];
            gather_rows(&rows, &samples, &mut gathered);
            let expected = samples.iter().flat_map(|sample| sample * width..(sample + 1) * width);
            assert_eq!(gathered, expected.collect::<Vec<_>>());
        }
    }
}
