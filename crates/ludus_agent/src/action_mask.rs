//! The component that forbids choices of an action.

use bevy::prelude::*;

use crate::action::Action;

/// The choices of the action `A` that a policy may make in the coming step: an optional component of an agent.
///
/// The agent requires it, and the game's systems in [`SenseAgents`](crate::SenseAgents) write it, as they write the
/// observation. A forbidden choice is never made, neither in training nor in play, and nothing is learned about it.
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::{Action, ActionMask, Agent, Observation, Reward};
///
/// /// Walks along a line.
/// #[derive(Component, Agent, Default)]
/// #[require(Transform, ActionMask<Step>)]
/// #[agent(observation = Place, action = Step, reward = Nothing)]
/// struct Walker;
///
/// #[derive(Component, Action, Default)]
/// enum Step {
///     #[default]
///     Stay,
///     Left,
///     Right,
/// }
///
/// /// There is a wall at 0.
/// fn sense(mut walkers: Query<(&Transform, &mut ActionMask<Step>)>) {
///     for (walker, mut mask) in &mut walkers {
///         mask.allow_all();
///         if walker.translation.x <= 0.0 {
///             mask.forbid(Step::Left);
///         }
///     }
/// }
/// # #[derive(Component, Observation, Default)]
/// # struct Place { x: f32 }
/// # #[derive(Component, Reward, Default)]
/// # struct Nothing { nothing: f32 }
/// # assert_eq!(Walker::spec().mask_width(), 3);
/// # let mut world = World::new();
/// # world.spawn((Transform::IDENTITY, ActionMask::<Step>::default()));
/// # world.run_system_cached(sense).unwrap();
/// # let mut masks = world.query::<&ActionMask<Step>>();
/// # assert!(!masks.single(&world).unwrap().is_allowed(Step::Left));
/// ```
///
/// The mask of a unit enum is its [`Choices`](crate::Choices). The mask of a struct has a field for each field that is a choice, of the
/// same name: `mask.gear.forbid(Gear::Reverse)`. The field of a nested action is that action's mask.
///
/// - By default everything is allowed. A mask keeps its value from step to step and from episode to episode.
/// - At least one option of each choice has to be allowed. If none is, all count as allowed, and the mask is reported
///   as a [fault](crate::FaultPlace::Mask).
/// - It restricts the policy alone. A player or a script that writes actions has to check the mask itself, and an idle
///   agent has the default action, allowed or not.
#[derive(Component, Deref, DerefMut)]
pub struct ActionMask<A: Action>(A::Mask);

impl<A: Action> Default for ActionMask<A> {
    fn default() -> Self {
        Self(A::Mask::default())
    }
}
