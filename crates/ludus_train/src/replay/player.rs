//! Plays a logged episode again.

use std::io;
use std::path::PathBuf;

use std::sync::Arc;

use ludus_agent::Rows;
use ludus_spec::{AgentSpec, stopped_clock};
use ludus_worlds::{AgentSettings, EpisodeOrigin, Game, PooledWorld, WorldError, WorldPanic, WorldSettings, specs_of};

use super::ShownHasher;
use super::log::{EpisodeHead, EpisodeKind, EpisodeLog, choices_of, written_layout};

/// Why an episode can't be played again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no such file, or it may not be read.
    #[error("episode `{path}` can't be read: {source}; check the path")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder may not be written to, or the disk is full.
    #[error("episode `{path}` can't be written: {source}; check the folder's permissions and space")]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is no episode, or a part of it is lost.
    #[error("`{path}` is not a whole episode: {problem}; copy it again, or train anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The agents are laid out otherwise than those that played it.
    #[error(
        "the episode was played by other agents than `{agent}`: {difference}; replay it with the game that made it"
    )]
    OtherGame {
        /// The game's kind of agent.
        agent: String,
        /// The difference.
        difference: String,
    },
    /// The game has no agents of a kind that played it.
    #[error(
        "the episode was played by agents `{agent}`, which the game does not have; its kinds: {}; replay it with the \
         game that made it",
        listed(kinds)
    )]
    NoSuchKind {
        /// The kind of the episode.
        agent: String,
        /// Those of the game.
        kinds: Vec<String>,
    },
    /// The world can't be built.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The game panicked on the way.
    #[error(transparent)]
    Panicked(#[from] WorldPanic),
}

impl ReplayError {
    /// The code that the process exits with: 2 if what was asked for can't be done, 1 if it failed on the way.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable { .. } | Self::Damaged { .. } | Self::OtherGame { .. } | Self::NoSuchKind { .. } => 2,
            Self::Unwritable { .. } | Self::World(_) | Self::Panicked(_) => 1,
        }
    }
}

/// Names as a sentence lists them.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A logged episode in a world of its own.
///
/// It stands at the episode's start first, then wherever it is moved to. Going forwards takes steps; going back plays it
/// again from the start, since a world can't be wound back: a few milliseconds for most games.
///
/// Every step is compared with the log; [`difference`](Self::difference) says where they first part.
pub struct Replay {
    game: Game,
    log: EpisodeLog,
    world: PooledWorld,
    /// Its agents, for each kind of the log.
    agents: Vec<KindRows>,
    step: u32,
    difference: Option<Difference>,
}

/// The agents of a kind in the world of a replay.
struct KindRows {
    /// The kind, as an index among those of the world.
    kind: usize,
    /// In the order of their members.
    rows: Vec<usize>,
}

/// Where a replay first differs from what was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Steps of the episode; 0 is its start.
    pub step: u32,
    /// Ticks of the episode at that step's end: it was the same up to the step before.
    pub tick: u64,
}

impl Replay {
    /// An episode at its start.
    ///
    /// # Errors
    ///
    /// If it is another game's, or its world can't be built.
    pub fn open(game: &Game, mut log: EpisodeLog) -> Result<Self, ReplayError> {
        let specs = specs_of(game)?;
        let kinds = log.head.check_agents(&specs)?;
        for (kind, &index) in log.head.kinds.iter_mut().zip(&kinds) {
            kind.name.clone_from(&specs[index].name);
        }
        let world = build(game, &log.head)?;
        // The world has the arena alone, so its rows are those of the episode's agents.
        let agents = kinds.into_iter().map(|kind| KindRows { kind, rows: (0..world.rows(kind).len()).collect() });
        let agents = agents.collect();
        let mut replay = Self { game: game.clone(), log, world, agents, step: 0, difference: None };
        replay.compare();
        Ok(replay)
    }

    /// The log that is played.
    pub const fn log(&self) -> &EpisodeLog {
        &self.log
    }

    /// Steps made: what the world shows.
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// Ticks made since the episode's start.
    pub fn tick(&self) -> u64 {
        self.tick_of(self.step)
    }

    /// Moves to a step, forwards or backwards; to the last one if there are fewer. 0 is the start.
    ///
    /// # Errors
    ///
    /// If the game panics, as it did not when the episode was logged.
    pub fn seek(&mut self, step: u32) -> Result<(), ReplayError> {
        let step = step.min(self.log.head.steps);
        if step < self.step {
            self.world = build(&self.game, &self.log.head)?;
            self.step = 0;
            self.compare();
        }
        while self.step < step {
            self.advance()?;
        }
        Ok(())
    }

    /// Moves to the step that a tick of the episode belongs to: the last one that is over by then.
    ///
    /// # Errors
    ///
    /// As [`seek`](Self::seek).
    pub fn seek_tick(&mut self, tick: u64) -> Result<(), ReplayError> {
        let step = tick / u64::from(self.log.head.ticks_per_step().get());
        self.seek(u32::try_from(step).unwrap_or(u32::MAX))
    }

    /// Where what was played first differs from what was logged, as far as it was played.
    pub const fn difference(&self) -> Option<Difference> {
        self.difference
    }

    /// Plays to the end; where it first differs from what was logged, if it does.
    ///
    /// # Errors
    ///
    /// As [`seek`](Self::seek).
    pub fn verify(&mut self) -> Result<Option<Difference>, ReplayError> {
        self.seek(u32::MAX)?;
        Ok(self.difference)
    }

    /// The world as it is now, to look at.
    pub const fn world(&self) -> &PooledWorld {
        &self.world
    }

    /// The world as it is now, to draw it. What is changed in it is in the steps that follow.
    pub const fn world_mut(&mut self) -> &mut PooledWorld {
        &mut self.world
    }

    fn advance(&mut self) -> Result<(), ReplayError> {
        for (index, agents) in self.agents.iter().enumerate() {
            let actions = self.log.actions_of(self.step, index);
            let rows = self.world.rows_mut(agents.kind).actions_mut();
            // There may be fewer agents than there were: then it differs anyway.
            let count = actions.len().min(rows.len());
            rows[..count].copy_from_slice(&actions[..count]);
        }
        self.world.step()?;
        self.step += 1;
        self.compare();
        Ok(())
    }

    /// Compares what the world shows with the log.
    fn compare(&mut self) {
        let shown = self.agents.iter().map(|agents| (self.world.rows(agents.kind), &agents.rows[..]));
        let is_same = self.log.is_same(self.step, shown);
        let is_earlier = self.difference.is_none_or(|known| self.step < known.step);
        if !is_same && is_earlier {
            self.difference = Some(Difference { step: self.step, tick: self.tick_of(self.step) });
        }
    }

    fn tick_of(&self, step: u32) -> u64 {
        u64::from(step) * u64::from(self.log.head.ticks_per_step().get())
    }
}

impl EpisodeHead {
    /// The index of each kind of the episode among the kinds of a game, `specs`.
    ///
    /// # Errors
    ///
    /// If the game lacks one of them, or if one is laid out otherwise, with the difference.
    pub fn check_agents(&self, specs: &[Arc<AgentSpec>]) -> Result<Vec<usize>, ReplayError> {
        self.kinds.iter().map(|kind| kind.find(specs)).collect()
    }
}

impl EpisodeKind {
    /// The index of this kind among those of a game.
    fn find(&self, specs: &[Arc<AgentSpec>]) -> Result<usize, ReplayError> {
        let index = if self.name.is_empty() {
            // A file of the first version does not name its kind.
            specs.iter().position(|spec| self.is_laid_out_as(spec)).or_else(|| (!specs.is_empty()).then_some(0))
        } else {
            specs.iter().position(|spec| spec.name == self.name)
        };
        let missing = || ReplayError::NoSuchKind {
            agent: self.name.clone(),
            kinds: specs.iter().map(|spec| spec.name.clone()).collect(),
        };
        let index = index.ok_or_else(missing)?;
        self.check_agent(&specs[index])?;
        Ok(index)
    }

    fn is_laid_out_as(&self, spec: &AgentSpec) -> bool {
        written_layout(spec) == self.layout_hash && choices_of(spec) == self.choices
    }

    /// Refuses the episode of agents that are laid out otherwise than these.
    fn check_agent(&self, spec: &AgentSpec) -> Result<(), ReplayError> {
        let difference = match (spec.reward.len(), self.weights.len()) {
            _ if !self.is_laid_out_as(spec) => "what they see or do is laid out otherwise".to_owned(),
            (now, then) if now != then => format!("their reward had {then} terms, now {now}"),
            _ => return Ok(()),
        };
        Err(ReplayError::OtherGame { agent: spec.name.clone(), difference })
    }
}

impl EpisodeLog {
    /// True if the agents show after a step what they showed then; step 0 is the start.
    ///
    /// `shown` has the rows of each kind of the episode, in the order of the head's kinds, and which of them are those of
    /// the episode's agents, in the order of [`Home::member`](ludus_agent::Home::member).
    pub fn is_same<'a>(&self, step: u32, shown: impl IntoIterator<Item = (&'a Rows, &'a [usize])>) -> bool {
        let (mut hasher, mut kinds) = (ShownHasher::default(), self.head.kinds.iter());
        for (rows, of) in shown {
            if kinds.next().is_none_or(|kind| kind.rows as usize != of.len()) {
                return false;
            }
            hasher.add(rows, of);
        }
        kinds.next().is_none() && self.hashes.get(step as usize) == Some(&hasher.finish())
    }
}

/// A world with the episode's arena alone, at its own place.
fn build(game: &Game, head: &EpisodeHead) -> Result<PooledWorld, WorldError> {
    let arenas = match head.arena {
        Some(arena) => arena..arena.saturating_add(1),
        None => 0..head.arenas,
    };
    let is_first = head.numbers.iter().skip(1).all(|&number| number == 1);
    let settings = WorldSettings {
        seed: head.seed,
        world: head.world,
        arenas,
        decision_interval: head.ticks_per_step(),
        agents: head.kinds.iter().map(|kind| kind.settings(is_first)).collect(),
        clock: stopped_clock,
    };
    let origin = EpisodeOrigin { seed: head.seed, numbers: head.numbers.clone(), step: head.restart_step };
    PooledWorld::build_at(game, settings, origin)
}

impl EpisodeKind {
    /// The run's settings of the kind. First episodes alone were cut at points of their own.
    fn settings(&self, is_first: bool) -> AgentSettings {
        AgentSettings {
            name: self.name.clone(),
            decision_interval: Some(self.decision_interval),
            weights: self.weights.clone(),
            episode_limit: self.episode_limit,
            stagger: self.stagger && is_first,
            rows: None,
        }
    }
}
