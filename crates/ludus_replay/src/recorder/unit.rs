//! The agents whose episodes can only be repeated together, and the record of their present episode.

use bevy::prelude::{Entity, RelationshipTarget};
use ludus_agent::{ArenaMembers, Episode, EpisodeRng, EpisodeScope, Home, InArena, Rows, Slot};
use ludus_spec::Outcome;
use ludus_worlds::PooledWorld;

use super::listed_kinds;
use crate::ShownHasher;
use crate::log::{EpisodeHead, EpisodeKind, EpisodeLog, EpisodeValues};

/// Agents whose episodes can only be repeated together: those of an arena, or all of a world without arenas.
#[derive(Debug)]
pub struct Unit {
    arena: Option<u32>,
    /// All of its agents, including those that the game decides for, in the order of [`Home::member`].
    members: Vec<Member>,
    /// Its agents of each kind that is recorded.
    kinds: Vec<UnitKind>,
    /// Steps of the longest episode that is recorded.
    longest: usize,
    is_recording: bool,
    /// The number of the arena's episode, then that of each member's episode.
    numbers: Vec<u32>,
    /// The world's step in which they restarted.
    restart_step: u64,
    /// The values of the episode parameters of each member `[members, parameters]`.
    parameters: Vec<f32>,
    actions: Vec<f32>,
    hashes: Vec<u32>,
}

/// The kind and the row of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    kind: usize,
    row: usize,
}

/// The agents of a kind that is recorded.
#[derive(Debug)]
struct UnitKind {
    kind: usize,
    /// The rows of the agents, in the order of their members.
    rows: Vec<usize>,
    /// The sum of each one's rewards.
    returns: Vec<f32>,
    /// The mean return of those whose episode ended in the last step.
    ended: Option<f32>,
}

/// The phases of a unit's episode, which follow from the outcomes of its rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// All agents are idle, at least one of them because it restarts.
    Idle,
    /// An agent is gone, or a number was not finite.
    Spoiled,
    /// An episode goes on.
    Running,
}

/// Groups the agents of a world into units that can be repeated, in the order of the arenas.
pub fn units(world: &PooledWorld) -> Vec<Unit> {
    let mut agents = (0..world.kinds().len()).flat_map(|kind| agents_of(world, kind)).collect::<Vec<_>>();
    agents.sort_unstable();
    let arenas = agents.chunk_by(|(one, _), (other, _)| one.arena == other.arena);
    let mut units = arenas.map(|agents| Unit::new(world, agents)).collect::<Vec<_>>();
    // Agents outside arenas may affect those of every arena.
    let is_mixed = units.len() > 1 && units.iter().any(|unit| unit.arena.is_none());
    if is_mixed {
        return Vec::new();
    }
    units.retain(Unit::is_decided_for);
    units
}

fn agents_of(world: &PooledWorld, kind: usize) -> impl Iterator<Item = (Home, Member)> + '_ {
    let rows = world.rows(kind);
    (0..rows.len()).filter_map(move |row| Some((home(world, rows.agent(row)?)?, Member { kind, row })))
}

fn home(world: &PooledWorld, agent: Entity) -> Option<Home> {
    world.world().get::<EpisodeRng>(agent).map(EpisodeRng::home)
}

impl Unit {
    fn new(world: &PooledWorld, agents: &[(Home, Member)]) -> Self {
        let members = agents.iter().map(|&(_, member)| member).collect::<Vec<_>>();
        let kinds = listed_kinds(world).map(|kind| UnitKind::new(kind, &members)).collect();
        Self {
            arena: agents[0].0.arena,
            kinds,
            longest: 0,
            is_recording: false,
            numbers: Vec::with_capacity(members.len() + 1),
            restart_step: 0,
            parameters: Vec::new(),
            actions: Vec::new(),
            hashes: Vec::new(),
            members,
        }
    }

    /// True if a policy decides for any of its agents.
    fn is_decided_for(&self) -> bool {
        self.kinds.iter().any(|kind| !kind.rows.is_empty())
    }

    /// Allocates the memory for its longest episode: as many steps as its kinds' limits allow, `most` of them at most.
    pub fn reserve(&mut self, head: &EpisodeHead, most: usize) {
        let present = || head.kinds.iter().zip(&self.kinds).filter(|(_, own)| !own.rows.is_empty());
        let limits = present().filter_map(|(kind, _)| kind.episode_limit);
        self.longest = limits.map(|limit| limit.get() as usize).min().unwrap_or(most).min(most);
        let columns = present().map(|(kind, own)| own.rows.len() * kind.choices.len()).sum::<usize>();
        self.actions.reserve_exact(self.longest * columns);
        self.hashes.reserve_exact(self.longest + 1);
    }

    /// Drops the episode in progress.
    pub const fn forget(&mut self) {
        self.is_recording = false;
    }

    /// The number of the episode of each member, from 0, the arena itself.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// The return of each kind in the episode that has just ended; `None` for kinds none of whose agents ended.
    pub fn ended_returns(&self) -> impl Iterator<Item = Option<f32>> + '_ {
        self.kinds.iter().map(|kind| kind.ended)
    }

    /// Records a step; returns the outcome of the episode if it ended.
    pub fn record(&mut self, world: &PooledWorld) -> Option<Outcome> {
        let phase = self.phase(world);
        if phase == Phase::Idle && self.has_started(world) {
            self.is_recording = self.begins(world);
            if self.is_recording {
                self.begin(world);
            }
            return None;
        }
        self.is_recording &= self.hashes.len() <= self.longest && phase != Phase::Spoiled;
        if !self.is_recording {
            return None;
        }
        let ended = self.note(world);
        self.is_recording = ended.is_none();
        ended
    }

    fn phase(&self, world: &PooledWorld) -> Phase {
        let (mut is_idle, mut restarts) = (true, false);
        for kind in &self.kinds {
            let rows = world.rows(kind.kind);
            for &row in &kind.rows {
                let outcome = rows.outcomes()[row];
                if outcome == Outcome::Faulty || rows.agent(row).is_none() {
                    return Phase::Spoiled;
                }
                restarts |= outcome == Outcome::Restart;
                is_idle &= matches!(outcome, Outcome::Restart | Outcome::Vacant);
            }
        }
        if is_idle && restarts { Phase::Idle } else { Phase::Running }
    }

    /// True if an episode has started in this step. A restart may last for several steps.
    fn has_started(&self, world: &PooledWorld) -> bool {
        let has_started = |kind: &UnitKind| kind.rows.iter().any(|&row| world.rows(kind.kind).has_started(row));
        self.kinds.iter().any(has_started)
    }

    /// True if an episode of every agent has started in this step. Stores the numbers of these episodes.
    fn begins(&mut self, world: &PooledWorld) -> bool {
        if !self.members.iter().all(|&Member { kind, row }| world.rows(kind).has_started(row)) {
            return false;
        }
        self.numbers.clear();
        // An arena's own episodes are counted with those of the agents that share them.
        let mut shared = None;
        self.numbers.push(0);
        for index in 0..self.members.len() {
            let Some((number, scope)) = self.starting_number(world, index) else { return false };
            if scope == EpisodeScope::Arena {
                shared = shared.or(Some(number));
            }
            self.numbers.push(number);
        }
        self.numbers[0] = shared.or(self.numbers.get(1).copied()).unwrap_or(1);
        self.is_whole(world)
    }

    /// The number and the scope of the episode that an agent is about to begin; `None` if the agent did not come with
    /// the arena.
    fn starting_number(&self, world: &PooledWorld, index: usize) -> Option<(u32, EpisodeScope)> {
        let Member { kind, row } = self.members[index];
        let agent = world.rows(kind).agent(row)?;
        let home = home(world, agent)?;
        let episode = world.world().get::<Episode>(agent)?;
        let is_first_here = home.arena == self.arena && home.member as usize == index + 1;
        let scope = world.world().get::<EpisodeScope>(agent).copied().unwrap_or_default();
        (is_first_here && !episode.is_running() && episode.steps() == 0).then(|| (episode.number(), scope))
    }

    /// True if the unit has all agents of its arena or world, so that none has come since it was made.
    fn is_whole(&self, world: &PooledWorld) -> bool {
        let bevy = world.world();
        let count = if self.arena.is_some() {
            let first = self.members.first().and_then(|first| world.rows(first.kind).agent(first.row));
            let arena = first.and_then(|agent| bevy.get::<InArena>(agent));
            let members = arena.and_then(|arena| bevy.get::<ArenaMembers>(arena.0));
            let has_row = |&member: &Entity| bevy.get::<Slot>(member).is_some();
            members.map_or(0, |members| members.iter().filter(has_row).count())
        } else {
            (0..world.kinds().len()).map(|kind| agents_of(world, kind).count()).sum()
        };
        count == self.members.len()
    }

    fn begin(&mut self, world: &PooledWorld) {
        self.restart_step = world.steps();
        self.actions.clear();
        self.hashes.clear();
        self.parameters.clear();
        for &Member { kind, row } in &self.members {
            let rows = world.rows(kind);
            let count = rows.episode_parameters().len() / rows.len();
            self.parameters.extend_from_slice(&rows.episode_parameters()[row * count..][..count]);
        }
        let mut hasher = ShownHasher::default();
        for kind in &mut self.kinds {
            kind.returns.fill(0.0);
            hasher.add(world.rows(kind.kind), &kind.rows);
        }
        self.hashes.push(hasher.finish());
        self.is_recording = true;
    }

    /// Records the actions, the rewards and the hash of a step; returns the outcome of the episode if it ended.
    fn note(&mut self, world: &PooledWorld) -> Option<Outcome> {
        let (mut hasher, mut outcome) = (ShownHasher::default(), None);
        for kind in &mut self.kinds {
            let rows = world.rows(kind.kind);
            kind.note(rows, &mut self.actions);
            hasher.add(rows, &kind.rows);
            let end = kind.end(rows);
            outcome = outcome.or(end);
        }
        self.hashes.push(hasher.finish());
        outcome
    }

    /// The log of the episode that has just ended.
    pub fn log(&self, world: &PooledWorld, head: EpisodeHead) -> EpisodeLog {
        let kinds = self.kinds.iter().zip(&head.kinds).map(|(own, kind)| own.head(world, kind.clone())).collect();
        let parameters = EpisodeValues { members: self.members_parameters(), ..head.parameters };
        let head = EpisodeHead {
            arena: self.arena,
            parameters,
            numbers: self.numbers.clone(),
            restart_step: self.restart_step,
            steps: self.hashes.len() as u32 - 1,
            kinds,
            ..head
        };
        EpisodeLog { head, actions: self.actions.clone(), hashes: self.hashes.clone() }
    }
}

impl Unit {
    /// The values of the episode parameters of each member, from 0, the arena itself. Every member has the arena's.
    fn members_parameters(&self) -> Vec<Vec<f32>> {
        let count = self.parameters.len() / self.members.len().max(1);
        if count == 0 {
            return Vec::new();
        }
        let members = || self.parameters.chunks_exact(count).map(<[f32]>::to_vec);
        members().take(1).chain(members()).collect()
    }
}

impl UnitKind {
    fn new(kind: usize, members: &[Member]) -> Self {
        let rows = members.iter().filter(|member| member.kind == kind).map(|member| member.row).collect::<Vec<_>>();
        Self { kind, returns: vec![0.0; rows.len()], rows, ended: None }
    }

    fn note(&mut self, rows: &Rows, actions: &mut Vec<f32>) {
        let width = rows.spec().action_width();
        for (&row, sum) in self.rows.iter().zip(&mut self.returns) {
            actions.extend_from_slice(&rows.actions()[row * width..][..width]);
            *sum += rows.rewards()[row];
        }
    }

    /// Stores the mean return of the agents whose episode ended in this step; returns the outcome of the first one.
    fn end(&mut self, rows: &Rows) -> Option<Outcome> {
        let mut ended = self.rows.iter().zip(&self.returns).filter(|(row, _)| rows.outcomes()[**row].is_end());
        let Some((row, first)) = ended.next() else {
            self.ended = None;
            return None;
        };
        let (count, sum) = ended.fold((1.0, *first), |(count, sum), (_, more)| (count + 1.0, sum + more));
        self.ended = Some(sum / count);
        Some(rows.outcomes()[*row].as_decided())
    }

    fn head(&self, world: &PooledWorld, kind: EpisodeKind) -> EpisodeKind {
        let so_far = || self.returns.iter().sum::<f32>() / self.returns.len().max(1) as f32;
        EpisodeKind {
            weights: world.rows(self.kind).weights().to_vec(),
            rows: self.rows.len() as u32,
            reward: self.ended.unwrap_or_else(so_far),
            ..kind
        }
    }
}

#[cfg(test)]
impl Unit {
    /// The capacities for actions, for hashes and for numbers.
    pub const fn capacities(&self) -> (usize, usize, usize) {
        (self.actions.capacity(), self.hashes.capacity(), self.numbers.capacity())
    }
}
