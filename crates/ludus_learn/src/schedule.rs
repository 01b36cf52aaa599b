//! Numbers that change while a run progresses.

use std::f32::consts::PI;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that may change over a run: a constant, or a transition from one value to another.
///
/// In RON a constant is the bare number: `3e-4`, `Linear(from: 3e-4, to: 0.0)`, `Cosine(from: 3e-4, to: 3e-5)`.
///
/// ```
/// # use ludus_learn::Schedule;
/// assert_eq!(Schedule::from(0.2).at(0.7), 0.2);
/// assert_eq!(Schedule::Linear { from: 1.0, to: 0.0 }.at(0.25), 0.75);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schedule {
    /// The same number throughout.
    Constant(f32),
    /// A linear transition from one number to the other, as is usual for learning rates.
    ///
    /// Huang et al. 2022, "The 37 implementation details of PPO", core detail 4.
    Linear {
        /// The number at the start of the run.
        from: f32,
        /// The number at the end of the run.
        to: f32,
    },
    /// Half a cosine wave from one number to the other: it changes slowly, fast, then slowly again.
    ///
    /// Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, without its restarts.
    Cosine {
        /// The number at the start of the run.
        from: f32,
        /// The number at the end of the run.
        to: f32,
    },
}

impl Schedule {
    /// Returns the number after `progress` of the run. `progress` is clamped to `0.0..=1.0`.
    pub fn at(self, progress: f32) -> f32 {
        let progress = progress.clamp(0.0, 1.0);
        match self {
            Self::Constant(value) => value,
            Self::Linear { from, to } => from + (to - from) * progress,
            Self::Cosine { from, to } => to + (from - to) * 0.5 * (1.0 + (PI * progress).cos()),
        }
    }

    /// Returns the numbers at the start and at the end. All others are between them.
    pub const fn ends(self) -> [f32; 2] {
        match self {
            Self::Constant(value) => [value, value],
            Self::Linear { from, to } | Self::Cosine { from, to } => [from, to],
        }
    }
}

impl From<f32> for Schedule {
    fn from(value: f32) -> Self {
        Self::Constant(value)
    }
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Constant(value) => Written::Number(value),
            Self::Linear { from, to } => Written::Way(Way::Linear { from, to }),
            Self::Cosine { from, to } => Written::Way(Way::Cosine { from, to }),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Number(value) => Self::Constant(value),
            Written::Way(Way::Linear { from, to }) => Self::Linear { from, to },
            Written::Way(Way::Cosine { from, to }) => Self::Cosine { from, to },
        })
    }
}

/// The serialised form of a schedule in a config: a constant is the bare number.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number, `Linear(from: …, to: …)` or `Cosine(from: …, to: …)`")]
enum Written {
    Number(f32),
    Way(Way),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Way {
    Linear { from: f32, to: f32 },
    Cosine { from: f32, to: f32 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_go_from_one_end_to_the_other() {
        let check = |schedule: Schedule, expected: [f32; 3]| {
            for (progress, value) in [0.0, 0.5, 1.0].into_iter().zip(expected) {
                assert!((schedule.at(progress) - value).abs() < 1e-6, "{schedule:?} at {progress}");
            }
            assert_eq!(schedule.at(7.0), schedule.at(1.0));
        };
        check(Schedule::Constant(0.3), [0.3, 0.3, 0.3]);
        check(Schedule::Linear { from: 1.0, to: 0.0 }, [1.0, 0.5, 0.0]);
        check(Schedule::Cosine { from: 0.0, to: 4.0 }, [0.0, 2.0, 4.0]);
        assert!(Schedule::Cosine { from: 1.0, to: 0.0 }.at(0.1) > 0.97);
    }

    #[test]
    fn a_schedule_is_read_as_it_is_written() {
        let check = |written: &str, schedule: Schedule| {
            assert_eq!(ron::from_str::<Schedule>(written).unwrap(), schedule, "{written}");
            assert_eq!(ron::from_str::<Schedule>(&ron::to_string(&schedule).unwrap()).unwrap(), schedule);
        };
        check("3e-4", Schedule::Constant(3e-4));
        check("1", Schedule::Constant(1.0));
        check("Linear(from: 3e-4, to: 0.0)", Schedule::Linear { from: 3e-4, to: 0.0 });
        check("Cosine(from: 1, to: 0.5)", Schedule::Cosine { from: 1.0, to: 0.5 });
        assert_eq!(ron::to_string(&Schedule::Constant(0.25)).unwrap(), "0.25");
    }

    #[test]
    fn an_unknown_schedule_is_an_error_that_lists_the_known_ones() {
        for wrong in ["Sine(from: 1.0, to: 0.0)", "Linear(from: 1.0, too: 0.0)", "\"fast\""] {
            let error = ron::from_str::<Schedule>(wrong).unwrap_err().to_string();
            assert!(error.contains("Linear(from: …, to: …)"), "{error}");
        }
    }
}
