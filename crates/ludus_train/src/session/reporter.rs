//! Turns what a run tells into what is seen of it.

use std::sync::Arc;

use super::mailbox::Mailbox;
use super::{ArenaReturn, Incident, IterationRecord, Saved, SessionState};
use crate::config::StopConfig;
use crate::progress::{Progress, RunEvent, RunStart};
use crate::training::{Lap, Training};

/// Incidents that are kept to be shown.
const INCIDENTS_KEPT: usize = 100;

/// Listens to a run.
pub(super) struct Reporter<'a> {
    mailbox: &'a Mailbox,
    /// The world and the arena of each row.
    places: Vec<Place>,
    steps: u64,
}

#[derive(Clone, Copy)]
struct Place {
    world: u32,
    arena: u32,
}

impl<'a> Reporter<'a> {
    pub const fn new(mailbox: &'a Mailbox) -> Self {
        Self { mailbox, places: Vec::new(), steps: 0 }
    }

    pub fn report(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Started(start, training) => self.report_start(start, training),
            RunEvent::Progress(progress, training, lap) => self.report_iteration(progress, training, lap),
            RunEvent::Trouble(sentence) => self.report_trouble(sentence),
            RunEvent::Note(_) => {}
            RunEvent::Saved(path) => {
                let saved = Saved { step: self.steps, path: path.to_path_buf() };
                self.mailbox.update(|snapshot| snapshot.saved = Some(saved));
            }
            RunEvent::Changed(change, training) => {
                let agent = training.blueprint.config.agent(&training.blueprint.spec);
                self.mailbox.update(|snapshot| {
                    snapshot.weights = agent.weights(&training.blueprint.spec);
                    if change.setting == "ppo.learning_rate" {
                        snapshot.learning_rate = agent.ppo.learning_rate.at(0.0);
                    }
                    snapshot.changes.push((*change).clone());
                });
            }
        }
    }

    fn report_start(&mut self, start: &RunStart, training: &Training) {
        self.places = places(training);
        self.steps = start.steps_before;
        self.mailbox.update(|snapshot| {
            snapshot.state = SessionState::Running;
            snapshot.run_dir = Some(start.run_dir.clone());
            snapshot.rows = start.rows;
            snapshot.threads = start.threads;
            snapshot.steps_before = start.steps_before;
            snapshot.take_config(&training.blueprint.config);
            snapshot.build_seconds = start.build_seconds;
        });
        self.report_large(training);
    }

    fn report_iteration(&mut self, progress: &Progress, training: &Training, lap: &Lap) {
        self.steps = progress.steps;
        let seconds_left = seconds_left(progress, &training.blueprint.config.stop);
        self.mailbox.add_iteration(record(progress, training, lap));
        self.mailbox.update(|snapshot| {
            snapshot.phases = progress.phases;
            snapshot.learning_rate = lap.learned.learning_rate;
            snapshot.seconds_left = seconds_left;
        });
        if self.mailbox.take_watched() {
            self.report_large(training);
        }
    }

    fn report_trouble(&self, sentence: &str) {
        let incident = Incident { step: self.steps, sentence: sentence.to_owned() };
        self.mailbox.update(|snapshot| {
            if snapshot.incidents.len() == INCIDENTS_KEPT {
                snapshot.incidents.remove(0);
            }
            snapshot.incidents.push(incident);
        });
    }

    /// What takes more than a moment to copy: only when someone looks.
    fn report_large(&self, training: &Training) {
        let returns: Arc<[ArenaReturn]> = arena_returns(training, &self.places).into();
        self.mailbox.update(|snapshot| snapshot.returns = returns);
        self.mailbox.set_policy(training.policy());
    }
}

fn record(progress: &Progress, training: &Training, lap: &Lap) -> IterationRecord {
    let terms = 0..training.blueprint.spec.reward.len();
    IterationRecord {
        steps: progress.steps,
        seconds: progress.seconds,
        episodes: progress.episodes,
        returns: progress.returns,
        length: training.recent.lengths().mean,
        terms: terms.map(|term| training.recent.term(term).mean).collect(),
        metrics: lap.learned.metrics().to_vec(),
        phases: lap.phases,
    }
}

/// Until all steps are made, or the time is up.
fn seconds_left(progress: &Progress, stop: &StopConfig) -> Option<f64> {
    if progress.steps == 0 {
        return stop.seconds.map(|limit| (limit - progress.seconds).max(0.0));
    }
    let steps = stop.steps.get().saturating_sub(progress.steps) as f64;
    let by_steps = steps / progress.steps_per_second.max(1e-9);
    Some(stop.seconds.map_or(by_steps, |limit| by_steps.min(limit - progress.seconds)).max(0.0))
}

fn places(training: &Training) -> Vec<Place> {
    let mut places = Vec::with_capacity(training.rows());
    let mut world = 0;
    for group in &training.groups {
        let mut arenas = group.arenas().into_iter();
        for rows in group.world_rows() {
            places.extend(arenas.by_ref().take(rows).map(|arena| Place { world, arena }));
            world += 1;
        }
    }
    places
}

/// The mean return in each arena, world by world.
fn arena_returns(training: &Training, places: &[Place]) -> Vec<ArenaReturn> {
    let config = &training.blueprint.config;
    let arenas = config.arenas.get();
    let mut sums = vec![(0.0_f32, 0_u32); (config.worlds.resolve().get() * arenas) as usize];
    for (place, &reward) in places.iter().zip(&training.last_returns).filter(|(_, reward)| reward.is_finite()) {
        if let Some((sum, count)) = sums.get_mut((place.world * arenas + place.arena) as usize) {
            *sum += reward;
            *count += 1;
        }
    }
    let returns = sums.into_iter().enumerate().map(|(index, (sum, count))| ArenaReturn {
        world: index as u32 / arenas,
        arena: index as u32 % arenas,
        last: sum / count as f32, // NaN of none
    });
    returns.collect()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::episodes::Spread;
    use crate::phases::Phases;

    #[test]
    fn the_time_left_is_that_of_the_first_limit() {
        let check = |steps: u64, limit: Option<f64>, expected: Option<f64>| {
            let progress = Progress {
                steps,
                returns: Spread { mean: 0.0, std: 0.0 },
                episodes: 0,
                steps_per_second: steps as f64 / 10.0,
                seconds: 10.0,
                phases: Phases::default(),
            };
            let stop = StopConfig { steps: NonZeroU64::new(1000).unwrap(), mean_return: None, seconds: limit };
            assert_eq!(seconds_left(&progress, &stop), expected, "{steps} steps, {limit:?} s");
        };
        check(100, None, Some(90.0));
        check(100, Some(15.0), Some(5.0));
        check(100, Some(1000.0), Some(90.0));
        check(2000, None, Some(0.0));
        check(0, None, None);
        check(0, Some(15.0), Some(5.0));
    }
}
