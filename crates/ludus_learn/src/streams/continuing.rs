//! The outcomes of a stream whose returns don't end with episodes.

use ludus_spec::Outcome;

use crate::Rollout;

/// Writes the outcomes of a rollout as if episodes never ended. Detail 42.
///
/// The restart steps between two episodes become waiting steps of the decision that ended the first: its return goes on
/// with the first decision of the second. At the end of the rollout, it goes on with the value of the last observation.
///
/// ```text
/// step            0        1           2        3
/// outcome         Running  Terminated  Restart  Running
/// continuing      Running  Running     Waiting  Running
/// ```
///
/// An end stays one if nobody decides in the row afterwards, or if what was observed there is not finite.
pub(super) fn continuing_outcomes(rollout: &Rollout, continuing: &mut [Outcome]) {
    let (shape, outcomes) = (rollout.shape(), rollout.samples().outcomes);
    let mut later = Vec::new();
    for (place, &rows) in rollout.slab_places().zip(&shape.rows) {
        let (outcomes, continuing) = (&outcomes[place.clone()], &mut continuing[place]);
        // What follows in each row, restart steps aside.
        later.clear();
        later.resize(rows, Outcome::Running);
        continuing[shape.steps * rows..].fill(Outcome::Vacant);
        for sample in (0..shape.steps * rows).rev() {
            let (outcome, later) = (outcomes[sample], &mut later[sample % rows]);
            continuing[sample] = match outcome {
                Outcome::Restart => Outcome::Waiting,
                end if end.is_end() && goes_on(*later) => as_running(end),
                other => other,
            };
            if outcome != Outcome::Restart {
                *later = outcome;
            }
        }
    }
}

/// True if an agent's episode is going on in a step of this outcome.
const fn goes_on(outcome: Outcome) -> bool {
    outcome.is_experience() || outcome.is_waiting()
}

/// Returns the outcome of the same step without the end of its episode.
const fn as_running(end: Outcome) -> Outcome {
    if end.is_waiting() { Outcome::Waiting } else { Outcome::Running }
}

#[cfg(test)]
mod tests {
    use Outcome::{Faulty, Restart, Running, Terminated, Truncated, Vacant, Waiting, WaitingTerminated};

    use super::*;
    use crate::RolloutShape;

    #[test]
    fn an_episode_s_end_becomes_a_step_before_the_next_episode() {
        let check = |outcomes: &[Outcome], expected: &[Outcome]| {
            let shape = RolloutShape { steps: outcomes.len(), rows: vec![1, 1], ..RolloutShape::default() };
            let mut rollout = Rollout::new(shape);
            rollout.slabs_mut().for_each(|slab| slab.outcomes[..outcomes.len()].copy_from_slice(outcomes));
            let mut continuing = vec![Faulty; 2 * outcomes.len() + 2];
            continuing_outcomes(&rollout, &mut continuing);
            for slab in continuing.chunks_exact(outcomes.len() + 1) {
                assert_eq!(slab, [expected, &[Vacant]].concat());
            }
        };
        check(&[Restart, Running, Terminated, Restart, Running], &[Waiting, Running, Running, Waiting, Running]);
        check(&[Running, Truncated, Restart, Restart, Running], &[Running, Running, Waiting, Waiting, Running]);
        check(&[Running, WaitingTerminated, Restart, Running], &[Running, Waiting, Waiting, Running]);
        check(&[Running, Terminated], &[Running, Running]);
        check(&[Running, Truncated, Restart], &[Running, Running, Waiting]);
        check(&[Terminated, Vacant, Restart, Running], &[Terminated, Vacant, Waiting, Running]);
        check(&[Truncated, Restart, Faulty, Running], &[Truncated, Waiting, Faulty, Running]);
        check(&[Vacant, Faulty, Running, Waiting], &[Vacant, Faulty, Running, Waiting]);
    }
}
