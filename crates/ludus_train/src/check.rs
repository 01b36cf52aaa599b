//! The check of a game for mistakes before a long training: a few thousand ticks with random actions.

mod fields;
mod random_play;
mod systems;

use std::num::NonZeroU32;
use std::sync::Arc;

use ludus_agent::{FaultPlace, TermAgreement, WrittenAction};
use ludus_spec::{AgentSpec, Outcome, Seed};
use ludus_worlds::{GameSystems, PooledWorld, WorldError};

use crate::blueprint::Blueprint;
use crate::census::Census;
use crate::clock;
use crate::finding::Finding;
use crate::group::WorldFault;
use crate::incidents::{exit_finding, fault_sentence};
use crate::random_actions::RandomStep;

pub(crate) use fields::{ColumnRange, Field, fields, without_indices};
use random_play::RandomEpisodes;
pub(crate) use random_play::RandomPlay;

/// Most arenas in the world of a check; more would show the same.
const MOST_ARENAS: u32 = 8;

/// The greatest difference between an action and what was decided: scaling to its range and back rounds it.
const ACTION_TOLERANCE: f32 = 1e-3;

/// The share of actions that may differ from what was decided. More means that a system of the game decides as well.
const MOST_OVERWRITTEN: f32 = 0.05;

/// The length and the extent of a check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckSettings {
    pub ticks: u32,
    /// Time limit of the check \[s\]: no step begins later.
    pub seconds: f64,
    pub scope: Scope,
}

/// The extent of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Only mistakes that show at once.
    Sure,
    /// Also things that never happen: the end of an episode, a reward.
    Patient,
}

impl CheckSettings {
    /// The check before a run, which takes some milliseconds.
    pub const SHORT: Self = Self { ticks: 256, seconds: 0.03, scope: Scope::Sure };
}

/// The findings of a check.
pub(crate) struct CheckResult {
    pub findings: Vec<Finding>,
    /// Results of random actions, of each kind that a policy decides for.
    pub random_play: Vec<RandomPlay>,
}

/// Plays the game with random actions in a world whose seeds no training uses, and returns the findings.
///
/// # Errors
///
/// If the world can't be built.
pub(crate) fn check_game(blueprint: &Blueprint, settings: CheckSettings) -> Result<CheckResult, WorldError> {
    let mut systems = GameSystems::of(&blueprint.definition.game)?;
    let mut world = blueprint.build_check_world(MOST_ARENAS)?;
    let interval = blueprint.config.ticks_per_step().get();
    let kinds = Vec::from_iter(blueprint.driven_kinds());
    let early = |&kind: &usize| systems::early_findings(&mut systems, &mut world, kind, interval);
    let mut findings: Vec<_> = kinds.iter().flat_map(early).collect();
    kinds.iter().for_each(|&kind| world.rows_mut(kind).watch_team_terms());
    let mut seen: Vec<_> = kinds.iter().map(|&kind| Seen::new(&world, kind)).collect();
    let steps = settings.ticks.div_ceil(interval);
    let (start, seed) = (clock::seconds(), blueprint.check_seed());
    seen.iter_mut().for_each(|seen| seen.observe(&world));
    let mut has_panicked = false;
    for step in 0..steps {
        if clock::seconds() - start > settings.seconds {
            break;
        }
        if let Err(panic) = take_step(&mut world, &mut seen, seed.derive(u64::from(step))) {
            has_panicked = true;
            // A run that follows reports its own panics.
            let is_told = settings.scope == Scope::Patient;
            findings.extend(is_told.then(|| Finding::new(panic.to_string(), "mend the system that it came from")));
            break;
        }
    }
    if !has_panicked {
        let is_told = settings.scope == Scope::Patient && world.exits() > 0;
        findings.extend(is_told.then(|| exit_finding(world.index())));
        findings.extend(systems::late_findings(&mut systems, &mut world, blueprint.config.arenas.get()));
    }
    for seen in &seen {
        let limit = blueprint.agent(seen.kind).episode_limit;
        findings.extend(seen.findings(&blueprint.specs, settings.scope, limit));
        if settings.scope == Scope::Patient {
            findings.extend(census_findings(blueprint, &world, seen.kind));
        }
    }
    let random_play = seen.into_iter().map(|seen| seen.episodes.summarise(&blueprint.specs[seen.kind])).collect();
    Ok(CheckResult { findings, random_play })
}

/// The findings of the check before a run; none if a world can't be built, which the run reports.
pub(crate) fn short_findings(blueprint: &Blueprint) -> Vec<Finding> {
    check_game(blueprint, CheckSettings::SHORT).map_or(Vec::new(), |examined| examined.findings)
}

/// Steps the world with random actions of all kinds in `seen`.
fn take_step(world: &mut PooledWorld, seen: &mut [Seen], seed: Seed) -> Result<(), ludus_worlds::WorldPanic> {
    let draw = |(index, seen): (u64, &Seen)| seen.draw(world, if index == 0 { seed } else { seed.derive(index) });
    let decided: Vec<_> = (0..).zip(&*seen).map(draw).collect();
    world.step()?;
    seen.iter_mut().zip(&decided).for_each(|(seen, decided)| seen.look(world, decided));
    Ok(())
}

/// Agents of a kind without rows and arenas without agents.
fn census_findings(blueprint: &Blueprint, world: &PooledWorld, kind: usize) -> Vec<Finding> {
    let mut census = Census::default();
    census.add(world, kind);
    let spec = &blueprint.specs[kind];
    // With `rows`, agents may come later.
    let come_later = blueprint.agent(kind).rows.is_some();
    let empty_arenas = census.empty_arenas(spec).filter(|_| !come_later);
    census.too_few_rows(spec).into_iter().chain(empty_arenas).collect()
}

/// The observations, rewards and faults of a kind of agents so far.
struct Seen {
    kind: usize,
    steps: u64,
    columns: Vec<ColumnRange>,
    episodes: RandomEpisodes,
    /// The greatest absolute sum of each term.
    terms: Vec<f32>,
    /// Counts of the ticks in which the members of a team wrote the same value of a term that they share.
    agreement: Vec<TermAgreement>,
    /// The first number that was not finite.
    fault: Option<WorldFault>,
    faults: u64,
    /// Actions that were compared after a step; `overwritten` are those that differ from what was decided.
    actions: u64,
    overwritten: u64,
}

impl Seen {
    fn new(world: &PooledWorld, kind: usize) -> Self {
        let spec = world.spec(kind);
        Self {
            kind,
            steps: 0,
            columns: vec![ColumnRange::EMPTY; spec.observation_width()],
            episodes: RandomEpisodes::new(world, kind),
            terms: vec![0.0; spec.reward.len()],
            agreement: Vec::new(),
            fault: None,
            faults: 0,
            actions: 0,
            overwritten: 0,
        }
    }

    /// Writes random actions to the rows, as far as masks allow them, and returns them.
    fn draw(&self, world: &mut PooledWorld, seed: Seed) -> Vec<f32> {
        let spec = world.spec(self.kind).clone();
        let rows = world.rows_mut(self.kind);
        let actions = RandomStep { spec: &spec, seed }.actions(rows.masks(), rows.len());
        rows.actions_mut().copy_from_slice(&actions);
        actions
    }

    /// Takes the last step of a world into account. `decided` are the actions of that step.
    fn look(&mut self, world: &mut PooledWorld, decided: &[f32]) {
        self.steps += 1;
        self.observe(world);
        self.compare(world, decided);
        self.count(world);
    }

    /// Takes the rows' observations into account.
    fn observe(&mut self, world: &PooledWorld) {
        let rows = world.rows(self.kind);
        let agents = rows.observations().chunks_exact(self.columns.len()).zip(rows.outcomes());
        for (observation, _) in agents.filter(|(_, outcome)| **outcome != Outcome::Vacant) {
            self.columns.iter_mut().zip(observation).for_each(|(column, &value)| column.see(value));
        }
    }

    /// Counts the actions, and those that differ from `decided`.
    fn compare(&mut self, world: &mut PooledWorld, decided: &[f32]) {
        let width = world.spec(self.kind).action_width();
        for WrittenAction { row, action } in world.written_actions(self.kind) {
            if world.rows(self.kind).outcomes()[row] != Outcome::Running {
                continue;
            }
            let is_other = |(one, other): (&f32, &f32)| (one - other).abs() > ACTION_TOLERANCE;
            self.actions += 1;
            self.overwritten += u64::from(action.iter().zip(&decided[row * width..]).any(is_other));
        }
    }

    /// Counts episodes, rewards and faults.
    fn count(&mut self, world: &mut PooledWorld) {
        let (index, kind) = (world.index(), self.kind);
        let Self { terms, episodes, .. } = self;
        let mut note = |sums: &[f32]| {
            terms.iter_mut().zip(sums).for_each(|(most, sum)| *most = most.max(sum.abs()));
        };
        self.agreement.clear();
        self.agreement.extend_from_slice(world.rows(kind).team_term_agreement());
        let width = world.spec(kind).reward.len().max(1);
        world.rows(kind).episode_terms().chunks_exact(width).for_each(&mut note);
        episodes.take(world, note);
        let first = world.rows_mut(kind).drain_faults().next();
        self.fault = self.fault.or(first.map(|fault| WorldFault { world: index, kind, fault }));
        self.faults = world.rows(kind).fault_count();
    }

    fn findings(&self, specs: &[Arc<AgentSpec>], scope: Scope, limit: Option<NonZeroU32>) -> Vec<Finding> {
        let spec = &*specs[self.kind];
        let mut findings = Vec::new();
        if self.steps > 1 {
            let own = self.observation_findings(spec).into_iter();
            findings.extend(own.map(|finding| finding.of_kind(&spec.name, specs.len() > 1)));
        }
        findings.extend(self.fault_finding(specs));
        findings.extend(self.overwritten_finding(spec));
        if scope == Scope::Patient {
            findings.extend(self.reward_findings(spec));
            findings.extend(self.agreement.iter().filter_map(|term| agreement_finding(spec, term)));
            if self.episodes.ended() == 0 && limit.is_none() {
                let what = format!("no episode of `{}` ended in {} steps", spec.name, self.steps);
                let remedy = "call `Episode::terminate` in the `ScoreAgents` schedule where the task is over, or set \
                              `episode_limit` in the config";
                findings.push(Finding::new(what, remedy));
            }
        }
        findings
    }

    fn observation_findings(&self, spec: &AgentSpec) -> Vec<Finding> {
        if self.columns.iter().all(|column| column.is_constant()) {
            // In a game with masks, the mask may be the only information.
            if spec.masked {
                return Vec::new();
            }
            let what = format!("no observation of `{}` changed in {} steps", spec.name, self.steps);
            return vec![Finding::new(what, "write its component in a system of the `SenseAgents` schedule")];
        }
        fields(spec, &self.columns).iter().filter_map(|field| field.finding(self.steps)).collect()
    }

    fn fault_finding(&self, specs: &[Arc<AgentSpec>]) -> Option<Finding> {
        let first = fault_sentence(&self.fault?, specs);
        let what = match self.fault?.fault.place {
            FaultPlace::Set(_) => first,
            _ => format!("{first}, the first of {}", self.faults),
        };
        let remedy = match self.fault?.fault.place {
            FaultPlace::Mask(_) => "allow at least one choice at any time, if only to do nothing",
            FaultPlace::Set(_) => "give its `SetOf` a greater capacity, or fill it with less",
            FaultPlace::Observation(_) | FaultPlace::Reward(_) => {
                "look for a division by zero or the square root of a negative number there"
            }
        };
        Some(Finding::new(what, remedy))
    }

    fn overwritten_finding(&self, spec: &AgentSpec) -> Option<Finding> {
        if self.overwritten as f32 <= MOST_OVERWRITTEN * self.actions as f32 {
            return None;
        }
        let percent = 100 * self.overwritten / self.actions;
        let what = format!("{percent} % of the actions of `{}` were overwritten within their step", spec.name);
        let remedy = "a system or an observer writes the action although `Controller::Policy` says that the policy does: \
                      write it only where the controller is `External`, and never as a place to keep other things";
        Some(Finding::new(what, remedy))
    }

    fn reward_findings(&self, spec: &AgentSpec) -> Vec<Finding> {
        let terms = spec.reward.iter().zip(&self.terms);
        let never: Vec<_> = terms.filter(|(_, sum)| **sum == 0.0).map(|(term, _)| format!("`{}`", term.name)).collect();
        if never.is_empty() {
            return Vec::new();
        }
        let what =
            format!("`{}` was never given {} in {} steps of random actions", spec.name, never.join(", "), self.steps);
        let remedy = "write it in a system of the `ScoreAgents` schedule; if it is only hard to come by, reward what leads \
                      to it as well";
        vec![Finding::new(what, remedy)]
    }
}

/// The finding that all members of a team always write the same value of a term that they share: then it counts once for
/// each of them.
fn agreement_finding(spec: &AgentSpec, seen: &TermAgreement) -> Option<Finding> {
    if seen.same == 0 || seen.different > 0 {
        return None;
    }
    let (agent, term) = (&spec.name, &spec.reward[seen.term].name);
    let what = format!(
        "all members of a team of `{agent}` always wrote the same `{term}`, {} times in all: each is given the sum, so it \
         counts once for each member",
        seen.same
    );
    let remedy = "write it for the member that earned it, or for one of them; or leave `#[reward(team)]` out";
    Some(Finding::new(what, remedy))
}
