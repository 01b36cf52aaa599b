//! Rewards: terms that the game writes and a run weights.

use ludus_spec::RewardTerm;

pub use ludus_derive::Reward;

/// The terms of a reward, each a number that the game adds to.
///
/// The game writes the terms without weights; a run's config has the weight of each. Derive it on a struct whose fields
/// are all `f32`; an agent's reward is a component besides.
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::Reward;
///
/// #[derive(Component, Reward, Default)]
/// struct PlateReward {
///     /// 1 for every step that the ball is on the plate.
///     balanced: f32,
///     /// 1 when it falls.
///     dropped: f32,
/// }
///
/// let mut reward = PlateReward { balanced: 1.0, dropped: 0.0 };
/// let mut terms = [0.0; PlateReward::TERMS];
/// reward.take(&mut terms);
/// assert_eq!((terms, reward.balanced), ([1.0, 0.0], 0.0));
/// assert_eq!(PlateReward::terms()[1].name, "dropped");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a reward",
    label = "not a `Reward`",
    note = "write `#[derive(Reward)]` on a struct with named fields, all of them `f32`"
)]
pub trait Reward {
    /// The count of terms.
    const TERMS: usize;

    /// Returns the names and the documentation of the terms, in order.
    fn terms() -> Vec<RewardTerm>;

    /// Moves the values to the first [`TERMS`](Self::TERMS) numbers of `terms`, and leaves zeros.
    ///
    /// # Panics
    ///
    /// If `terms` is shorter.
    fn take(&mut self, terms: &mut [f32]);
}
