//! The memory of a recorder.

use super::*;
use crate::tests::{BOTH, chaser, record, recorder, runner, world};

#[test]
fn the_memory_of_a_recorder_is_taken_once() {
    let mut world = world(BOTH, vec![chaser(), runner()]);
    let mut recorder = recorder(&world);
    let taken = |recorder: &Recorder| recorder.units.iter().map(Unit::capacities).collect::<Vec<_>>();
    let before = taken(&recorder);
    assert!(record(&mut world, &mut recorder, 500).len() > 10);
    assert_eq!(taken(&recorder), before);
    // 40 steps of two chasers, with two columns each, and of a runner with one; their hashes, and that of the start.
    assert!(before.iter().all(|&(actions, hashes, _)| (actions, hashes) == (40 * 5, 41)));
}
