//! Scoring a policy on fresh episodes.

mod matches;
mod recording;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use ludus_demonstrations::Demonstration;
use ludus_learn::{CollectedLane, Collector, Decider, GroupDecider, LearnError, Rollout, RolloutShape, Simulation};
use ludus_policy::ActionChoice;
use ludus_spec::{AgentSpec, Outcome, Seed};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use crate::actor::{ActingStep, Actor};
use crate::blueprint::{Blueprint, Draws, Purpose};
use crate::census::Census;
use crate::clock;
use crate::cpu;
use crate::episodes::{EpisodeSummary, Spread, success_rate};
use crate::error::TrainError;
use crate::group::{WorldGroup, group_worlds};
use crate::incidents::{IncidentTeller, Incidents};
use crate::phases::Phases;
use crate::self_play::Tally;
pub(crate) use matches::{Contestants, Opponents, RandomOpponents};

use matches::{begin_matches, matches_of_each, sides, tally_of};
use recording::{KindRecording, LanePlace};

/// Steps without the end of an owed episode after which none is expected any more.
const PATIENCE: u64 = 100_000;

/// Steps without an agent in any row that owes an episode, after which other rows take the episodes over.
const VACANT_PATIENCE: u64 = 1024;

/// Most times that rows may take over the episodes that others owe.
const MOST_TAKEOVERS: u32 = 16;

/// The settings of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationSettings {
    /// Episodes to score, of each kind of agents.
    pub episodes: u32,
    /// True if actions are drawn, as in training; else they are the most probable ones.
    pub sampled: bool,
    /// The purpose of the worlds, which decides their seeds.
    pub(crate) purpose: Purpose,
    /// True if the episodes are recorded as demonstrations.
    pub recorded: bool,
}

/// The results of an evaluation.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The results of each kind of agents that a policy decides for, in the game's order.
    pub kinds: Vec<KindEvaluation>,
    /// The matches against opponents, as the evaluated policies see them: as many of each arena. `None` if there were no
    /// opponents.
    pub matches: Option<Tally>,
    /// Wall time, without building the worlds \[s\].
    pub seconds: f64,
    /// Processor time of all threads \[s\]; `None` if the operating system does not report it.
    pub cpu_seconds: Option<f64>,
    /// Time by phase, of all threads together.
    pub phases: Phases,
    /// Numbers that were not finite.
    pub faults: u64,
    /// Worlds that panicked and were built anew.
    pub panics: u64,
}

/// The results of the episodes of a kind of agents.
#[derive(Clone, Debug)]
pub struct KindEvaluation {
    /// The kind's name.
    pub name: String,
    /// Returns of the episodes.
    pub returns: Spread,
    /// Lengths of the episodes \[steps\].
    pub lengths: Spread,
    /// Mean and deviation of each term's sum, unweighted.
    pub terms: BTreeMap<String, Spread>,
    /// The part of the episodes that succeeded; `None` if the game has given no verdict.
    pub success: Option<f64>,
    /// The number of episodes: fewer than asked for if it was interrupted, or if some never end.
    pub episodes: usize,
    /// Steps of these episodes.
    pub steps: u64,
    /// The episodes as demonstrations, if they are recorded.
    pub demonstrations: Vec<Demonstration>,
}

impl Evaluation {
    /// Steps of all episodes.
    pub fn steps(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.steps).sum()
    }
}

/// Plays the episodes of each kind of agents, in worlds of their own.
///
/// `tell` is called with a sentence for each problem on the way.
///
/// Every row that has an agent plays as many episodes as the others of its kind, or one more. To take the episodes that
/// end first would favour short ones. If a row has lost its agent for good, rows that still have one play its episodes.
pub(crate) fn evaluate(
    blueprint: &Blueprint,
    contestants: Contestants<'_>,
    settings: EvaluationSettings,
    interrupted: &AtomicBool,
    tell: &mut dyn FnMut(String),
) -> Result<Evaluation, TrainError> {
    let lanes = blueprint.lanes();
    let mut groups = group_worlds(blueprint.build_worlds(settings.purpose)?, &lanes, clock::nanoseconds);
    if let Some(opponents) = contestants.opponents {
        begin_matches(&mut groups, blueprint, opponents);
    }
    let share = match contestants.opponents {
        Some(_) => EpisodeShare::OfEachRow(matches_of_each(&groups, settings.episodes).div_ceil(sides(blueprint))),
        None => EpisodeShare::OfAll(settings.episodes),
    };
    let mut groups = assign_episodes(groups, contestants.policies, share)?;
    if settings.recorded {
        groups.iter_mut().for_each(|evaluated| evaluated.start_recording(blueprint));
    }
    let collector = Collector::new(blueprint.machine());
    let seed = |kinds: &Vec<usize>| blueprint.seed_of(Draws::EvaluationActions, kinds[0]);
    let seeds: Vec<Seed> = lanes.iter().map(seed).collect();
    let seeds = settings.sampled.then_some(&seeds);
    let context = EvaluationContext { contestants, collector: &collector, seeds, interrupted };
    let (start, cpu_before) = (clock::seconds(), cpu::seconds());
    for _ in 0..=MOST_TAKEOVERS {
        let all = || groups.par_iter_mut().with_max_len(1).try_for_each(|evaluated| evaluated.play(context));
        blueprint.pool.install(all).map_err(TrainError::Learner)?;
        if interrupted.load(Ordering::Relaxed) || !take_over(&mut groups) {
            break;
        }
    }
    let seconds = clock::seconds() - start;
    let cpu_seconds = cpu_before.and_then(|before| Some(cpu::seconds()? - before));
    let mut teller = IncidentTeller::of_evaluation();
    teller.tell(Incidents::take(groups.iter_mut().map(|evaluated| &mut evaluated.group)), &blueprint.specs, tell);
    if let Some(failure) = groups.iter().find_map(|evaluated| evaluated.group.failure()) {
        return Err(failure.clone().into());
    }
    for kind in blueprint.driven_kinds() {
        let episodes: usize = groups.iter().map(|evaluated| evaluated.kinds[kind].episodes.len()).sum();
        let lacks = episodes < settings.episodes as usize;
        if lacks && groups.iter().any(|evaluated| evaluated.waits_for == Waiting::Agents) {
            let mut census = Census::default();
            groups.iter().flat_map(|evaluated| evaluated.group.worlds()).for_each(|world| census.add(world, kind));
            let reason = census.reason(&blueprint.specs[kind]).sentence();
            tell(format!("rows wait for agents that do not come: {reason}"));
        }
    }
    let matches = contestants
        .opponents
        .map(|_| tally_of(groups.iter_mut().map(|evaluated| &mut evaluated.group), settings.episodes));
    Ok(Evaluation { matches, seconds, cpu_seconds, panics: teller.panics(), ..summarise(&mut groups, blueprint) })
}

#[derive(Clone, Copy)]
struct EvaluationContext<'a> {
    contestants: Contestants<'a>,
    collector: &'a Collector,
    /// The seed of each lane's actions, if they are drawn.
    seeds: Option<&'a Vec<Seed>>,
    interrupted: &'a AtomicBool,
}

/// A group of worlds, and the episodes that its rows still owe.
struct EvaluatedGroup {
    index: u64,
    group: WorldGroup,
    /// By kind; a kind that the game decides for has no rows.
    kinds: Vec<KindRows>,
    /// The last step of each lane.
    steps_of_lanes: Vec<Rollout>,
    phases: Phases,
    /// Steps so far.
    steps: u64,
    waits_for: Waiting,
    /// By kind, if the episodes are recorded; else empty.
    recordings: Vec<KindRecording>,
}

/// The rows of a kind in a group, and the episodes that they have played.
struct KindRows {
    /// Episodes to come `[rows]`.
    owed: Vec<u32>,
    /// The outcomes of the last step `[rows]`.
    outcomes: Vec<Outcome>,
    episodes: Vec<EpisodeSummary>,
}

impl KindRows {
    fn owes(&self) -> bool {
        self.owed.iter().any(|&owed| owed > 0)
    }

    /// True if no row that owes an episode has an agent.
    fn is_without_agents(&self) -> bool {
        let mut rows = self.outcomes.iter().zip(&self.owed);
        rows.all(|(outcome, &owed)| owed == 0 || *outcome == Outcome::Vacant)
    }
}

/// The kinds of events that a group has waited for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Nothing,
    /// The end of an episode.
    Ends,
    /// An agent in any row that owes an episode.
    Agents,
}

/// The episodes that rows play.
#[derive(Clone, Copy)]
enum EpisodeShare {
    /// So many in all, as many of each row as of others, or one more.
    OfAll(u32),
    /// So many of each row.
    OfEachRow(u32),
}

/// Distributes the episodes of each kind over all of its rows that have an agent.
fn assign_episodes(
    groups: Vec<WorldGroup>,
    policies: &[Actor],
    share: EpisodeShare,
) -> Result<Vec<EvaluatedGroup>, TrainError> {
    let evaluated = |(index, group): (usize, WorldGroup)| {
        let rows = |kind: usize| {
            let mut outcomes = vec![Outcome::Vacant; group.row_count(kind)];
            group.copy_outcomes(kind, &mut outcomes);
            KindRows { owed: vec![0; outcomes.len()], outcomes, episodes: Vec::new() }
        };
        let rollout = |lane: usize| {
            let shape = RolloutShape::of_lane(1, &[group.lane(lane)])?;
            let memory_width = policies.get(lane).map_or(0, Actor::memory_width);
            Ok(Rollout::new(RolloutShape { memory_width, ..shape }))
        };
        let rollouts = (0..group.lanes()).map(rollout).collect::<Result<Vec<_>, _>>().map_err(TrainError::Learner)?;
        Ok(EvaluatedGroup {
            index: index as u64,
            kinds: (0..group.kind_count()).map(rows).collect(),
            steps_of_lanes: rollouts,
            phases: Phases::default(),
            steps: 0,
            waits_for: Waiting::Nothing,
            recordings: Vec::new(),
            group,
        })
    };
    let mut groups = groups.into_iter().enumerate().map(evaluated).collect::<Result<Vec<_>, TrainError>>()?;
    for kind in 0..groups.first().map_or(0, |evaluated| evaluated.kinds.len()) {
        if !share_out(&mut groups, kind, share) {
            // Agents may still come, to rows that are not known yet.
            groups.iter_mut().for_each(|evaluated| evaluated.kinds[kind].outcomes.fill(Outcome::Restart));
            share_out(&mut groups, kind, share);
        }
    }
    Ok(groups)
}

/// Distributes more episodes over the rows of a kind that have an agent. Returns false if there are no such rows.
fn share_out(groups: &mut [EvaluatedGroup], kind: usize, share: EpisodeShare) -> bool {
    let has_agent = |outcome: &Outcome| *outcome != Outcome::Vacant;
    let rows = groups.iter_mut().flat_map(|evaluated| {
        let KindRows { owed, outcomes, .. } = &mut evaluated.kinds[kind];
        outcomes.iter().zip(owed)
    });
    let mut owed: Vec<_> = rows.filter(|(outcome, _)| has_agent(outcome)).map(|(_, owed)| owed).collect();
    let total = owed.len() as u32;
    for (row, owed) in (0..).zip(&mut owed) {
        **owed += match share {
            EpisodeShare::OfAll(episodes) => episodes / total + u32::from(row < episodes % total),
            EpisodeShare::OfEachRow(episodes) => episodes,
        };
    }
    total > 0
}

/// Moves the episodes of rows that have lost their agent to rows that have one. Returns true if there are any to play.
fn take_over(groups: &mut [EvaluatedGroup]) -> bool {
    if groups.iter().any(|evaluated| evaluated.waits_for == Waiting::Ends) {
        return false;
    }
    let mut goes_on = false;
    for kind in 0..groups.first().map_or(0, |evaluated| evaluated.kinds.len()) {
        let mut left = 0;
        for evaluated in groups.iter_mut().filter(|evaluated| evaluated.waits_for == Waiting::Agents) {
            let KindRows { owed, outcomes, .. } = &mut evaluated.kinds[kind];
            let vacant = outcomes.iter().zip(owed).filter(|(outcome, _)| **outcome == Outcome::Vacant);
            vacant.for_each(|(_, owed)| left += std::mem::take(owed));
        }
        goes_on |= left > 0 && share_out(groups, kind, EpisodeShare::OfAll(left));
    }
    goes_on
}

impl EvaluatedGroup {
    /// Plays until no row owes an episode, or until the group has waited for too long.
    fn play(&mut self, context: EvaluationContext<'_>) -> Result<(), LearnError> {
        let (mut without_end, mut without_agent) = (0, 0);
        self.waits_for = Waiting::Nothing;
        while self.kinds.iter().any(KindRows::owes) {
            if self.group.failure().is_some() || context.interrupted.load(Ordering::Relaxed) {
                return Ok(());
            }
            self.step(context)?;
            without_end = if self.collect() { 0 } else { without_end + 1 };
            without_agent = if self.kinds.iter().all(KindRows::is_without_agents) { without_agent + 1 } else { 0 };
            if without_agent == VACANT_PATIENCE {
                self.waits_for = Waiting::Agents;
                return Ok(());
            }
            if without_end == PATIENCE {
                self.waits_for = Waiting::Ends;
                return Ok(());
            }
        }
        if context.contestants.opponents.is_some() {
            // The result of a match comes with the restart after it.
            self.step(context)?;
        }
        Ok(())
    }

    fn step(&mut self, context: EvaluationContext<'_>) -> Result<(), LearnError> {
        let choice = |lane: usize| match context.seeds {
            None => ActionChoice::Greedy,
            Some(seeds) => ActionChoice::Sampled(seeds[lane].derive(self.index).derive(self.steps)),
        };
        let others_choice = |lane: usize| match choice(lane) {
            ActionChoice::Sampled(seed) => ActionChoice::Sampled(seed.derive(0)),
            ActionChoice::Greedy => ActionChoice::Greedy,
        };
        let deciders = acting(context.contestants.policies, choice);
        let opponents = context.contestants.opponents;
        let opponents = opponents.map_or_else(Vec::new, |of| of.in_step(others_choice, self.index, self.steps));
        let opponents: Vec<[&dyn GroupDecider; 1]> = opponents.iter().map(|step| [step.as_decider()]).collect();
        self.steps += 1;
        let mut lanes = Vec::with_capacity(deciders.len());
        for (lane, (decider, rollout)) in deciders.iter().zip(&mut self.steps_of_lanes).enumerate() {
            rollout.restart();
            // Draws derive from the choice's seed, as in a game that is played.
            let (others, seed) = (opponents.get(lane).map_or(&[][..], |others| &others[..]), Seed::new(0));
            lanes.push(CollectedLane { decider: Decider::PerGroup(decider), others, rollout, seed });
        }
        let spent = context.collector.collect(std::slice::from_mut(&mut self.group), &mut lanes, 1)?;
        for (kind, rows) in self.kinds.iter_mut().enumerate() {
            self.group.copy_outcomes(kind, &mut rows.outcomes);
        }
        self.phases.add(&Phases::split(&spent, self.group.take_times()));
        self.record();
        Ok(())
    }

    fn start_recording(&mut self, blueprint: &Blueprint) {
        let recording = |kind: usize| {
            let (spec, weights) = (&blueprint.specs[kind], blueprint.weights(kind));
            KindRecording::new(&self.group, kind, spec, weights)
        };
        self.recordings = (0..self.kinds.len()).map(recording).collect();
    }

    /// Records the last step, if episodes are recorded.
    fn record(&mut self) {
        if self.recordings.is_empty() {
            return;
        }
        for (lane, rollout) in self.steps_of_lanes.iter().enumerate() {
            let mut place = LanePlace { first_row: 0, rows: rollout.shape().total_rows() };
            for &kind in self.group.kinds_of_lane(lane) {
                let terms = self.group.episode_terms(kind);
                self.recordings[kind].record(rollout.samples(), &terms, place);
                place.first_row += self.group.row_count(kind);
            }
        }
    }

    /// Takes the episodes that were owed. Returns true if there were any.
    fn collect(&mut self) -> bool {
        let mut has_any = false;
        for episode in self.group.drain_episodes() {
            let KindRows { owed, episodes, .. } = &mut self.kinds[episode.kind];
            let owed = &mut owed[episode.row as usize];
            if *owed > 0 {
                *owed -= 1;
                if let Some(recording) = self.recordings.get_mut(episode.kind) {
                    recording.keep(&episode);
                }
                episodes.push(episode);
                has_any = true;
            }
        }
        has_any
    }
}

/// The policies of all lanes for one step.
fn acting(actors: &[Actor], choice: impl Fn(usize) -> ActionChoice) -> Vec<ActingStep<'_>> {
    actors.iter().enumerate().map(|(lane, actor)| ActingStep { actor, choice: choice(lane) }).collect()
}

fn summarise(groups: &mut [EvaluatedGroup], blueprint: &Blueprint) -> Evaluation {
    let mut phases = Phases::default();
    groups.iter().for_each(|evaluated| phases.add(&evaluated.phases));
    Evaluation {
        kinds: blueprint.driven_kinds().map(|kind| summary_of(groups, kind, &blueprint.specs[kind])).collect(),
        matches: None,
        seconds: 0.0,
        cpu_seconds: None,
        phases,
        faults: groups.iter().map(|evaluated| evaluated.group.fault_count()).sum(),
        panics: 0,
    }
}

fn summary_of(groups: &mut [EvaluatedGroup], kind: usize, spec: &AgentSpec) -> KindEvaluation {
    let recordings = groups.iter_mut().filter_map(|evaluated| evaluated.recordings.get_mut(kind));
    let demonstrations = recordings.flat_map(|recording| std::mem::take(&mut recording.episodes)).collect();
    let episodes = groups.iter().flat_map(|evaluated| &evaluated.kinds[kind].episodes).collect::<Vec<_>>();
    let term = |index: usize| Spread::of(episodes.iter().map(|episode| f64::from(episode.terms[index])));
    let terms = spec.reward.iter().enumerate();
    KindEvaluation {
        name: spec.name.clone(),
        returns: Spread::of(episodes.iter().map(|episode| f64::from(episode.reward))),
        lengths: Spread::of(episodes.iter().map(|episode| f64::from(episode.steps))),
        terms: terms.map(|(index, reward)| (reward.name.clone(), term(index))).collect(),
        success: success_rate(episodes.iter().copied()),
        episodes: episodes.len(),
        steps: episodes.iter().map(|episode| u64::from(episode.steps)).sum(),
        demonstrations,
    }
}
