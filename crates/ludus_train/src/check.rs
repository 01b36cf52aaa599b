//! What is wrong with a game, found before it costs a night of training: a few thousand ticks with random actions.

mod fields;
mod random_play;
mod systems;

use std::num::NonZeroU32;

use ludus_agent::{FaultPlace, WrittenAction};
use ludus_spec::{AgentSpec, Outcome, Seed};
use ludus_worlds::{GameSystems, PooledWorld, WorldError};
use serde::Serialize;

use crate::bench::random_actions;
use crate::census::Census;
use crate::clock;
use crate::group::{FIRST_KIND, WorldFault};
use crate::incidents::{exit_finding, fault_sentence};
use crate::training::Blueprint;

pub(crate) use fields::{Column, Field, fields, without_indices};
use random_play::RandomEpisodes;
pub(crate) use random_play::RandomPlay;

/// Arenas that are looked at; more would show the same.
const MOST_ARENAS: u32 = 8;

/// By how much an action may differ from what was decided: it was stretched to its range and back.
const ACTION_TOLERANCE: f32 = 1e-3;

/// The share of actions that may differ from what was decided: more is a system that decides as well.
const MOST_OVERWRITTEN: f32 = 0.05;

/// Something that is most likely a mistake in the game or in the config.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was seen.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// How long and how closely a game is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exam {
    pub ticks: u32,
    /// Ends it sooner, after so many seconds: for who is in a hurry.
    pub seconds: f64,
    pub scope: Scope,
}

/// What an exam is long enough for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What shows at once.
    Sure,
    /// Also that something does not happen: an episode's end, a reward.
    Patient,
}

impl Exam {
    /// Before a run: some milliseconds.
    pub const SHORT: Self = Self { ticks: 256, seconds: 0.03, scope: Scope::Sure };
}

impl Finding {
    pub(crate) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    /// As one sentence.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.what, self.remedy)
    }
}

/// What an exam came to.
pub(crate) struct Examined {
    pub findings: Vec<Finding>,
    pub random_play: RandomPlay,
}

/// Plays the game with random actions in a world of its own, whose seeds no training uses; what was found.
///
/// # Errors
///
/// If the world can't be built.
pub(crate) fn examine(blueprint: &Blueprint, exam: Exam) -> Result<Examined, WorldError> {
    let mut systems = GameSystems::of(&blueprint.definition.game)?;
    let mut world = blueprint.build_exam(MOST_ARENAS)?;
    let interval = blueprint.config.decision_interval.get();
    let mut findings = systems::early_findings(&mut systems, &mut world, interval);
    let mut seen = Seen::new(&world);
    let steps = exam.ticks.div_ceil(interval);
    let (start, seed) = (clock::seconds(), blueprint.exam_seed());
    seen.observe(&world);
    let mut has_panicked = false;
    for step in 0..steps {
        if clock::seconds() - start > exam.seconds {
            break;
        }
        if let Err(panic) = seen.step(&mut world, seed.derive(u64::from(step))) {
            has_panicked = true;
            // A run that follows tells of its own.
            let is_told = exam.scope == Scope::Patient;
            findings.extend(is_told.then(|| Finding::new(panic.to_string(), "mend the system that it came from")));
            break;
        }
    }
    if !has_panicked {
        let is_told = exam.scope == Scope::Patient && world.exits() > 0;
        findings.extend(is_told.then(|| exit_finding(world.index())));
        findings.extend(systems::late_findings(&mut systems, &mut world, blueprint.config.arenas.get()));
    }
    let limit = blueprint.config.agent(&blueprint.spec).episode_limit;
    findings.extend(seen.findings(&blueprint.spec, exam.scope, limit));
    if exam.scope == Scope::Patient {
        findings.extend(census_findings(blueprint, &world));
    }
    Ok(Examined { findings, random_play: seen.episodes.summarise(&blueprint.spec) })
}

/// Agents without rows and arenas without agents.
fn census_findings(blueprint: &Blueprint, world: &PooledWorld) -> Vec<Finding> {
    let mut census = Census::default();
    census.add(world);
    // With `rows`, agents are to come later.
    let come_later = blueprint.config.agent(&blueprint.spec).rows.is_some();
    let empty_arenas = census.empty_arenas(&blueprint.spec).filter(|_| !come_later);
    census.too_few_rows(&blueprint.spec).into_iter().chain(empty_arenas).collect()
}

/// What was seen so far.
struct Seen {
    steps: u64,
    columns: Vec<Column>,
    episodes: RandomEpisodes,
    /// The greatest sum of each term, whatever its sign.
    terms: Vec<f32>,
    /// The first number that was not finite.
    fault: Option<WorldFault>,
    faults: u64,
    /// Actions that were looked at after a step, and those that were not what had been decided.
    actions: u64,
    overwritten: u64,
}

impl Seen {
    fn new(world: &PooledWorld) -> Self {
        let spec = world.spec(FIRST_KIND);
        Self {
            steps: 0,
            columns: vec![Column::EMPTY; spec.observation_width()],
            episodes: RandomEpisodes::new(world),
            terms: vec![0.0; spec.reward.len()],
            fault: None,
            faults: 0,
            actions: 0,
            overwritten: 0,
        }
    }

    fn step(&mut self, world: &mut PooledWorld, seed: Seed) -> Result<(), ludus_worlds::WorldPanic> {
        let spec = world.spec(FIRST_KIND).clone();
        let rows = world.rows_mut(FIRST_KIND);
        let drawn = random_actions(&spec, rows.len(), seed);
        rows.actions_mut().copy_from_slice(&drawn);
        rows.heed_masks();
        let decided = rows.actions_mut().to_vec();
        world.step()?;
        self.steps += 1;
        self.observe(world);
        self.compare(world, &decided);
        self.count(world);
        Ok(())
    }

    /// Takes the rows' observations into account.
    fn observe(&mut self, world: &PooledWorld) {
        let rows = world.rows(FIRST_KIND);
        let agents = rows.observations().chunks_exact(self.columns.len()).zip(rows.outcomes());
        for (observation, _) in agents.filter(|(_, outcome)| **outcome != Outcome::Vacant) {
            self.columns.iter_mut().zip(observation).for_each(|(column, &value)| column.see(value));
        }
    }

    /// Finds actions that are not what was decided.
    fn compare(&mut self, world: &mut PooledWorld, decided: &[f32]) {
        let width = world.spec(FIRST_KIND).action_width();
        for WrittenAction { row, action } in world.written_actions(FIRST_KIND) {
            if world.rows(FIRST_KIND).outcomes()[row] != Outcome::Running {
                continue;
            }
            let is_other = |(one, other): (&f32, &f32)| (one - other).abs() > ACTION_TOLERANCE;
            self.actions += 1;
            self.overwritten += u64::from(action.iter().zip(&decided[row * width..]).any(is_other));
        }
    }

    /// Counts episodes, rewards and faults.
    fn count(&mut self, world: &mut PooledWorld) {
        let index = world.index();
        let Self { terms, episodes, .. } = self;
        let mut note = |sums: &[f32]| {
            terms.iter_mut().zip(sums).for_each(|(most, sum)| *most = most.max(sum.abs()));
        };
        let width = world.spec(FIRST_KIND).reward.len().max(1);
        world.rows(FIRST_KIND).term_sums().chunks_exact(width).for_each(&mut note);
        episodes.take(world, note);
        self.fault = self.fault.or(world.rows_mut(FIRST_KIND).drain_faults().next().map(|fault| WorldFault {
            world: index,
            kind: FIRST_KIND,
            fault,
        }));
        self.faults = world.rows(FIRST_KIND).fault_count();
    }

    fn findings(&self, spec: &AgentSpec, scope: Scope, limit: Option<NonZeroU32>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.steps > 1 {
            findings.extend(self.observation_findings(spec));
        }
        findings.extend(self.fault_finding(spec));
        findings.extend(self.overwritten_finding(spec));
        if scope == Scope::Patient {
            findings.extend(self.reward_findings(spec));
            if self.episodes.ended() == 0 && limit.is_none() {
                let what = format!("no episode of `{}` ended in {} steps", spec.name, self.steps);
                let remedy = "call `Episode::terminate` in the `Score` schedule where the task is over, or set \
                              `episode_limit` in the config";
                findings.push(Finding::new(what, remedy));
            }
        }
        findings
    }

    fn observation_findings(&self, spec: &AgentSpec) -> Vec<Finding> {
        if self.columns.iter().all(|column| column.is_constant()) {
            // What is allowed may be all that there is to know.
            if spec.masked {
                return Vec::new();
            }
            let what = format!("no observation of `{}` changed in {} steps", spec.name, self.steps);
            return vec![Finding::new(what, "write its component in a system of the `Sense` schedule")];
        }
        fields(spec, &self.columns).iter().filter_map(|field| field.finding(self.steps)).collect()
    }

    fn fault_finding(&self, spec: &AgentSpec) -> Option<Finding> {
        let first = fault_sentence(&self.fault?, spec);
        let what = format!("{first}, the first of {}", self.faults);
        let remedy = match self.fault?.fault.place {
            FaultPlace::Mask(_) => "allow at least one choice at any time, if only to do nothing",
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
        let remedy = "write it in a system of the `Score` schedule; if it is only hard to come by, reward what leads \
                      to it as well";
        vec![Finding::new(what, remedy)]
    }
}
