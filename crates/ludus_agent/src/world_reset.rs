//! The event that resets a world to the state in which it was built.

use bevy::ecs::event::Event;

/// Triggered to reset a running world to the state in which it was built.
///
/// The window triggers it whenever it puts other arenas on screen: before a replay, before every jump back in one, and
/// before the arenas of the run come back. The old arenas have been despawned by then and the new ones have not been
/// spawned yet. A world that trains is built anew instead and never triggers it.
///
/// The physics of `ludus_rapier` empties its contexts. A game that keeps something outside its arenas on which an
/// episode depends resets it to its first state:
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::WorldReset;
///
/// /// Blows harder with every episode.
/// #[derive(Resource, Default)]
/// struct Wind(f32);
///
/// fn calm(_: On<WorldReset>, mut wind: ResMut<Wind>) {
///     *wind = Wind::default();
/// }
/// # let mut app = App::new();
/// # app.insert_resource(Wind(3.0)).add_observer(calm);
/// # app.world_mut().trigger(WorldReset);
/// # assert_eq!(app.world().resource::<Wind>().0, 0.0);
/// ```
#[derive(Event, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorldReset;
