//! Scoring a policy on fresh episodes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use ludus_learn::{CollectedLane, Collector, Decider, LearnError, Machine, Rollout, RolloutShape, Simulation};
use ludus_policy::ActionChoice;
use ludus_spec::{Outcome, Seed};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use crate::actor::{ActingStep, Actor};
use crate::census::Census;
use crate::clock;
use crate::cpu;
use crate::episodes::{EpisodeSummary, Spread};
use crate::error::TrainError;
use crate::group::{FIRST_KIND, WorldGroup, group_worlds};
use crate::incidents::{IncidentTeller, Incidents};
use crate::phases::Phases;
use crate::training::{Blueprint, Purpose};

/// Steps without the end of an episode that is waited for: then there will be none.
const PATIENCE: u64 = 100_000;

/// Steps in which no row that owes an episode has an agent: then others play in their place, or nobody does.
const VACANT_PATIENCE: u64 = 1024;

/// How often rows may take over what others owe.
const MOST_TAKEOVERS: u32 = 16;

/// How a policy is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationSettings {
    /// Episodes to score.
    pub episodes: u32,
    /// Whether actions are drawn as in training, or the most probable ones.
    pub sampled: bool,
}

/// What a policy's episodes came to.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Their returns.
    pub returns: Spread,
    /// Their lengths [steps].
    pub lengths: Spread,
    /// Mean and deviation of each term's sum, unweighted.
    pub terms: BTreeMap<String, Spread>,
    /// How many there were: fewer than asked for if it was interrupted, or if some never end.
    pub episodes: usize,
    /// Steps of these episodes.
    pub steps: u64,
    /// How long it took, without building the worlds [s].
    pub seconds: f64,
    /// Processor time [s], where the system tells.
    pub cpu_seconds: Option<f64>,
    /// Time by phase, of all threads together.
    pub phases: Phases,
    /// Numbers that were not finite.
    pub faults: u64,
    /// Worlds that panicked and were built anew.
    pub panics: u64,
}

/// Plays as many episodes as asked for, in worlds whose seeds training never uses.
///
/// Tells what went wrong on the way, one sentence for each.
///
/// Every row that has an agent plays as many as the others, give or take one. To take those that end first would favour
/// short ones. If a row's agent has gone for good, those that still have one play in its place.
pub(crate) fn evaluate(
    blueprint: &Blueprint,
    policy: &Actor,
    settings: EvaluationSettings,
    interrupted: &AtomicBool,
    tell: &mut dyn FnMut(String),
) -> Result<Evaluation, TrainError> {
    let groups = group_worlds(blueprint.build_worlds(Purpose::Evaluation)?, clock::nanoseconds);
    let mut players = seat(groups, settings.episodes)?;
    let collector = Collector::new(Machine { pool: blueprint.pool.clone(), clock: clock::nanoseconds });
    let actions = settings.sampled.then(|| blueprint.evaluation_seed());
    let rules = Rules { policy, collector: &collector, actions, interrupted };
    let (start, cpu_before) = (clock::seconds(), cpu::seconds());
    for _ in 0..=MOST_TAKEOVERS {
        let all = || players.par_iter_mut().with_max_len(1).try_for_each(|player| player.play(rules));
        blueprint.pool.install(all).map_err(TrainError::Learner)?;
        if interrupted.load(Ordering::Relaxed) || !take_over(&mut players) {
            break;
        }
    }
    let seconds = clock::seconds() - start;
    let cpu_seconds = cpu_before.and_then(|before| Some(cpu::seconds()? - before));
    let mut teller = IncidentTeller::of_evaluation();
    teller.tell(Incidents::take(players.iter_mut().map(|player| &mut player.group)), &blueprint.spec, tell);
    if let Some(failure) = players.iter().find_map(|player| player.group.failure()) {
        return Err(failure.clone().into());
    }
    if players.iter().any(|player| player.waits_for == Waiting::Agents) {
        let mut census = Census::default();
        players.iter().flat_map(|player| player.group.worlds()).for_each(|world| census.add(world));
        tell(format!("rows wait for agents that do not come: {}", census.reason(&blueprint.spec).sentence()));
    }
    Ok(Evaluation { seconds, cpu_seconds, panics: teller.panics(), ..summarise(&players, blueprint) })
}

#[derive(Clone, Copy)]
struct Rules<'a> {
    policy: &'a Actor,
    collector: &'a Collector,
    /// What actions derive from, if they are drawn.
    actions: Option<Seed>,
    interrupted: &'a AtomicBool,
}

/// A group of worlds, and the episodes that its rows still owe.
struct Player {
    index: u64,
    group: WorldGroup,
    /// Episodes to come `[rows]`.
    owed: Vec<u32>,
    episodes: Vec<EpisodeSummary>,
    /// The last step.
    step: Rollout,
    /// What the last step led to `[rows]`.
    outcomes: Vec<Outcome>,
    phases: Phases,
    /// Steps so far.
    steps: u64,
    waits_for: Waiting,
}

/// What a group waited for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Nothing,
    /// The end of an episode.
    Ends,
    /// An agent in any row that owes an episode.
    Agents,
}

/// Shares the episodes out among all rows that have an agent.
fn seat(groups: Vec<WorldGroup>, episodes: u32) -> Result<Vec<Player>, TrainError> {
    let player = |(index, group): (usize, WorldGroup)| {
        let lane = group.lane(FIRST_KIND);
        let mut outcomes = vec![Outcome::Vacant; lane.rows];
        group.copy_outcomes(FIRST_KIND, &mut outcomes);
        let shape = RolloutShape::of_lane(1, &[lane]).map_err(TrainError::Learner)?;
        Ok(Player {
            index: index as u64,
            step: Rollout::new(shape),
            outcomes,
            owed: vec![0; lane.rows],
            episodes: Vec::new(),
            phases: Phases::default(),
            steps: 0,
            waits_for: Waiting::Nothing,
            group,
        })
    };
    let mut players = groups.into_iter().enumerate().map(player).collect::<Result<Vec<_>, TrainError>>()?;
    if !share_out(&mut players, episodes) {
        // Agents may come yet, nobody knows to which rows.
        players.iter_mut().for_each(|player| player.outcomes.fill(Outcome::Restart));
        share_out(&mut players, episodes);
    }
    Ok(players)
}

/// Lets the rows that have an agent owe these episodes besides; false if there are no such rows.
fn share_out(players: &mut [Player], episodes: u32) -> bool {
    let has_agent = |outcome: &Outcome| *outcome != Outcome::Vacant;
    let rows = players.iter_mut().flat_map(|player| player.outcomes.iter().zip(&mut player.owed));
    let mut owed: Vec<_> = rows.filter(|(outcome, _)| has_agent(outcome)).map(|(_, owed)| owed).collect();
    let total = owed.len() as u32;
    for (row, owed) in (0..).zip(&mut owed) {
        **owed += episodes / total + u32::from(row < episodes % total);
    }
    total > 0
}

/// Lets rows that have an agent owe what those do that have none any more; whether there is anything to go on with.
fn take_over(players: &mut [Player]) -> bool {
    if players.iter().any(|player| player.waits_for == Waiting::Ends) {
        return false;
    }
    let mut left = 0;
    for player in players.iter_mut().filter(|player| player.waits_for == Waiting::Agents) {
        let rows = player.outcomes.iter().zip(&mut player.owed);
        let vacant = rows.filter(|(outcome, _)| **outcome == Outcome::Vacant);
        vacant.for_each(|(_, owed)| left += std::mem::take(owed));
    }
    left > 0 && share_out(players, left)
}

impl Player {
    /// Plays until no row owes an episode, or until it waits in vain.
    fn play(&mut self, rules: Rules<'_>) -> Result<(), LearnError> {
        let (mut without_end, mut without_agent) = (0, 0);
        self.waits_for = Waiting::Nothing;
        while self.owed.iter().any(|&owed| owed > 0) {
            if self.group.failure().is_some() || rules.interrupted.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.step(rules)?;
            without_end = if self.collect() { 0 } else { without_end + 1 };
            without_agent = if self.is_without_agents() { without_agent + 1 } else { 0 };
            if without_agent == VACANT_PATIENCE {
                self.waits_for = Waiting::Agents;
                return Ok(());
            }
            if without_end == PATIENCE {
                self.waits_for = Waiting::Ends;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether no row that owes an episode has an agent.
    fn is_without_agents(&self) -> bool {
        let mut rows = self.outcomes.iter().zip(&self.owed);
        rows.all(|(outcome, &owed)| owed == 0 || *outcome == Outcome::Vacant)
    }

    fn step(&mut self, rules: Rules<'_>) -> Result<(), LearnError> {
        let choice = match rules.actions {
            None => ActionChoice::Greedy,
            Some(seed) => ActionChoice::Sampled(seed.derive(self.index).derive(self.steps)),
        };
        self.steps += 1;
        self.step.restart();
        let decider = ActingStep { actor: rules.policy, choice };
        let lane = CollectedLane {
            decider: Decider::PerGroup(&decider),
            others: &[],
            rollout: &mut self.step,
            // Its draws derive from the choice's seed, as in a game that is played.
            seed: Seed::new(0),
        };
        let spent = rules.collector.collect(std::slice::from_mut(&mut self.group), &mut [lane], 1)?;
        let rows = self.outcomes.len();
        self.outcomes.copy_from_slice(&self.step.samples().outcomes[..rows]);
        self.phases.add(&Phases::split(&spent, self.group.take_times()));
        Ok(())
    }

    /// Takes the episodes that were owed; whether there were any.
    fn collect(&mut self) -> bool {
        let before = self.episodes.len();
        for episode in self.group.drain_episodes() {
            let owed = &mut self.owed[episode.row as usize];
            if *owed > 0 {
                *owed -= 1;
                self.episodes.push(episode);
            }
        }
        self.episodes.len() > before
    }
}

fn summarise(players: &[Player], blueprint: &Blueprint) -> Evaluation {
    let episodes = players.iter().flat_map(|player| &player.episodes).collect::<Vec<_>>();
    let term = |index: usize| Spread::of(episodes.iter().map(|episode| f64::from(episode.terms[index])));
    let terms = blueprint.spec.reward.iter().enumerate();
    let mut phases = Phases::default();
    players.iter().for_each(|player| phases.add(&player.phases));
    Evaluation {
        returns: Spread::of(episodes.iter().map(|episode| f64::from(episode.reward))),
        lengths: Spread::of(episodes.iter().map(|episode| f64::from(episode.steps))),
        terms: terms.map(|(index, reward)| (reward.name.clone(), term(index))).collect(),
        episodes: episodes.len(),
        steps: episodes.iter().map(|episode| u64::from(episode.steps)).sum(),
        seconds: 0.0,
        cpu_seconds: None,
        phases,
        faults: players.iter().map(|player| player.group.fault_count()).sum(),
        panics: 0,
    }
}
