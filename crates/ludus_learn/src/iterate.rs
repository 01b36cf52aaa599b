//! One iteration of a run: algorithms collect together, each learns when it has what it wants.

use crate::threads::run_in;
use crate::{Algorithm, Collector, LearnError, PhaseTimes, Report, Simulation};

/// An iteration that is to come.
#[derive(Clone, Copy, Debug)]
pub struct IterationPlan {
    /// The part of the run that is over, in `0.0..=1.0`.
    pub progress: f32,
    /// Steps that it has at least.
    pub least_steps: usize,
}

/// An iteration that is over.
#[derive(Debug)]
pub struct IterationResult {
    /// Steps of the simulations.
    pub steps: usize,
    /// Where the time went.
    pub times: PhaseTimes,
    /// The report of each algorithm, or why it learned nothing. One that failed has not learned since.
    pub reports: Vec<Result<Report, LearnError>>,
}

impl Collector {
    /// Plays until every algorithm has learned once, and for the planned steps at least.
    ///
    /// The lanes of the simulations are those of the algorithms, in their order. As many steps are played at once as the
    /// algorithm wants that wants the fewest.
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect): then the rollouts hold nothing to learn from.
    pub fn iterate<S: Simulation>(
        &self,
        simulations: &mut [S],
        algorithms: &mut [&mut dyn Algorithm],
        plan: IterationPlan,
    ) -> Result<IterationResult, LearnError> {
        if algorithms.iter().any(|algorithm| algorithm.keeps_to_a_thread()) {
            return self.iterate_here(simulations, algorithms, plan);
        }
        run_in(&self.machine().pool, || self.iterate_here(simulations, algorithms, plan))
    }

    fn iterate_here<S: Simulation>(
        &self,
        simulations: &mut [S],
        algorithms: &mut [&mut dyn Algorithm],
        plan: IterationPlan,
    ) -> Result<IterationResult, LearnError> {
        let mut times = PhaseTimes::default();
        let mut reports: Vec<Result<Report, LearnError>> = algorithms.iter().map(|_| Ok(Report::default())).collect();
        let mut has_learned = vec![false; algorithms.len()];
        let mut steps = 0;
        while steps < plan.least_steps || has_learned.contains(&false) {
            let wanted = algorithms.iter().map(|algorithm| algorithm.wanted_steps().max(1)).min().unwrap_or(0);
            if wanted == 0 {
                break;
            }
            let mut lanes: Vec<_> = algorithms.iter_mut().map(|algorithm| algorithm.collected_lane()).collect();
            times.add(&self.collect(simulations, &mut lanes, wanted)?);
            drop(lanes);
            steps += wanted;
            let start = (self.machine().clock)();
            for ((algorithm, report), learned) in algorithms.iter_mut().zip(&mut reports).zip(&mut has_learned) {
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
