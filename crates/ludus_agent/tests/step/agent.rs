//! The components that an agent requires.

use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Controller, EpisodeRng, EpisodeScope, EpisodeStart, InArena, Observation, Reward,
};
use rand::RngExt;

/// Requires a controller and an episode scope of its own choice.
#[derive(Component, Agent, Default)]
#[require(Controller::Idle, EpisodeScope::Arena)]
#[agent(observation = Height, action = Turn, reward = Nothing)]
struct Wheel;

#[derive(Component, Agent, Default)]
#[agent(observation = Height, action = Turn, reward = Nothing)]
struct Spoke;

#[derive(Component, Observation, Default)]
struct Height {
    level: f32,
}

#[derive(Component, Action, Default)]
struct Turn {
    #[action(continuous)]
    rate: f32,
}

#[derive(Component, Reward, Default)]
struct Nothing {
    nothing: f32,
}

#[test]
fn what_an_agent_requires_by_itself_has_its_own_value() {
    let mut app = App::new();
    app.add_agent::<Wheel>();
    let wheel = app.world_mut().spawn(Wheel).id();
    assert_eq!(app.world().get::<Controller>(wheel), Some(&Controller::Idle));
    assert_eq!(app.world().get::<EpisodeScope>(wheel), Some(&EpisodeScope::Arena));
    assert_eq!(app.world().get::<Turn>(wheel).map(|turn| turn.rate), Some(0.0));
}

#[derive(Resource, Default)]
struct Draws(Vec<u64>);

fn draw<A: Agent>(on: On<EpisodeStart<A>>, mut rngs: Query<&mut EpisodeRng>, mut draws: ResMut<Draws>) -> Result {
    draws.0.push(rngs.get_mut(on.entity)?.random());
    Ok(())
}

/// Two kinds, in an arena and outside of it.
#[test]
fn no_two_agents_of_a_world_draw_the_same_numbers() {
    let mut app = App::new();
    app.add_plugins(TimePlugin).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    app.add_agent::<Wheel>().add_agent::<Spoke>().init_resource::<Draws>();
    app.add_observer(draw::<Wheel>).add_observer(draw::<Spoke>);
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Wheel, InArena(on.entity)));
        commands.spawn((Spoke, InArena(on.entity)));
    });
    app.world_mut().spawn(Wheel);
    app.world_mut().spawn(Spoke);
    (0..3).for_each(|_| app.update());
    let mut draws = core::mem::take(&mut app.world_mut().resource_mut::<Draws>().0);
    assert_eq!(draws.len(), 4);
    draws.sort_unstable();
    draws.dedup();
    assert_eq!(draws.len(), 4);
}
