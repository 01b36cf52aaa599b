//! The position and the target of a replay, and its comparison with the log.

use core::num::NonZeroU32;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ludus_agent::Rows;
use ludus_agent::spec::{AgentSpec, Outcome};
use ludus_train::replay::EpisodeLog;

use crate::Direction;
use crate::scene::rules::{KindRules, RunRules};
use crate::snapshot::ReplaySnapshot;

/// Steps within which an episode has to begin. Agents outside arenas have to end another episode first.
const LONGEST_LEAD_IN: u32 = 4;
/// The largest number of ticks in one image while a replay seeks.
const MOST_TICKS: u32 = 20_000;

/// A logged episode on screen.
pub struct Playback {
    /// The names of the episode and of its run.
    name: String,
    log: EpisodeLog,
    /// The kind on screen of each kind of the log.
    kinds: Vec<usize>,
    /// The names of these kinds. They come from the game, since a log file of version 1 has none.
    kind_names: Vec<String>,
    position: Position,
    /// The target step, if the replay seeks one.
    sought: Option<u32>,
    direction: Direction,
    /// Ticks to go back that do not yet make a whole step.
    owed: f32,
    differs_from: Option<u32>,
}

/// The place of an agent in its episode.
#[derive(Clone, Copy, Debug)]
pub struct AgentEpisode {
    /// The agent's index among the members of its arena.
    pub member: usize,
    /// The number of the episode, from 1.
    pub number: u32,
    /// Finished steps.
    pub steps: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// The episode has not begun. Contains the number of steps that the world has made without it.
    Before(u32),
    /// The episode has begun. Contains the number of its finished steps, and of finished ticks of the next step.
    At { step: u32, ticks: u32 },
}

impl Playback {
    /// Reads the episode of a file. The error is a sentence: the file can't be read, or the episode has other agents
    /// than `specs`.
    pub fn open(path: &Path, specs: &[Arc<AgentSpec>]) -> Result<Self, String> {
        let log = EpisodeLog::read(path).map_err(|error| error.to_string())?;
        let kinds = log.head.check_agents(specs).map_err(|error| format!("{}: {error}", path.display()))?;
        let names = kinds.iter().map(|&kind| specs[kind].name.clone()).collect();
        Ok(Self::new(name_of(path), log, kinds, names))
    }

    /// Returns a replay that has not begun.
    const fn new(name: String, log: EpisodeLog, kinds: Vec<usize>, kind_names: Vec<String>) -> Self {
        let (position, sought, direction) = (Position::Before(0), Some(0), Direction::Forwards);
        Self { name, log, kinds, kind_names, position, sought, direction, owed: 0.0, differs_from: None }
    }

    /// The log of the episode.
    pub const fn log(&self) -> &EpisodeLog {
        &self.log
    }

    /// The kind on screen of each kind of the log.
    pub fn kinds(&self) -> &[usize] {
        &self.kinds
    }

    /// Ticks per step of the world.
    fn ticks_per_step(&self) -> NonZeroU32 {
        self.log.head.ticks_per_step()
    }

    /// Returns the rules of the episode's run.
    pub fn rules(&self) -> RunRules {
        let head = &self.log.head;
        let mut kinds = vec![None; self.kinds.iter().max().map_or(0, |last| last + 1)];
        for (&kind, of) in self.kinds.iter().zip(&head.kinds) {
            kinds[kind] = Some(KindRules {
                interval: of.decision_interval,
                weights: of.weights.clone(),
                episode_limit: of.episode_limit,
            });
        }
        RunRules {
            ticks_per_step: self.ticks_per_step(),
            first_step: head.restart_step,
            kinds,
            parameters: Vec::new(),
            by_hand: BTreeMap::new(),
        }
    }

    /// True if its agents are at its start or beyond.
    pub const fn has_begun(&self) -> bool {
        matches!(self.position, Position::At { .. })
    }

    /// True if its last step is over, and it neither seeks another one nor plays backwards.
    pub const fn is_at_end(&self) -> bool {
        let is_last = matches!(self.position, Position::At { step, .. } if step >= self.log.head.steps);
        is_last && self.sought.is_none() && matches!(self.direction, Direction::Forwards)
    }

    /// True if there is nothing more to play in its direction.
    pub const fn is_over(&self) -> bool {
        let is_first = matches!(self.position, Position::At { step: 0, ticks: 0 }) && self.sought.is_none();
        self.is_at_end() || (is_first && matches!(self.direction, Direction::Backwards))
    }

    /// Number of ticks in this image; `None` if the clock decides it, as without a replay.
    pub fn ticks_due(&self) -> Option<u32> {
        let interval = self.ticks_per_step().get();
        let ticks = match (self.sought, self.position) {
            (Some(sought), Position::Before(_)) => sought.saturating_add(1).saturating_mul(interval),
            (Some(sought), Position::At { step, ticks }) => {
                sought.saturating_sub(step).saturating_mul(interval).saturating_sub(ticks)
            }
            (None, _) if self.is_at_end() || self.direction == Direction::Backwards => 0,
            (None, _) => return None,
        };
        Some(ticks.min(MOST_TICKS))
    }

    /// The actions of a kind of the log in the coming step `[rows, action width]`.
    pub fn actions(&self, kind: usize) -> Option<&[f32]> {
        match self.position {
            Position::At { step, .. } if step < self.log.head.steps => Some(self.log.actions_of(step, kind)),
            _ => None,
        }
    }

    /// Seeks a step, the last one at most. Returns true if the episode has to start again for that.
    pub fn seek(&mut self, step: u32) -> bool {
        let step = step.min(self.log.head.steps);
        match self.position {
            Position::At { step: now, ticks: 0 } if now == step => self.sought = None,
            Position::At { step: now, .. } if now < step => self.sought = Some(step),
            _ => {
                (self.position, self.sought) = (Position::Before(0), Some(step));
                return true;
            }
        }
        false
    }

    /// Sets the direction.
    pub const fn turn(&mut self, direction: Direction) {
        (self.direction, self.owed) = (direction, 0.0);
    }

    /// Returns the start of the current step; at the start of a step, that of the one before.
    pub const fn step_before(&self) -> u32 {
        match self.position {
            Position::At { step, ticks: 0 } => step.saturating_sub(1),
            Position::At { step, .. } => step,
            Position::Before(_) => 0,
        }
    }

    /// Goes back by `ticks`. Returns the step to seek once they add up to a whole step. An infinite number counts as
    /// one step.
    pub fn step_back_by(&mut self, ticks: f32) -> Option<u32> {
        let Position::At { step, .. } = self.position else { return None };
        if self.direction == Direction::Forwards || self.sought.is_some() || step == 0 {
            return None;
        }
        let interval = self.ticks_per_step().get() as f32;
        self.owed += if ticks.is_finite() { ticks } else { interval };
        let steps = (self.owed / interval).floor();
        self.owed -= steps * interval;
        (steps >= 1.0).then(|| step.saturating_sub(steps as u32))
    }

    /// Counts a tick that did not end a step.
    pub const fn end_tick(&mut self) {
        if let Position::At { ticks, .. } = &mut self.position {
            *ticks += 1;
        }
    }

    /// Counts the end of a step, and compares the step with the log. `shown` has the rows of each kind of the log, and
    /// the indices of the episode's agents in them; `agents` has the positions of these agents in their episodes.
    pub fn end_step(&mut self, shown: &[(&Rows, &[usize])], agents: &[AgentEpisode]) {
        let step = match self.position {
            Position::At { step, .. } if step == self.log.head.steps => return,
            Position::At { step, .. } => step + 1,
            Position::Before(_) if self.begins(shown, agents) => 0,
            Position::Before(steps) if steps < LONGEST_LEAD_IN => {
                self.position = Position::Before(steps + 1);
                return;
            }
            // An episode that has not begun in time differs from its log.
            Position::Before(_) => 0,
        };
        self.position = Position::At { step, ticks: 0 };
        self.sought = self.sought.filter(|&sought| step < sought);
        self.compare(step, shown);
    }

    /// True if all agents are in their restart step, at the beginning of the episode that was logged.
    fn begins(&self, shown: &[(&Rows, &[usize])], agents: &[AgentEpisode]) -> bool {
        let is_restarting =
            |(rows, of): &(&Rows, &[usize])| of.iter().all(|&row| rows.outcomes()[row] == Outcome::Restart);
        let numbers = &self.log.head.numbers;
        let is_wanted = |agent: &AgentEpisode| agent.steps == 0 && numbers.get(agent.member) == Some(&agent.number);
        agents.len() == self.log.head.kinds.iter().map(|kind| kind.rows as usize).sum::<usize>()
            && shown.iter().all(is_restarting)
            && agents.iter().all(is_wanted)
    }

    fn compare(&mut self, step: u32, shown: &[(&Rows, &[usize])]) {
        let is_earlier = self.differs_from.is_none_or(|known| step < known);
        let is_same = self.log.is_same(step, shown.iter().copied());
        if is_earlier && !is_same {
            self.differs_from = Some(step);
        }
    }

    /// Returns the snapshot that the time line shows.
    pub fn snapshot(&self) -> ReplaySnapshot {
        let head = &self.log.head;
        let at = match self.position {
            Position::At { step, .. } => step,
            Position::Before(_) => 0,
        };
        ReplaySnapshot {
            name: self.name.clone(),
            // While it seeks, its target: else the time line would jump.
            step: self.sought.unwrap_or(at),
            steps: head.steps,
            direction: self.direction,
            returns: self.kind_names.iter().cloned().zip(head.kinds.iter().map(|kind| kind.reward)).collect(),
            outcome: head.outcome,
            differs_from: self.differs_from,
        }
    }
}

/// Returns the name of the episode, and of its run if the path contains one.
fn name_of(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let run = path.ancestors().nth(2).and_then(Path::file_name).map(|run| run.to_string_lossy());
    run.map_or_else(|| name.to_string(), |run| format!("{name} of {run}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_is_called_by_its_run() {
        assert_eq!(name_of(Path::new("runs/balance-1/episodes/best.episode")), "best of balance-1");
        assert_eq!(name_of(Path::new("3.episode")), "3");
    }
}
