//! The evaluations of a trial's run: in worlds whose seeds training does not use.

use std::num::NonZeroU32;
use std::path::Path;

use ludus_policy::PolicyFile;
use ludus_spec::AgentSpec;

use super::evaluation_plan::EvaluationPlan;
use super::trial::{TrialContext, TrialOrder};
use crate::actor::lane_actors;
use crate::blueprint::{Blueprint, Purpose};
use crate::config::RunConfig;
use crate::cpu;
use crate::error::TrainError;
use crate::evaluation::{Contestants, Evaluation, EvaluationSettings, KindEvaluation, evaluate};
use crate::folder::RunFolder;
use crate::run::metric_names::{LENGTH, MetricNames, RETURN, reward_name};

/// The evaluations of a run so far, and the parts that all of them are made from.
pub(super) struct Evaluations<'a> {
    order: &'a TrialOrder,
    context: &'a TrialContext<'a>,
    /// The blueprint of the run, with as many worlds as the episodes need.
    blueprint: Blueprint,
    pub plan: EvaluationPlan,
    /// Steps and mean return of the objective's kind; an evaluation in which no episode ended is left out.
    points: Vec<(u64, f64)>,
    last: Option<LastEvaluation>,
    /// Processor time of all evaluations, and of those before the end of training \[s\].
    cpu_seconds: Option<f64>,
    cpu_seconds_in_training: Option<f64>,
}

struct LastEvaluation {
    steps: u64,
    evaluation: Evaluation,
}

impl<'a> Evaluations<'a> {
    /// The evaluations of a run with this config, before the first.
    ///
    /// # Errors
    ///
    /// If the blueprint can't be made.
    pub fn new(order: &'a TrialOrder, context: &'a TrialContext<'a>, config: &RunConfig) -> Result<Self, TrainError> {
        let plan = EvaluationPlan::new(&order.objective, config.stop.steps.get());
        let episodes = NonZeroU32::new(order.episodes).unwrap_or(NonZeroU32::MIN);
        let blueprint = (context.blueprint)(config.clone().shrunk_to(episodes))?;
        Ok(Self {
            order,
            context,
            blueprint,
            plan,
            points: Vec::new(),
            last: None,
            cpu_seconds: Some(0.0),
            cpu_seconds_in_training: Some(0.0),
        })
    }

    /// Evaluates these policies, which are those of the run after `steps` steps.
    ///
    /// # Errors
    ///
    /// If a policy or a world can't be made, or if a world can't be rebuilt.
    pub fn make(&mut self, steps: u64, policies: &[PolicyFile]) -> Result<(), TrainError> {
        self.make_with(steps, |spec| {
            let policy = policies.iter().find(|policy| policy.spec.name == spec.name);
            Ok(policy.expect("a run has a policy for each kind that it learns").clone())
        })?;
        self.cpu_seconds_in_training = self.cpu_seconds;
        Ok(())
    }

    /// Evaluates the policies that the run has saved at its end, unless they were evaluated before.
    ///
    /// # Errors
    ///
    /// As [`make`](Self::make), or if a policy can't be read.
    pub fn finish(&mut self, steps: u64, run_dir: &Path) -> Result<(), TrainError> {
        if self.last.as_ref().is_some_and(|last| last.steps == steps) {
            return Ok(());
        }
        let folder = RunFolder::open(run_dir);
        self.make_with(steps, |spec| Ok(PolicyFile::read_for(&folder.policy_of(&spec.name), spec)?))
    }

    fn make_with(
        &mut self,
        steps: u64,
        learned: impl Fn(&AgentSpec) -> Result<PolicyFile, TrainError>,
    ) -> Result<(), TrainError> {
        let cpu_before = cpu::seconds();
        let actors = lane_actors(&self.blueprint, learned)?;
        let TrialOrder { episodes, sampled, .. } = *self.order;
        let settings = EvaluationSettings { episodes, sampled, purpose: Purpose::Evaluation, recorded: false };
        let mut warn = |sentence: String| (self.context.warn)(&sentence);
        let evaluation = evaluate(
            &self.blueprint,
            Contestants { policies: &actors, opponents: None },
            settings,
            self.context.interrupted,
            &mut warn,
        )?;
        let kind = evaluation.kinds.iter().find(|kind| kind.name == self.order.objective.kind);
        let mean = kind.map(|kind| kind.returns.mean).filter(|mean| mean.is_finite());
        self.points.extend(mean.map(|mean| (steps, mean)));
        self.last = Some(LastEvaluation { steps, evaluation });
        self.plan.made(steps);
        let spent = cpu_before.and_then(|before| Some(cpu::seconds()? - before));
        self.cpu_seconds = self.cpu_seconds.zip(spent).map(|(sum, spent)| sum + spent);
        Ok(())
    }

    /// Steps and mean return of each evaluation.
    pub fn points(&self) -> &[(u64, f64)] {
        &self.points
    }

    /// Processor time of all evaluations \[s\], where the system tells.
    pub const fn cpu_seconds(&self) -> Option<f64> {
        self.cpu_seconds
    }

    /// Processor time of the evaluations that were made while the run went on \[s\], where the system tells.
    pub const fn cpu_seconds_in_training(&self) -> Option<f64> {
        self.cpu_seconds_in_training
    }

    /// True if the last evaluation has reached the objective's goal.
    pub fn has_reached_goal(&self) -> bool {
        match (self.order.objective.goal, self.points.last()) {
            (Some(goal), Some(&(_, mean))) => mean >= goal,
            _ => false,
        }
    }

    /// True if evaluations have this column of the run's metrics.
    pub fn have_column(&self, column: &str) -> bool {
        let names = MetricNames::of(&self.blueprint);
        self.blueprint.driven_kinds().any(|kind| {
            let terms = self.blueprint.specs[kind].reward.iter().map(|term| reward_name(&term.name));
            let own = [RETURN, LENGTH].map(str::to_owned);
            own.into_iter().chain(terms).any(|name| names.of_kind(kind, &name) == column)
        })
    }

    /// The number that the last evaluation has for a column of the run's metrics.
    pub fn column(&self, column: &str) -> Option<f64> {
        let names = MetricNames::of(&self.blueprint);
        let evaluation = &self.last.as_ref()?.evaluation;
        self.blueprint.driven_kinds().find_map(|kind| {
            let of_kind = evaluation.kinds.iter().find(|found| found.name == self.blueprint.specs[kind].name)?;
            columns(of_kind).into_iter().find(|(name, _)| names.of_kind(kind, name) == column).map(|(_, number)| number)
        })
    }
}

/// The columns of a run's metrics that an evaluation of a kind has, without the kind's name.
fn columns(evaluation: &KindEvaluation) -> Vec<(String, f64)> {
    let own = [(RETURN, evaluation.returns.mean), (LENGTH, evaluation.lengths.mean)];
    let own = own.into_iter().map(|(name, number)| (name.to_owned(), number));
    let terms = evaluation.terms.iter().map(|(term, spread)| (reward_name(term), spread.mean));
    own.chain(terms).collect()
}
