//! A game that is learned in seconds: the agent says which way an arrow points, eight times.

use std::sync::atomic::{AtomicBool, Ordering};

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Episode, EpisodeRng, EpisodeStart, InArena, Observation, Reward, ScoreAgents,
    SenseAgents, StateHashAppExt,
};
use rand::RngExt;

/// Arrows in an episode.
const ARROWS: u32 = 8;

/// Says which way an arrow points.
#[derive(Component, Agent, Default)]
#[require(Arrow)]
#[agent(observation = Sight, action = Answer, reward = Marks)]
pub struct Reader;

#[derive(Component, Reflect, Default)]
pub struct Arrow {
    pub points_right: bool,
}

#[derive(Component, Observation, Default)]
pub struct Sight {
    /// -1 left, 1 right.
    pub arrow: f32,
}

#[derive(Component, Action, Default, PartialEq)]
pub enum Answer {
    #[default]
    Left,
    Right,
}

#[derive(Component, Reward, Default)]
pub struct Marks {
    pub right: f32,
    pub wrong: f32,
}

/// The game without flaws.
pub fn arrows(app: &mut App) {
    unscored(app);
    app.add_systems(ScoreAgents, score).add_systems(SenseAgents, sense);
}

/// The game without the systems that observe and score.
pub fn unscored(app: &mut App) {
    app.add_agent::<Reader>()
        .hash_component::<Arrow>()
        .add_observer(|on: On<Add, Arena>, mut commands: Commands| {
            commands.spawn((Reader, InArena(on.entity)));
        })
        .add_observer(|on: On<EpisodeStart<Reader>>, mut readers: Query<(&mut Arrow, &mut EpisodeRng)>| -> Result {
            let (mut arrow, mut rng) = readers.get_mut(on.entity)?;
            arrow.points_right = rng.random();
            Ok(())
        });
}

/// In every 40th step, an observation is NaN.
pub fn faulty(app: &mut App) {
    arrows(app);
    app.add_systems(SenseAgents, spoil.after(sense));
}

/// Every world panics in its 100th tick.
pub fn panicking(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, |mut ticks: Local<u32>| {
        *ticks += 1;
        assert!(*ticks < 100, "tick 100 was too much");
    });
}

/// A world panics, and no world can be built from then on.
pub fn doomed(app: &mut App) {
    static IS_DOOMED: AtomicBool = AtomicBool::new(false);
    assert!(!IS_DOOMED.load(Ordering::Relaxed), "nothing can be built");
    arrows(app);
    app.add_systems(FixedUpdate, |mut ticks: Local<u32>| {
        *ticks += 1;
        if *ticks == 100 {
            IS_DOOMED.store(true, Ordering::Relaxed);
        }
        assert!(*ticks < 100, "tick 100 was too much");
    });
}

pub fn score(mut readers: Query<(&mut Arrow, &Answer, &mut Marks, &mut Episode, &mut EpisodeRng)>) {
    for (mut arrow, answer, mut marks, mut episode, mut rng) in &mut readers {
        *marks = arrow.judge(answer, &mut rng);
        if episode.steps() + 1 >= ARROWS {
            episode.terminate();
        }
    }
}

impl Arrow {
    /// Returns the marks for an answer, and turns to where the next arrow points.
    pub fn judge(&mut self, answer: &Answer, rng: &mut EpisodeRng) -> Marks {
        let is_right = self.points_right == (*answer == Answer::Right);
        self.points_right = rng.random();
        Marks { right: f32::from(is_right), wrong: f32::from(!is_right) }
    }
}

pub fn sense(mut readers: Query<(&Arrow, &mut Sight)>) {
    for (arrow, mut sight) in &mut readers {
        sight.arrow = if arrow.points_right { 1.0 } else { -1.0 };
    }
}

fn spoil(mut readers: Query<&mut Sight>, mut steps: Local<u32>) {
    *steps += 1;
    if steps.is_multiple_of(40)
        && let Some(mut sight) = readers.iter_mut().next()
    {
        sight.arrow = f32::NAN;
    }
}
