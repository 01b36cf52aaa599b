//! A replay for tests of sampling.

use ludus_spec::Outcome;

use super::{Replay, ReplayShape};
use crate::{Rollout, RolloutShape};

/// A replay of two rows and eight steps, of which row 0 has experience in every second one, and row 1 in all.
pub(crate) fn replay() -> Replay {
    let shape = RolloutShape { steps: 8, rows: vec![2], observation_width: 1, ..RolloutShape::default() };
    let mut rollout = Rollout::new(shape);
    let slab = rollout.slabs_mut().next().unwrap();
    for sample in 0..16 {
        let is_experience = sample % 2 == 1 || sample % 4 == 0;
        slab.outcomes[sample] = if is_experience { Outcome::Running } else { Outcome::Restart };
    }
    let mut replay = Replay::new(ReplayShape::of_rollout(rollout.shape(), 16));
    replay.append(&rollout);
    replay
}

pub(crate) fn counted(entries: &[usize]) -> [usize; 18] {
    let mut counts = [0; 18];
    entries.iter().for_each(|&entry| counts[entry] += 1);
    counts
}
