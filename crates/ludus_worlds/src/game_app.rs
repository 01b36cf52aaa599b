//! The app that a world is made of: Bevy's parts without a window, and the game.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use bevy::diagnostic::FrameCountPlugin;
use bevy::ecs::schedule::Schedules;
use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::spec::Seed;
use ludus_agent::{Arenas, FirstEpisodes, SenseScoreTime, StepClock, WorldSeed};

use crate::error::explained;
use crate::states::{add_states_if_used, prepare_states};
use crate::ticks::replace_fixed_loop;
use crate::world_app::WorldApp;
use crate::{EpisodeOrigin, Game, WorldPanic, WorldSettings};

/// Builds the game's app with the parts of `DefaultPlugins` that need no window, no wall clock and no thread.
pub(crate) fn bare_app(game: &Game, settings: &WorldSettings, origin: &EpisodeOrigin) -> Result<WorldApp, WorldPanic> {
    let mut app = plain_app(settings, origin);
    let built = catch_panic(settings, origin.seed, || add_game(&mut app, game));
    // Wrapped even if it is half built, because the game's destructors may panic too.
    let app = WorldApp::new(app);
    built.map(|()| app)
}

fn add_game(app: &mut App, game: &Game) {
    game(app);
    add_states_if_used(app);
    add_transforms_if_used(app);
    // Bevy cuts a frame that lasts too long, by default 250 ms; a step may last longer.
    app.world_mut().resource_mut::<Time<Virtual>>().set_max_delta(Duration::MAX);
    replace_fixed_loop(app);
    app.finish();
    app.cleanup();
}

/// Creates the app to which a game is added.
pub(crate) fn plain_app(settings: &WorldSettings, origin: &EpisodeOrigin) -> App {
    let interval = settings.ticks_per_step();
    let mut app = App::new();
    app.insert_resource(shared_types());
    app.add_plugins((TaskPoolPlugin::default(), FrameCountPlugin, TimePlugin));
    app.insert_resource(TimeUpdateStrategy::FixedTimesteps(interval.get()));
    app.insert_resource(WorldSeed(origin.seed)).insert_resource(FirstEpisodes(origin.numbers.clone()));
    app.insert_resource(Arenas(settings.arenas.clone()));
    app.insert_resource(StepClock::new(interval)).insert_resource(SenseScoreTime::new(settings.clock));
    prepare_states(&mut app);
    app
}

/// Returns the type registry that all worlds share, because it is large and the same in each.
fn shared_types() -> AppTypeRegistry {
    static TYPES: OnceLock<AppTypeRegistry> = OnceLock::new();
    TYPES.get_or_init(AppTypeRegistry::default).clone()
}

/// Adds the plugin that propagates transforms, unless nothing in the game uses `GlobalTransform`.
///
/// In thousands of small worlds it would cost memory and time.
fn add_transforms_if_used(app: &mut App) {
    let world = app.world_mut();
    let labels: Vec<_> = world.resource::<Schedules>().iter().map(|(_, schedule)| schedule.label()).collect();
    for label in labels {
        // Systems name the components that they use when they are initialized.
        // A problem of the schedule is reported when it runs.
        let _ = world.schedule_scope(label, |world, schedule| schedule.initialize(world));
    }
    if world.components().component_id::<GlobalTransform>().is_some() && !app.is_plugin_added::<TransformPlugin>() {
        app.add_plugins(TransformPlugin);
    }
}

pub(crate) fn catch_panic<T>(settings: &WorldSettings, seed: Seed, build: impl FnOnce() -> T) -> Result<T, WorldPanic> {
    catch_unwind(AssertUnwindSafe(build)).map_err(|panic| WorldPanic {
        world: settings.world,
        arena: only_arena(settings),
        tick: 0,
        seed: seed.bits(),
        message: explained(&*panic),
    })
}

pub(crate) fn only_arena(settings: &WorldSettings) -> Option<u32> {
    let mut arenas = settings.arenas.clone();
    arenas.next().filter(|_| arenas.next().is_none())
}
