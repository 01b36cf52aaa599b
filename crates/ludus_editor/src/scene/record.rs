//! Records of the observations, rewards and value estimates of the agents on screen, step by step.

use bevy::prelude::*;
use ludus_agent::spec::Outcome;
use ludus_agent::{AgentKind, Controller, Episode, FaultPlace, InArena, Rows, StepClock};

use super::{OfRival, Players, SceneKinds};
use crate::snapshot::{AgentId, ColumnSnapshot, EpisodeSnapshot, ScoreSnapshot};

/// The largest number of steps that are kept of an episode. Of a longer one, the newest are kept.
const MOST_STEPS: usize = 4096;
/// Number of steps that are dropped at once from a longer episode, so that it happens seldom.
const DROPPED_STEPS: usize = 1024;

/// The returns of the policies of each kind of agents on screen, since their arenas were spawned.
#[derive(Resource, Clone, Default)]
pub struct Scores(Vec<KindScores>);

/// The returns of the policies of a kind.
#[derive(Clone, Copy, Default)]
pub struct KindScores {
    /// Returns of the shown policy.
    pub own: ScoreSnapshot,
    /// Returns of the policy that it is compared with.
    pub rival: ScoreSnapshot,
}

/// The records of each kind of agents, by row.
#[derive(Resource, Default)]
pub struct Records(Vec<KindRecords>);

/// The record of each row of a kind.
#[derive(Default)]
struct KindRecords(Vec<Record>);

/// The statistics of one row's observations, and the row's episode so far.
#[derive(Clone, Default)]
pub struct Record {
    columns: Vec<ColumnMoments>,
    episode: EpisodeSnapshot,
    /// The episode's unweighted terms before the present step.
    terms_before: Vec<f32>,
}

/// Running moments of one column. Welford 1962, doi:10.1080/00401706.1962.10490022.
#[derive(Clone, Copy, Debug)]
struct ColumnMoments {
    value: f32,
    count: u64,
    mean: f64,
    squares: f64,
    least: f32,
    greatest: f32,
    faults: u64,
}

impl Default for ColumnMoments {
    fn default() -> Self {
        let (least, greatest) = (f32::INFINITY, f32::NEG_INFINITY);
        Self { value: 0.0, count: 0, mean: 0.0, squares: 0.0, least, greatest, faults: 0 }
    }
}

impl ColumnMoments {
    fn push(&mut self, value: f32) {
        let number = f64::from(value);
        self.value = value;
        self.count += 1;
        let before = number - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }

    fn snapshot(&self) -> ColumnSnapshot {
        ColumnSnapshot {
            value: self.value,
            mean: self.mean as f32,
            deviation: (self.squares / self.count.max(1) as f64).sqrt() as f32,
            least: self.least,
            greatest: self.greatest,
            count: self.count,
            faults: self.faults,
        }
    }
}

impl Scores {
    /// The returns of the policies of a kind; zeros without a record.
    pub fn of(&self, kind: usize) -> KindScores {
        self.0.get(kind).copied().unwrap_or_default()
    }
}

impl Records {
    /// Returns the statistics of each column of an agent's observation; empty without a record.
    pub fn columns(&self, agent: AgentId) -> Vec<ColumnSnapshot> {
        self.of(agent).map_or_else(Vec::new, |record| record.columns.iter().map(ColumnMoments::snapshot).collect())
    }

    /// An agent's episode so far.
    pub fn episode(&self, agent: AgentId) -> EpisodeSnapshot {
        self.of(agent).map(|record| record.episode.clone()).unwrap_or_default()
    }

    fn of(&self, agent: AgentId) -> Option<&Record> {
        self.0.get(agent.kind)?.0.get(agent.row)
    }
}

impl KindRecords {
    fn fit(&mut self, rows: &Rows) {
        let spec = rows.spec();
        let empty = Record {
            columns: vec![ColumnMoments::default(); spec.observation_width()],
            episode: EpisodeSnapshot::default(),
            terms_before: vec![0.0; spec.reward.len()],
        };
        self.0.resize(rows.len(), empty);
    }

    fn note_faults(&mut self, rows: &mut Rows) {
        for fault in rows.drain_faults() {
            if let FaultPlace::Observation(column) = fault.place
                && let Some(record) = self.0.get_mut(fault.row as usize)
            {
                record.columns[column as usize].faults += 1;
            }
        }
    }
}

impl Record {
    fn sense(&mut self, observation: &[f32]) {
        self.columns.iter_mut().zip(observation).for_each(|(column, value)| column.push(*value));
    }

    /// Records a step: its value estimate and its weighted reward terms.
    fn note_step(&mut self, step: RecordedStep<'_>) {
        let RecordedStep { number, steps, outcome, value, terms } = step;
        let episode = &mut self.episode;
        if episode.number != number || outcome == Outcome::Restart {
            *episode = EpisodeSnapshot { number, ..EpisodeSnapshot::default() };
            self.terms_before.fill(0.0);
        }
        (episode.steps, episode.outcome) = (steps, outcome);
        if outcome == Outcome::Restart {
            return;
        }
        episode.values.push(value);
        for ((before, sum), weight) in self.terms_before.iter_mut().zip(terms.sums).zip(terms.weights) {
            episode.terms.push(weight * (sum - *before));
            *before = *sum;
        }
        if episode.values.len() > MOST_STEPS {
            episode.values.drain(..DROPPED_STEPS);
            episode.terms.drain(..DROPPED_STEPS * terms.weights.len());
            episode.first_step += DROPPED_STEPS as u32;
        }
    }
}

/// A step of an agent, as it is recorded.
#[derive(Clone, Copy)]
struct RecordedStep<'a> {
    /// The number of the agent's episode.
    number: u32,
    /// The steps of that episode so far.
    steps: u32,
    outcome: Outcome,
    /// The policy's estimate of the return from here on.
    value: f32,
    terms: Terms<'a>,
}

/// The unweighted sums of a row's reward terms, and their weights.
#[derive(Clone, Copy)]
struct Terms<'a> {
    sums: &'a [f32],
    weights: &'a [f32],
}

type Agents<'a> = (&'a Episode, &'a Controller, Option<&'a InArena>);

/// Records the step of every agent, and the return of every episode that ended, on a step's last tick.
pub fn record(world: &mut World, agents: &mut QueryState<Agents>, rivals: &mut QueryState<(), With<OfRival>>) {
    if !world.resource::<StepClock>().is_last_tick() {
        return;
    }
    let kinds = world.resource::<SceneKinds>().clone();
    world.resource_scope(|world, mut records: Mut<Records>| {
        world.resource_scope(|world, mut scores: Mut<Scores>| {
            records.0.resize_with(kinds.len(), KindRecords::default);
            scores.0.resize(kinds.len(), KindScores::default());
            for (index, kind) in kinds.iter().enumerate() {
                let seen = look(world, agents, rivals, &kinds, index);
                score(&mut scores.0[index], kind.rows(world), &seen);
                note_all(&mut records.0[index], world, kind, &seen);
            }
        });
    });
}

/// An agent at the end of a step.
struct Seen {
    id: AgentId,
    /// The number of its episode.
    number: u32,
    /// Steps of its episode.
    steps: u32,
    /// True if a policy decides for it.
    has_policy: bool,
    /// True if the second policy decides for it.
    is_rival: bool,
}

fn look(
    world: &World,
    agents: &mut QueryState<Agents>,
    rivals: &mut QueryState<(), With<OfRival>>,
    kinds: &SceneKinds,
    kind: usize,
) -> Vec<Seen> {
    let (agents, rivals) = (agents.query(world), rivals.query(world));
    let is_external = kinds[kind].rows(world).are_left_to_the_game();
    let players = world.resource::<Players>();
    let seen = |(id, agent): (AgentId, Entity)| {
        let (episode, controller, home) = agents.get(agent).ok()?;
        let has_policy = !is_external && matches!(controller, Controller::Policy | Controller::Waiting);
        let is_beside = home.is_some_and(|home| rivals.contains(home.0));
        let is_rival = players.is_of_rival(kind, id.row, kinds[kind].rows(world), is_beside);
        Some(Seen { id, number: episode.number(), steps: episode.steps(), has_policy, is_rival })
    };
    kinds.agents(world, kind).filter_map(seen).collect()
}

/// Adds the returns of episodes that ended to the score of their policy.
fn score(scores: &mut KindScores, rows: &Rows, seen: &[Seen]) {
    for Seen { id, is_rival, .. } in seen.iter().filter(|seen| seen.has_policy) {
        if rows.outcomes()[id.row].is_end() {
            let side = if *is_rival { &mut scores.rival } else { &mut scores.own };
            side.add(rows.episode_returns()[id.row]);
        }
    }
}

/// Records the step of all agents of a kind.
fn note_all(records: &mut KindRecords, world: &mut World, kind: &AgentKind, seen: &[Seen]) {
    world.resource_scope(|world, players: Mut<Players>| {
        let rows = kind.rows_mut(world);
        records.fit(rows);
        records.note_faults(rows);
        for seen in seen {
            note(&mut records.0[seen.id.row], rows, seen, players.value(seen.id));
        }
    });
}

fn note(record: &mut Record, rows: &Rows, seen: &Seen, value: f32) {
    let &Seen { id: AgentId { row, .. }, number, steps, .. } = seen;
    let (width, terms) = (rows.spec().observation_width(), rows.spec().reward.len());
    record.sense(&rows.observations()[row * width..][..width]);
    let sums = Terms { sums: &rows.episode_terms()[row * terms..][..terms], weights: rows.weights() };
    // The row of an agent that a player drives is vacant, since nothing is learned from its steps. Its episode goes on.
    let outcome = match rows.outcomes()[row] {
        Outcome::Vacant => Outcome::Running,
        outcome => outcome,
    };
    let outcome = if steps == 0 { Outcome::Restart } else { outcome };
    record.note_step(RecordedStep { number, steps, outcome, value, terms: sums });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_all_steps() {
        let mut column = ColumnMoments::default();
        [1.0, 3.0, 5.0].into_iter().for_each(|value| column.push(value));
        let seen = column.snapshot();
        assert_eq!((seen.value, seen.mean, seen.least, seen.greatest, seen.count), (5.0, 3.0, 1.0, 5.0, 3));
        assert!((seen.deviation - (8.0_f32 / 3.0).sqrt()).abs() < 1e-6);
    }

    fn noted(steps: &[(u32, Outcome, f32)]) -> EpisodeSnapshot {
        let mut record = Record { terms_before: vec![0.0], ..Record::default() };
        for &(steps, outcome, sum) in steps {
            let terms = Terms { sums: &[sum], weights: &[2.0] };
            record.note_step(RecordedStep { number: 1, steps, outcome, value: 0.5, terms });
        }
        record.episode
    }

    #[test]
    fn each_step_has_the_reward_that_it_added() {
        let episode = noted(&[(0, Outcome::Restart, 0.0), (1, Outcome::Running, 1.0), (2, Outcome::Terminated, 1.5)]);
        assert_eq!((episode.terms.as_slice(), episode.steps), (&[2.0, 1.0][..], 2));
        assert_eq!(episode.outcome, Outcome::Terminated);
    }

    #[test]
    fn a_long_episode_is_cut_at_its_beginning() {
        let steps: Vec<_> = (1..=MOST_STEPS as u32 + 1).map(|step| (step, Outcome::Running, 0.0)).collect();
        let episode = noted(&steps);
        assert_eq!(episode.first_step as usize, DROPPED_STEPS);
        assert_eq!(episode.values.len(), MOST_STEPS + 1 - DROPPED_STEPS);
        assert_eq!(episode.terms.len(), episode.values.len());
    }
}
