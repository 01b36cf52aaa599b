//! A counter that a policy adds to: small enough to compute every number by hand.

use core::num::NonZeroU32;

use bevy::ecs::entity_disabling::Disabled;
use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::spec::Outcome;
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentRows, Arena, Arenas, Episode, EpisodeStart, InArena, Observation, Reward, Rows,
    ScoreAgents, SenseAgents, StepClock,
};

/// Adds up its actions.
#[derive(Component, Agent, Default, Clone)]
#[require(Total)]
#[agent(observation = Sum, action = Add, reward = Gain)]
pub struct Counter;

#[derive(Component, Default, Clone)]
pub struct Total {
    pub sum: f32,
    pub ticks: u32,
}

#[derive(Component, Observation, Default, Clone)]
pub struct Sum {
    pub sum: f32,
    /// Ticks since the start.
    pub ticks: f32,
}

#[derive(Component, Action, Default, Clone)]
pub struct Add {
    #[action(continuous)]
    pub amount: f32,
}

#[derive(Component, Reward, Default, Clone)]
pub struct Gain {
    pub added: f32,
    pub ticks: f32,
}

/// The sum at which an episode terminates.
pub const GOAL: f32 = 2.0;

pub fn counter(app: &mut App) {
    app.add_agent::<Counter>()
        .add_observer(|on: On<bevy::prelude::Add, Arena>, mut commands: Commands| {
            commands.spawn((Counter, InArena(on.entity)));
        })
        .add_observer(|on: On<EpisodeStart<Counter>>, mut totals: Query<&mut Total>| -> Result {
            *totals.get_mut(on.entity)? = Total::default();
            Ok(())
        })
        .add_systems(FixedUpdate, |mut counters: Query<(&mut Total, &Add)>| {
            for (mut total, add) in &mut counters {
                total.sum += add.amount;
                total.ticks += 1;
            }
        })
        .add_systems(ScoreAgents, |mut counters: Query<(&Total, &Add, &mut Gain, &mut Episode)>| {
            for (total, add, mut gain, mut episode) in &mut counters {
                *gain = Gain { added: add.amount, ticks: 1.0 };
                if total.sum >= GOAL {
                    episode.terminate();
                }
            }
        })
        .add_systems(SenseAgents, |mut counters: Query<(&Total, &mut Sum)>| {
            for (total, mut sum) in &mut counters {
                *sum = Sum { sum: total.sum, ticks: total.ticks as f32 };
            }
        });
}

/// Returns the game with this count of arenas, before its first step.
pub fn app(arenas: u32, decision_interval: u32) -> App {
    let mut app = unstarted(arenas, decision_interval);
    // Bevy's first update runs `Startup` and no fixed tick.
    app.update();
    app
}

/// Returns the game before its `Startup`.
pub fn unstarted(arenas: u32, decision_interval: u32) -> App {
    let mut app = App::new();
    app.add_plugins(TimePlugin).insert_resource(TimeUpdateStrategy::FixedTimesteps(decision_interval));
    app.insert_resource(Arenas(0..arenas));
    app.insert_resource(StepClock::new(NonZeroU32::new(decision_interval).expect("an interval of at least 1")));
    counter(&mut app);
    app
}

pub fn rows(app: &App) -> &Rows {
    app.world().resource::<AgentRows<Counter>>()
}

pub fn rows_mut(app: &mut App) -> &mut Rows {
    app.world_mut().resource_mut::<AgentRows<Counter>>().into_inner()
}

/// Takes a step in which every policy adds `amount`.
pub fn step(app: &mut App, amount: f32) {
    rows_mut(app).actions_mut().fill(amount);
    app.update();
}

/// Returns the outcome, the reward and the observation of the first row.
pub fn first(app: &App) -> (Outcome, f32, [f32; 2]) {
    let rows = rows(app);
    (rows.outcomes()[0], rows.rewards()[0], [rows.observations()[0], rows.observations()[1]])
}

/// Returns all counters, `Disabled` ones included.
pub fn counters(app: &mut App) -> Vec<Entity> {
    app.world_mut().query_filtered::<Entity, (With<Counter>, Allow<Disabled>)>().iter(app.world()).collect()
}

/// Returns steps, outcome and return of the episodes that were finished since the last call.
pub fn finished(app: &mut App) -> Vec<(u32, Outcome, f32)> {
    let mut finished = Vec::new();
    rows_mut(app).drain_episodes(|episode, _| finished.push((episode.steps, episode.outcome, episode.reward)));
    finished
}
