//! Lengths of episodes beside those of the demonstrations that GAIL rewards.

use crate::finding::Finding;
use crate::training::{PolicyLane, Training};

/// The part of a run after which a policy's episodes should be as long as those that it imitates.
const SETTLED: f64 = 0.5;

/// The ratio of mean lengths from which on they differ.
const OTHER: f64 = 1.5;

/// Findings about kinds whose episodes, in the second half of a run, are much longer or shorter than those that GAIL
/// rewards them for imitating: then the rewards pay for a long life or for an early end.
pub(super) fn other_lengths(training: &Training, lane: &PolicyLane) -> Vec<Finding> {
    let part = training.steps as f64 / training.blueprint.config.stop.steps.get() as f64;
    if part < SETTLED {
        return Vec::new();
    }
    let finding = |&kind: &usize| {
        let (episodes, spec) = (&training.kinds[kind], &training.blueprint.specs[kind]);
        // An algorithm's own kind has the demonstrations.
        let shown = training.kinds[lane.owner()].demonstrated_steps?;
        finding(&spec.name, shown, episodes.recent.lengths().mean)
    };
    lane.kinds.iter().filter_map(finding).collect()
}

/// The finding about mean lengths of demonstrations and of a policy's episodes \[steps\], if they differ much.
fn finding(agent: &str, shown: f64, played: f64) -> Option<Finding> {
    let (longest, shortest) = (shown.max(played), shown.min(played));
    // NaN if no episode has ended.
    let differs = longest > OTHER * shortest && played.is_finite();
    differs.then(|| {
        let what = format!(
            "episodes of `{agent}` last {played:.0} steps on average, and those that `gail` rewards it for imitating \
             {shown:.0}"
        );
        let (is, pays) = match played > shown {
            true => ("a long life", "end"),
            false => ("an early end", "go on"),
        };
        let remedy = format!(
            "{is} may pay, not what was shown; train longer, weigh the game's own rewards, or record episodes that {pays} as \
             those of the game do"
        );
        Finding::new(what, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episodes_of_other_lengths_than_the_demonstrations_are_found() {
        let found = |shown, played| finding("Walker", shown, played).map(|finding| finding.sentence());
        assert_eq!(found(100.0, 70.0), None);
        assert_eq!(found(100.0, 149.0), None);
        assert_eq!(found(100.0, f64::NAN), None);
        let long = found(40.0, 900.4).unwrap();
        assert!(
            long.starts_with(
                "episodes of `Walker` last 900 steps on average, and those that `gail` rewards it for imitating 40: a long \
                 life may pay, not what was shown; train longer"
            ),
            "{long}"
        );
        let short = found(500.0, 9.0).unwrap();
        assert!(short.contains("imitating 500: an early end may pay"), "{short}");
    }
}
