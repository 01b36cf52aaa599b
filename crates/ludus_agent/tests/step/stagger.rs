//! First episodes that are truncated early, each at another point.

use core::num::NonZeroU32;

use bevy::prelude::*;
use ludus_agent::spec::Outcome::Truncated;
use ludus_agent::{Episode, EpisodeStart, InArena};

use crate::game::{Counter, app, finished, rows_mut, step};

const LIMIT: u32 = 20;

fn staggered(arenas: u32) -> App {
    let mut app = app(arenas, 1);
    rows_mut(&mut app).set_episode_limit(NonZeroU32::new(LIMIT));
    rows_mut(&mut app).stagger_first_episodes();
    app
}

#[test]
fn agents_of_a_worlds_first_step_end_apart() {
    let mut app = staggered(8);
    let mut ends = Vec::new();
    for number in 0..=LIMIT {
        step(&mut app, 0.0);
        let ended = crate::game::rows(&app).outcomes().iter().filter(|outcome| **outcome == Truncated).count();
        ends.extend(core::iter::repeat_n(number, ended));
    }
    ends.dedup();
    assert!(ends.len() > 3, "{ends:?}");
    assert_eq!(finished(&mut app), [], "what was cut says little about the policy");
}

/// An agent whose episode has ended is replaced by a new one, as in a game that despawns dead agents.
#[test]
fn agents_that_come_later_have_whole_episodes() {
    let mut app = staggered(1);
    app.add_observer(|on: On<EpisodeStart<Counter>>, homes: Query<&InArena>, mut commands: Commands| -> Result {
        if on.number > 1 {
            let home = *homes.get(on.entity)?;
            commands.entity(on.entity).despawn();
            commands.spawn((Counter, home));
        }
        Ok(())
    });
    (0..4 * LIMIT).for_each(|_| step(&mut app, 0.0));
    let lengths: Vec<_> = finished(&mut app).into_iter().map(|(steps, ..)| steps).collect();
    assert_eq!(lengths, [LIMIT; 3]);
}

#[test]
fn a_copy_of_an_agent_that_was_cut_short_has_whole_episodes() {
    let mut app = staggered(1);
    step(&mut app, 0.0);
    let one = crate::game::counters(&mut app)[0];
    app.world_mut().entity_mut(one).clone_and_spawn();
    (0..LIMIT + 1).for_each(|_| step(&mut app, 0.0));
    let lengths: Vec<_> = finished(&mut app).into_iter().map(|(steps, ..)| steps).collect();
    assert_eq!(lengths, [LIMIT]);
    assert!(app.world_mut().query::<&Episode>().iter(app.world()).count() == 2);
}
