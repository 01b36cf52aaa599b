//! Sets that get more elements than fit are logged once.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use ludus_agent::{Action, Agent, AgentAppExt, Observation, Reward, SenseAgents, SetOf};
use ludus_play::PolicyPlugin;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

#[derive(Component, Agent, Default)]
#[agent(observation = Sight, action = Rest, reward = Nothing)]
struct Guard;

#[derive(Component, Observation, Default)]
struct Sight {
    thieves: SetOf<f32, 2>,
    dogs: SetOf<f32, 2>,
}

#[derive(Component, Action, Default)]
struct Rest {
    #[action(continuous)]
    rest: f32,
}

#[derive(Component, Reward, Default)]
struct Nothing {
    nothing: f32,
}

/// The texts of a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").expect("texts grow");
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        about.target().starts_with("ludus")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().expect("nobody panics").push(text.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn more_elements_than_fit_are_logged_once_with_agent_and_field() {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, AssetPlugin::default())).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    app.add_agent::<Guard>().add_plugins(PolicyPlugin);
    app.add_systems(SenseAgents, |mut guards: Query<&mut Sight>| {
        for mut sight in &mut guards {
            sight.thieves.fill([1.0, 2.0]);
            sight.dogs.fill([1.0, 2.0, 3.0]);
        }
    });
    app.world_mut().spawn_batch([Guard, Guard]);
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || (0..6).for_each(|_| app.update()));
    let told = log.0.lock().expect("nobody panics").clone();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("the set `dogs` of `Guard` in row 0 got more elements than fit at tick "), "{told:?}");
}
