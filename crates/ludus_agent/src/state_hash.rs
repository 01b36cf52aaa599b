//! State hashes, to compare two runs and to find the tick in which they first differ.

mod reflected;

use core::num::NonZeroU64;

use bevy::prelude::*;
use ludus_spec::StableHasher;

use crate::unfiltered::without_filters;
use crate::{AgentKinds, Rows, StepClock};

/// Chooses the components that state hashes include.
pub trait StateHashAppExt {
    /// Includes this component, of all entities that have it, in the state hashes that a run can log.
    ///
    /// The agents' observations, actions, rewards and outcomes are always included. It costs nothing in a run that logs
    /// no hashes, and in a game that is played. A value that reflection can't look into is hashed by its own `Hash` if
    /// it reflects that, else it is left out.
    ///
    /// ```
    /// use bevy::prelude::*;
    /// use ludus_agent::StateHashAppExt;
    ///
    /// #[derive(Component, Reflect)]
    /// struct Motion {
    ///     velocity: Vec3,
    /// }
    ///
    /// fn game(app: &mut App) {
    ///     app.hash_component::<Motion>();
    /// }
    /// # game(&mut App::new());
    /// ```
    fn hash_component<C: Component + Reflect + TypePath>(&mut self) -> &mut Self;
}

impl StateHashAppExt for App {
    fn hash_component<C: Component + Reflect + TypePath>(&mut self) -> &mut Self {
        let parts = &mut self.world_mut().get_resource_or_init::<HashedParts>().into_inner().0;
        let part = HashedPart { path: C::type_path(), name: C::short_type_path(), hash: hash_component::<C> };
        if parts.iter().all(|other| other.path != part.path) {
            parts.push(part);
        }
        self
    }
}

/// The components that the game chose, in order.
#[derive(Resource, Clone, Default)]
struct HashedParts(Vec<HashedPart>);

#[derive(Clone, Copy)]
struct HashedPart {
    path: &'static str,
    name: &'static str,
    hash: fn(&mut World) -> u64,
}

/// The hash of one part of a world's state at the end of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateHash {
    /// Ticks since the world was built.
    pub tick: u64,
    /// The part that was hashed, as an index into [`StateHashes::parts`].
    pub part: u32,
    /// The hash, as a [`StableHasher`] computes it.
    pub hash: u64,
}

/// The state hashes of a world, taken every few ticks. The driver of the world turns them on with [`hash_state_every`]
/// and takes them with [`drain`](Self::drain).
#[derive(Resource)]
pub struct StateHashes {
    every: NonZeroU64,
    parts: Vec<String>,
    taken: Vec<StateHash>,
}

impl StateHashes {
    /// The names of the parts that are hashed: those of the rows, then the components that the game chose.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Takes the hashes since the last call, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = StateHash> + '_ {
        self.taken.drain(..)
    }
}

/// Turns on state hashes of an app's world, taken at the end of every tick that `every` divides.
pub fn hash_state_every(app: &mut bevy::app::SubApp, every: NonZeroU64) {
    let world = app.world_mut();
    let chosen = world.get_resource_or_init::<HashedParts>().clone();
    let parts = RowPart::ALL.map(|part| part.name().to_owned()).into_iter().chain(chosen.names()).collect();
    app.insert_resource(StateHashes { every, parts, taken: Vec::new() });
    app.add_systems(FixedLast, hash_state.after(crate::AgentSystems::Sense).run_if(is_due));
}

fn is_due(clock: Res<StepClock>, hashes: Res<StateHashes>) -> bool {
    clock.ticks().is_multiple_of(hashes.every.get())
}

fn hash_state(world: &mut World) {
    let tick = world.resource::<StepClock>().ticks();
    let rows = RowPart::ALL.map(|part| part.hash(world));
    let chosen = world.resource::<HashedParts>().0.clone();
    let chosen = chosen.iter().map(|part| (part.hash)(world)).collect::<Vec<_>>();
    let numbered = (0..).zip(rows.into_iter().chain(chosen));
    let taken = numbered.map(|(part, hash)| StateHash { tick, part, hash }).collect::<Vec<_>>();
    world.resource_mut::<StateHashes>().taken.extend(taken);
}

impl HashedParts {
    /// Returns short names, or whole paths where two components have the same short name.
    fn names(&self) -> impl Iterator<Item = String> {
        let is_taken = |name| self.0.iter().filter(|part| part.name == name).count() > 1;
        self.0.iter().map(move |part| if is_taken(part.name) { part.path } else { part.name }.to_owned())
    }
}

/// The parts of the rows, of all kinds of agents together.
#[derive(Clone, Copy)]
enum RowPart {
    Observations,
    Actions,
    Rewards,
    Outcomes,
}

impl RowPart {
    const ALL: [Self; 4] = [Self::Observations, Self::Actions, Self::Rewards, Self::Outcomes];

    const fn name(self) -> &'static str {
        match self {
            Self::Observations => "observations",
            Self::Actions => "actions",
            Self::Rewards => "rewards",
            Self::Outcomes => "outcomes",
        }
    }

    fn hash(self, world: &World) -> u64 {
        let mut hasher = StableHasher::default();
        for kind in world.get_resource::<AgentKinds>().into_iter().flat_map(AgentKinds::iter) {
            self.hash_rows(kind.rows(world), &mut hasher);
        }
        hasher.finish()
    }

    fn hash_rows(self, rows: &Rows, hasher: &mut StableHasher) {
        match self {
            Self::Observations => hasher.floats(rows.observations()),
            Self::Actions => hasher.floats(rows.actions()),
            Self::Rewards => hasher.floats(rows.rewards()),
            Self::Outcomes => rows.outcomes().iter().fold(hasher, |hasher, &outcome| hasher.word(outcome as u64)),
        };
    }
}

/// Hashes a component of all entities, `Disabled` ones included. The hash of each entity includes its id. The hashes
/// are added up, so that the order in which entities are stored does not count.
fn hash_component<C: Component + Reflect>(world: &mut World) -> u64 {
    let mut all = without_filters(world, World::query::<(Entity, &C)>);
    let hash = |(entity, component): (Entity, &C)| {
        let mut hasher = StableHasher::default();
        hasher.word(entity.to_bits());
        reflected::hash(component.as_partial_reflect(), &mut hasher);
        hasher.finish()
    };
    all.iter(world).map(hash).fold(0, u64::wrapping_add)
}

#[cfg(test)]
mod tests {
    use bevy::ecs::entity_disabling::Disabled;
    use bevy::platform::collections::HashMap;

    use super::*;

    #[derive(Component, Reflect, Clone, Default)]
    struct Body {
        place: Vec3,
        turn: Quat,
        kind: Kind,
        parts: Vec<u8>,
        names: HashMap<String, f64>,
    }

    #[derive(Reflect, Clone, Default)]
    enum Kind {
        #[default]
        Still,
        Moving(f32),
    }

    fn hash_of(bodies: &[Body]) -> u64 {
        let mut world = World::new();
        for body in bodies {
            world.spawn(body.clone());
        }
        hash_component::<Body>(&mut world)
    }

    #[test]
    fn every_field_counts() {
        let body = Body { names: HashMap::from_iter([("mass".to_owned(), 1.0)]), ..Body::default() };
        let changes: [fn(&mut Body); 6] = [
            |body| body.place.z = 1e-30,
            |body| body.turn.w = 0.5,
            |body| body.kind = Kind::Moving(0.0),
            |body| body.kind = Kind::Moving(1.0),
            |body| body.parts.push(0),
            |body| *body.names.get_mut("mass").unwrap() = 2.0,
        ];
        let mut hashes = vec![hash_of(&[]), hash_of(core::slice::from_ref(&body))];
        for change in changes {
            let mut changed = body.clone();
            change(&mut changed);
            hashes.push(hash_of(&[changed]));
        }
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "{index}: {hashes:x?}");
        }
        assert_eq!(hash_of(core::slice::from_ref(&body)), hashes[1]);
    }

    #[test]
    fn which_entity_has_what_counts() {
        let (still, moving) = (Body::default(), Body { kind: Kind::Moving(1.0), ..Body::default() });
        assert_ne!(hash_of(&[still.clone(), moving.clone()]), hash_of(&[moving, still]));
    }

    #[test]
    fn what_is_disabled_counts() {
        let mut world = World::new();
        let body = world.spawn((Body::default(), Disabled)).id();
        let asleep = hash_component::<Body>(&mut world);
        assert_ne!(asleep, hash_of(&[]));
        world.entity_mut(body).remove::<Disabled>();
        assert_eq!(hash_component::<Body>(&mut world), asleep);
    }

    #[test]
    fn a_component_is_chosen_once_and_has_a_short_name() {
        let mut app = App::new();
        app.hash_component::<Body>().hash_component::<Name>().hash_component::<Body>();
        assert_eq!(app.world().resource::<HashedParts>().names().collect::<Vec<_>>(), ["Body", "Name"]);
    }
}
