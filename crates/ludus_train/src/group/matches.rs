//! The matches of a group's worlds: who plays which side, from one restart of an arena to the next.

use std::cmp::Ordering;
use std::sync::Arc;

use bevy::prelude::{Entity, World};
use ludus_agent::{Controller, MOST_TEAMS, MatchRestart, MatchRestarts, MatchResult, RowTeam};
use ludus_spec::Seed;
use ludus_worlds::PooledWorld;

use super::{Lanes, WorldGroup};

/// The way in which matches are made, the same for all worlds of a run. It changes between iterations only.
#[derive(Clone, Debug)]
pub(crate) struct MatchPlan {
    /// The seed from which a match's draws derive, together with its world, its arena and its number there.
    pub seed: Seed,
    pub mode: MatchMode,
    /// The players of each lane of the worlds.
    pub lanes: Vec<LanePlayers>,
}

/// The sides that the newest policy plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MatchMode {
    /// All sides in a part of the matches, else one side, which is another one in each match of an arena. The other
    /// sides are the game's own script's in a part of those matches.
    Training { against_latest: f32, scripted: f32 },
    /// One side, which is another one in each match of an arena.
    Evaluation { opponent: Opponent },
}

/// The players that may take the sides that the newest policy leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opponent {
    /// A policy that does not learn.
    Policy,
    /// The game's own script.
    Script,
}

/// The players of a lane: numbers that results are reported by.
#[derive(Clone, Debug, Default)]
pub(crate) struct LanePlayers {
    /// The policy that drives rows of the lane by default: driver 0.
    pub newest: u32,
    /// The policies that do not learn, with their drivers.
    pub others: Vec<(u8, u32)>,
    /// The game's own script.
    pub script: u32,
}

/// The result of a match between two sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PairResult {
    /// The player of the side with the smaller index.
    pub one: u32,
    /// The player of the other side.
    pub other: u32,
    /// The score of `one`: 1 for a victory, 0.5 for a draw, 0 for a defeat.
    pub score: f32,
    /// True if the game said so; false if the match ended without a result.
    pub is_decided: bool,
    /// The number of the match in its arena, from 0.
    pub number: u64,
}

/// The players of a match.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pairing {
    /// The side of the newest policies; `None` if they have all.
    own_side: Option<u16>,
    /// True if the game's script plays the other sides.
    is_scripted: bool,
    /// The players of each lane: the newest, and the one of the other sides with its driver.
    lanes: Vec<LanePairing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LanePairing {
    newest: u32,
    driver: u8,
    other: u32,
}

/// The matches of one world.
#[derive(Debug, Default)]
pub(super) struct WorldMatches {
    /// By arena.
    arenas: Vec<ArenaMatch>,
    /// The driver of each row from its next episode on, by kind `[rows]`; empty for a kind without teams.
    drivers: Vec<Vec<u8>>,
    /// The lane whose players stand for each side: that of the first kind that is on it.
    lane_of_side: Vec<Option<usize>>,
    /// The lane of each kind; `None` for a kind that the game decides for.
    lane_of_kind: Vec<Option<usize>>,
}

#[derive(Clone, Debug, Default)]
struct ArenaMatch {
    /// Matches so far.
    number: u64,
    pairing: Option<Pairing>,
}

impl WorldGroup {
    /// Gives rows drivers, since matches are to be played between policies. To be called before algorithms are made for
    /// the group's lanes.
    pub fn expect_matches(&mut self) {
        self.has_drivers = true;
    }

    /// Makes the next matches by this plan. Matches that go on stay as they are. The first call begins matches in the
    /// arenas that have just restarted.
    pub fn set_match_plan(&mut self, plan: Arc<MatchPlan>) {
        if self.match_plan.replace(plan).is_none() {
            for member in &mut self.worlds {
                member.matches = Some(WorldMatches::of(&member.world, &self.lanes));
            }
            self.make_matches();
        }
    }

    /// Marks the drivers that play in a match that goes on, or in one that is about to begin, in a lane.
    pub fn mark_drivers(&self, lane: usize, is_used: &mut [bool]) {
        for pairing in self.worlds.iter().filter_map(|member| member.matches.as_ref()).flat_map(WorldMatches::pairings)
        {
            if pairing.own_side.is_some() && !pairing.is_scripted {
                is_used[usize::from(pairing.lanes[lane].driver)] = true;
            }
        }
    }

    /// Removes and returns the results of matches since the last call.
    pub fn drain_results(&mut self) -> impl Iterator<Item = PairResult> + '_ {
        self.results.drain(..)
    }

    /// Reports the matches that ended in the last step, and makes those that begin in their arenas.
    pub(super) fn make_matches(&mut self) {
        let Some(plan) = self.match_plan.clone() else { return };
        for member in &mut self.worlds {
            if let Some(matches) = &mut member.matches {
                matches.go_on(&mut member.world, &plan, &mut self.results);
            }
        }
    }
}

impl WorldMatches {
    fn of(world: &PooledWorld, lanes: &Lanes) -> Self {
        let kinds = 0..world.kinds().len();
        let rows = |kind: usize| if world.spec(kind).teams.is_empty() { 0 } else { world.row_count(kind) };
        let lane = |kind: usize| lanes.iter().position(|lane| lane.contains(&kind));
        let lane_of_kind: Vec<_> = kinds.clone().map(lane).collect();
        let sides = kinds.clone().map(|kind| world.spec(kind).teams.len()).max().unwrap_or(0);
        let has = |kind: usize, side: usize| world.rows(kind).teams().iter().any(|row| usize::from(row.team) == side);
        let lane_of_side = |side| kinds.clone().find(|&kind| has(kind, side)).and_then(|kind| lane_of_kind[kind]);
        Self {
            arenas: Vec::new(),
            drivers: kinds.clone().map(|kind| vec![0; rows(kind)]).collect(),
            lane_of_side: (0..sides).map(lane_of_side).collect(),
            lane_of_kind,
        }
    }

    /// The driver of each row of a kind from its next episode on `[rows]`; empty for a kind without teams.
    pub fn drivers(&self, kind: usize) -> &[u8] {
        &self.drivers[kind]
    }

    fn pairings(&self) -> impl Iterator<Item = &Pairing> {
        self.arenas.iter().filter_map(|arena| arena.pairing.as_ref())
    }

    /// Reports the matches that ended in a world's last step, and makes those that begin.
    fn go_on(&mut self, world: &mut PooledWorld, plan: &MatchPlan, results: &mut Vec<PairResult>) {
        for index in 0..restarts_of(world).len() {
            let MatchRestart { arena, ended } = restarts_of(world)[index];
            let place = arena as usize;
            if self.arenas.len() <= place {
                self.arenas.resize_with(place + 1, ArenaMatch::default);
            }
            let ArenaMatch { number, pairing } = std::mem::take(&mut self.arenas[place]);
            if let (Some(pairing), Some(result)) = (pairing, ended) {
                // The number is that of the next match.
                pairing.report(&result, number - 1, &self.lane_of_side, results);
            }
            let draws = plan.seed.derive(world.index().into()).derive(arena.into()).derive(number);
            let own_side = (number + u64::from(arena)) % self.lane_of_side.len().max(1) as u64;
            let pairing = plan.pairing(draws, own_side as u16);
            self.place_players(world, arena, &pairing);
            self.arenas[place] = ArenaMatch { number: number + 1, pairing: Some(pairing) };
        }
    }

    /// Sets the drivers and controllers of an arena's rows, from their next decision on.
    fn place_players(&mut self, world: &mut PooledWorld, arena: u32, pairing: &Pairing) {
        for kind in 0..self.drivers.len() {
            let Some(lane) = self.lane_of_kind[kind] else { continue };
            for row in 0..self.drivers[kind].len() {
                let RowTeam { arena: own, team } = world.rows(kind).teams()[row];
                if own != arena {
                    continue;
                }
                let is_others = pairing.own_side.is_some_and(|side| side != team);
                let is_scripted = is_others && pairing.is_scripted;
                self.drivers[kind][row] = if is_others && !is_scripted { pairing.lanes[lane].driver } else { 0 };
                if let Some(agent) = world.rows(kind).agent(row) {
                    set_scripted(world.world_mut(), agent, is_scripted);
                }
            }
        }
    }
}

/// The restarts of arenas in a world's last step.
fn restarts_of(world: &PooledWorld) -> &[MatchRestart] {
    world.world().get_resource::<MatchRestarts>().map_or(&[], MatchRestarts::all)
}

impl MatchPlan {
    /// The players of the match with these draws, in which the newest policy has this side.
    fn pairing(&self, draws: Seed, own_side: u16) -> Pairing {
        let (meets_itself, is_scripted) = match self.mode {
            MatchMode::Training { against_latest, scripted } => {
                (draws.derive(0).uniform() < against_latest, draws.derive(1).uniform() < scripted)
            }
            MatchMode::Evaluation { opponent } => (false, opponent == Opponent::Script),
        };
        let lane = |(index, players): (u64, &LanePlayers)| {
            let chosen = draws.derive(2).derive(index).uniform() * players.others.len() as f32;
            let (driver, other) = players.others.get(chosen as usize).copied().unwrap_or((0, players.newest));
            let other = if is_scripted { players.script } else { other };
            LanePairing { newest: players.newest, driver, other }
        };
        Pairing {
            own_side: (!meets_itself).then_some(own_side),
            is_scripted,
            lanes: (0..).zip(&self.lanes).map(lane).collect(),
        }
    }
}

impl Pairing {
    /// Adds the results of this match for every two sides.
    fn report(&self, result: &MatchResult, number: u64, lane_of_side: &[Option<usize>], results: &mut Vec<PairResult>) {
        let places = result.places().unwrap_or(&[1; MOST_TEAMS]);
        let player = |side: usize| {
            let lane = self.lanes.get((*lane_of_side.get(side)?)?)?;
            Some(if self.own_side.is_none_or(|own| usize::from(own) == side) { lane.newest } else { lane.other })
        };
        for side in 0..lane_of_side.len() {
            for later in side + 1..lane_of_side.len() {
                let (Some(one), Some(other)) = (player(side), player(later)) else { continue };
                let score = match places[side].cmp(&places[later]) {
                    Ordering::Less => 1.0,
                    Ordering::Equal => 0.5,
                    Ordering::Greater => 0.0,
                };
                results.push(PairResult { one, other, score, is_decided: result.places().is_some(), number });
            }
        }
    }
}

/// Leaves an agent to the game's script, or to a policy again. A controller that the game has set stays.
fn set_scripted(world: &mut World, agent: Entity, is_scripted: bool) {
    let Some(mut controller) = world.get_mut::<Controller>(agent) else { return };
    match (*controller, is_scripted) {
        (Controller::Policy | Controller::Waiting, true) => *controller = Controller::Scripted,
        (Controller::Scripted, false) => *controller = Controller::Policy,
        _ => {}
    }
}

#[cfg(test)]
mod tests;
