//! Agents that are copied, and components that are removed and inserted again.

use bevy::ecs::entity_disabling::Disabled;
use bevy::prelude::*;
use ludus_agent::spec::Outcome::{Restart, Running, Vacant};
use ludus_agent::{Action, Arena, Controller, Episode, EpisodeLimit, EpisodeRng, InArena, Observation, Slot};
use rand::RngExt;

use crate::game::{Add, Counter, Gain, Sum, Total, app, counters, finished, first, rows, rows_mut, step};

/// One counter that runs, and no room for more.
fn running() -> (App, Entity) {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    rows_mut(&mut app).fix_len(None);
    step(&mut app, 0.1);
    let agent = counters(&mut app)[0];
    (app, agent)
}

fn set_sum(app: &mut App, agent: Entity, sum: f32) {
    app.world_mut().get_mut::<Total>(agent).expect("a counter has a total").sum = sum;
}

#[test]
fn a_copy_of_an_agent_shares_no_row_with_it() {
    let (mut app, one) = running();
    let copy = app.world_mut().entity_mut(one).clone_and_spawn();
    set_sum(&mut app, copy, -9.0);
    step(&mut app, 0.1);
    assert_eq!(first(&app), (Running, 1.1, [0.2, 3.0]), "nothing of the copy is in the row");
    assert_eq!((app.world().get::<Slot>(copy), rows(&app).waiting()), (None, 1));
    app.world_mut().despawn(copy);
    app.world_mut().spawn(Counter);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).agent(0), first(&app).0), (Some(one), Running));
}

#[test]
fn a_copy_that_gets_a_row_starts_its_own_first_episode_with_its_own_draws() {
    let (mut app, one) = running();
    rows_mut(&mut app).fix_len(Some(2));
    app.world_mut().get_mut::<Episode>(one).expect("an agent has an episode").terminate();
    (0..2).for_each(|_| step(&mut app, 0.1));
    let copy = app.world_mut().entity_mut(one).clone_and_spawn();
    step(&mut app, 0.1);
    assert_eq!(rows(&app).outcomes(), [Running, Restart]);
    let number = |agent| app.world().get::<Episode>(agent).map(Episode::number);
    assert_eq!((number(one), number(copy)), (Some(2), Some(1)));
    let draw = |agent| app.world().get::<EpisodeRng>(agent).map(|rng| rng.clone().random::<u64>());
    assert_ne!(draw(one), draw(copy));
    let member = |agent| app.world().get::<EpisodeRng>(agent).map(|rng| rng.home().member);
    assert_eq!((member(one), member(copy)), (Some(1), Some(2)));
}

/// A template that is asleep for ever, and a copy of it that wakes up.
#[test]
fn a_copy_of_a_sleeping_template_is_an_agent() {
    let mut app = app(0, 1);
    let template = app.world_mut().spawn((Counter, Controller::Policy, Disabled)).id();
    step(&mut app, 0.0);
    let copy = app.world_mut().entity_mut(template).clone_and_spawn();
    app.world_mut().entity_mut(copy).remove::<Disabled>();
    step(&mut app, 0.0);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).len(), rows(&app).agent(0), first(&app).0), (1, Some(copy), Running));
}

#[test]
fn a_copy_of_an_arena_starts_with_its_first_episode_and_its_own_members() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    let arena = app.world_mut().query_filtered::<Entity, With<Arena>>().single(app.world()).unwrap();
    let copy = app.world_mut().entity_mut(arena).clone_and_spawn();
    step(&mut app, 0.0);
    let home = |agent: Entity| app.world().get::<InArena>(agent).map(|home| home.0);
    let agents = [0, 1].map(|row| rows(&app).agent(row).and_then(home));
    assert_eq!((rows(&app).len(), agents), (2, [Some(arena), Some(copy)]));
}

#[test]
fn an_agent_whose_component_is_taken_away_leaves_its_row_and_waits_for_one_when_it_is_given_back() {
    let (mut app, one) = running();
    app.world_mut().entity_mut(one).remove::<Counter>();
    let other = app.world_mut().spawn(Counter).id();
    step(&mut app, 0.1);
    assert_eq!((rows(&app).agent(0), app.world().get::<Slot>(one)), (Some(other), None));
    app.world_mut().entity_mut(one).insert(Counter);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).agent(0), rows(&app).waiting(), first(&app).0), (Some(other), 1, Running));
    app.world_mut().despawn(other);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).agent(0), first(&app).0), (Some(one), Restart));
    assert_eq!(app.world().get::<Episode>(one).map(Episode::number), Some(2));
}

#[test]
fn a_slot_that_a_game_copies_is_taken_away_again() {
    let (mut app, one) = running();
    rows_mut(&mut app).fix_len(Some(2));
    let two = app.world_mut().spawn(Counter).id();
    (0..2).for_each(|_| step(&mut app, 0.1));
    let slot = *app.world().get::<Slot>(one).expect("it runs");
    let stranger = app.world_mut().spawn(slot).id();
    app.world_mut().entity_mut(stranger).insert(Counter);
    app.world_mut().entity_mut(two).insert(slot);
    assert_eq!(app.world().get::<Slot>(stranger), None);
    assert_eq!(app.world().get::<Slot>(two), None);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).agent(0), rows(&app).agent(1)), (Some(one), Some(stranger)));
    assert_eq!((rows(&app).outcomes(), rows(&app).waiting()), (&[Running, Restart][..], 1));
}

#[test]
fn an_agent_whose_slot_is_taken_away_restarts() {
    let (mut app, one) = running();
    app.world_mut().entity_mut(one).remove::<Slot>();
    step(&mut app, 0.1);
    assert_eq!((first(&app).0, rows(&app).agent(0)), (Restart, Some(one)));
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Running);
}

#[test]
fn an_episode_that_a_game_inserts_anew_restarts() {
    let (mut app, one) = running();
    let limit = EpisodeLimit(core::num::NonZeroU32::new(2).expect("not zero"));
    app.world_mut().entity_mut(one).insert(limit);
    let old = *app.world().get::<Episode>(one).expect("an agent has an episode");
    app.world_mut().entity_mut(one).insert(old);
    let outcomes = [0.1; 4].map(|amount| {
        step(&mut app, amount);
        first(&app).0
    });
    let truncated = ludus_agent::spec::Outcome::Truncated;
    assert_eq!(outcomes, [Restart, Restart, Running, truncated], "and the limit still holds");
}

/// A component that a row needs is removed and inserted again.
#[test]
fn an_agent_that_lacks_a_part_is_not_learned_from() {
    fn check<T: Component + Default>() {
        let (mut app, one) = running();
        app.world_mut().entity_mut(one).remove::<T>();
        step(&mut app, 0.1);
        assert_eq!((first(&app).0, first(&app).1), (Vacant, 0.0), "without its {}", core::any::type_name::<T>());
        app.world_mut().entity_mut(one).insert(T::default());
        (0..3).for_each(|_| step(&mut app, 0.1));
        assert_eq!((first(&app).0, rows(&app).agent(0)), (Running, Some(one)));
    }
    check::<Sum>();
    check::<Add>();
    check::<Gain>();
    check::<Controller>();
    check::<Episode>();
    assert_eq!((Sum::WIDTH, Add::WIDTH), (2, 1));
}

#[test]
fn an_agent_that_is_cleared_ends_once() {
    let (mut app, one) = running();
    app.world_mut().entity_mut(one).clear();
    assert_eq!(finished(&mut app).len(), 1);
    step(&mut app, 0.1);
    assert_eq!((first(&app).0, rows(&app).agent(0), rows(&app).waiting()), (Vacant, None, 0));
}
