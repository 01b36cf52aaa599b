//! Policies of trainings in which the critic saw more: in games with the fields for it, with others, and without.

use bevy::prelude::*;
use ludus_agent::{ActionMask, Agent, AgentAppExt, Observation, SenseAgents};
use ludus_net::{Layout, NetworkConfig};
use ludus_play::PolicyRunner;
use ludus_policy::PolicyFile;
use ludus_spec::AgentSpec;

use crate::game::{Game, Nothing, Place, Walk, line};

/// Walks along a line in a wind that only the critic feels.
#[derive(Component, Agent, Default)]
#[require(Place, ActionMask<Walk>)]
#[agent(observation = Weather, action = Walk, reward = Nothing)]
struct Sailor;

#[derive(Component, Observation, Default)]
struct Weather {
    #[observation(critic)]
    wind: Vec2,
    place: f32,
}

/// Returns the policy `velocity = ½·place + ⅛` of a training of these agents, with its critic.
fn trained(spec: AgentSpec) -> PolicyFile {
    let network = NetworkConfig { hidden: Vec::new(), ..NetworkConfig::default() };
    let layout = Layout::of_agent(&spec, &network).expect("there is such a network");
    let tensors = layout.tensors().map(|tensor| {
        let values = match tensor.name.as_str() {
            "actor.0.weight" => vec![0.5, 0.0, 0.0],
            "actor.0.bias" => vec![0.125, 1.0, 0.0],
            _ => vec![9.0; tensor.element_count()],
        };
        (tensor.name.clone(), tensor.shape.clone(), values)
    });
    let parameters = layout.import(&tensors.collect::<Vec<_>>()).expect("they are its tensors");
    PolicyFile { spec, network: network.into(), parameters, ..line(0.0, 0.0) }
}

/// Returns the places of a sailor after each of 4 ticks.
fn sailed(file: &PolicyFile) -> Vec<f32> {
    let mut game = Game::new();
    game.app.add_agent::<Sailor>();
    game.app.add_systems(SenseAgents, |mut sailors: Query<(&Place, &mut Weather)>| {
        for (place, mut weather) in &mut sailors {
            *weather = Weather { wind: Vec2::splat(1e3), place: place.0 };
        }
    });
    let policy = game.load("sail.safetensors", file);
    let sailor = game.app.world_mut().spawn((Sailor, PolicyRunner::new(policy))).id();
    let places = (0..4).map(|_| {
        game.tick(1);
        game.place(sailor)
    });
    let places = places.collect();
    assert_eq!(game.problems(), Vec::<String>::new());
    places
}

#[test]
fn a_policy_decides_the_same_whatever_its_critic_has_read() {
    let file = trained(Sailor::spec());
    let expected = sailed(&file);
    assert!(expected.windows(2).any(|places| places[0] < places[1]), "{expected:?}");
    assert_eq!(sailed(&file.shipped().expect("it is whole")), expected);
    let mut other = Sailor::spec();
    other.observation.reverse();
    other.observation[1].name = "current".to_owned();
    assert_eq!(sailed(&trained(other)), expected);
    let mut without = Sailor::spec();
    without.observation.remove(0);
    assert_eq!(sailed(&trained(without)), expected, "it was trained before there was such a field");
}
