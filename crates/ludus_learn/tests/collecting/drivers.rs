//! Two banks of weights: rows change their driver where an episode begins, and nowhere else.

use ludus_learn::Rollout;
use ludus_spec::Outcome;

use crate::{Counters, collect, function, rollout};

const STEPS: usize = 11;

fn worlds() -> Vec<Counters> {
    vec![Counters::new(0, 3, true), Counters::new(3, 4, true)]
}

/// Collects rollouts whose actions identify the driver: 10 for the learning policy, 20 for the other one, plus the
/// observation.
fn played(threads: usize, rollouts: usize) -> (Rollout, Vec<Counters>) {
    let mut worlds = worlds();
    let mut rollout = rollout(STEPS, &worlds);
    let banks = [10.0, 20.0].map(|bank| function(move |seen: &[f32], _: &mut [f32], _| bank + seen[0]));
    for _ in 0..rollouts {
        collect(threads, &mut worlds, &mut rollout, &banks[0], &[&banks[1]]);
    }
    (rollout, worlds)
}

/// The expected driver of a row follows from its episode's number, odd or even.
#[test]
fn a_row_keeps_its_driver_until_its_episode_is_over() {
    for rollouts in [1, 2, 3] {
        let (rollout, _) = played(1, rollouts);
        let samples = rollout.samples();
        // The expected driver of every row, from the first step of the first rollout on.
        for (index, slab) in rollout.slab_places().enumerate() {
            let (first_row, rows) = [(0, 3), (3, 4)][index];
            for row in 0..rows {
                let length = (first_row + row) % 3 + 3;
                for step in 0..STEPS {
                    let whole = (rollouts - 1) * STEPS + step;
                    let (episode, count) = (whole / length, whole % length);
                    let sample = slab.start + step * rows + row;
                    // In the first restart step, the driver is the one that the simulation reports.
                    let driver = if count == 0 { episode % 2 } else { (episode + 1) % 2 };
                    let expected = [10.0, 20.0][driver] + count as f32;
                    assert_eq!(samples.actions[sample], expected, "row {row} of {index}, step {step} of {rollouts}");
                    let is_experience = count > 0 && driver == 0;
                    assert_eq!(samples.outcomes[sample].is_experience(), is_experience);
                    assert_eq!(samples.outcomes[sample] == Outcome::Restart, count == 0);
                }
            }
        }
    }
}

#[test]
fn drivers_do_not_depend_on_threads() {
    let bits = |threads| {
        let (rollout, worlds) = played(threads, 2);
        (rollout.samples().actions.to_vec(), worlds.into_iter().map(|world| world.actions).collect::<Vec<_>>())
    };
    assert_eq!(bits(1), bits(3));
}
