//! Plays a logged episode again.

use std::io;
use std::path::PathBuf;

use ludus_agent::Rows;
use ludus_spec::{AgentSpec, stopped_clock};
use ludus_worlds::{AgentSettings, EpisodeOrigin, Game, PooledWorld, WorldError, WorldPanic, WorldSettings, spec_of};

use super::FIRST_KIND;
use super::log::{EpisodeHead, EpisodeLog, choices_of, written_layout};
use super::seen;

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
            Self::Unreadable { .. } | Self::Damaged { .. } | Self::OtherGame { .. } => 2,
            Self::Unwritable { .. } | Self::World(_) | Self::Panicked(_) => 1,
        }
    }
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
    step: u32,
    difference: Option<Difference>,
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
    pub fn open(game: &Game, log: EpisodeLog) -> Result<Self, ReplayError> {
        log.head.check_agent(&*spec_of(game)?)?;
        let world = build(game, &log.head)?;
        let mut replay = Self { game: game.clone(), log, world, step: 0, difference: None };
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
        let step = tick / u64::from(self.log.head.decision_interval.get());
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
        let actions = self.log.actions_of(self.step);
        let rows = self.world.rows_mut(FIRST_KIND).actions_mut();
        // There may be fewer agents than there were: then it differs anyway.
        let count = actions.len().min(rows.len());
        rows[..count].copy_from_slice(&actions[..count]);
        self.world.step()?;
        self.step += 1;
        self.compare();
        Ok(())
    }

    /// Compares what the world shows with the log.
    fn compare(&mut self) {
        let rows = self.world.rows(FIRST_KIND);
        let is_same = self.log.is_same(self.step, rows, &(0..rows.len()).collect::<Vec<_>>());
        let is_earlier = self.difference.is_none_or(|known| self.step < known.step);
        if !is_same && is_earlier {
            self.difference = Some(Difference { step: self.step, tick: self.tick_of(self.step) });
        }
    }

    fn tick_of(&self, step: u32) -> u64 {
        u64::from(step) * u64::from(self.log.head.decision_interval.get())
    }
}

impl EpisodeHead {
    /// Refuses the episode of agents that are laid out otherwise than these.
    ///
    /// # Errors
    ///
    /// With the difference.
    pub fn check_agent(&self, spec: &AgentSpec) -> Result<(), ReplayError> {
        let is_same = written_layout(spec) == self.layout_hash && choices_of(spec) == self.choices;
        let difference = match (spec.reward.len(), self.weights.len()) {
            _ if !is_same => "what they see or do is laid out otherwise".to_owned(),
            (now, then) if now != then => format!("their reward had {then} terms, now {now}"),
            _ => return Ok(()),
        };
        Err(ReplayError::OtherGame { agent: spec.name.clone(), difference })
    }
}

impl EpisodeLog {
    /// Whether rows show after a step what they showed then; step 0 is the start.
    ///
    /// `of` are the rows of the episode's agents, in the order of [`Home::member`](ludus_agent::Home::member).
    pub fn is_same(&self, step: u32, rows: &Rows, of: &[usize]) -> bool {
        let logged = self.hashes.get(step as usize).copied();
        of.len() == self.head.rows as usize && logged == Some(seen(rows, of.iter().copied()))
    }
}

/// A world with the episode's arena alone, at its own place.
fn build(game: &Game, head: &EpisodeHead) -> Result<PooledWorld, WorldError> {
    let arenas = match head.arena {
        Some(arena) => arena..arena.saturating_add(1),
        None => 0..head.arenas,
    };
    let is_first = head.numbers.iter().skip(1).all(|&number| number == 1);
    let agent = AgentSettings {
        name: spec_of(game)?.name.clone(),
        decision_interval: None,
        weights: head.weights.clone(),
        episode_limit: head.episode_limit,
        stagger: head.stagger && is_first,
        rows: None,
    };
    let settings = WorldSettings {
        seed: head.seed,
        world: head.world,
        arenas,
        decision_interval: head.decision_interval,
        agents: vec![agent],
        clock: stopped_clock,
    };
    PooledWorld::build_at(game, settings, EpisodeOrigin { seed: head.seed, numbers: head.numbers.clone(), step: 0 })
}
