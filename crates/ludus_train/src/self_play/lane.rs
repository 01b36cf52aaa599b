//! The players of one policy of a run: its versions, its fixed opponents, and those of them that play.

use std::path::{Path, PathBuf};

use ludus_learn::GroupDecider;
use ludus_spec::Seed;

use super::record::{Player, PlayerSource};
use super::results::{Results, Tally};
use crate::actor::FrozenPolicy;
use crate::blueprint::Blueprint;
use crate::config::SelfPlayConfig;
use crate::error::TrainError;
use crate::frozen::frozen_file;

/// The newest versions whose matches say how well the policy plays now.
const RECENT_VERSIONS: usize = 3;

/// The players of one policy of a run.
pub(super) struct LanePool {
    /// The section of the config; `None` if the policy does not play against itself.
    pub config: Option<SelfPlayConfig>,
    kind: String,
    /// The number of the player that learns.
    pub newest: u32,
    /// The number of the game's script.
    pub script: u32,
    /// Loaded policies: driver 1 is the first.
    slots: Vec<Option<LoadedPolicy>>,
    /// The steps of the run at which the next version is taken.
    next_version: u64,
    /// True if opponents are to be chosen anew.
    is_stale: bool,
    /// Choices so far.
    choices: u64,
}

/// A policy that may play.
struct LoadedPolicy {
    player: u32,
    policy: FrozenPolicy,
    /// True if new matches may have it; else it only ends those that it plays in.
    is_chosen: bool,
}

/// The players, their results and their files, from which opponents are chosen.
pub(super) struct OpponentInputs<'a> {
    pub players: &'a mut Vec<Player>,
    pub results: &'a Results,
    /// The folder of the versions' files.
    pub folder: &'a Path,
    pub read: &'a dyn Fn(&Path) -> Result<FrozenPolicy, TrainError>,
}

impl LanePool {
    /// The players of the policy that this kind's section describes, which are added to `players`.
    pub fn new(blueprint: &Blueprint, kind: usize, players: &mut Vec<Player>) -> Self {
        let config = blueprint.agent(kind).self_play.clone();
        let kind = blueprint.specs[kind].name.clone();
        let mut pool =
            Self { config, kind, newest: 0, script: 0, slots: Vec::new(), next_version: 0, is_stale: true, choices: 0 };
        pool.newest = pool.add(players, PlayerSource::Newest);
        pool.script = pool.add(players, PlayerSource::Script);
        pool.add_fixed(blueprint, players);
        pool
    }

    /// Finds the lane's players among those of a checkpoint, and adds those that are new in the config.
    pub fn resume(&mut self, blueprint: &Blueprint, kind: usize, players: &mut Vec<Player>) {
        self.kind.clone_from(&blueprint.specs[kind].name);
        let find = |source: PlayerSource, players: &[Player]| {
            players.iter().rposition(|player| player.kind == self.kind && player.source == source)
        };
        let newest = find(PlayerSource::Newest, players);
        let script = find(PlayerSource::Script, players);
        self.newest = newest.map_or_else(|| self.add(players, PlayerSource::Newest), |index| index as u32);
        self.script = script.map_or_else(|| self.add(players, PlayerSource::Script), |index| index as u32);
        self.add_fixed(blueprint, players);
        let last = self.versions_of(players).last().map(|&player| steps_of(&players[player as usize]));
        self.next_version = last.map_or(0, |steps| steps.saturating_add(self.interval()));
        (self.slots, self.is_stale) = (Vec::new(), true);
    }

    fn add_fixed(&self, blueprint: &Blueprint, players: &mut Vec<Player>) {
        let Some(spec) = blueprint.specs.iter().find(|spec| spec.name == self.kind) else { return };
        for named in self.config.iter().flat_map(|config| &config.fixed) {
            let source = PlayerSource::Fixed(frozen_file(named, spec));
            if !players.iter().any(|player| player.kind == self.kind && player.source == source) {
                self.add(players, source);
            }
        }
    }

    fn add(&self, players: &mut Vec<Player>, source: PlayerSource) -> u32 {
        let name = match &source {
            PlayerSource::Newest => format!("{} newest", self.kind),
            PlayerSource::Version { steps, .. } => format!("{} {steps}", self.kind),
            PlayerSource::Fixed(path) => path.display().to_string(),
            PlayerSource::Script => "script".to_owned(),
        };
        players.push(Player { name, kind: self.kind.clone(), source });
        (players.len() - 1) as u32
    }

    fn interval(&self) -> u64 {
        self.config.as_ref().map_or(u64::MAX, |config| config.snapshot_every.get())
    }

    /// True if a version is to be taken after so many steps of the run.
    pub fn is_due(&self, steps: u64) -> bool {
        self.config.is_some() && steps >= self.next_version
    }

    /// Turns the player that learns into a version, and adds another one that learns.
    pub fn take_version(&mut self, steps: u64, file: String, players: &mut Vec<Player>) {
        let version = PlayerSource::Version { steps, file: Some(file) };
        players[self.newest as usize] =
            Player { name: format!("{} {steps}", self.kind), kind: self.kind.clone(), source: version };
        self.newest = self.add(players, PlayerSource::Newest);
        self.next_version = steps.saturating_add(self.interval());
        self.is_stale = true;
    }

    /// Drops versions beyond the number to keep: those whose neighbours are closest in time. Never the first or the
    /// last. Returns their files.
    pub fn thin_out(&self, players: &mut [Player]) -> Vec<String> {
        let most = self.config.as_ref().map_or(usize::MAX, |config| config.snapshots.get() as usize);
        let mut dropped = Vec::new();
        loop {
            let kept: Vec<u32> =
                self.versions_of(players).into_iter().filter(|&v| has_file(&players[v as usize])).collect();
            if kept.len() <= most.max(2) {
                return dropped;
            }
            let steps = |version: u32| steps_of(&players[version as usize]);
            let between = |neighbours: &&[u32]| steps(neighbours[2]) - steps(neighbours[0]);
            let Some(least) = kept.windows(3).min_by_key(between) else { return dropped };
            if let PlayerSource::Version { file, .. } = &mut players[least[1] as usize].source {
                dropped.extend(file.take());
            }
        }
    }

    /// The versions of the policy, oldest first.
    pub fn versions_of(&self, players: &[Player]) -> Vec<u32> {
        let is_own =
            |player: &Player| player.kind == self.kind && matches!(player.source, PlayerSource::Version { .. });
        (0..).zip(players).filter(|(_, player)| is_own(player)).map(|(index, _)| index).collect()
    }

    /// The opponents that never change and have a part in the run.
    pub fn yardsticks(&self, players: &[Player]) -> Vec<u32> {
        let plays_script = self.config.as_ref().is_some_and(|config| config.scripted > 0.0);
        let is_own = |player: &Player| match player.source {
            PlayerSource::Fixed(_) => player.kind == self.kind,
            PlayerSource::Script => player.kind == self.kind && plays_script,
            _ => false,
        };
        (0..).zip(players).filter(|(_, player)| is_own(player)).map(|(index, _)| index).collect()
    }

    /// The matches of the newest versions, and of the policy that learns, against these players.
    pub fn recent_tally(&self, players: &[Player], results: &Results, others: &[u32]) -> Tally {
        let versions = self.versions_of(players);
        let recent = versions.iter().rev().take(RECENT_VERSIONS - 1).chain([&self.newest]);
        let mut tally = Tally::default();
        for &one in recent {
            let met = others.iter().filter(|&&other| other != one);
            met.for_each(|&other| tally.add(results.between(one, other)));
        }
        tally
    }

    /// The drivers that new matches may have, with their players.
    pub fn active(&self) -> Vec<(u8, u32)> {
        let slots = (1_u8..).zip(&self.slots);
        slots.filter_map(|(driver, slot)| Some((driver, slot.as_ref().filter(|slot| slot.is_chosen)?.player))).collect()
    }

    /// The loaded policies, by driver. An empty place has any of them, since nothing names it.
    pub fn deciders(&self) -> Vec<&dyn GroupDecider> {
        let Some(any) = self.slots.iter().flatten().next() else { return Vec::new() };
        self.slots.iter().map(|slot| &slot.as_ref().unwrap_or(any).policy as &dyn GroupDecider).collect()
    }

    /// Chooses opponents anew if there is a new version, and loads them. Waits while twice as many as play at once are
    /// loaded. Returns sentences about those that can't be read, which are left out from then on.
    pub fn choose(&mut self, choosing: &mut OpponentInputs<'_>, is_used: &[bool], seed: Seed) -> Vec<String> {
        let Some(config) = self.config.clone().filter(|_| self.is_stale) else { return Vec::new() };
        for (driver, slot) in self.slots.iter_mut().enumerate() {
            if !is_used[driver + 1] && slot.as_ref().is_some_and(|slot| !slot.is_chosen) {
                *slot = None;
            }
        }
        let most = 2 * config.concurrent.get() as usize;
        let replaced = (1..).zip(&self.slots).filter(|(driver, slot)| slot.is_some() && is_used[*driver]).count();
        if replaced + config.concurrent.get() as usize > most {
            return Vec::new();
        }
        self.is_stale = false;
        self.choices += 1;
        let chosen = self.draw(&config, choosing, seed.derive(self.choices));
        self.slots.iter_mut().flatten().for_each(|slot| slot.is_chosen = chosen.contains(&slot.player));
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if !is_used[index + 1] && slot.as_ref().is_some_and(|slot| !slot.is_chosen) {
                *slot = None;
            }
        }
        let is_loaded =
            |slots: &[Option<LoadedPolicy>], player| slots.iter().flatten().any(|slot| slot.player == player);
        let mut problems = Vec::new();
        for player in chosen {
            if !is_loaded(&self.slots, player) {
                problems.extend(self.load(player, choosing));
            }
        }
        problems
    }

    /// Loads a player's policy into a free place. Returns a sentence if it can't be read.
    fn load(&mut self, player: u32, choosing: &mut OpponentInputs<'_>) -> Option<String> {
        let path = path_of(&choosing.players[player as usize], choosing.folder)?;
        match (choosing.read)(&path) {
            Ok(policy) => {
                let loaded = Some(LoadedPolicy { player, policy, is_chosen: true });
                match self.slots.iter_mut().find(|slot| slot.is_none()) {
                    Some(free) => *free = loaded,
                    None => self.slots.push(loaded),
                }
                None
            }
            Err(error) => {
                if let PlayerSource::Version { file, .. } = &mut choosing.players[player as usize].source {
                    *file = None;
                }
                Some(format!("{error}; it is no opponent any more"))
            }
        }
    }

    /// Draws the players that are to play, without repetition.
    fn draw(&self, config: &SelfPlayConfig, choosing: &OpponentInputs<'_>, seed: Seed) -> Vec<u32> {
        let is_there = |player: &u32| path_of(&choosing.players[*player as usize], choosing.folder).is_some();
        let versions = if config.versions { self.versions_of(choosing.players) } else { Vec::new() };
        let mut left: Vec<u32> = versions.into_iter().filter(is_there).collect();
        left.extend(self.yardsticks(choosing.players).into_iter().filter(is_there));
        let mut chosen = Vec::new();
        while chosen.len() < config.concurrent.get() as usize && !left.is_empty() {
            let weights = self.weights(config, choosing, &left);
            let total: f64 = weights.iter().sum();
            let mut draw = f64::from(seed.derive(chosen.len() as u64).uniform()) * total;
            let place = weights.iter().position(|weight| {
                draw -= weight;
                draw < 0.0
            });
            chosen.push(left.remove(place.unwrap_or(left.len() - 1)));
        }
        chosen
    }

    fn weights(&self, config: &SelfPlayConfig, choosing: &OpponentInputs<'_>, players: &[u32]) -> Vec<f64> {
        let weight = |&player: &u32| {
            let tally = self.recent_tally(choosing.players, choosing.results, &[player]);
            // As after a victory and a defeat more, so that a few matches are not taken for all.
            config.sampling.weight((tally.points() + 1.0) / (tally.matches() as f64 + 2.0))
        };
        let weights: Vec<f64> = players.iter().map(weight).collect();
        let total: f64 = weights.iter().sum();
        let floor = f64::from(config.floor);
        let equal = 1.0 / players.len() as f64;
        let part = |weight: &f64| if total > 0.0 { weight / total } else { equal };
        weights.iter().map(|weight| floor * equal + (1.0 - floor) * part(weight)).collect()
    }
}

/// The file of a player's policy; `None` if it has none.
fn path_of(player: &Player, folder: &Path) -> Option<PathBuf> {
    match &player.source {
        PlayerSource::Version { file, .. } => Some(folder.join(file.as_ref()?)),
        PlayerSource::Fixed(path) => Some(path.clone()),
        PlayerSource::Newest | PlayerSource::Script => None,
    }
}

fn has_file(player: &Player) -> bool {
    matches!(player.source, PlayerSource::Version { file: Some(_), .. })
}

fn steps_of(player: &Player) -> u64 {
    match player.source {
        PlayerSource::Version { steps, .. } => steps,
        _ => 0,
    }
}
