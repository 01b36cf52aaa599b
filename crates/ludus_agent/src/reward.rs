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
///
/// # Terms of a team
///
/// A term with `#[reward(team)]` belongs to the team: in each tick, every member is given the sum of what the members
/// wrote. A team is all agents of the kind in an arena that are on the same side ([`Team`](crate::Team)), or all agents
/// of the kind in the arena if the kind has no sides. Agents whose episode is not going on write nothing, and are given
/// nothing. A member that is despawned or hidden in a tick still takes part in that tick.
///
/// ```
/// # use bevy::prelude::*;
/// # use ludus_agent::Reward;
/// #[derive(Component, Reward, Default)]
/// struct PushReward {
///     /// The value of a crate, for the member that pushed it into the goal last.
///     #[reward(team)]
///     delivered: f32,
///     /// 1 for every step.
///     time: f32,
/// }
///
/// assert_eq!(PushReward::TEAM_TERMS, [0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a reward",
    label = "not a `Reward`",
    note = "write `#[derive(Reward)]` on a struct with named fields, all of them `f32`"
)]
pub trait Reward {
    /// The count of terms.
    const TERMS: usize;

    /// The indices of the terms that a team shares: each member is given the sum of what all members wrote in a tick.
    const TEAM_TERMS: &'static [usize] = &[];

    /// Returns the names and the documentation of the terms, in order.
    fn terms() -> Vec<RewardTerm>;

    /// Moves the values to the first [`TERMS`](Self::TERMS) numbers of `terms`, and leaves zeros.
    ///
    /// # Panics
    ///
    /// If `terms` is shorter.
    fn take(&mut self, terms: &mut [f32]);
}
