//! The episode parameters of a world, and the distributions of their values.

use core::any::TypeId;
use core::fmt;
use core::ops::Range;

use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use ludus_spec::{Distribution, EpisodeParameter, Seed, StableHasher};

use super::{EpisodeParameters, HasEpisodes};

/// The episode parameters of a world, and the distributions of their values.
///
/// The driver of a world sets the distributions, and so may a game that is played. Values are drawn when an episode
/// starts, before its [`EpisodeStart`](crate::EpisodeStart) is sent; those of an arena also before observers of
/// `On<Add, Arena>` run. A parameter without a distribution is left as it is.
///
/// ```
/// # use bevy::prelude::*;
/// # use ludus_agent::{AgentAppExt, Arena, EpisodeParameters, ParameterPlan};
/// # #[derive(Component, EpisodeParameters, Default)]
/// # struct Course { wall_height: f32 }
/// # let mut app = App::new();
/// app.add_episode_parameters::<Arena, Course>();
/// app.world_mut().resource_mut::<ParameterPlan>().set("Course.wall_height", Some(2.5.into()))?;
/// # app.world_mut().spawn(Arena::default());
/// # assert_eq!(app.world_mut().query::<&Course>().single(app.world()).unwrap().wall_height, 2.5);
/// # Ok::<(), ludus_agent::UnknownParameter>(())
/// ```
#[derive(Resource, Clone, Debug, Default)]
pub struct ParameterPlan {
    sets: Vec<ParameterSet>,
    parameters: Vec<EpisodeParameter>,
    distributions: Vec<Option<Distribution>>,
    /// The number of the plan: see [`set_number`](Self::set_number).
    number: u32,
    /// The values of the first episode of each member, in place of drawn ones.
    given: Vec<Vec<f32>>,
    /// The values of the set that is being drawn.
    pub(super) drawn: Vec<f32>,
}

/// A component of episode parameters that a game has registered.
#[derive(Clone, Copy, Debug)]
pub struct ParameterSet {
    /// The name of what has the component: `Arena`, or that of a kind of agents.
    pub owner: &'static str,
    pub(super) owner_type: TypeId,
    /// The number of its first parameter among those of the world.
    first: usize,
    /// The count of its parameters.
    count: usize,
    pub(super) read: fn(&World, Entity, &mut [f32]) -> bool,
    pub(super) write: fn(&mut DeferredWorld, Entity, &[f32]),
}

impl ParameterSet {
    /// The numbers of its parameters among those of the world.
    pub const fn columns(&self) -> Range<usize> {
        self.first..self.first + self.count
    }
}

impl ParameterPlan {
    /// Adds the parameters of a component, unless they are there.
    pub(crate) fn add<O: HasEpisodes, P: EpisodeParameters>(&mut self) {
        let parameters = P::parameters();
        if self.parameters.iter().any(|known| parameters.iter().any(|new| new.name == known.name)) {
            return;
        }
        self.sets.push(ParameterSet {
            owner: O::OWNER,
            owner_type: TypeId::of::<O>(),
            first: self.parameters.len(),
            count: P::COUNT,
            read: read::<P>,
            write: write::<P>,
        });
        self.distributions.resize(self.parameters.len() + P::COUNT, None);
        self.drawn.resize(self.distributions.len(), 0.0);
        self.parameters.extend(parameters);
    }

    /// All parameters of the world, set by set in the order in which the game registers them.
    pub fn parameters(&self) -> &[EpisodeParameter] {
        &self.parameters
    }

    /// The components that hold them.
    pub fn sets(&self) -> &[ParameterSet] {
        &self.sets
    }

    /// The distribution of each parameter, in their order; `None` for those that are left as they are.
    pub fn distributions(&self) -> &[Option<Distribution>] {
        &self.distributions
    }

    /// Sets the distribution of the parameter with this name, such as `Course.wall_height`. `None` leaves the parameter
    /// as it is. It holds from the next start of an episode on.
    ///
    /// # Errors
    ///
    /// If there is no such parameter.
    pub fn set(&mut self, name: &str, distribution: Option<Distribution>) -> Result<(), UnknownParameter> {
        let Some(column) = self.parameters.iter().position(|parameter| parameter.name == name) else {
            let names = self.parameters.iter().map(|parameter| parameter.name.clone()).collect();
            return Err(UnknownParameter { name: name.to_owned(), names });
        };
        self.distributions[column] = distribution;
        Ok(())
    }

    /// Sets the number of the plan, by which a driver that changes distributions tells episodes apart:
    /// [`FinishedEpisode::plan`](crate::FinishedEpisode::plan) has the number with which an episode began. Later plans
    /// have greater numbers.
    pub const fn set_number(&mut self, number: u32) {
        self.number = number;
    }

    /// The number of the plan: see [`set_number`](Self::set_number).
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Sets the values of the first episode, in place of drawn ones: for each member of an arena the values of all
    /// parameters; the first are those of the arena itself. A world that plays an episode again needs them.
    pub fn give(&mut self, values: Vec<Vec<f32>>) {
        self.given = values;
    }

    /// Writes the values of a set for an episode with this seed over those that the component has.
    ///
    /// A value never lies beyond the range that its field states.
    pub(super) fn fill(&self, set: &ParameterSet, member: u32, seed: Seed, values: &mut [f32]) {
        if let Some(given) = self.given.get(member as usize).and_then(|given| given.get(set.columns())) {
            values.copy_from_slice(given);
            return;
        }
        let columns = set.columns();
        let parameters = self.parameters[columns.clone()].iter().zip(&self.distributions[columns]);
        for ((parameter, distribution), value) in parameters.zip(values) {
            if let Some(distribution) = distribution {
                let name = StableHasher::default().bytes(parameter.name.as_bytes()).finish();
                *value = distribution.draw(seed.derive(name));
                if let Some((low, high)) = parameter.range {
                    *value = value.clamp(low, high);
                }
            }
        }
    }
}

fn read<P: EpisodeParameters>(world: &World, owner: Entity, values: &mut [f32]) -> bool {
    let component = world.get::<P>(owner);
    if let Some(component) = component {
        component.write(values);
    }
    component.is_some()
}

fn write<P: EpisodeParameters>(world: &mut DeferredWorld, owner: Entity, values: &[f32]) {
    if let Some(mut component) = world.get_mut::<P>(owner) {
        component.read(values);
    }
}

/// A parameter that a world does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownParameter {
    /// The name that was looked for.
    pub name: String,
    /// The names of the parameters that there are.
    pub names: Vec<String>,
}

impl fmt::Display for UnknownParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, names } = self;
        match names.as_slice() {
            [] => write!(
                f,
                "there is no episode parameter `{name}`: the game has none; it registers them by \
                 `app.add_episode_parameters::<Arena, …>()`"
            ),
            names => write!(f, "there is no episode parameter `{name}`: the game has `{}`", names.join("`, `")),
        }
    }
}

impl core::error::Error for UnknownParameter {}
