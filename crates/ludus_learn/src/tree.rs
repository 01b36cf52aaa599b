//! Sums in the order of a binary tree.

use core::ops::Range;

/// Returns the sum of `leaf(i)` over `leaves` along a binary tree: each half is summed by itself, then both are added.
///
/// The order of additions depends on the number of leaves alone. So half of the leaves have the same sum to the bit
/// wherever it is computed, on another thread or another machine.
///
/// # Panics
///
/// If there are no leaves.
pub fn sum_along_tree<T>(
    leaves: Range<usize>,
    leaf: &mut impl FnMut(usize) -> T,
    add: &mut impl FnMut(T, T) -> T,
) -> T {
    assert!(!leaves.is_empty(), "a sum of at least one leaf");
    if leaves.len() == 1 {
        return leaf(leaves.start);
    }
    let middle = leaves.start + leaves.len() / 2;
    let first = sum_along_tree(leaves.start..middle, leaf, add);
    let second = sum_along_tree(middle..leaves.end, leaf, add);
    add(first, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(leaves: usize) -> String {
        let add = |one: String, other: String| format!("({one}{other})");
        sum_along_tree(0..leaves, &mut |leaf| leaf.to_string(), &mut { add })
    }

    #[test]
    fn halves_are_added_up_first() {
        assert_eq!(sum(1), "0");
        assert_eq!(sum(2), "(01)");
        assert_eq!(sum(3), "(0(12))");
        assert_eq!(sum(4), "((01)(23))");
        assert_eq!(sum(7), "((0(12))((34)(56)))");
    }

    #[test]
    fn half_of_the_leaves_have_the_same_sum_elsewhere() {
        let numbers: Vec<f32> = (0..16_u8).map(|leaf| 0.1 * f32::from(leaf).exp()).collect();
        let of = |leaves| sum_along_tree(leaves, &mut |leaf: usize| numbers[leaf], &mut |one, other| one + other);
        assert_eq!(of(0..16).to_bits(), (of(0..8) + of(8..16)).to_bits());
    }
}
