//! The tables that a run writes in every iteration: metrics and state hashes.

use ludus_replay::NO_WORLD;

use super::Run;
use super::metric_names::{
    LENGTH, MetricNames, RATING, RETURN, SHARE, SUCCESS, parameter_name, phase_name, reward_name, stage_name,
    yardstick_name,
};
use crate::clock;
use crate::error::{TrainError, at};
use crate::progress::Progress;
use crate::training::Lap;

/// Time between two flushes of the metrics \[s\].
const FLUSH_SECONDS: f64 = 5.0;

impl Run {
    /// Writes the metrics of an iteration.
    pub(super) fn record(&mut self, lap: &Lap, progress: &Progress) -> Result<(), TrainError> {
        let (metrics, blueprint) = (&mut self.metrics, &self.training.blueprint);
        let names = MetricNames::of(blueprint);
        for (lane, came_to) in self.training.lanes.iter().zip(&lap.lanes) {
            for metric in came_to.iter().flat_map(|lane| &lane.report.metrics) {
                metrics.set(&names.of_kind(lane.owner(), metric.info.name), f64::from(metric.value));
            }
        }
        metrics.set("charts/SPS", progress.steps_per_second);
        for kind in progress.kinds.iter().filter(|kind| lap.episodes[kind.kind] > 0) {
            metrics.set(&names.of_kind(kind.kind, RETURN), kind.returns.mean);
            metrics.set(&names.of_kind(kind.kind, LENGTH), kind.length);
            metrics.set(&names.of_kind(kind.kind, SUCCESS), kind.success.unwrap_or(f64::NAN));
            for (term, mean) in &kind.terms {
                metrics.set(&names.of_kind(kind.kind, &reward_name(term)), *mean);
            }
        }
        for (index, lane) in self.training.lanes.iter().enumerate() {
            let self_play = self.training.self_play.as_ref().filter(|self_play| self_play.plays(index));
            let Some(numbers) = self_play.map(|self_play| self_play.numbers(index)) else { continue };
            let mut set = |name: &str, value: Option<f64>| {
                metrics.set(&names.of_kind(lane.owner(), name), value.unwrap_or(f64::NAN));
            };
            set(RATING, numbers.rating);
            set(SHARE, numbers.share);
            numbers.yardsticks.iter().for_each(|(name, share)| set(&yardstick_name(name), *share));
        }
        for (index, parameter) in self.training.parameters().iter().enumerate() {
            metrics.set(&parameter_name(parameter), self.training.mean_parameter(index));
        }
        for (parameter, values) in &blueprint.config.parameters {
            if !values.stages().is_empty() {
                metrics.set(&stage_name(parameter), blueprint.stages.of(parameter) as f64 + 1.0);
            }
        }
        for (phase, time) in lap.phases.named() {
            metrics.set(&phase_name(phase), time as f64 * 1e-9);
        }
        let written = metrics.write(progress.steps, clock::wall_seconds());
        written.and_then(|()| self.flush_now_and_then()).map_err(at(self.folder.path()))
    }

    /// Writes the state hashes of an iteration.
    pub(super) fn log_hashes(&mut self) -> Result<(), TrainError> {
        let Some(log) = &mut self.hashes else { return Ok(()) };
        let mut hashes = self.training.take_hashes();
        for hash in hashes.iter_mut().filter(|hash| hash.place.world != NO_WORLD) {
            hash.place.tick += self.ticks_before;
        }
        log.write(&hashes).map_err(at(self.folder.hashes()))
    }

    fn flush_now_and_then(&mut self) -> std::io::Result<()> {
        let now = clock::seconds();
        if now - self.flushed < FLUSH_SECONDS {
            return Ok(());
        }
        self.flushed = now;
        self.metrics.flush()
    }
}
