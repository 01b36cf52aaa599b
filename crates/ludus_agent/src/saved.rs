//! What a saved game needs of an agent.

use bevy::prelude::*;

use crate::{AgentKinds, Episode, EpisodeRng, Slot};

/// The state of an agent that the library keeps, for a saved game. [`save_agent`] makes it.
///
/// Insert it into an agent of the same kind, one that is there or a new one, to restore it. Before the next tick, the
/// agent gets a row if it has none, and continues the saved episode: with its number and steps, its random numbers, its
/// identity, what it observed last, the choices that it is allowed, and the action that it carries out. Then the
/// component is removed. The row may be another one than before, since nothing depends on it.
///
/// Save the resource [`StepClock`](crate::StepClock) with it: decisions come after the same ticks. What is not part of it
/// is the game's own state, the [`Controller`](crate::Controller), and what a policy remembers (`PolicyState` of
/// `ludus_play`). What was rewarded before is lost: the return of the episode counts from here on.
///
/// If the kind has another layout than when it was saved, the agent restarts.
#[derive(Component, Reflect, Clone, Debug, Default, PartialEq)]
#[component(clone_behavior = Ignore)]
#[reflect(Component, Clone, Debug, Default, PartialEq)]
pub struct SavedAgent {
    pub(crate) episode: Episode,
    pub(crate) rng: EpisodeRng,
    /// The observation row of the next decision.
    pub(crate) observation: Vec<f32>,
    /// The mask row of the next decision.
    pub(crate) mask: Vec<bool>,
    /// The action row of the last decision.
    pub(crate) action: Vec<f32>,
}

/// Returns what the library keeps of an agent; `None` if the entity is no agent that has a row.
///
/// ```
/// # use bevy::prelude::*;
/// # use ludus_agent::{SavedAgent, StepClock, save_agent};
/// # #[derive(Component)] struct Lander;
/// /// What a saved game has. All of it is reflected.
/// struct Saved {
///     clock: StepClock,
///     landers: Vec<(SavedAgent, Transform)>,
/// }
///
/// fn save(world: &mut World) -> Saved {
///     let mut landers = world.query_filtered::<(Entity, &Transform), With<Lander>>();
///     let save = |(lander, place): (Entity, &Transform)| Some((save_agent(world, lander)?, *place));
///     Saved { clock: *world.resource(), landers: landers.iter(world).filter_map(save).collect() }
/// }
///
/// fn load(saved: Saved, world: &mut World) {
///     world.insert_resource(saved.clock);
///     for (agent, place) in saved.landers {
///         world.spawn((Lander, agent, place));
///     }
/// }
/// # let _: (fn(&mut World) -> Saved, fn(Saved, &mut World)) = (save, load);
/// ```
pub fn save_agent(world: &World, agent: Entity) -> Option<SavedAgent> {
    let row = world.get::<Slot>(agent)?.index();
    let entity = world.get_entity(agent).ok()?;
    let kind = world.resource::<AgentKinds>().iter().find(|kind| entity.contains_id(kind.component()))?;
    let rows = kind.rows(world);
    if rows.agent(row) != Some(agent) {
        return None;
    }
    let spec = rows.spec();
    let (senses, flags, acts) = (spec.observation_width(), spec.mask_width(), spec.action_width());
    Some(SavedAgent {
        episode: *entity.get()?,
        rng: entity.get::<EpisodeRng>()?.clone(),
        observation: rows.observations()[row * senses..][..senses].to_vec(),
        mask: rows.masks()[row * flags..][..flags].to_vec(),
        action: rows.actions()[row * acts..][..acts].to_vec(),
    })
}
