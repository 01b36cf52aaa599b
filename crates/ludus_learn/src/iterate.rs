//! One iteration of a run: algorithms collect together, each learns when it has what it wants.

use ludus_spec::Seed;

use crate::threads::run_in;
use crate::{
    Algorithm, CollectedLane, Collector, Decider, GroupDecider, LearnError, PhaseTimes, Report, Rollout, Simulation,
};

/// An iteration that is to come.
#[derive(Clone, Copy, Debug)]
pub struct IterationPlan {
    /// The part of the run that is over, in `0.0..=1.0`.
    pub progress: f32,
    /// Steps that it has at least.
    pub least_steps: usize,
}

/// A lane in an iteration.
pub enum IteratedLane<'a> {
    /// An algorithm whose policy decides there, and which learns from it.
    Learned(&'a mut dyn Algorithm),
    /// A policy that decides there. Nothing is learned.
    Played(PlayedLane<'a>),
}

/// A lane that a policy plays which stays as it is.
pub struct PlayedLane<'a> {
    /// The policy.
    pub policy: &'a dyn GroupDecider,
    /// Written over and over. It has room for as many steps as any algorithm of the iteration wants at once.
    pub rollout: &'a mut Rollout,
    /// The draws of the iteration derive from this seed.
    pub seed: Seed,
}

/// An iteration that is over.
#[derive(Debug)]
pub struct IterationResult {
    /// Steps of the simulations.
    pub steps: usize,
    /// Where the time went.
    pub times: PhaseTimes,
    /// The report of each algorithm, in the order of their lanes, or why it learned nothing. One that failed has not
    /// learned since.
    pub reports: Vec<Result<Report, LearnError>>,
}

impl IteratedLane<'_> {
    fn algorithm(&self) -> Option<&dyn Algorithm> {
        match self {
            Self::Learned(algorithm) => Some(&**algorithm),
            Self::Played(_) => None,
        }
    }

    /// Its part in a collection of so many steps, the iteration's `number`-th.
    fn collected(&mut self, steps: usize, number: u64) -> CollectedLane<'_> {
        match self {
            Self::Learned(algorithm) => algorithm.collected_lane(),
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
    /// Plays until every algorithm has learned once, and for the planned steps at least.
    ///
    /// `lanes` are those of the simulations, in their order. As many steps are played at once as the algorithm wants that
    /// wants the fewest. Without an algorithm, only the planned steps are played.
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect): then the rollouts hold nothing to learn from.
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
                IteratedLane::Learned(algorithm) => Some(algorithm),
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
