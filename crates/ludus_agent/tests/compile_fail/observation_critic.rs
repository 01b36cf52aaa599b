//! A policy has to see something, and what is for the critic alone has no value to set.

use ludus_agent::Observation;

#[derive(Observation)]
struct Valued {
    #[observation(critic = true)]
    wind: f32,
    speed: f32,
}

#[derive(Observation)]
struct Secrets {
    #[observation(critic)]
    wind: f32,
    #[observation(critic)]
    load: f32,
}

#[derive(Observation)]
struct Twice {
    #[observation(critic, range = 0.0..=1.0, critic)]
    wind: f32,
    speed: f32,
}

fn main() {}
