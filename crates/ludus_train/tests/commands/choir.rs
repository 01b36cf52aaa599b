//! Singers of a team, who see a note in a grid and in a set, and are applauded together.

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Grid, InArena, Observation, Reward, ScoreAgents, SenseAgents, SetOf,
};

#[derive(Component, Agent, Default)]
#[require(Note)]
#[agent(observation = Sheet, action = Voice, reward = Applause)]
pub struct Singer;

/// True for a high note. Notes alternate.
#[derive(Component, Default)]
struct Note(bool);

#[derive(Component, Observation, Default)]
pub struct Sheet {
    lines: Grid<1, 2, 1>,
    /// One element for a high note, none for a low one.
    notes: SetOf<f32, 2>,
}

#[derive(Component, Action, Default, PartialEq)]
pub enum Voice {
    #[default]
    Low,
    High,
}

#[derive(Component, Reward, Default)]
pub struct Applause {
    /// 1 for the right voice.
    #[reward(team)]
    in_tune: f32,
}

/// Two singers in each arena.
pub fn choir(app: &mut App) {
    app.add_agent::<Singer>().add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Singer, InArena(on.entity)));
        commands.spawn((Singer, InArena(on.entity)));
    });
    app.add_systems(ScoreAgents, |mut singers: Query<(&Note, &Voice, &mut Applause)>| {
        singers.iter_mut().for_each(|(note, voice, mut applause)| {
            applause.in_tune = f32::from((*voice == Voice::High) == note.0);
        });
    });
    app.add_systems(SenseAgents, |mut singers: Query<(&mut Note, &mut Sheet)>| {
        singers.iter_mut().for_each(|(mut note, mut sheet)| {
            note.0 = !note.0;
            sheet.lines.clear();
            sheet.lines[(0, usize::from(note.0))] = [1.0];
            sheet.notes.fill(note.0.then_some(0.5));
        });
    });
}

/// The same, but two more singers join the first arena after ten ticks.
pub fn growing_choir(app: &mut App) {
    choir(app);
    app.add_systems(FixedUpdate, |arenas: Query<(Entity, &Arena)>, mut ticks: Local<u32>, mut commands: Commands| {
        *ticks += 1;
        for (arena, _) in arenas.iter().filter(|(_, arena)| arena.index == 0 && *ticks == 10) {
            commands.spawn((Singer, InArena(arena)));
            commands.spawn((Singer, InArena(arena)));
        }
    });
}
