//! The demonstrations that are shipped with `pillars` and `pyramids`: they can be learned from, and their actions lead to
//! the same observations again.
#![expect(clippy::unwrap_used, reason = "all of this is tests, where a panic is the report")]

use core::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use bevy_ludus::play::ludus_demonstrations::{DecidedBy, Demonstration, DemonstrationFile};
use bevy_ludus::spec::{Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, EpisodeOrigin, PooledWorld, WorldSettings, spec_of};

use crate::configs::{NamedGame, in_repository, names_in};
use crate::examples::{pillars, pyramids};

/// A file of demonstrations.
struct ShippedFile {
    name: &'static str,
    game: NamedGame,
    /// The source of all decisions.
    by: DecidedBy,
    episodes: usize,
    /// The greatest length of an episode \[steps\].
    episode_limit: u32,
}

const PILLARS: NamedGame = ("pillars", pillars::pillars);
const PYRAMIDS: NamedGame = ("pyramids", pyramids::pyramids);

const FILES: [ShippedFile; 3] = [
    ShippedFile { name: "pillars", game: PILLARS, by: DecidedBy::Policy, episodes: 20, episode_limit: 200 },
    ShippedFile { name: "pillars-keys", game: PILLARS, by: DecidedBy::Script, episodes: 20, episode_limit: 200 },
    ShippedFile { name: "pyramids", game: PYRAMIDS, by: DecidedBy::Policy, episodes: 6, episode_limit: 500 },
];

/// The greatest difference of an observation that is taken for the same: rounding differs between processors.
const ROUNDING: f32 = 1e-4;

pub(crate) fn shipped(name: &str) -> PathBuf {
    in_repository("assets/demonstrations").join(name).with_extension("demonstrations")
}

#[test]
fn shipped_demonstrations_can_be_learned_from() {
    let interval = NonZeroU32::new(5).unwrap();
    for ShippedFile { name, game: (game, build), by, episodes, .. } in FILES {
        let spec = spec_of(&(Arc::new(build) as _)).unwrap();
        let path = shipped(name);
        let file = DemonstrationFile::read_for(&path, &spec, interval).unwrap();
        file.header.check_time(&path, interval, 50.0).unwrap();
        assert_eq!((file.header.game.as_str(), file.episodes.len(), &file.damage[..]), (game, episodes, &[][..]));
        for episode in &file.episodes {
            assert!(episode.decided_by.iter().all(|&source| source == by), "{name}");
            assert!(episode.imitated().iter().all(|&is_imitated| is_imitated));
            // A failure is no example to follow: the first term is the arrival, at the flag or at the golden brick.
            let reached = episode.term_sums(spec.reward.len())[0];
            assert_eq!((episode.info.outcome, reached), (Outcome::Terminated, 1.0), "{name}");
        }
        assert!(path.metadata().unwrap().len() < 200_000, "{name} is small");
    }
    let readme = |path: &std::path::Path| path.extension().is_some_and(|extension| extension == "demonstrations");
    assert_eq!(names_in("assets/demonstrations", readme), FILES.map(|file| file.name.to_owned()).into());
}

#[test]
fn shipped_demonstrations_lead_to_the_same_observations_again() {
    for of in FILES {
        let file = DemonstrationFile::read(&shipped(of.name)).unwrap();
        let mut seeds: Vec<Seed> = Vec::new();
        for seed in file.episodes.iter().map(|episode| origin(episode).seed) {
            if !seeds.contains(&seed) {
                seeds.push(seed);
            }
        }
        for seed in seeds {
            let of_world: Vec<&Demonstration> =
                file.episodes.iter().filter(|episode| origin(episode).seed == seed).collect();
            replay(&of, seed, &of_world);
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
fn replay(of: &ShippedFile, seed: Seed, episodes: &[&Demonstration]) {
    let &ShippedFile { name, game: (_, build), episode_limit, .. } = of;
    let game = Arc::new(build) as _;
    let rows = episodes.iter().map(|episode| origin(episode).row).max().unwrap() + 1;
    let spec = spec_of(&game).unwrap();
    let settings = WorldSettings {
        seed,
        world: 0,
        arenas: 0..rows,
        decision_interval: NonZeroU32::new(5).unwrap(),
        agents: vec![AgentSettings {
            name: spec.name.clone(),
            weights: vec![1.0; spec.reward.len()],
            episode_limit: NonZeroU32::new(episode_limit),
            ..AgentSettings::default()
        }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let origin_of_world = EpisodeOrigin { seed, ..EpisodeOrigin::default() };
    let mut world = PooledWorld::build_at(&game, settings, origin_of_world).unwrap();
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
