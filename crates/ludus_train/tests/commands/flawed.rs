//! Variants of the game, each with a flaw.

use std::collections::HashSet;

use bevy::prelude::*;
use ludus_agent::spec::Seed;
use ludus_agent::{
    Agent, AgentAppExt, Arena, Episode, EpisodeRng, EpisodeStart, InArena, Observation, ScoreAgents, SenseAgents,
    WorldSeed,
};
use rand::RngExt;

use super::game::{Answer, Arrow, Marks, Reader, Sight, arrows, score, sense, unscored};

/// No system writes the observation.
pub fn blind(app: &mut App) {
    unscored(app);
    app.add_systems(ScoreAgents, score);
}

/// No episode ends, and nothing is rewarded.
pub fn endless(app: &mut App) {
    unscored(app);
    app.add_systems(SenseAgents, (sense, turn).chain());
}

fn turn(mut arrows: Query<&mut Arrow>) {
    arrows.iter_mut().for_each(|mut arrow| arrow.points_right = !arrow.points_right);
}

/// The observation grows without limit.
pub fn exploding(app: &mut App) {
    arrows(app);
    app.add_systems(SenseAgents, grow.after(sense));
}

fn grow(mut readers: Query<&mut Sight>, mut steps: Local<i32>) {
    *steps += 1;
    readers.iter_mut().for_each(|mut sight| sight.arrow *= 1.2_f32.powi(*steps));
}

/// Two systems write actions, besides the policy.
pub fn two_writers(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, decide_left).add_systems(FixedPostUpdate, decide_nothing);
}

fn decide_left(mut answers: Query<&mut Answer>, time: Res<Time>) {
    if time.elapsed_secs() < 0.0 {
        answers.iter_mut().for_each(|mut answer| *answer = Answer::Left);
    }
}

fn decide_nothing(_: Query<&mut Answer>) {}

/// A system overwrites the policy's actions.
pub fn overwriting(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, |mut answers: Query<&mut Answer>, mut ticks: Local<u32>| {
        *ticks += 1;
        answers.iter_mut().enumerate().for_each(|(index, mut answer)| {
            *answer = if (index as u32 + *ticks).is_multiple_of(3) { Answer::Left } else { Answer::Right };
        });
    });
}

/// An exclusive system overwrites the policy's actions. Its accesses are not known before it runs.
pub fn overwriting_exclusively(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, decide_exclusively);
}

fn decide_exclusively(world: &mut World) {
    let mut answers = world.query::<&mut Answer>();
    answers.iter_mut(world).for_each(|mut answer| *answer = Answer::Left);
}

/// An observer overwrites the policy's actions.
pub fn overwriting_by_observer(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, |mut commands: Commands| commands.trigger(Rung));
    app.add_observer(|_: On<Rung>, mut answers: Query<&mut Answer>| {
        answers.iter_mut().for_each(|mut answer| *answer = Answer::Left);
    });
}

/// The event whose observer overwrites the policy's actions.
#[derive(Event)]
struct Rung;

/// The return of an episode overflows, once in a world.
pub fn huge(app: &mut App) {
    arrows(app);
    app.add_systems(ScoreAgents, overpay.after(score));
}

fn overpay(mut marks: Query<&mut Marks>, mut ticks: Local<u32>) {
    *ticks += 1;
    if (100..104).contains(&*ticks) {
        marks.iter_mut().for_each(|mut marks| marks.right = 2e38);
    }
}

/// Arena 3 panics when its fifth episode starts.
pub fn restart_panics(app: &mut App) {
    arrows(app);
    app.add_observer(|on: On<EpisodeStart<Reader>>, homes: Query<&InArena>, arenas: Query<&Arena>| -> Result {
        let arena = arenas.get(homes.get(on.entity)?.0)?;
        assert!(arena.index != 3 || on.number != 5, "the fifth in arena 3");
        Ok(())
    });
}

/// The first world of a run with seed 1 panics in every third tick, the others never do.
pub fn one_panics(app: &mut App) {
    arrows(app);
    let first_world = Seed::new(1).derive(0).derive(0);
    let seeds: HashSet<u64> = (0..5000).map(|rebuilt| first_world.derive(rebuilt).bits()).collect();
    if seeds.contains(&app.world().resource::<WorldSeed>().0.bits()) {
        app.add_systems(FixedUpdate, |mut ticks: Local<u32>| {
            *ticks += 1;
            assert!(*ticks < 3, "the third tick of the first world");
        });
    }
}

/// One field of the observation never changes, another leaves its range.
#[derive(Component, Observation, Default)]
pub struct Details {
    /// -1 left, 1 right.
    #[observation(range = -0.5..=0.5)]
    pub arrow: f32,
    /// Always the same.
    pub colour: f32,
}

/// Reads arrows and their colours.
#[derive(Component, Agent, Default)]
#[require(Arrow)]
#[agent(observation = Details, action = Answer, reward = Marks)]
pub struct Observer;

/// An observation that is constant, and one beyond its range.
pub fn constant(app: &mut App) {
    detailed::<Observer>(app);
    app.add_systems(SenseAgents, |mut observers: Query<(&Arrow, &mut Details)>| {
        observers.iter_mut().for_each(|(arrow, mut details)| {
            *details = Details { arrow: if arrow.points_right { 1.0 } else { -1.0 }, colour: 0.25 };
        });
    });
}

/// The game without flaws, whose agent has a new observation before the arrow.
pub fn seeing_more(app: &mut App) {
    detailed::<more::Reader>(app);
    app.add_systems(SenseAgents, |mut readers: Query<(&Arrow, &mut more::Sight, &Episode)>| {
        readers.iter_mut().for_each(|(arrow, mut sight, episode)| {
            let arrow = if arrow.points_right { 1.0 } else { -1.0 };
            *sight = more::Sight { step: episode.steps() as f32, arrow };
        });
    });
}

/// The game of arrows for another agent that answers them.
fn detailed<A: Agent<Action = Answer, Reward = Marks> + Default>(app: &mut App) {
    app.add_agent::<A>()
        .add_observer(|on: On<Add, Arena>, mut commands: Commands| {
            commands.spawn((A::default(), InArena(on.entity)));
        })
        .add_observer(|on: On<EpisodeStart<A>>, mut readers: Query<(&mut Arrow, &mut EpisodeRng)>| -> Result {
            let (mut arrow, mut rng) = readers.get_mut(on.entity)?;
            arrow.points_right = rng.random();
            Ok(())
        })
        .add_systems(ScoreAgents, score);
}

/// An agent of the same name that sees more.
mod more {
    use super::*;

    /// Says which way an arrow points.
    #[derive(Component, Agent, Default)]
    #[require(Arrow)]
    #[agent(observation = Sight, action = Answer, reward = Marks)]
    pub struct Reader;

    #[derive(Component, Observation, Default)]
    pub struct Sight {
        /// The number of arrows before this one.
        pub step: f32,
        /// -1 left, 1 right.
        pub arrow: f32,
    }
}

/// Every tick takes 20 ms.
pub fn slow(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, || std::thread::sleep(std::time::Duration::from_millis(20)));
}
