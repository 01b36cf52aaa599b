//! What an agent is rewarded for: terms that a run weights.

use ludus_spec::RewardTerm;

pub use ludus_derive::Reward;

/// The terms of a reward, each a number that the game adds to.
///
/// The game says what happened, and a run's config says what it is worth: terms have no weights here. Derive it on a
/// struct whose fields are all `f32`; an agent's reward is a component besides.
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
    /// How many terms there are.
    const TERMS: usize;

    /// The terms, in order.
    fn terms() -> Vec<RewardTerm>;

    /// Moves what has been added up to the first [`TERMS`](Self::TERMS) of `terms`, and leaves zeros.
    ///
    /// # Panics
    ///
    /// If `terms` is shorter.
    fn take(&mut self, terms: &mut [f32]);
}
