//! A relay: the first runner carries the baton to the second, and must die there to pass it on.

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, ArenaMembers, Episode, EpisodeScope, EpisodeStart, InArena, Observation, Reward,
    ScoreAgents, SenseAgents,
};

/// Steps of the first runner to the place where the baton can be passed.
const FIRST_LEG: u32 = 5;

/// Steps in which the second runner has to run with the baton.
const SECOND_LEG: u32 = 3;

/// Decides in each step if it runs on or dies. The first runner's death passes the baton on, or loses it.
#[derive(Component, Agent, Default, Clone, Copy, PartialEq)]
#[require(EpisodeScope::Arena)]
#[agent(observation = Course, action = Pass, reward = Cheers)]
pub enum Runner {
    #[default]
    First,
    Second,
}

#[derive(Component, Observation, Default)]
pub struct Course {
    pub is_second: bool,
    /// The first runner has reached the second.
    pub is_there: bool,
    /// The baton is with the second runner.
    pub is_passed: bool,
}

#[derive(Component, Action, Default, PartialEq)]
pub enum Pass {
    #[default]
    Keep,
    Die,
}

#[derive(Component, Reward, Default)]
pub struct Cheers {
    /// 1 for each step in which the first runner has the baton.
    #[reward(team)]
    pub kept: f32,
    /// 1 when the second has run its leg.
    #[reward(team)]
    pub finished: f32,
}

#[derive(Component, Default)]
enum Baton {
    #[default]
    WithFirst,
    /// With the second runner, for so many steps.
    WithSecond(u32),
    Lost,
}

pub fn relay(app: &mut App) {
    app.add_agent::<Runner>().add_observer(line_up).add_observer(start);
    app.add_systems(FixedUpdate, pass).add_systems(ScoreAgents, score).add_systems(SenseAgents, sense);
}

/// As [`relay`], but each runner is cheered for what both have done.
pub fn cheered_twice(app: &mut App) {
    relay(app);
    app.add_systems(ScoreAgents, cheer_all.after(score));
}

fn cheer_all(mut runners: Query<(&InArena, &mut Cheers)>) {
    let cheered = runners.iter().filter(|(_, cheers)| cheers.kept > 0.0).map(|(home, _)| home.0).collect::<Vec<_>>();
    for (home, mut cheers) in &mut runners {
        cheers.kept = f32::from(cheered.contains(&home.0));
    }
}

fn line_up(on: On<Add, Arena>, mut commands: Commands) {
    commands.entity(on.entity).insert(Baton::default());
    commands.spawn((Runner::First, InArena(on.entity)));
    commands.spawn((Runner::Second, InArena(on.entity)));
}

/// Gives the baton back to the first runner, or to a new one in place of one that died.
fn start(
    on: On<EpisodeStart<Arena>>,
    mut arenas: Query<(&mut Baton, &ArenaMembers)>,
    runners: Query<&Runner>,
    mut commands: Commands,
) -> Result {
    let (mut baton, members) = arenas.get_mut(on.entity)?;
    *baton = Baton::default();
    if !members.iter().filter_map(|member| runners.get(member).ok()).any(|runner| *runner == Runner::First) {
        commands.spawn((Runner::First, InArena(on.entity)));
    }
    Ok(())
}

fn pass(
    runners: Query<(Entity, &Runner, &Pass, &Episode, &InArena)>,
    mut batons: Query<&mut Baton>,
    mut commands: Commands,
) -> Result {
    for (agent, runner, pass, episode, home) in &runners {
        if *runner == Runner::First && *pass == Pass::Die && episode.is_running() {
            let is_there = episode.steps() >= FIRST_LEG;
            *batons.get_mut(home.0)? = if is_there { Baton::WithSecond(0) } else { Baton::Lost };
            if is_there {
                commands.entity(agent).despawn();
            }
        }
    }
    Ok(())
}

fn score(mut runners: Query<(&Runner, &mut Cheers, &mut Episode, &InArena)>, mut batons: Query<&mut Baton>) -> Result {
    for (runner, mut cheers, mut episode, home) in &mut runners {
        match (runner, &mut *batons.get_mut(home.0)?) {
            (Runner::First, Baton::WithFirst) => cheers.kept = 1.0,
            (Runner::Second, Baton::WithSecond(steps)) if episode.is_running() => {
                *steps += 1;
                if *steps == SECOND_LEG {
                    cheers.finished = 1.0;
                    episode.terminate();
                }
            }
            (_, Baton::Lost) => episode.terminate(),
            _ => {}
        }
    }
    Ok(())
}

fn sense(mut runners: Query<(&Runner, &Episode, &InArena, &mut Course)>, batons: Query<&Baton>) -> Result {
    for (runner, episode, home, mut course) in &mut runners {
        *course = Course {
            is_second: *runner == Runner::Second,
            is_there: episode.steps() >= FIRST_LEG,
            is_passed: matches!(batons.get(home.0)?, Baton::WithSecond(_)),
        };
    }
    Ok(())
}
