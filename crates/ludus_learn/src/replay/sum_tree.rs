//! Sampling by priority.

/// Priorities of numbered leaves, with the sums of all subtrees: a draw by priority takes as many steps as the tree is
/// high.
///
/// # Source
///
/// Schaul et al. 2016, arXiv:1511.05952, appendix B.2.1.
#[derive(Clone, Debug)]
pub(crate) struct SumTree {
    /// The root is node 1, the children of node `n` are `2n` and `2n + 1`, and the leaves are the last half.
    nodes: Vec<f64>,
    leaves: usize,
}

impl SumTree {
    /// Makes a tree whose leaves all have the priority 0.
    pub fn new(leaves: usize) -> Self {
        let leaves = leaves.next_power_of_two();
        Self { nodes: vec![0.0; 2 * leaves], leaves }
    }

    /// Sets the priority of a leaf, which is finite and at least 0.
    pub fn set(&mut self, leaf: usize, priority: f64) {
        let mut node = self.leaves + leaf;
        self.nodes[node] = priority;
        while node > 1 {
            node /= 2;
            // Sums are made anew instead of changed by the difference, so that no rounding error stays.
            self.nodes[node] = self.nodes[2 * node] + self.nodes[2 * node + 1];
        }
    }

    /// Returns the priority of a leaf.
    pub fn priority(&self, leaf: usize) -> f64 {
        self.nodes[self.leaves + leaf]
    }

    /// Returns the priorities of all leaves.
    pub fn priorities(&self) -> &[f64] {
        &self.nodes[self.leaves..]
    }

    /// Returns the sum of all priorities.
    pub fn total(&self) -> f64 {
        self.nodes[1]
    }

    /// Returns the leaf in which a point in `0.0..total` falls, if the priorities lie one behind the other.
    ///
    /// It has a priority above 0, unless all are 0.
    pub fn leaf_at(&self, mut point: f64) -> usize {
        let mut node = 1;
        while node < self.leaves {
            let left = self.nodes[2 * node];
            // The point may be beyond the end by a rounding error; a subtree without priority is never entered.
            let goes_left = point < left || self.nodes[2 * node + 1] == 0.0;
            if !goes_left {
                point -= left;
            }
            node = 2 * node + usize::from(!goes_left);
        }
        node - self.leaves
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::Seed;

    use super::*;

    #[test]
    fn a_point_falls_in_a_leaf_in_proportion_to_its_priority() {
        let mut tree = SumTree::new(5);
        [(0, 1.0), (2, 3.0), (4, 2.0)].into_iter().for_each(|(leaf, priority)| tree.set(leaf, priority));
        assert_eq!(tree.total(), 6.0);
        let leaves = [0.0, 0.9, 1.0, 3.9, 4.0, 5.9, 6.0].map(|point| tree.leaf_at(point));
        assert_eq!(leaves, [0, 0, 2, 2, 4, 4, 4]);
        tree.set(2, 0.0);
        assert_eq!((tree.total(), tree.priority(2), tree.leaf_at(1.5)), (3.0, 0.0, 4));
    }

    #[test]
    fn sums_stay_exact_under_many_changes() {
        let mut tree = SumTree::new(100);
        for change in 0..10_000_u64 {
            let seed = Seed::new(change);
            tree.set(seed.derive(0).bits() as usize % 100, f64::from(seed.derive(1).uniform()));
        }
        let sum: f64 = (0..100).map(|leaf| tree.priority(leaf)).sum();
        assert!((tree.total() - sum).abs() < 1e-12);
    }
}
