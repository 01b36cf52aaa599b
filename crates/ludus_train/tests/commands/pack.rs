//! A game with three kinds of agents, each of which is learned in a moment: a wolf says how far away the prey is, sheep
//! and lambs say which way an arrow points.

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Episode, EpisodeRng, EpisodeStart, InArena, Observation, Reward, ScoreAgents,
    SenseAgents, StateHashAppExt,
};
use rand::RngExt;

use super::game::{Answer, Arrow, Sight};

/// Steps of a wolf's episode, of a sheep's and of a lamb's: they restart apart.
const STEPS: [u32; 3] = [8, 5, 3];

/// The config that it is trained with.
pub const CONFIG: &str = r#"(
    worlds: 3,
    arenas: 8,
    agents: {
        "Wolf": (reward: { "near": 1.0 }, network: (hidden: [16]), ppo: (learning_rate: 0.01, minibatch: 256)),
        "Sheep": (reward: { "right": 1.0 }, network: (hidden: [8]), ppo: (learning_rate: 0.01, minibatch: 256)),
        "Lamb": (policy: External),
    },
    stop: (steps: 6_000),
)"#;

#[derive(Component, Agent, Default)]
#[require(Prey)]
#[agent(observation = Scent, action = Guess, reward = Nose)]
pub struct Wolf;

#[derive(Component, Agent, Default)]
#[require(Arrow)]
#[agent(observation = Sight, action = Answer, reward = Bleat)]
pub struct Sheep;

#[derive(Component, Agent, Default)]
#[require(Arrow)]
#[agent(observation = Sight, action = Answer, reward = Bleat)]
pub struct Lamb;

/// The distance of a wolf's prey.
#[derive(Component, Reflect, Default)]
pub struct Prey(f32);

#[derive(Component, Observation, Default)]
pub struct Scent {
    pub strength: f32,
    pub constant: f32,
}

#[derive(Component, Action, Default)]
pub struct Guess {
    #[action(continuous)]
    pub distance: f32,
}

#[derive(Component, Reward, Default)]
pub struct Nose {
    pub near: f32,
}

#[derive(Component, Reward, Default)]
pub struct Bleat {
    pub right: f32,
}

/// One wolf, two sheep and a lamb in each arena.
pub fn pack(app: &mut App) {
    kinds(app);
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Wolf, InArena(on.entity)));
        commands.spawn((Sheep, InArena(on.entity)));
        commands.spawn((Sheep, InArena(on.entity)));
        commands.spawn((Lamb, InArena(on.entity)));
    });
}

/// The sheep come later than the wolf, and go and come again at random.
pub fn herd(app: &mut App) {
    kinds(app);
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Wolf, InArena(on.entity)));
    });
    app.add_systems(FixedUpdate, come_and_go);
}

fn come_and_go(
    arenas: Query<(Entity, &EpisodeRng), With<Arena>>,
    sheep: Query<(Entity, &InArena), With<Sheep>>,
    mut ticks: Local<u32>,
    mut commands: Commands,
) {
    *ticks += 1;
    if *ticks < 40 {
        return;
    }
    for (arena, rng) in &arenas {
        let draw: f32 = rng.clone().random::<f32>() + (*ticks % 17) as f32 / 17.0;
        let own: Vec<_> = sheep.iter().filter(|(_, of)| of.0 == arena).collect();
        match own.first() {
            Some((sheep, _)) if draw > 1.6 => commands.entity(*sheep).despawn(),
            _ if own.len() < 2 && draw < 0.7 => drop(commands.spawn((Sheep, InArena(arena)))),
            _ => {}
        }
    }
}

fn kinds(app: &mut App) {
    app.add_agent::<Wolf>().add_agent::<Sheep>().add_agent::<Lamb>();
    app.hash_component::<Prey>();
    app.add_observer(|on: On<EpisodeStart<Wolf>>, mut wolves: Query<(&mut Prey, &mut EpisodeRng)>| -> Result {
        let (mut prey, mut rng) = wolves.get_mut(on.entity)?;
        prey.0 = rng.random_range(-1.0..1.0);
        Ok(())
    });
    app.add_systems(ScoreAgents, (score_wolves, score_flock::<Sheep, 1>, score_flock::<Lamb, 2>));
    app.add_systems(SenseAgents, (sense_wolves, sense_flock));
}

fn score_wolves(mut wolves: Query<(&mut Prey, &Guess, &mut Nose, &mut Episode, &mut EpisodeRng), With<Wolf>>) {
    for (mut prey, guess, mut nose, mut episode, mut rng) in &mut wolves {
        nose.near = 1.0 - (prey.0 - guess.distance).abs();
        prey.0 = rng.random_range(-1.0..1.0);
        end_after(&mut episode, STEPS[0]);
    }
}

type Flock = (&'static mut Arrow, &'static Answer, &'static mut Bleat, &'static mut Episode, &'static mut EpisodeRng);

fn score_flock<K: Component, const KIND: usize>(mut flock: Query<Flock, With<K>>) {
    for (mut arrow, answer, mut bleat, mut episode, mut rng) in &mut flock {
        bleat.right = f32::from(arrow.points_right == (*answer == Answer::Right));
        arrow.points_right = rng.random();
        end_after(&mut episode, STEPS[KIND]);
    }
}

fn end_after(episode: &mut Episode, steps: u32) {
    if episode.steps() + 1 >= steps {
        episode.terminate();
    }
}

fn sense_wolves(mut wolves: Query<(&Prey, &mut Scent)>) {
    for (prey, mut scent) in &mut wolves {
        *scent = Scent { strength: prey.0, constant: 0.5 };
    }
}

fn sense_flock(mut flock: Query<(&Arrow, &mut Sight)>) {
    for (arrow, mut sight) in &mut flock {
        sight.arrow = if arrow.points_right { 1.0 } else { -1.0 };
    }
}
