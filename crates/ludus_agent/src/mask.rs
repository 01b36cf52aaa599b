//! Masks: which choices of an action are allowed.

mod choices;

use bevy::prelude::*;

use crate::action::Action;

pub use choices::{Choice, Choices};

/// Which choices of the action `A` a policy may make in the coming step: an optional component of an agent.
///
/// The agent requires it, and the game's systems in [`Sense`](crate::Sense) write it, as they write the observation.
/// What is forbidden is never chosen, neither in training nor in play, and nothing is learned about it.
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
/// The mask of a unit enum is its [`Choices`]. That of a struct has a field for each field that is a choice, of the same
/// name: `mask.gear.forbid(Gear::Reverse)`. A nested action's is a mask of its own.
///
/// - By default everything is allowed. What was written stays, from step to step and from episode to episode.
/// - At least one option of each choice has to be allowed. Where none is, all count as allowed, and it is reported as a
///   [fault](crate::FaultPlace::Mask).
/// - It binds the policy. Who else writes actions, a player or a script, looks by itself; and an agent that idles has the
///   default action, allowed or not.
#[derive(Component, Deref, DerefMut)]
pub struct ActionMask<A: Action>(A::Mask);

impl<A: Action> Default for ActionMask<A> {
    fn default() -> Self {
        Self(A::Mask::default())
    }
}

/// What can be forbidden of an action: [`Choices`], or a struct of such, which the derive of
/// [`Action`](macro@crate::Action) makes.
pub trait Mask {
    /// Allows everything.
    fn allow_all(&mut self);

    /// Writes a flag per choice, whether it is allowed, to the start of `row`; what is left of it.
    ///
    /// # Panics
    ///
    /// If `row` is shorter.
    fn write<'row>(&self, row: &'row mut [bool]) -> &'row mut [bool];
}

/// For actions that choose nothing.
impl Mask for () {
    fn allow_all(&mut self) {}

    fn write<'row>(&self, row: &'row mut [bool]) -> &'row mut [bool] {
        row
    }
}
