//! Mistakes in `#[agent(…)]`.

use bevy::prelude::Component;
use ludus_agent::{Action, Agent, Observation, Reward};

#[derive(Component, Observation, Default)]
struct Senses {
    speed: f32,
}

#[derive(Component, Action, Default)]
struct Drive {
    #[action(continuous)]
    steer: f32,
}

#[derive(Component, Reward, Default)]
struct Score {
    progress: f32,
}

#[derive(Component, Agent)]
struct Bare;

#[derive(Component, Agent)]
#[agent(observation = Senses, reward = Score)]
struct Inert;

#[derive(Component, Agent)]
#[agent(observations = Senses, action = Drive, action = Drive, reward)]
struct Careless;

#[derive(Component, Agent)]
#[agent(observation = Senses, action = Drive, reward = Score)]
struct Generic<T: Send + Sync + 'static>(T);

#[derive(Component, Agent)]
#[agent(observation = Drive, action = Score, reward = Senses)]
struct Mixed;

fn main() {}
