//! Runs without experience: the reason is reported, and then they end.

use crate::census::Census;
use crate::training::{Lap, Training};

/// Iterations without experience after which the reason is reported.
const TOLD: u64 = 3;

/// Steps of each row without experience after which the run ends: two minutes of a game with 64 decisions a second.
const PATIENCE: u64 = 8192;

/// Counts the iterations in a row that have no experience.
#[derive(Debug, Default)]
pub(super) struct NoExperience {
    iterations: u64,
    /// Steps of each row in them.
    steps: u64,
}

/// The consequence of iterations without experience.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Emptiness {
    /// There is experience, or it may come.
    Bearable,
    /// The reason is due to be reported, in this sentence.
    Told(String),
    /// The run has to end.
    Final {
        /// Steps of each row without experience.
        steps: u64,
        /// The reason and the remedy.
        reason: String,
    },
}

impl NoExperience {
    pub fn look(&mut self, lap: &Lap, training: &Training) -> Emptiness {
        if lap.experience() > 0 {
            (self.iterations, self.steps) = (0, 0);
            return Emptiness::Bearable;
        }
        self.iterations += 1;
        self.steps += lap.world_steps as u64;
        let is_final = self.iterations > TOLD && self.steps >= PATIENCE;
        if !is_final && self.iterations != TOLD {
            return Emptiness::Bearable;
        }
        let reason = reason(training);
        if is_final {
            return Emptiness::Final { steps: self.steps, reason };
        }
        Emptiness::Told(format!(
            "nothing to learn from in {TOLD} iterations: {reason}; the run ends if it stays so for {PATIENCE} steps"
        ))
    }
}

/// The reason that no kind that learns has experience.
fn reason(training: &Training) -> String {
    let kinds = training.learned_lanes().flat_map(|(lane, _)| &lane.kinds);
    let of_kind = |&kind: &usize| {
        let spec = &training.blueprint.specs[kind];
        Census::of(&training.groups, kind).reason(spec).sentence()
    };
    kinds.map(of_kind).collect::<Vec<_>>().join("; ")
}
