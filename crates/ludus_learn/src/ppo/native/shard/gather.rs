//! Copies of samples' rows, side by side.

/// Columns of a row that is copied a few numbers at a time.
const NARROW: usize = 32;

/// Copies the rows of these samples side by side. Does nothing if rows have no columns.
pub(super) fn gather_rows<T: Copy>(rows: &[T], samples: &[u32], gathered: &mut [T]) {
    let width = (gathered.len() / samples.len().max(1)).max(1);
    let copied = gathered.chunks_exact_mut(width).zip(samples.iter().map(|&sample| sample as usize * width));
    if width <= NARROW {
        copied.for_each(|(out, first)| copy_narrow(out, &rows[first..][..width]));
    } else {
        copied.for_each(|(out, first)| out.copy_from_slice(&rows[first..][..width]));
    }
}

/// Copies a row without a call of `memcpy`, which takes longer than the copy of a few numbers.
#[inline]
fn copy_narrow<T: Copy>(out: &mut [T], row: &[T]) {
    let ((out_fours, out_rest), (fours, rest)) = (out.as_chunks_mut::<4>(), row.as_chunks::<4>());
    out_fours.iter_mut().zip(fours).for_each(|(out, four)| *out = *four);
    // The compiler would replace a loop over the rest by a call.
    let ((out_pairs, out_last), (pairs, last)) = (out_rest.as_chunks_mut::<2>(), rest.as_chunks::<2>());
    if let ([out], [pair]) = (out_pairs, pairs) {
        *out = *pair;
    }
    if let ([out], [one]) = (out_last, last) {
        *out = *one;
    }
}
