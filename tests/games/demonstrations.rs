//! The demonstrations that are shipped with `pillars`: they can be learned from, and their actions lead to the same
//! observations again.
#![expect(clippy::unwrap_used, reason = "all of this is tests, where a panic is the report")]

use core::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use bevy_ludus::play::ludus_demonstrations::{DecidedBy, Demonstration, DemonstrationFile};
use bevy_ludus::spec::{Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, EpisodeOrigin, PooledWorld, WorldSettings, spec_of};

use crate::configs::{in_repository, names_in};
use crate::examples::pillars;

/// The files, with the source of their decisions.
const FILES: [(&str, DecidedBy); 2] = [("pillars", DecidedBy::Policy), ("pillars-keys", DecidedBy::Script)];

/// The greatest difference of an observation that is taken for the same: rounding differs between processors.
const ROUNDING: f32 = 1e-4;

pub(crate) fn shipped(name: &str) -> PathBuf {
    in_repository("assets/demonstrations").join(name).with_extension("demonstrations")
}

#[test]
fn shipped_demonstrations_can_be_learned_from() {
    let spec = spec_of(&(Arc::new(pillars::pillars) as _)).unwrap();
    let interval = NonZeroU32::new(5).unwrap();
    for (name, by) in FILES {
        let path = shipped(name);
        let file = DemonstrationFile::read_for(&path, &spec, interval).unwrap();
        file.header.check_time(&path, interval, 50.0).unwrap();
        assert_eq!((file.header.game.as_str(), file.episodes.len(), &file.damage[..]), ("pillars", 20, &[][..]));
        for episode in &file.episodes {
            assert!(episode.decided_by.iter().all(|&source| source == by), "{name}");
            assert!(episode.imitated().iter().all(|&is_imitated| is_imitated));
            // A crash is no example to follow: the first term is the arrival.
            assert_eq!((episode.info.outcome, episode.term_sums(3)[0]), (Outcome::Terminated, 1.0), "{name}");
        }
        assert!(path.metadata().unwrap().len() < 200_000, "{name} is small");
    }
    let readme = |path: &std::path::Path| path.extension().is_some_and(|extension| extension == "demonstrations");
    assert_eq!(names_in("assets/demonstrations", readme), FILES.map(|(name, _)| name.to_owned()).into());
}

#[test]
fn shipped_demonstrations_lead_to_the_same_observations_again() {
    for (name, _) in FILES {
        let file = DemonstrationFile::read(&shipped(name)).unwrap();
        let mut seeds: Vec<Seed> = Vec::new();
        for seed in file.episodes.iter().map(|episode| origin(episode).seed) {
            if !seeds.contains(&seed) {
                seeds.push(seed);
            }
        }
        for seed in seeds {
            let of_world: Vec<&Demonstration> =
                file.episodes.iter().filter(|episode| origin(episode).seed == seed).collect();
            replay(name, seed, &of_world);
        }
    }
}

fn origin(episode: &Demonstration) -> &bevy_ludus::play::ludus_demonstrations::EpisodeOrigin {
    episode.info.origin.as_ref().expect("an episode of a shipped file says where it was played")
}

/// A row of the world in which episodes are repeated.
#[derive(Clone, Copy, Default)]
struct RepeatedRow {
    /// The number of its episode, from 0.
    number: u32,
    /// The steps of the episode so far.
    step: usize,
}

/// Repeats the actions of the episodes of a world, and compares what is observed.
fn replay(name: &str, seed: Seed, episodes: &[&Demonstration]) {
    let rows = episodes.iter().map(|episode| origin(episode).row).max().unwrap() + 1;
    let spec = spec_of(&(Arc::new(pillars::pillars) as _)).unwrap();
    let settings = WorldSettings {
        seed,
        world: 0,
        arenas: 0..rows,
        decision_interval: NonZeroU32::new(5).unwrap(),
        agents: vec![AgentSettings {
            name: spec.name.clone(),
            weights: vec![1.0; spec.reward.len()],
            episode_limit: NonZeroU32::new(200),
            ..AgentSettings::default()
        }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let origin_of_world = EpisodeOrigin { seed, ..EpisodeOrigin::default() };
    let mut world = PooledWorld::build_at(&(Arc::new(pillars::pillars) as _), settings, origin_of_world).unwrap();
    let mut repeated = vec![RepeatedRow::default(); rows as usize];
    let (width, action_width) = (spec.observation_width(), spec.action_width());
    let mut left = episodes.len();
    while left > 0 {
        for (row, RepeatedRow { number, step }) in repeated.iter().enumerate() {
            let recorded = find(episodes, row, *number).filter(|episode| *step < episode.steps());
            let Some(episode) = recorded else { continue };
            compare(name, episode, *step, &world.rows(0).observations()[row * width..][..width]);
            let action = &episode.actions[step * action_width..][..action_width];
            world.rows_mut(0).actions_mut()[row * action_width..][..action_width].copy_from_slice(action);
        }
        world.step().unwrap();
        for (row, at) in repeated.iter_mut().enumerate() {
            let outcome = world.rows(0).outcomes()[row];
            if outcome == Outcome::Restart {
                *at = RepeatedRow { number: at.number + 1, step: 0 };
                continue;
            }
            at.step += 1;
            if let Some(episode) = find(episodes, row, at.number).filter(|_| outcome.is_end()) {
                compare(name, episode, at.step, &world.rows(0).observations()[row * width..][..width]);
                assert_eq!((at.step, outcome), (episode.steps(), episode.info.outcome), "{name}: the end");
                left -= 1;
            }
        }
    }
}

fn find<'a>(episodes: &[&'a Demonstration], row: usize, number: u32) -> Option<&'a Demonstration> {
    let is_wanted = |episode: &&&Demonstration| {
        let origin = origin(episode);
        (origin.row as usize, origin.number) == (row, number)
    };
    episodes.iter().find(is_wanted).copied()
}

/// Panics with the step if the observation before it is not the one that was recorded.
fn compare(name: &str, episode: &Demonstration, step: usize, seen: &[f32]) {
    let recorded = &episode.observations[step * seen.len()..][..seen.len()];
    let difference = seen.iter().zip(recorded).map(|(now, then)| (now - then).abs()).fold(0.0, f32::max);
    assert!(
        difference <= ROUNDING,
        "{name}, {:?}: the observation before step {step} differs by {difference}",
        origin(episode)
    );
}
