//! Turns the events of a run into its snapshot.

use std::sync::Arc;

use ludus_learn::LEARNING_RATE;

use super::mailbox::Mailbox;
use super::{ArenaReturn, Incident, IterationRecord, KindIteration, Saved, SessionState};
use crate::changes::Change;
use crate::clock;
use crate::progress::{Progress, RunEvent, RunStart};
use crate::training::{Lap, Training};

/// The number of incidents that a snapshot keeps.
const INCIDENTS_KEPT: usize = 100;

/// Receives the events of a run and updates its mailbox.
pub(super) struct Reporter<'a> {
    mailbox: &'a Mailbox,
    /// The world and the arena of each row, by kind.
    places: Vec<Vec<ArenaIndex>>,
    steps: u64,
    /// The present weights of each kind's reward.
    weights: Vec<Arc<[f32]>>,
}

#[derive(Clone, Copy)]
struct ArenaIndex {
    world: u32,
    arena: u32,
}

impl<'a> Reporter<'a> {
    pub fn new(mailbox: &'a Mailbox) -> Self {
        Self { mailbox, places: Vec::new(), steps: 0, weights: Vec::new() }
    }

    pub fn report(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Started(start, training) => self.report_start(start, training),
            RunEvent::Progress(progress, training, lap) => self.report_iteration(progress, training, lap),
            RunEvent::Trouble(sentence) => self.report_trouble(sentence),
            RunEvent::Note(_) => {}
            RunEvent::Saved(path, training) => {
                let saved = Saved { step: self.steps, clock_seconds: clock::seconds(), path: path.to_path_buf() };
                self.mailbox.update(|snapshot| snapshot.saved = Some(saved));
                // The last policies are saved after the last iteration, and the snapshot may not be read again before
                // the run is over.
                self.report_large(training);
            }
            RunEvent::Changed(change, training) => self.report_change(change, training),
        }
    }

    fn report_start(&mut self, start: &RunStart, training: &Training) {
        let kinds = 0..training.blueprint.specs.len();
        self.places = kinds.clone().map(|kind| places(training, kind)).collect();
        self.steps = start.steps_before;
        self.weights = weights(training);
        self.mailbox.update(|snapshot| {
            snapshot.state = SessionState::Running;
            snapshot.run_dir = Some(start.run_dir.clone());
            snapshot.kinds.iter_mut().zip(kinds).for_each(|(kind, index)| kind.rows = training.rows_of(index));
            snapshot.threads = start.threads;
            snapshot.steps_before = start.steps_before;
            snapshot.take_config(&training.blueprint.config);
            snapshot.build_seconds = start.build_seconds;
        });
        self.report_large(training);
    }

    fn report_change(&mut self, change: &Change, training: &Training) {
        self.weights = weights(training);
        self.mailbox.update(|snapshot| {
            for (index, kind) in snapshot.kinds.iter_mut().enumerate() {
                kind.weights = self.weights[index].to_vec();
                let agent = training.blueprint.agent(index);
                if change.is_learning_rate_of(&kind.spec.name, training.blueprint.has_several_kinds()) {
                    kind.learning_rate = agent.algorithm().learning_rate().at(0.0);
                }
            }
            snapshot.changes.push(change.clone());
        });
    }

    fn report_iteration(&mut self, progress: &Progress, training: &Training, lap: &Lap) {
        self.steps = progress.steps;
        self.mailbox.add_iteration(self.record(progress, training, lap));
        self.mailbox.update(|snapshot| {
            snapshot.phases = progress.phases;
            for (lane, came_to) in training.lanes.iter().zip(&lap.lanes) {
                if let Some(rate) = came_to.as_ref().and_then(|lap| lap.report.metric(LEARNING_RATE)) {
                    snapshot.kinds[lane.owner()].learning_rate = rate;
                }
            }
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

    fn record(&self, progress: &Progress, training: &Training, lap: &Lap) -> IterationRecord {
        let mut kinds = vec![KindIteration::default(); training.blueprint.specs.len()];
        for came_to in &progress.kinds {
            let recent = &training.kinds[came_to.kind].recent;
            let terms = 0..training.blueprint.specs[came_to.kind].reward.len();
            kinds[came_to.kind] = KindIteration {
                episodes: came_to.episodes,
                returns: came_to.returns,
                length: came_to.length,
                terms: terms.map(|term| recent.term(term).mean).collect(),
                weights: self.weights[came_to.kind].clone(),
                metrics: Vec::new(),
            };
        }
        for (lane, came_to) in training.lanes.iter().zip(&lap.lanes) {
            if let Some(lap) = came_to {
                kinds[lane.owner()].metrics.clone_from(&lap.report.metrics);
            }
        }
        IterationRecord { steps: progress.steps, seconds: progress.seconds, kinds, phases: lap.phases }
    }

    /// Copies returns and policies, which takes time: after an iteration, only if the snapshot was read.
    fn report_large(&self, training: &Training) {
        let returns: Vec<Arc<[ArenaReturn]>> =
            (0..self.places.len()).map(|kind| arena_returns(training, kind, &self.places[kind]).into()).collect();
        self.mailbox.update(|snapshot| {
            for (kind, returns) in snapshot.kinds.iter_mut().zip(returns) {
                kind.return_range = widened(kind.return_range, &returns);
                kind.returns = returns;
            }
        });
        self.mailbox.set_policies(training.session_policies());
    }
}

/// The weights of each kind's reward.
fn weights(training: &Training) -> Vec<Arc<[f32]>> {
    (0..training.blueprint.specs.len()).map(|kind| training.blueprint.weights(kind).into()).collect()
}

fn places(training: &Training, kind: usize) -> Vec<ArenaIndex> {
    let mut places = Vec::with_capacity(training.rows_of(kind));
    let mut world = 0;
    for group in &training.groups {
        let mut arenas = group.arenas(kind).into_iter();
        for rows in group.world_rows(kind) {
            places.extend(arenas.by_ref().take(rows).map(|arena| ArenaIndex { world, arena }));
            world += 1;
        }
    }
    places
}

/// The mean return of a kind in each arena, world by world.
fn arena_returns(training: &Training, kind: usize, places: &[ArenaIndex]) -> Vec<ArenaReturn> {
    let config = &training.blueprint.config;
    let arenas = config.arenas.get();
    let mut sums = vec![(0.0_f32, 0_u32); (config.worlds.resolve().get() * arenas) as usize];
    let returns = places.iter().zip(&training.kinds[kind].last_returns);
    for (place, &reward) in returns.filter(|(_, reward)| reward.is_finite()) {
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

/// Widens the range to the finite returns of these arenas.
fn widened(range: Option<[f32; 2]>, arenas: &[ArenaReturn]) -> Option<[f32; 2]> {
    arenas.iter().map(|arena| arena.last).filter(|last| last.is_finite()).fold(range, |range, last| {
        let [least, greatest] = range.unwrap_or([last, last]);
        Some([least.min(last), greatest.max(last)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_returns_only_ever_grows() {
        let arenas = |returns: &[f32]| -> Vec<ArenaReturn> {
            returns.iter().map(|&last| ArenaReturn { world: 0, arena: 0, last }).collect()
        };
        let first = widened(None, &arenas(&[f32::NAN, 3.0, 1.0]));
        assert_eq!(first, Some([1.0, 3.0]));
        assert_eq!(widened(first, &arenas(&[2.0])), Some([1.0, 3.0]));
        assert_eq!(widened(first, &arenas(&[5.0, f32::INFINITY])), Some([1.0, 5.0]));
        assert_eq!(widened(None, &arenas(&[f32::NAN])), None);
    }
}
