//! Streams of rewards beside those of the simulation: each has rewards, a discount, a weight and a value head of its own.

mod config;
mod continuing;
mod discounted;
mod source;
mod stream;
mod term_rewards;

use ludus_spec::{Outcome, Seed, StableHasher};

use crate::report::interned;
use crate::reward_scale::RewardScale;
use crate::rollout::RewardedSteps;
use crate::{AlgorithmState, Discount, HeadRewards, LearnError, Metric, MetricInfo, Moments, Rollout, StateTensor};
use continuing::continuing_outcomes;
use discounted::{RewardedRollout, mean_return};

pub use config::StreamConfig;
pub use source::{RewardSource, SourceUpdate};
pub use stream::RewardStream;
pub use term_rewards::TermRewards;

/// The name of the statistics of a stream's discounted returns in a saved state.
const RETURNS: &str = "returns";

/// The streams of an algorithm, and their rewards of the last rollout.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    running: Vec<RunningStream>,
    /// The outcomes of streams that don't end with episodes `[samples]`; empty if there are none.
    continuing: Vec<Outcome>,
    good: Option<Vec<Moments>>,
}

/// A stream, and its rewards of the last rollout.
#[derive(Debug)]
struct RunningStream {
    stream: RewardStream,
    /// `[samples]`.
    rewards: Vec<f32>,
    scale: RewardScale,
    /// The mean discounted return of the last rollout's experience, as far as it was collected.
    mean_return: Metric,
}

impl Streams {
    /// Makes streams of a rollout of this shape.
    pub fn new(streams: Vec<RewardStream>, rollout: &Rollout) -> Self {
        let (samples, rows) = (rollout.samples().outcomes.len(), rollout.shape().total_rows());
        let is_continuing = streams.iter().any(|stream| !stream.episodic);
        let run = |stream| RunningStream::new(stream, samples, rows);
        let continuing = if is_continuing { vec![Outcome::Vacant; samples] } else { Vec::new() };
        Self { running: streams.into_iter().map(run).collect(), continuing, good: None }
    }

    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Writes the advantages and the returns of all value heads. `main` is the discount of the simulation's own rewards.
    /// Details 41 and 42.
    ///
    /// # Errors
    ///
    /// Those of the streams' sources.
    pub fn estimate(&mut self, rollout: &mut Rollout, main: Discount) -> Result<(), LearnError> {
        let Self { running, continuing, .. } = self;
        if !continuing.is_empty() {
            continuing_outcomes(rollout, continuing);
        }
        for stream in &mut *running {
            stream.reward(rollout, continuing)?;
            stream.mean_return.value = stream.mean_return(rollout, continuing);
        }
        let of_streams = running.iter().map(|stream| stream.head(continuing));
        rollout.estimate_advantages(&[main.into()].into_iter().chain(of_streams).collect::<Vec<_>>());
        Ok(())
    }

    /// Writes the advantages that the policy learns from: the sums over all value heads by the weights of the streams.
    /// That of the simulation's own rewards is 1. Detail 41.
    pub fn combine(&self, rollout: &mut Rollout, progress: f32) {
        let weights = self.running.iter().map(|running| running.stream.weight.at(progress));
        rollout.combine_advantages(&[1.0].into_iter().chain(weights).collect::<Vec<_>>());
    }

    /// Lets the streams' sources learn from a rollout.
    ///
    /// # Errors
    ///
    /// Those of the sources.
    pub fn learn(&mut self, rollout: &Rollout, update: SourceUpdate) -> Result<(), LearnError> {
        for running in &mut self.running {
            let seed = source_seed(update.seed, &running.stream.name);
            running.stream.source.learn(rollout, SourceUpdate { seed, ..update })?;
        }
        Ok(())
    }

    /// Returns the metrics of all streams, as of the last rollout.
    pub fn metrics(&self) -> impl Iterator<Item = Metric> {
        let of_stream = |running: &RunningStream| [vec![running.mean_return], running.stream.source.metrics()].concat();
        self.running.iter().flat_map(of_stream)
    }

    /// Marks the current state as good.
    pub fn mark(&mut self) {
        self.good = Some(self.running.iter().map(|running| running.scale.moments()).collect());
        self.running.iter_mut().for_each(|running| running.stream.source.mark());
    }

    /// Restores the marked state, if there is one.
    pub fn rewind(&mut self) {
        let Some(good) = &self.good else { return };
        for (running, &moments) in self.running.iter_mut().zip(good) {
            running.scale.restore(moments);
            running.stream.source.rewind();
        }
    }

    /// Adds the state of all streams to that of the algorithm, by names that begin with `stream.` and their own.
    pub fn save(&self, state: &mut AlgorithmState) {
        for RunningStream { stream, scale, .. } in &self.running {
            let AlgorithmState { counters, mut tensors, .. } = stream.source.save();
            let Moments { count, mean, variance } = scale.moments();
            tensors.insert(RETURNS.to_owned(), StateTensor::Statistics(vec![count, mean, variance]));
            let prefix = prefix(&stream.name);
            state.counters.extend(counters.into_iter().map(|(name, count)| (format!("{prefix}{name}"), count)));
            state.tensors.extend(tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
    }

    /// Restores a saved state.
    ///
    /// # Errors
    ///
    /// If it lacks a stream, or if a source can't go on from it; then everything is as it was.
    pub fn restore(&mut self, state: &AlgorithmState) -> Result<(), LearnError> {
        let before = self.saved();
        let restored = self.restore_each(state);
        if restored.is_err() {
            self.restore_each(&before).expect("what was saved is of these streams");
        }
        restored
    }

    /// Returns the state of the streams alone.
    pub fn saved(&self) -> AlgorithmState {
        let mut state = AlgorithmState::default();
        self.save(&mut state);
        state
    }

    fn restore_each(&mut self, state: &AlgorithmState) -> Result<(), LearnError> {
        for RunningStream { stream, scale, .. } in &mut self.running {
            let own = part_of(state, &prefix(&stream.name));
            let &[count, mean, variance] = own.statistics(RETURNS)? else {
                return Err(LearnError::Missing { name: RETURNS });
            };
            stream.source.restore(&own)?;
            scale.restore(Moments { count, mean, variance });
        }
        Ok(())
    }
}

impl RunningStream {
    fn new(stream: RewardStream, samples: usize, rows: usize) -> Self {
        let info = MetricInfo {
            name: interned(format!("charts/{}_return", stream.name)),
            title: interned(format!("Discounted return of `{}`", stream.name)),
            unit: "reward",
        };
        let (rewards, scale) = (vec![0.0; samples], RewardScale::new(rows));
        Self { stream, rewards, scale, mean_return: Metric { info, value: 0.0 } }
    }

    /// Takes the rewards of a rollout from the source, and scales them if the stream's are scaled.
    fn reward(&mut self, rollout: &Rollout, continuing: &[Outcome]) -> Result<(), LearnError> {
        let Self { stream, rewards, scale, .. } = self;
        rewards.fill(0.0);
        stream.source.reward(rollout, rewards)?;
        if stream.scaled {
            let outcomes = if stream.episodic { rollout.samples().outcomes } else { continuing };
            scale.scale(RewardedSteps { shape: rollout.shape(), rewards, outcomes }, stream.discount.gamma);
        }
        Ok(())
    }

    fn mean_return(&self, rollout: &Rollout, continuing: &[Outcome]) -> f32 {
        let outcomes = if self.stream.episodic { rollout.samples().outcomes } else { continuing };
        mean_return(RewardedRollout { rollout, rewards: &self.rewards, outcomes }, self.stream.discount.gamma)
    }

    fn head<'a>(&'a self, continuing: &'a [Outcome]) -> HeadRewards<'a> {
        let outcomes = (!self.stream.episodic).then_some(continuing);
        HeadRewards { discount: self.stream.discount, rewards: Some(&self.rewards), outcomes }
    }
}

/// Returns the seed of the draws of a stream's source, from the seed of the draws of all sources.
pub(crate) fn source_seed(streams: Seed, name: &str) -> Seed {
    streams.derive(StableHasher::default().bytes(name.as_bytes()).finish())
}

/// Returns the part of the state whose names begin with `prefix`, without it.
fn part_of(state: &AlgorithmState, prefix: &str) -> AlgorithmState {
    let own = |name: &String| name.strip_prefix(prefix).map(str::to_owned);
    AlgorithmState {
        counters: state.counters.iter().filter_map(|(name, &count)| Some((own(name)?, count))).collect(),
        tensors: state.tensors.iter().filter_map(|(name, tensor)| Some((own(name)?, tensor.clone()))).collect(),
        ..AlgorithmState::default()
    }
}

fn prefix(stream: &str) -> String {
    format!("stream.{stream}.")
}
