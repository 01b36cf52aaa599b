//! Plays a logged episode again.

use std::sync::Arc;

use ludus_agent::Rows;
use ludus_spec::{AgentSpec, EpisodeParameter, stopped_clock};
use ludus_worlds::{
    AgentSettings, EpisodeOrigin, Game, PooledWorld, WorldError, WorldSettings, parameters_of, specs_of,
};

use super::log::{EpisodeHead, EpisodeKind, EpisodeLog, choices_of, written_layout};
use super::{ReplayError, ShownHasher};

/// A logged episode in a world of its own.
///
/// It begins at the episode's start and can be moved to any step. Going forwards takes steps; going back plays it again
/// from the start, since a world has no reverse step: that takes a few milliseconds for most games.
///
/// Every step is compared with the log; [`difference`](Self::difference) returns the first difference.
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
    /// The rows of the agents, in the order of their members.
    rows: Vec<usize>,
}

/// The first difference of a replay from its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Steps of the episode; 0 is its start.
    pub step: u32,
    /// Ticks of the episode at that step's end: it was the same up to the step before.
    pub tick: u64,
}

impl Replay {
    /// Opens an episode at its start.
    ///
    /// # Errors
    ///
    /// If the episode is another game's, or its world can't be built.
    pub fn open(game: &Game, mut log: EpisodeLog) -> Result<Self, ReplayError> {
        let specs = specs_of(game)?;
        let kinds = log.head.check_agents(&specs)?;
        for (kind, &index) in log.head.kinds.iter_mut().zip(&kinds) {
            kind.name.clone_from(&specs[index].name);
        }
        check_parameters(&log.head, &parameters_of(game)?)?;
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

    /// The number of steps that the world has made since the episode's start.
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// The number of ticks that the world has made since the episode's start.
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

    /// The first difference from the log among the steps that were played so far.
    pub const fn difference(&self) -> Option<Difference> {
        self.difference
    }

    /// Plays to the end; returns the first difference from the log, if there is one.
    ///
    /// # Errors
    ///
    /// As [`seek`](Self::seek).
    pub fn verify(&mut self) -> Result<Option<Difference>, ReplayError> {
        self.seek(u32::MAX)?;
        Ok(self.difference)
    }

    /// The world at the present step.
    pub const fn world(&self) -> &PooledWorld {
        &self.world
    }

    /// The world at the present step, for drawing. Changes to it affect the steps that follow.
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

    /// Compares the agents' observations, rewards and outcomes with the log.
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

    /// Checks that the episode's agents are laid out as `spec` says.
    fn check_agent(&self, spec: &AgentSpec) -> Result<(), ReplayError> {
        let difference = match (spec.reward.len(), self.weights.len()) {
            _ if !self.is_laid_out_as(spec) => "what they see or do is laid out otherwise".to_owned(),
            _ if ![0, spec.observation_width()].contains(&self.observation_noise.len()) => {
                "there was noise on another number of columns of what they see".to_owned()
            }
            (now, then) if now != then => format!("their reward had {then} terms, now {now}"),
            _ => return Ok(()),
        };
        Err(ReplayError::OtherGame { agent: spec.name.clone(), difference })
    }
}

impl EpisodeLog {
    /// True if the agents' observations, rewards and outcomes after a step are those of the log; step 0 is the start.
    ///
    /// `shown` has the rows of each kind of the episode, in the order of the head's kinds, and which of them are those
    /// of the episode's agents, in the order of [`Home::member`](ludus_agent::Home::member).
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

/// Checks that the game has the parameters of the episode, in the same order.
fn check_parameters(head: &EpisodeHead, parameters: &[EpisodeParameter]) -> Result<(), ReplayError> {
    let (then, now) = (&head.parameters.names, parameters.iter().map(|parameter| &parameter.name));
    if head.parameters.members.is_empty() || then.iter().eq(now.clone()) {
        return Ok(());
    }
    let now = now.cloned().collect();
    Err(ReplayError::OtherParameters { then: then.clone(), now })
}

/// Builds a world with the episode's arena alone, at its own place.
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
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let origin = EpisodeOrigin {
        seed: head.seed,
        numbers: head.numbers.clone(),
        step: head.restart_step,
        parameters: head.parameters.members.clone(),
    };
    PooledWorld::build_at(game, settings, origin)
}

impl EpisodeKind {
    /// The run's settings of the kind. Only first episodes were staggered.
    fn settings(&self, is_first: bool) -> AgentSettings {
        AgentSettings {
            name: self.name.clone(),
            decision_interval: Some(self.decision_interval),
            weights: self.weights.clone(),
            reward_streams: Vec::new(),
            episode_limit: self.episode_limit,
            stagger: self.stagger && is_first,
            rows: None,
            observation_noise: self.observation_noise.clone(),
            action_delay: self.action_delay,
        }
    }
}
