//! Rollouts of two lanes that fill at different speeds.

use ludus_learn::{
    CollectedLane, Decider, LaneShape, Rollout, RolloutShape, SensedRows, Simulation, StepLanes, StepRows,
};
use ludus_spec::{Outcome, Seed};

use crate::{collector, function};

/// Two kinds of agents, one of which observes the other's last action.
#[derive(Clone)]
struct Pair {
    said: f32,
    heard: f32,
}

impl Simulation for Pair {
    fn lanes(&self) -> usize {
        2
    }

    fn lane(&self, lane: usize) -> LaneShape {
        LaneShape { rows: [2, 3][lane], observation_width: 1, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
        now.observations.fill([self.heard, self.said][lane]);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        (self.said, self.heard) = (lanes.lane(0).actions[1], lanes.lane(1).actions[2]);
        for lane in 0..2 {
            let StepRows { outcomes, rewards, next, .. } = lanes.lane(lane);
            outcomes.fill(Outcome::Running);
            rewards.fill(lane as f32);
            self.observe(lane, next);
        }
    }
}

/// Returns the actions of both lanes, with rollouts of `lengths` steps, collected `at_once` steps at a time.
fn played(lengths: [usize; 2], at_once: usize, threads: usize) -> [Vec<f32>; 2] {
    let pair = |index: usize| Pair { said: index as f32, heard: 0.5 };
    let mut worlds: Vec<Pair> = (0..3).map(pair).collect();
    let shape = |lane: usize| {
        let lanes: Vec<LaneShape> = worlds.iter().map(|world| world.lane(lane)).collect();
        RolloutShape::of_lane(lengths[lane], &lanes).unwrap()
    };
    let mut rollouts = [0, 1].map(|lane| Rollout::new(shape(lane)));
    let policies = [1.0, 10.0].map(|add| function(move |seen: &[f32], _: &mut [f32], _| (seen[0] * 0.7 + add) % 7.0));
    let mut actions = [Vec::new(), Vec::new()];
    let collector = collector(threads);
    for _ in 0..12 / at_once {
        let mut lanes: Vec<CollectedLane<'_>> = Vec::new();
        for (rollout, policy) in rollouts.iter_mut().zip(&policies) {
            lanes.push(CollectedLane { decider: Decider::PerGroup(policy), others: &[], rollout, seed: Seed::new(1) });
        }
        collector.collect(&mut worlds, &mut lanes, at_once).unwrap();
        for (rollout, actions) in rollouts.iter_mut().zip(&mut actions).filter(|(rollout, _)| rollout.is_full()) {
            // The first simulation alone: its slab is first.
            let rows = rollout.shape().rows[0];
            actions.extend_from_slice(&rollout.samples().actions[..rollout.shape().steps * rows]);
            rollout.restart();
        }
    }
    actions
}

#[test]
fn lanes_play_the_same_whatever_their_rollouts_are() {
    let expected = played([12, 12], 12, 1);
    assert_eq!([expected[0].len(), expected[1].len()], [2 * 12, 3 * 12]);
    for (lengths, at_once, threads) in [([6, 3], 3, 1), ([4, 1], 1, 2), ([12, 4], 4, 3)] {
        assert_eq!(played(lengths, at_once, threads), expected, "{lengths:?}, {at_once} at once");
    }
}
