//! The learning rate: a schedule over the run, or an adaptive rate that depends on the divergence between policies.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Schedule;

/// The factor by which an adaptive rate changes after an update.
const FACTOR: f32 = 1.5;

/// The limits of an adaptive rate.
const LEAST: f32 = 1e-5;
const GREATEST: f32 = 1e-2;

/// Adam's step size over a run.
///
/// In RON it is a number, a [`Schedule`], or `Adaptive(kl: 0.01)`.
///
/// ```
/// # use ludus_learn::{LearningRate, Schedule};
/// assert_eq!(LearningRate::from(3e-4), LearningRate::Scheduled(Schedule::Constant(3e-4)));
/// assert_eq!(ron::from_str("Adaptive(kl: 0.01)"), Ok(LearningRate::Adaptive { kl: 0.01, from: 1e-3 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LearningRate {
    /// A rate that depends on the run's progress.
    Scheduled(Schedule),
    /// A rate that depends on the divergence from the old policy in an update. If that was more than twice
    /// `kl`, the rate falls by a factor of 1.5; if it was less than half of `kl`, the rate rises by the same factor. It
    /// stays between 1e-5 and 1e-2.
    ///
    /// Rudin et al. 2022, arXiv:2109.11978, §3.2, and their `rsl_rl`, which do so after each minibatch.
    Adaptive {
        /// The target divergence of an update: the mean over its minibatches of the divergence from the old policy, in
        /// nats. Above 0, usually 0.005 to 0.02.
        kl: f32,
        /// The rate of the first update. 1e-3 by default.
        from: f32,
    },
}

impl LearningRate {
    /// Returns the rate after `progress` of the run, in `0.0..=1.0`; for an adaptive rate, the rate of the first
    /// update.
    pub fn at(self, progress: f32) -> f32 {
        match self {
            Self::Scheduled(schedule) => schedule.at(progress),
            Self::Adaptive { from, .. } => from,
        }
    }

    /// Returns the rate after an update at `rate` in which the policy diverged by `moved` \[nats\].
    pub(crate) fn after(self, rate: f32, moved: f32) -> f32 {
        match self {
            Self::Adaptive { kl, .. } if moved > 2.0 * kl => (rate / FACTOR).max(LEAST),
            Self::Adaptive { kl, .. } if moved < 0.5 * kl => (rate * FACTOR).min(GREATEST),
            _ => rate,
        }
    }
}

impl From<f32> for LearningRate {
    fn from(rate: f32) -> Self {
        Self::Scheduled(rate.into())
    }
}

impl From<Schedule> for LearningRate {
    fn from(schedule: Schedule) -> Self {
        Self::Scheduled(schedule)
    }
}

impl Serialize for LearningRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Scheduled(schedule) => schedule.serialize(serializer),
            Self::Adaptive { kl, from } => Adaptation::Adaptive { kl, from }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LearningRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Adaptive(Adaptation::Adaptive { kl, from }) => Self::Adaptive { kl, from },
            Written::Scheduled(schedule) => Self::Scheduled(schedule),
        })
    }
}

/// The serialised form of a rate in a config.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number, `Linear(from: …, to: …)`, `Cosine(from: …, to: …)` or `Adaptive(kl: …)`"
)]
enum Written {
    Adaptive(Adaptation),
    Scheduled(Schedule),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Adaptation {
    Adaptive {
        kl: f32,
        #[serde(default = "first_rate")]
        from: f32,
    },
}

const fn first_rate() -> f32 {
    1e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adaptive_rate_follows_the_distance() {
        let check = |rate: f32, moved: f32, expected: f32| {
            let found = LearningRate::Adaptive { kl: 0.01, from: 1e-3 }.after(rate, moved);
            assert!((found - expected).abs() < 1e-9, "{rate} after {moved}: {found}");
        };
        check(3e-4, 0.021, 2e-4);
        check(3e-4, 0.02, 3e-4);
        check(3e-4, 0.005, 3e-4);
        check(3e-4, 0.004, 4.5e-4);
        check(1e-5, 1.0, 1e-5);
        check(1e-2, 0.0, 1e-2);
        check(3e-4, f32::NAN, 3e-4);
        assert_eq!(LearningRate::from(3e-4).after(3e-4, 1.0), 3e-4);
    }

    #[test]
    fn a_rate_is_read_as_it_is_written() {
        let check = |written: &str, rate: LearningRate| {
            assert_eq!(ron::from_str::<LearningRate>(written).unwrap(), rate, "{written}");
            assert_eq!(ron::from_str::<LearningRate>(&ron::to_string(&rate).unwrap()).unwrap(), rate);
        };
        check("3e-4", 3e-4.into());
        check("Linear(from: 3e-4, to: 0)", Schedule::Linear { from: 3e-4, to: 0.0 }.into());
        check("Adaptive(kl: 0.01, from: 3e-4)", LearningRate::Adaptive { kl: 0.01, from: 3e-4 });
        for wrong in ["Adaptive(from: 1.0)", "Adaptive(kl: 0.01, to: 1.0)", "Fast"] {
            let error = ron::from_str::<LearningRate>(wrong).unwrap_err().to_string();
            assert!(error.contains("`Adaptive(kl: …)`"), "{error}");
        }
    }
}
