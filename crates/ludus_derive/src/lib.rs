//! The derive macros of `bevy_ludus`: they make a game's own types observations, actions and rewards of agents.
//!
//! Each derive reads names, documentation and types off the item it stands on, so that the layout of a row is written
//! nowhere else. Every problem of an item is reported at once, each with its remedy.
//!
//! | derive | on | what it generates |
//! |---|---|---|
//! | [`Agent`](macro@Agent) | the component that makes an entity an agent | its observation, action and reward |
//! | [`Observation`](macro@Observation) | a struct with named fields, a unit enum | the columns of an observation row |
//! | [`Action`](macro@Action) | a struct with named fields, a unit enum | the columns of an action row |
//! | [`Reward`](macro@Reward) | a struct of `f32` fields | the terms that a run weights |
//! | [`Team`](macro@Team) | a unit enum | the sides of a match |
//! | [`EpisodeParameters`](macro@EpisodeParameters) | a struct of numbers | the numbers that a run draws for each episode |
//!
//! `ludus_agent` has the traits of the same names, with examples; it re-exports these macros, and `bevy_ludus` does
//! too. The generated code finds its traits through whichever of the two the crate depends on, under any name.

mod action;
mod agent;
mod documentation;
mod errors;
mod library;
mod observation;
mod parameters;
mod range;
mod reward;
mod settings;
mod shape;
mod team;

use proc_macro::TokenStream;
use syn::DeriveInput;

/// Implements `Agent`: names the observation, action and reward of a component.
///
/// ```text
/// #[derive(Component, Agent)]
/// #[agent(observation = PlateSenses, action = Tilt, reward = PlateReward)]
/// pub struct Plate;
/// ```
///
/// | `#[agent(…)]` | value |
/// |---|---|
/// | `observation = T` | the observation: a component that derives `Observation` and `Default` |
/// | `action = T` | the action: a component that derives `Action` and `Default` |
/// | `reward = T` | the reward: a component that derives `Reward` and `Default` |
/// | `team = T` | the side that the agent is on in a match: a component that derives `Team` |
///
/// The first three are needed. The type's name is the agent's name, which keys its section of a run's config, so it can't be
/// generic.
#[proc_macro_derive(Agent, attributes(agent))]
pub fn derive_agent(input: TokenStream) -> TokenStream {
    derive(input, agent::expand)
}

/// Implements `Observation`: the fields of a struct become columns of a row, in their order.
///
/// | field | columns |
/// |---|---|
/// | `f32` | 1 |
/// | `bool` | 1: 0 or 1 |
/// | `Vec2`, `Vec3`, `Vec3A`, `Vec4` | 2, 3, 3, 4 |
/// | `Quat` | 4: x, y, z, w |
/// | `Grid<HEIGHT, WIDTH, CHANNELS>` | as many as it has numbers, in one field with that shape |
/// | `SetOf<T, N>` | those of `N` elements, then their count, in one field |
/// | a unit enum that derives `Observation` | one per variant: 1 for the value's own, 0 for the others |
/// | a struct that derives `Observation` | its fields', each named `field.inner` |
/// | `[T; N]` of these | N times as many: one field of numbers, or `field.0`, `field.1`, … of anything wider |
///
/// | `#[observation(…)]` on a field | meaning |
/// |---|---|
/// | `range = low..=high` | every value of the field lies there: a promise for charts and scaling, not enforced |
/// | `critic` | only the critic reads the field, in training: the policy decides without it, and a shipped policy knows nothing of it |
///
/// A field's documentation goes into the spec: say its unit and what it is relative to.
#[proc_macro_derive(Observation, attributes(observation))]
pub fn derive_observation(input: TokenStream) -> TokenStream {
    derive(input, observation::expand)
}

/// Implements `Action`: columns of a row become the fields of a struct, or the variant of a unit enum, and back.
///
/// An attribute on every field of a struct says how the field is decided. Several fields make an action hybrid or
/// multi-branch.
///
/// | `#[action(…)]` on a field | its type | how it is decided |
/// |---|---|---|
/// | `continuous` | `f32`, `Vec2`, `Vec3`, `Vec4`, `[f32; N]` | a number in -1..=1 per dimension |
/// | `continuous, range = low..=high` | the same | the policy's -1..=1 is stretched to that range |
/// | `discrete` | `bool`, a unit enum that derives `Action` | one of its choices |
/// | `discrete = 5` | `u8`, `u16`, `u32`, `usize` | one of 0, 1, 2, 3, 4 |
/// | `nested` | a type that derives `Action` | as that type says; its fields are named `field.inner` |
///
/// A unit enum takes no attributes: it is one choice among its variants, as an action of its own or as a field.
#[proc_macro_derive(Action, attributes(action))]
pub fn derive_action(input: TokenStream) -> TokenStream {
    derive(input, action::expand)
}

/// Implements `Reward`: every field of the struct, all of them `f32`, is a term of the reward.
///
/// | `#[reward(…)]` on a field | meaning |
/// |---|---|
/// | `team` | each member of a team is given the sum of what all members wrote in a tick |
///
/// There is no attribute for weights: they belong to the run's config, so that re-weighting needs no rebuild. The first
/// sentence of a field's documentation should say when the term is given, and how much of it.
#[proc_macro_derive(Reward, attributes(reward))]
pub fn derive_reward(input: TokenStream) -> TokenStream {
    derive(input, reward::expand)
}

/// Implements `EpisodeParameters`: every field of the struct is a number that a run may draw for each episode.
///
/// | field | values |
/// |---|---|
/// | `f32` | any |
/// | `u32`, `i32`, `usize` | rounded to the nearest |
/// | `bool` | true from 0.5 on |
///
/// | `#[parameter(…)]` on a field | meaning |
/// |---|---|
/// | `range = low..=high` | values beyond it make no sense: configs with such values are refused |
///
/// The component needs `Default`, which has the values of a game that is played. The type's name is in configs, as in
/// `Course.wall_height`, so it can't be generic.
#[proc_macro_derive(EpisodeParameters, attributes(parameter))]
pub fn derive_episode_parameters(input: TokenStream) -> TokenStream {
    derive(input, parameters::expand)
}

/// Implements `Team`: each variant of a unit enum is a side of a match, of which there are 2 to 8.
///
/// The enum is a component of the agents; its variants' names are in ladders and evaluations. It needs `Component`,
/// `Clone` and `Copy`.
#[proc_macro_derive(Team)]
pub fn derive_team(input: TokenStream) -> TokenStream {
    derive(input, team::expand)
}

fn derive(input: TokenStream, expand: fn(&DeriveInput) -> syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    let expanded = syn::parse(input).and_then(|item| expand(&item));
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
