//! One iteration of a run: algorithms collect together, and each learns once its rollout is full.

use ludus_spec::Seed;

use crate::threads::run_in;
use crate::{
    Algorithm, CollectedLane, Collector, Decider, GroupDecider, LearnError, PhaseTimes, Report, Rollout, Simulation,
};

/// The settings of an iteration that is to come.
#[derive(Clone, Copy, Debug)]
pub struct IterationPlan {
    /// The part of the run that is over, in `0.0..=1.0`.
    pub progress: f32,
    /// The minimum number of steps in the iteration.
    pub least_steps: usize,
}

/// A lane in an iteration.
pub enum IteratedLane<'a> {
    /// A lane in which an algorithm's policy decides, and from which the algorithm learns.
    Learned {
        /// The algorithm.
        algorithm: &'a mut dyn Algorithm,
        /// Other policies, by driver: see [`CollectedLane::others`].
        others: &'a [&'a dyn GroupDecider],
    },
    /// A lane in which a fixed policy decides. Nothing is learned from it.
    Played(PlayedLane<'a>),
}

/// A lane whose policy stays as it is.
pub struct PlayedLane<'a> {
    /// The policy.
    pub policy: &'a dyn GroupDecider,
    /// The rollout of the lane, overwritten whenever it is full. It must have room for the most steps that any
    /// algorithm of the iteration wants at once.
    pub rollout: &'a mut Rollout,
    /// The seed from which the draws of the iteration derive.
    pub seed: Seed,
}

/// The result of an iteration.
#[derive(Debug)]
pub struct IterationResult {
    /// Steps of the simulations.
    pub steps: usize,
    /// The wall time of the iteration, by phase.
    pub times: PhaseTimes,
    /// The report of each algorithm, in the order of their lanes, or the last error of its updates.
    pub reports: Vec<Result<Report, LearnError>>,
}

impl<'a> IteratedLane<'a> {
    /// Returns the lane of an algorithm whose policy decides for all rows.
    pub fn learned(algorithm: &'a mut dyn Algorithm) -> Self {
        Self::Learned { algorithm, others: &[] }
    }
}

impl IteratedLane<'_> {
    fn algorithm(&self) -> Option<&dyn Algorithm> {
        match self {
            Self::Learned { algorithm, .. } => Some(&**algorithm),
            Self::Played(_) => None,
        }
    }

    /// Returns the lane for a collection of `steps` steps. `number` is the index of the collection in the iteration.
    fn collected(&mut self, steps: usize, number: u64) -> CollectedLane<'_> {
        match self {
            Self::Learned { algorithm, others } => CollectedLane { others, ..algorithm.collected_lane() },
            Self::Played(PlayedLane { policy, rollout, seed }) => {
                if rollout.missing_steps() < steps {
                    rollout.restart();
                }
                CollectedLane { decider: Decider::PerGroup(*policy), others: &[], rollout, seed: seed.derive(number) }
            }
        }
    }
}

impl Collector {
    /// Collects and learns until every algorithm has learned once, and for the planned steps at least.
    ///
    /// `lanes` are the lanes of the simulations, in their order. Each collection takes the smallest number of steps
    /// that any algorithm wants. Without an algorithm, only the planned steps are taken.
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect): then the rollouts are unusable.
    pub fn iterate<S: Simulation>(
        &self,
        simulations: &mut [S],
        lanes: &mut [IteratedLane<'_>],
        plan: IterationPlan,
    ) -> Result<IterationResult, LearnError> {
        if lanes.iter().filter_map(IteratedLane::algorithm).any(|algorithm| algorithm.keeps_to_a_thread()) {
            return self.iterate_here(simulations, lanes, plan);
        }
        run_in(&self.machine().pool, || self.iterate_here(simulations, lanes, plan))
    }

    fn iterate_here<S: Simulation>(
        &self,
        simulations: &mut [S],
        lanes: &mut [IteratedLane<'_>],
        plan: IterationPlan,
    ) -> Result<IterationResult, LearnError> {
        let mut times = PhaseTimes::default();
        let algorithms = lanes.iter().filter_map(IteratedLane::algorithm).count();
        let mut reports: Vec<Result<Report, LearnError>> = (0..algorithms).map(|_| Ok(Report::default())).collect();
        let mut has_learned = vec![false; algorithms];
        let (mut steps, mut collections) = (0, 0);
        while steps < plan.least_steps || has_learned.contains(&false) {
            let wanted = lanes.iter().filter_map(|lane| Some(lane.algorithm()?.wanted_steps().max(1))).min();
            let wanted = wanted.unwrap_or(plan.least_steps - steps);
            let mut collected: Vec<_> = lanes.iter_mut().map(|lane| lane.collected(wanted, collections)).collect();
            times.add(&self.collect(simulations, &mut collected, wanted)?);
            drop(collected);
            steps += wanted;
            collections += 1;
            let start = (self.machine().clock)();
            let learning = lanes.iter_mut().filter_map(|lane| match lane {
                IteratedLane::Learned { algorithm, .. } => Some(algorithm),
                IteratedLane::Played(_) => None,
            });
            for ((algorithm, report), learned) in learning.zip(&mut reports).zip(&mut has_learned) {
                if algorithm.wanted_steps() > 0 {
                    continue;
                }
                *learned = true;
                match algorithm.learn(plan.progress) {
                    Ok(update) => report.iter_mut().for_each(|report| report.add(&update)),
                    Err(error) => *report = Err(error),
                }
            }
            times.learn += (self.machine().clock)().saturating_sub(start);
        }
        Ok(IterationResult { steps, times, reports })
    }
}
