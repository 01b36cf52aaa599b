//! An agent of one number and one action.

use bevy::prelude::*;
use ludus_agent::{Action, Agent, Observation, Reward};

#[derive(Component, Agent)]
#[agent(observation = See, action = Do, reward = Get)]
pub struct Mouse;

#[derive(Component, Observation, Default)]
pub struct See {
    pub number: f32,
}

#[derive(Component, Action, Default)]
pub struct Do {
    #[action(continuous)]
    pub go: f32,
}

#[derive(Component, Reward, Default)]
pub struct Get {
    pub cheese: f32,
}
