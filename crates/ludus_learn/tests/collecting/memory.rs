//! A policy whose memory is the number of its decisions in the episode.

use ludus_learn::{LaneShape, Rollout, RolloutShape, SensedRows, Simulation, StepLanes};
use ludus_spec::Outcome;

use crate::{Counters, collect, function, shape};

const STEPS: usize = 7;

/// The memory counts the decisions of an episode, the restart step not included; the action is that count.
#[test]
fn memory_lasts_an_episode_and_no_longer() {
    let mut worlds = [Counters::new(0, 3, false), Counters::new(3, 2, false)];
    let shape = RolloutShape { memory_width: 2, ..shape(STEPS, &worlds) };
    let mut rollout = Rollout::new(shape);
    let counting = function(|_: &[f32], memory: &mut [f32], _| {
        memory[0] += 1.0;
        memory[1] = -memory[0];
        memory[0]
    });
    for played in 0..4 {
        collect(2, &mut worlds, &mut rollout, &counting, &[]);
        let samples = rollout.samples();
        for (index, slab) in rollout.slab_places().enumerate() {
            let (first_row, rows) = [(0, 3), (3, 2)][index];
            for row in 0..rows {
                let period = (first_row + row) % 3 + 3;
                for step in 0..STEPS {
                    let count = (played * STEPS + step) % period;
                    // In a restart step the memory is still that of the episode before; the first one has none before
                    // it.
                    let before = if played * STEPS + step == 0 { 1 } else { period };
                    let expected = if count == 0 { before } else { count };
                    assert_eq!(samples.actions[slab.start + step * rows + row], expected as f32, "{row}, {step}");
                }
                let count = (played * STEPS) % period;
                let remembered = if played == 0 {
                    0
                } else if count == 0 {
                    period - 1
                } else {
                    count - 1
                };
                assert_eq!(samples.first_memory[2 * (first_row + row)], remembered as f32, "before rollout {played}");
            }
        }
    }
}

/// Episodes without an end, in which agents decide in every other step.
struct EveryOther(usize);

impl Simulation for EveryOther {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: 2, observation_width: 1, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.fill(0.0);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let outcome = if self.0.is_multiple_of(2) { Outcome::Running } else { Outcome::Waiting };
        lanes.lane(0).outcomes.fill(outcome);
        self.0 += 1;
    }
}

#[test]
fn memory_stands_still_where_nobody_decides() {
    let mut worlds = [EveryOther(0)];
    let mut rollout = Rollout::new(RolloutShape { memory_width: 1, ..shape(6, &worlds) });
    let counting = function(|_: &[f32], memory: &mut [f32], _| {
        memory[0] += 1.0;
        memory[0]
    });
    collect(1, &mut worlds, &mut rollout, &counting, &[]);
    assert_eq!(rollout.samples().actions[..12], [1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0, 4.0, 4.0]);
}
