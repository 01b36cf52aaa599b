//! A network of one's own, on libtorch. `cargo xtask libtorch`, then
//! `cargo run --release --example custom_network --features torch -- train`
//!
//! A gatherer walks to the nearest of eight stones. The order of the stones has no meaning, so the network applies the
//! same weights to each of them and keeps the greatest outputs: Zaheer et al. 2017, "Deep Sets",
//! arXiv:1703.06114. A perceptron has to learn for each stone anew.

use std::ops::Range;

use bevy::prelude::*;
use bevy_ludus::Ludus;
use bevy_ludus::net::orthogonal;
use bevy_ludus::prelude::*;
use bevy_ludus::spec::{AgentSpec, Head, Seed};
use bevy_ludus::torch::tch::Tensor;
use bevy_ludus::torch::{Forward, Parameter, TorchNetwork};
use rand::RngExt;

const STONES: usize = 8;
/// The distance at which a stone is reached [m].
const REACH: f32 = 0.1;

#[derive(Component, Agent)]
#[require(Place, Stones)]
#[agent(observation = Sight, action = Walk, reward = Success)]
struct Gatherer;

/// The position of the gatherer [m].
#[derive(Component, Default)]
struct Place(Vec2);

/// The positions of the stones [m].
#[derive(Component, Default)]
struct Stones([Vec2; STONES]);

#[derive(Component, Observation, Default)]
struct Sight {
    /// Where the stones are, seen from the gatherer [m].
    stones: [Vec2; STONES],
}

#[derive(Component, Action, Default)]
struct Walk {
    /// [m/s]
    #[action(continuous)]
    velocity: Vec2,
}

#[derive(Component, Reward, Default)]
struct Success {
    /// 1 for reaching a stone.
    arrived: f32,
    /// To the nearest stone, every tick [m].
    distance: f32,
}

/// The whole game: no window, no policy.
pub fn gather(app: &mut App) {
    app.add_agent::<Gatherer>().add_observer(build_arena).add_observer(restart);
    app.add_systems(FixedUpdate, walk).add_systems(ScoreAgents, score).add_systems(SenseAgents, sense);
}

fn build_arena(arena: On<Add, Arena>, mut commands: Commands) {
    commands.spawn((Gatherer, InArena(arena.entity)));
}

fn restart(
    start: On<EpisodeStart<Gatherer>>,
    mut gatherers: Query<(&mut Place, &mut Stones, &mut EpisodeRng)>,
) -> Result {
    let (mut place, mut stones, mut rng) = gatherers.get_mut(start.entity)?;
    let mut somewhere = || Vec2::new(rng.random_range(-1.0..=1.0), rng.random_range(-1.0..=1.0));
    place.0 = somewhere();
    stones.0 = std::array::from_fn(|_| somewhere());
    Ok(())
}

fn walk(time: Res<Time>, mut gatherers: Query<(&mut Place, &Walk)>) {
    for (mut place, walk) in &mut gatherers {
        place.0 += walk.velocity * time.delta_secs();
    }
}

fn score(mut gatherers: Query<(&Place, &Stones, &mut Success, &mut Episode)>) {
    for (place, stones, mut success, mut episode) in &mut gatherers {
        success.distance = stones.0.iter().map(|stone| stone.distance(place.0)).fold(f32::INFINITY, f32::min);
        if success.distance < REACH {
            success.arrived = 1.0;
            episode.terminate();
        }
    }
}

fn sense(mut gatherers: Query<(&Place, &Stones, &mut Sight)>) {
    for (place, stones, mut sight) in &mut gatherers {
        sight.stones = stones.0.map(|stone| stone - place.0);
    }
}

/// A network that applies the same weights to every stone.
struct StoneNetwork {
    /// Columns of an observation.
    inputs: usize,
    /// The columns of the stones, two for each.
    stones: Range<usize>,
    heads: Vec<Head>,
    seed: Seed,
}

/// The count of features of a stone.
const FEATURES: usize = 32;

impl StoneNetwork {
    /// The layout of the observation comes from the spec: the stones are found by the name of their field in `Sight`.
    fn new(spec: &AgentSpec, seed: Seed) -> Self {
        let stones = spec.field_columns("stones").expect("`Sight` has a field `stones`");
        Self { inputs: spec.observation_width(), stones, heads: spec.heads(), seed }
    }

    /// Returns a layer's weights and biases.
    fn layer(&self, index: u64, name: &str, [outputs, inputs]: [usize; 2], gain: f32) -> [Parameter; 2] {
        let weights = orthogonal(outputs, inputs, self.seed.derive(index));
        let values = weights.into_iter().map(|weight| weight as f32 * gain).collect();
        let weight = Parameter { name: format!("{name}.weight"), shape: vec![outputs, inputs], values };
        [weight, Parameter::zeros(&format!("{name}.bias"), &[outputs])]
    }
}

impl TorchNetwork for StoneNetwork {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn heads(&self) -> &[Head] {
        &self.heads
    }

    fn parameters(&self) -> Vec<Parameter> {
        let outputs = self.heads.iter().map(|head| head.output_width()).sum();
        let layers = [
            self.layer(0, "look", [FEATURES, 2], 1.4),
            self.layer(1, "think", [FEATURES, FEATURES], 1.4),
            self.layer(2, "actor", [outputs, FEATURES], 0.01),
            self.layer(3, "critic", [1, FEATURES], 1.0),
        ];
        layers.into_iter().flatten().collect()
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        let layer =
            |index: usize, inputs: &Tensor| inputs.linear(&parameters[2 * index], Some(&parameters[2 * index + 1]));
        let stones = observations.narrow(1, self.stones.start as i64, self.stones.len() as i64);
        let stones = stones.reshape([-1, self.stones.len() as i64 / 2, 2]);
        let seen = layer(1, &layer(0, &stones).tanh()).tanh().amax(1, false);
        Forward { outputs: layer(2, &seen), values: layer(3, &seen).squeeze_dim(-1) }
    }
}

fn main() -> AppExit {
    Ludus::new("custom_network", gather).network(StoneNetwork::new).run()
}
