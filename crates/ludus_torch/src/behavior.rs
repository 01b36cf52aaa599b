//! The behaviour policy: the choice of actions in a rollout, from a network's results.

use tch::Tensor;

use crate::network::Forward;

/// Chooses the actions of rows.
pub(crate) trait BehaviorPolicy {
    /// Returns the columns of an action row.
    fn action_width(&self) -> usize;

    /// For each uniform draw of a row, the index of the child of the row's seed that the draw derives from.
    fn children(&self) -> &[u64];

    /// Chooses an action for each row.
    fn decide(&self, forward: &Forward, rows: BehaviorRows<'_>) -> Decisions;

    /// Returns the values of rows: `[rows, values]`.
    fn values(&self, forward: &Forward, masks: Option<&Tensor>) -> Tensor;
}

/// The inputs of a decision besides the network's results.
#[derive(Clone, Copy)]
pub(crate) struct BehaviorRows<'a> {
    /// Uniform draws: `[rows, children]`.
    pub draws: &'a Tensor,
    pub log_std: Option<&'a Tensor>,
    /// 1 for each choice that is allowed, else 0: `[rows, mask width]`. Without masks, all choices are allowed.
    pub masks: Option<&'a Tensor>,
}

/// The actions of rows, `[rows, action width]`, their log-probabilities, `[rows, 1]`, and the rows' values,
/// `[rows, values]`.
pub(crate) struct Decisions {
    pub actions: Tensor,
    pub log_probs: Tensor,
    pub values: Tensor,
}
