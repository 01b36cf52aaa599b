//! A game with action masks: the agent walks through the dearest gate that is open, eight times.

use bevy::prelude::*;
use ludus_agent::{
    Action, ActionMask, Agent, AgentAppExt, Arena, Episode, EpisodeRng, InArena, Observation, Reward, ScoreAgents,
    SenseAgents,
};
use rand::RngExt;

/// Gates in an episode.
const GATES: u32 = 8;

#[derive(Component, Agent, Default)]
#[require(ActionMask<Gate>, Doors)]
#[agent(observation = Nothing, action = Gate, reward = Toll)]
pub struct Walker;

/// The gates that are open: all of them before the first draw.
#[derive(Component)]
struct Doors([bool; 3]);

impl Default for Doors {
    fn default() -> Self {
        Self([true; 3])
    }
}

/// An observation without information: masks have all of it.
#[derive(Component, Observation, Default)]
pub struct Nothing {
    pub nothing: f32,
}

#[derive(Component, Action, Default, Clone, Copy, PartialEq, Debug)]
pub enum Gate {
    #[default]
    Iron,
    Silver,
    Gold,
}

impl Gate {
    const ALL: [Self; 3] = [Self::Iron, Self::Silver, Self::Gold];
}

#[derive(Component, Reward, Default)]
pub struct Toll {
    /// 1 for the dearest gate that was open.
    pub dearest: f32,
}

/// The game without flaws. It panics if a policy walks through a shut gate.
pub fn gates(app: &mut App) {
    app.add_agent::<Walker>()
        .add_observer(|on: On<Add, Arena>, mut commands: Commands| {
            commands.spawn((Walker, InArena(on.entity)));
        })
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

/// In every 40th step, the mask of an agent allows nothing.
pub fn walls(app: &mut App) {
    gates(app);
    app.add_systems(SenseAgents, wall_up.after(sense));
}

fn score(mut walkers: Query<(&Doors, &Gate, &mut Toll, &mut Episode)>) {
    for (doors, gate, mut toll, mut episode) in &mut walkers {
        if !episode.is_running() {
            continue;
        }
        assert!(doors.0[*gate as usize], "{gate:?} was shut");
        let dearest = doors.0.iter().rposition(|is_open| *is_open);
        toll.dearest = f32::from(dearest == Some(*gate as usize));
        if episode.steps() + 1 >= GATES {
            episode.terminate();
        }
    }
}

fn sense(mut walkers: Query<(&mut Doors, &mut ActionMask<Gate>, &mut EpisodeRng)>) {
    for (mut doors, mut mask, mut rng) in &mut walkers {
        doors.0 = core::array::from_fn(|_| rng.random());
        doors.0[rng.random_range(0..3)] = true;
        mask.allow_only(Gate::ALL.into_iter().filter(|gate| doors.0[*gate as usize]));
    }
}

/// Clears the mask of an agent in every 40th step, and opens all gates for it.
fn wall_up(mut walkers: Query<(&mut Doors, &mut ActionMask<Gate>)>, mut steps: Local<u32>) {
    *steps += 1;
    if steps.is_multiple_of(40)
        && let Some((mut doors, mut mask)) = walkers.iter_mut().next()
    {
        doors.0 = [true; 3];
        mask.allow_only([]);
    }
}
