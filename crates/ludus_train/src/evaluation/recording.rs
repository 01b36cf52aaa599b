//! Recording the episodes of an evaluation as demonstrations.

use ludus_demonstrations::{DecidedBy, DecidedStep, Demonstration, EpisodeInfo, EpisodeOrigin, EpisodeRecorder};
use ludus_learn::Samples;
use ludus_spec::{AgentSpec, Outcome};

use crate::episodes::EpisodeSummary;
use crate::group::WorldGroup;

/// The recorders of a kind's rows in a group of worlds.
pub(super) struct KindRecording {
    spec: AgentSpec,
    weights: Vec<f32>,
    rows: Vec<RowRecording>,
    pub episodes: Vec<Demonstration>,
}

/// The recorder of a row.
struct RowRecording {
    recorder: EpisodeRecorder,
    /// False if a step of the episode was faulty or without an agent; then the episode is not recorded.
    is_whole: bool,
    /// The sums of the terms after the last step.
    terms: Vec<f32>,
    /// The episode that ended in the last step.
    ended: Option<Demonstration>,
    origin: EpisodeOrigin,
}

impl KindRecording {
    pub fn new(group: &WorldGroup, kind: usize, spec: &AgentSpec, weights: Vec<f32>) -> Self {
        // Worlds are built with their first step, in which the first episodes start.
        let mut outcomes = vec![Outcome::Vacant; group.row_count(kind)];
        group.copy_outcomes(kind, &mut outcomes);
        let row = |(origin, outcome)| RowRecording {
            recorder: EpisodeRecorder::new(spec),
            is_whole: outcome == Outcome::Restart,
            terms: vec![0.0; spec.reward.len()],
            ended: None,
            origin,
        };
        let of_world = |world: &ludus_worlds::PooledWorld| {
            let (seed, index) = (world.seed(), world.index());
            (0..world.row_count(kind) as u32).map(move |row| EpisodeOrigin { seed, world: index, row, number: 0 })
        };
        let rows =
            group.worlds().flat_map(|world| of_world(world).collect::<Vec<_>>()).zip(outcomes).map(row).collect();
        Self { spec: spec.clone(), weights, rows, episodes: Vec::new() }
    }

    /// Records a step of the kind's rows. `samples` are those of the kind's lane, two for each row: before the step and
    /// after it; `first_row` is the place of the kind's first row in its lane, which has `lane_rows`.
    pub fn record(&mut self, samples: Samples<'_>, terms: &[f32], place: LanePlace) {
        let widths = [self.spec.observation_width(), self.spec.mask_width(), self.spec.action_width()];
        let count = self.spec.reward.len();
        for (row, recording) in self.rows.iter_mut().enumerate() {
            let sample = place.first_row + row;
            let rows = StepRows {
                outcome: samples.outcomes[sample],
                decided: DecidedStep {
                    observation: &samples.observations[sample * widths[0]..][..widths[0]],
                    mask: &samples.masks[sample * widths[1]..][..widths[1]],
                    action: &samples.actions[sample * widths[2]..][..widths[2]],
                    by: DecidedBy::Policy,
                },
                next: &samples.observations[(place.rows + sample) * widths[0]..][..widths[0]],
                terms: &terms[row * count..][..count],
            };
            recording.record(rows);
        }
    }

    /// Keeps the episode that has ended in a row, if it was recorded.
    pub fn keep(&mut self, summary: &EpisodeSummary) {
        let Some(row) = self.rows.get_mut(summary.row as usize) else { return };
        if let Some(mut episode) = row.ended.take() {
            let (weights, origin) = (self.weights.clone(), Some(row.origin.clone()));
            episode.info = EpisodeInfo { success: summary.success, weights, origin, ..episode.info };
            self.episodes.push(episode);
        }
    }
}

/// The place of a kind's rows in its lane.
#[derive(Clone, Copy)]
pub(super) struct LanePlace {
    pub first_row: usize,
    /// Rows of the lane.
    pub rows: usize,
}

/// A row in a step.
struct StepRows<'a> {
    outcome: Outcome,
    decided: DecidedStep<'a>,
    /// The observation after the step.
    next: &'a [f32],
    /// The sums of the episode's terms after the step.
    terms: &'a [f32],
}

impl RowRecording {
    fn record(&mut self, step: StepRows<'_>) {
        self.ended = None;
        match step.outcome {
            Outcome::Restart => {
                self.recorder.clear();
                self.origin.number += u32::from(self.is_whole);
                self.is_whole = true;
            }
            Outcome::Vacant | Outcome::Faulty => {
                self.recorder.clear();
                self.is_whole = false;
            }
            _ if !self.is_whole => {}
            outcome => {
                if outcome.is_experience() {
                    self.recorder.decide(step.decided);
                }
                let taken: Vec<f32> = step.terms.iter().zip(&self.terms).map(|(now, before)| now - before).collect();
                self.recorder.reward(&taken);
                if outcome.is_end() {
                    self.ended = self.recorder.finish(step.next, outcome.as_decided());
                }
            }
        }
        self.terms.copy_from_slice(step.terms);
    }
}
