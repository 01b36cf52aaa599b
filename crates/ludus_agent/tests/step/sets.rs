//! Sets in observations.

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentRows, Fault, FaultPlace, Observation, Reward, SenseAgents, SetOf,
    spec::Outcome::Running,
};

/// Sees more elements in every step.
#[derive(Component, Agent, Default)]
#[agent(observation = Numbers, action = Nothing, reward = NoReward)]
struct Reader;

#[derive(Component, Observation, Default)]
struct Numbers {
    here: f32,
    seen: [SetOf<Vec2, 2>; 2],
}

#[derive(Component, Action, Default)]
struct Nothing {
    #[action(continuous)]
    push: f32,
}

#[derive(Component, Reward, Default)]
struct NoReward {
    nothing: f32,
}

/// Fills the second set with as many elements as it was called before.
fn sense(mut calls: Local<usize>, mut readers: Query<&mut Numbers>) {
    for mut numbers in &mut readers {
        numbers.here = 5.0;
        numbers.seen[1].fill((0..*calls).map(|index| Vec2::splat(index as f32 + 1.0)));
    }
    *calls += 1;
}

/// The first set stays empty. In each of two steps the second gets more than fit.
#[test]
fn more_elements_than_fit_are_reported_once_and_learned_from() {
    let mut app = App::new();
    app.add_plugins(MinimalPlugins).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    app.add_agent::<Reader>().add_systems(SenseAgents, sense);
    app.world_mut().spawn_batch([Reader, Reader]);
    app.update();
    let mut faults = Vec::new();
    for expected in [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 2.0, 2.0, 2.0],
        [1.0, 1.0, 2.0, 2.0, 2.0],
        [1.0, 1.0, 2.0, 2.0, 2.0],
    ] {
        app.update();
        let mut rows = app.world_mut().resource_mut::<AgentRows<Reader>>();
        for row in rows.observations().chunks(11) {
            assert_eq!((row[..6].to_vec(), row[6..].to_vec()), (vec![5.0, 0.0, 0.0, 0.0, 0.0, 0.0], expected.to_vec()));
        }
        faults.extend(rows.drain_faults());
    }
    assert_eq!(faults, [Fault { row: 0, place: FaultPlace::Set(10), tick: 4 }]);
    let rows = app.world().resource::<AgentRows<Reader>>();
    assert_eq!((rows.fault_count(), rows.outcomes()), (0, &[Running, Running][..]));
    assert_eq!(rows.spec().observation_name(10).as_deref(), Some("seen.1.count"));
}
