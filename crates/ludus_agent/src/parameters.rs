//! Episode parameters: components whose numbers a run draws for each episode.

mod arenas;
mod draw;
mod plan;

use bevy::ecs::component::Mutable;
use bevy::prelude::*;
use ludus_spec::EpisodeParameter;

use crate::Agent;

pub(crate) use arenas::{comes_next, draw_arena_parameters, draw_for_arena, note_parameters};
pub(crate) use draw::{EpisodeStarts, draw_parameters};
pub use ludus_derive::EpisodeParameters;
pub use plan::{ParameterPlan, ParameterSet, UnknownParameter};

/// Numbers by which a game varies from episode to episode, such as the height of a wall.
///
/// Derive it on a component, and register it by
/// [`add_episode_parameters`](crate::AgentAppExt::add_episode_parameters). A run's config says which values episodes
/// have. In a game that is played, they are those of the component's default, or those that the game has set in the
/// [`ParameterPlan`].
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::{AgentAppExt, Arena, EpisodeParameters};
///
/// #[derive(Component, EpisodeParameters)]
/// struct Course {
///     /// Height of the wall [m].
///     #[parameter(range = 0.0..=4.0)]
///     wall_height: f32,
/// }
///
/// impl Default for Course {
///     fn default() -> Self {
///         Self { wall_height: 4.0 }
///     }
/// }
///
/// fn build_wall(arena: On<Add, Arena>, courses: Query<&Course>) -> Result {
///     let wall_height = courses.get(arena.entity)?.wall_height; // drawn for the first episode
///     # assert_eq!(wall_height, 4.0);
///     Ok(())
/// }
///
/// let mut app = App::new();
/// app.add_episode_parameters::<Arena, Course>().add_observer(build_wall);
/// # app.world_mut().spawn(Arena::default());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of episode parameters",
    label = "not `EpisodeParameters`",
    note = "write `#[derive(EpisodeParameters)]` on a component with named fields that has `Default`"
)]
pub trait EpisodeParameters: Component<Mutability = Mutable> + Default {
    /// The component's name in configs: the type's name.
    const NAME: &'static str;
    /// The count of parameters.
    const COUNT: usize;

    /// Returns the parameters, in the order of the fields.
    fn parameters() -> Vec<EpisodeParameter>;

    /// Sets the fields to the first [`COUNT`](Self::COUNT) numbers of `values`.
    ///
    /// # Panics
    ///
    /// If `values` is shorter.
    fn read(&mut self, values: &[f32]);

    /// Writes the fields to the first [`COUNT`](Self::COUNT) numbers of `values`.
    ///
    /// # Panics
    ///
    /// If `values` is shorter.
    fn write(&self, values: &mut [f32]);
}

/// A type of a field of [`EpisodeParameters`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an episode parameter",
    note = "episode parameters are numbers: `f32`, `u32`, `i32`, `usize` or `bool`"
)]
pub trait ParameterValue {
    /// Returns the value for a number of a config.
    fn from_number(number: f32) -> Self;

    /// Returns the value as a number.
    fn number(&self) -> f32;
}

impl ParameterValue for f32 {
    fn from_number(number: f32) -> Self {
        number
    }

    fn number(&self) -> f32 {
        *self
    }
}

/// True from 0.5 on.
impl ParameterValue for bool {
    fn from_number(number: f32) -> Self {
        number >= 0.5
    }

    fn number(&self) -> f32 {
        f32::from(u8::from(*self))
    }
}

macro_rules! whole_numbers {
    ($($type:ty),*) => {$(
        /// Rounded to the nearest; the least or the greatest number of the type stands for numbers beyond them.
        impl ParameterValue for $type {
            fn from_number(number: f32) -> Self {
                number.round() as Self
            }

            fn number(&self) -> f32 {
                *self as f32
            }
        }
    )*};
}

whole_numbers!(u32, i32, usize);

/// A component that has episodes: an [`Arena`](crate::Arena), or an [`Agent`].
pub trait HasEpisodes: Component {
    /// The name in messages: `Arena`, or that of the kind of agents.
    const OWNER: &'static str;
}

impl<A: Agent> HasEpisodes for A {
    const OWNER: &'static str = A::NAME;
}
