//! The time of a run by phase.

use ludus_learn::PhaseTimes;
use serde::Serialize;

/// Time by phase [ns of wall time].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Forward passes of the rollouts, and drawing actions.
    pub forward: u64,
    /// Copying rows to the network's input.
    pub copy: u64,
    /// The game: everything in the worlds except sensing and scoring.
    pub simulate: u64,
    /// The `SenseAgents` and `ScoreAgents` schedules.
    pub sense_score: u64,
    /// Advantages and updates.
    pub learn: u64,
}

/// The phases' shares in the total time. They add up to 1, or are all 0 if the total is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PhaseShares {
    /// See [`Phases::forward`].
    pub forward: f64,
    /// See [`Phases::copy`].
    pub copy: f64,
    /// See [`Phases::simulate`].
    pub simulate: f64,
    /// See [`Phases::sense_score`].
    pub sense_score: f64,
    /// See [`Phases::learn`].
    pub learn: f64,
}

/// The time that the worlds' threads spent in steps, and in sensing and scoring as a part of it \[ns\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepTimes {
    pub total: u64,
    pub sense_score: u64,
}

impl Phases {
    /// Splits the time of the simulation into game, and sensing and scoring, in the ratio that the worlds' threads
    /// measured.
    pub(crate) fn split(times: &PhaseTimes, steps: StepTimes) -> Self {
        let share = steps.sense_score as f64 / steps.total.max(1) as f64;
        let sense_score = (times.simulate as f64 * share.min(1.0)) as u64;
        let PhaseTimes { forward, copy, simulate, learn } = *times;
        Self { forward, copy, simulate: simulate - sense_score, sense_score, learn }
    }

    /// Adds another's times.
    pub fn add(&mut self, other: &Self) {
        self.forward += other.forward;
        self.copy += other.copy;
        self.simulate += other.simulate;
        self.sense_score += other.sense_score;
        self.learn += other.learn;
    }

    /// All phases together \[ns\].
    pub const fn total(&self) -> u64 {
        self.forward + self.copy + self.simulate + self.sense_score + self.learn
    }

    /// Each phase with its name, in the order of a step.
    pub const fn named(&self) -> [(&'static str, u64); 5] {
        [
            ("forward", self.forward),
            ("copy", self.copy),
            ("simulate", self.simulate),
            ("sense_score", self.sense_score),
            ("learn", self.learn),
        ]
    }

    /// Each phase's share in the total time.
    pub fn shares(&self) -> PhaseShares {
        let total = self.total().max(1) as f64;
        let [forward, copy, simulate, sense_score, learn] = self.named().map(|(_, time)| time as f64 / total);
        PhaseShares { forward, copy, simulate, sense_score, learn }
    }

    /// The phases in percent, for a line of progress: `forward 30 copy 2 simulate 10 sense+score 8 learn 50 %`.
    pub fn in_percent(&self) -> String {
        let total = self.total().max(1) as f64;
        let part = |(name, time): (&str, u64)| format!("{} {:.0}", name.replace('_', "+"), 100.0 * time as f64 / total);
        format!("{} %", self.named().map(part).join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_shared_out() {
        let times = PhaseTimes { forward: 30, copy: 10, simulate: 40, learn: 20 };
        let phases = Phases::split(&times, StepTimes { total: 200, sense_score: 50 });
        assert_eq!(phases, Phases { forward: 30, copy: 10, simulate: 30, sense_score: 10, learn: 20 });
        assert_eq!(phases.total(), times.total());
        assert_eq!(phases.in_percent(), "forward 30 copy 10 simulate 30 sense+score 10 learn 20 %");
        assert_eq!(phases.shares().learn, 0.2);
        assert_eq!(Phases::default().shares(), PhaseShares::default());
    }
}
