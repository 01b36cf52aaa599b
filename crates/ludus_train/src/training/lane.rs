//! The policies of a run: those that it learns, and those that are frozen.

use std::path::PathBuf;

use ludus_learn::{
    Algorithm, GroupDecider, IteratedLane, LaneShape, LearnError, LearnedPolicy, Metric, PlayedLane, Report, Rollout,
    RolloutShape, SavedAlgorithm,
};
use ludus_policy::PolicyFile;
use ludus_spec::Seed;

use crate::actor::{Actor, FrozenPolicy};
use crate::blueprint::{Blueprint, Draws};
use crate::config::{PolicySource, Reaction};
use crate::error::TrainError;
use crate::frozen::frozen_file;
use crate::initialize::{WarmStart, WarmStarted, warm_start};
use crate::learner::{BackendChoice, BuiltAlgorithm};

/// Limit on the iterations in a row that may be skipped; a policy that skips more is taken to never learn again.
const MOST_SKIPPED: u32 = 10;

/// A policy of a run, and the kinds of agents that follow it.
pub(crate) struct PolicyLane {
    /// The kinds that follow it; the section of the first describes it.
    pub kinds: Vec<usize>,
    pub policy: LanePolicy,
}

/// A policy that decides in a run.
pub(crate) enum LanePolicy {
    Learned(LearnedLane),
    Frozen(Box<FrozenLane>),
}

/// A policy that the run learns.
pub(crate) struct LearnedLane {
    /// The algorithm, and the network that it learns.
    pub built: BuiltAlgorithm,
    /// The learner, with the reason for it.
    pub decision: BackendChoice,
    /// Iterations in a row of which nothing was learned.
    skipped: u32,
}

/// A frozen policy, which the run does not change.
pub(crate) struct FrozenLane {
    policy: FrozenPolicy,
    /// The file of the policy.
    pub path: PathBuf,
    rollout: Rollout,
    seed: Seed,
}

/// The result of an iteration for a policy that learns.
#[derive(Debug)]
pub(crate) struct LaneLap {
    pub report: Report,
    /// The reason that nothing was learned, if so.
    pub skipped: Option<LearnError>,
}

impl PolicyLane {
    /// The kind whose section describes it.
    pub fn owner(&self) -> usize {
        self.kinds[0]
    }

    pub fn learned(&self) -> Option<&LearnedLane> {
        match &self.policy {
            LanePolicy::Learned(lane) => Some(lane),
            LanePolicy::Frozen(_) => None,
        }
    }

    pub fn learned_mut(&mut self) -> Option<&mut LearnedLane> {
        match &mut self.policy {
            LanePolicy::Learned(lane) => Some(lane),
            LanePolicy::Frozen(_) => None,
        }
    }

    /// The lane's part in the iteration with this number.
    ///
    /// `others` are the policies that play beside it, by driver.
    pub fn iterated<'a>(&'a mut self, iteration: u64, others: &'a [&'a dyn GroupDecider]) -> IteratedLane<'a> {
        match &mut self.policy {
            LanePolicy::Learned(lane) => IteratedLane::Learned { algorithm: &mut *lane.built.algorithm, others },
            LanePolicy::Frozen(lane) => {
                let FrozenLane { policy, rollout, seed, .. } = &mut **lane;
                IteratedLane::Played(PlayedLane { policy, rollout, seed: seed.derive(iteration) })
            }
        }
    }
}

impl LearnedLane {
    /// The lane of a policy that has learned nothing yet.
    pub fn new(built: BuiltAlgorithm, decision: BackendChoice) -> Self {
        Self { built, decision, skipped: 0 }
    }

    pub fn algorithm(&self) -> &dyn Algorithm {
        &*self.built.algorithm
    }

    pub fn algorithm_mut(&mut self) -> &mut dyn Algorithm {
        &mut *self.built.algorithm
    }

    /// Takes the result of an iteration. An iteration that failed is undone; if `reaction` says so, it counts as an
    /// iteration that learned nothing, so that the next one draws other numbers.
    pub fn finish(&mut self, learned: Result<Report, LearnError>, reaction: Reaction) -> Result<LaneLap, LearnError> {
        let cause = match learned {
            Ok(report) => {
                self.skipped = 0;
                return Ok(LaneLap { report, skipped: None });
            }
            Err(cause) => cause,
        };
        let algorithm = &mut *self.built.algorithm;
        algorithm.rewind();
        self.skipped += 1;
        let is_hopeless = matches!(cause, LearnError::Device(_)) || self.skipped > MOST_SKIPPED;
        if is_hopeless || reaction == Reaction::Stop {
            return Err(cause);
        }
        algorithm.skip();
        let outcomes = algorithm.rollout().samples().outcomes;
        let experience = outcomes.iter().filter(|outcome| outcome.is_experience()).count();
        let metrics = algorithm.metrics().iter().map(|&info| Metric { info, value: 0.0 }).collect();
        let report = Report { experience, metrics, ..Report::default() };
        Ok(LaneLap { report, skipped: Some(cause) })
    }

    /// Initializes this policy, `own`, from another one. Returns the parts of observation and action that are new or
    /// gone, or the reason that the other policy does not fit.
    pub fn warm_start(
        &mut self,
        policy: &PolicyFile,
        own: &PolicyFile,
    ) -> Result<Result<Vec<String>, String>, TrainError> {
        let layout = own.layout()?;
        let (spec, normalizer) = (&own.spec, own.normalizer.as_ref());
        let start = WarmStart { spec, layout: &layout, parameters: &own.parameters, normalizer };
        let WarmStarted { parameters, normalizer, differences } = match warm_start(policy, start) {
            Ok(inheritance) => inheritance,
            Err(problem) => return Ok(Err(problem)),
        };
        let policy = LearnedPolicy { parameters, normalizer };
        let saved = SavedAlgorithm { policy, ..self.built.algorithm.save() };
        self.built.algorithm.restore(&saved).map_err(TrainError::Learner)?;
        Ok(Ok(differences))
    }
}

impl FrozenLane {
    /// Reads the policy that this kind's config names, for its lane in all groups.
    ///
    /// # Errors
    ///
    /// If the file can't be read or does not fit the kind.
    pub fn new(blueprint: &Blueprint, kind: usize, lanes: &[LaneShape]) -> Result<Self, TrainError> {
        let PolicySource::Frozen(named) = &blueprint.agent(kind).policy else {
            unreachable!("the policy of a lane that is not learned is frozen")
        };
        let path = frozen_file(named, &blueprint.specs[kind]);
        let file = PolicyFile::read_for(&path, &blueprint.specs[kind])?;
        let policy = FrozenPolicy(Actor::new(&file, blueprint, kind)?);
        let shape = RolloutShape::of_lane(blueprint.longest_rollout(), lanes).map_err(TrainError::Learner)?;
        let shape = RolloutShape { memory_width: policy.0.memory_width(), ..shape };
        let seed = blueprint.seed_of(Draws::FrozenActions, kind);
        Ok(Self { policy, path, rollout: Rollout::new(shape), seed })
    }
}
