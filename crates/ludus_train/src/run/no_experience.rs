//! A run in which no agent decides: it is told why, and ends.

use crate::census::Census;
use crate::check::Finding;
use crate::training::{Lap, Training};

/// Iterations without experience after which it is told.
const TOLD: u64 = 3;

/// Steps of each row without experience after which the run ends: two minutes of a game with 64 decisions a second.
const PATIENCE: u64 = 8192;

/// Counts the iterations in a row that have no experience.
#[derive(Debug, Default)]
pub(super) struct NoExperience {
    iterations: u64,
}

/// What follows from iterations without experience.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Emptiness {
    /// There is experience, or it may come.
    Bearable,
    /// It is time to say so.
    Told(String),
    /// There will be none.
    Final {
        /// Steps of each row without experience.
        steps: u64,
        /// Why, and the remedy.
        reason: String,
    },
}

impl NoExperience {
    pub fn look(&mut self, lap: &Lap, training: &Training) -> Emptiness {
        if lap.report.experience > 0 {
            self.iterations = 0;
            return Emptiness::Bearable;
        }
        self.iterations += 1;
        let steps = self.iterations * training.rollout().shape().steps as u64;
        let is_final = self.iterations > TOLD && steps >= PATIENCE;
        if !is_final && self.iterations != TOLD {
            return Emptiness::Bearable;
        }
        let reason = reason(training).sentence();
        if is_final {
            return Emptiness::Final { steps, reason };
        }
        Emptiness::Told(format!(
            "nothing to learn from in {TOLD} iterations: {reason}; the run ends if it stays so for {PATIENCE} steps"
        ))
    }
}

fn reason(training: &Training) -> Finding {
    Census::of(&training.groups).reason(&training.blueprint.spec)
}
