//! Once there are no more agents than before, a decision does not allocate.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]
#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

use core::num::NonZeroU32;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bevy::ecs::schedule::{Schedules, SingleThreadedExecutor};
use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentSystems, Controller, Episode, Observation, Reward, ScoreAgents, StepClock,
};
use ludus_net::{Network, NetworkConfig};
use ludus_play::{PolicyAsset, PolicyPlugin, PolicyRunner, PolicySystems};
use ludus_policy::{Origin, PolicyFile};
use ludus_spec::Seed;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: passes everything on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are those that the system's allocator needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above; `place` came from the same allocator.
        unsafe { System.dealloc(place, layout) }
    }
}

const AGENTS: usize = 300;

#[derive(Component, Agent, Default)]
#[agent(observation = Seen, action = Done, reward = Nothing)]
struct Walker;

#[derive(Component, Observation, Default)]
struct Seen {
    place: Vec3,
}

#[derive(Component, Action, Default)]
struct Done {
    #[action(continuous)]
    speed: Vec2,
    #[action(discrete)]
    jumps: bool,
}

#[derive(Component, Reward, Default)]
struct Nothing {
    nothing: f32,
}

/// Allocations of the decisions so far, and how many decisions there were.
#[derive(Resource, Default, Clone, Copy)]
struct Decisions {
    before: u64,
    allocations: u64,
    count: u64,
}

// Exclusive systems, so that they run on the thread that decides.
fn begin(world: &mut World) {
    world.resource_mut::<Decisions>().before = ALLOCATIONS.get();
}

fn end(world: &mut World) {
    let is_step = world.resource::<StepClock>().is_first_tick();
    let mut decisions = world.resource_mut::<Decisions>();
    decisions.allocations += ALLOCATIONS.get() - decisions.before;
    decisions.count += u64::from(is_step);
}

fn policy() -> PolicyAsset {
    let (spec, network) = (Walker::spec(), NetworkConfig::default());
    let layout = ludus_net::Layout::new(3, &spec.heads(), &network).expect("there is such a network");
    let parameters = Network::new(layout, Seed::new(1)).parameters().to_vec();
    let decision_interval = NonZeroU32::new(2).expect("not zero");
    let origin = Origin::default();
    let file = PolicyFile {
        spec,
        network: network.into(),
        parameters,
        normalizer: None,
        decision_interval,
        tick_rate_hz: 64.0,
        origin,
    };
    PolicyAsset::new(&file, "policy").expect("the file is whole")
}

#[test]
fn a_decision_does_not_allocate() {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, AssetPlugin::default())).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    app.add_agent::<Walker>().add_plugins(PolicyPlugin).init_resource::<Decisions>();
    let decide = PolicySystems::Decide;
    app.add_systems(FixedPreUpdate, (begin.before(decide), end.after(decide).before(AgentSystems::Act)));
    // Episodes end often, and agents change their policy.
    app.add_systems(ScoreAgents, |mut episodes: Query<&mut Episode>| {
        episodes.iter_mut().filter(|episode| episode.steps() == 3).for_each(|mut episode| episode.terminate());
    });
    let mut policies = app.world_mut().resource_mut::<Assets<PolicyAsset>>();
    let policies = [policies.add(policy()), policies.add(policy())];
    let runner = |index: usize| {
        let runner = PolicyRunner::new(policies[index % 2].clone());
        if index.is_multiple_of(3) { runner.sampled(index as u64) } else { runner }
    };
    let agents = (0..AGENTS).map(|index| app.world_mut().spawn((Walker, runner(index))).id()).collect::<Vec<_>>();
    // Only the decision is counted, not allocations of an executor for other threads.
    for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
    (0..40).for_each(|_| app.update());
    app.insert_resource(Decisions::default());
    for (step, agent) in agents.into_iter().take(40).enumerate() {
        let controller = if step % 2 == 0 { Controller::External } else { Controller::Policy };
        *app.world_mut().get_mut::<Controller>(agent).expect("it is an agent") = controller;
        app.update();
    }
    let Decisions { allocations, count, .. } = *app.world().resource::<Decisions>();
    assert_eq!(count, 20, "one every other tick");
    assert_eq!(allocations, 0);
}
