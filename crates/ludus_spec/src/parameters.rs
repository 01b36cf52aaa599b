//! Episode parameters: numbers that a run draws for each episode.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Seed;

/// A parameter of episodes: a field of a game's component.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeParameter {
    /// The component's name and the field's, such as `Course.wall_height`.
    pub name: String,
    /// The field's documentation in the game's source.
    pub doc: String,
    /// The least and the greatest value that make sense, if the field states them. Both are finite.
    pub range: Option<(f32, f32)>,
    /// The field of the component's default value. Episodes have it unless something else is set.
    pub default: f32,
}

/// The distribution of a parameter's values over episodes.
///
/// In RON a constant is the bare number: `4.0`, `Uniform(0.0, 1.0)`, `Normal(mean: 1.0, deviation: 0.2)`,
/// `Ranges([(0.0, 1.0), (3.0, 4.0)])`, `Choice([1.0, 2.0, 4.0])`.
///
/// ```
/// # use ludus_spec::{Distribution, Seed};
/// assert_eq!(Distribution::Constant(4.0).draw(Seed::new(1)), 4.0);
/// let drawn = Distribution::Uniform(2.0, 3.0).draw(Seed::new(1));
/// assert!((2.0..=3.0).contains(&drawn));
/// assert_eq!(drawn, Distribution::Uniform(2.0, 3.0).draw(Seed::new(1)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// The same value in every episode.
    Constant(f32),
    /// Any number from the first to the second, all equally likely.
    Uniform(f32, f32),
    /// Normally distributed numbers.
    Normal {
        /// The mean.
        mean: f32,
        /// The standard deviation.
        deviation: f32,
    },
    /// Any number of these ranges, all equally likely: a range that is twice as long is drawn twice as often.
    Ranges(Vec<(f32, f32)>),
    /// One of these values, all equally likely.
    Choice(Vec<f32>),
}

impl Distribution {
    /// Draws a value; the same seed gives the same value.
    ///
    /// Without any range or choice, which [`problem`](Self::problem) refuses, the value is 0.
    pub fn draw(&self, seed: Seed) -> f32 {
        let part = seed.derive(0).uniform();
        match self {
            Self::Constant(value) => *value,
            Self::Uniform(low, high) => between(*low, *high, part),
            Self::Normal { mean, deviation } => mean + deviation * seed.normal(),
            Self::Ranges(ranges) => in_ranges(ranges, part),
            Self::Choice(values) => {
                let index = ((part * values.len() as f32) as usize).min(values.len().saturating_sub(1));
                values.get(index).copied().unwrap_or_default()
            }
        }
    }

    /// Returns the least and the greatest value that can be drawn; `None` if there is no limit.
    pub fn bounds(&self) -> Option<(f32, f32)> {
        let hull = |ends: &mut dyn Iterator<Item = f32>| {
            ends.fold(None, |hull: Option<(f32, f32)>, end| {
                Some(hull.map_or((end, end), |(low, high)| (low.min(end), high.max(end))))
            })
        };
        match self {
            Self::Constant(value) => Some((*value, *value)),
            Self::Uniform(low, high) => Some((*low, *high)),
            Self::Normal { mean, deviation } if *deviation == 0.0 => Some((*mean, *mean)),
            Self::Normal { .. } => None,
            Self::Ranges(ranges) => hull(&mut ranges.iter().flat_map(|&(low, high)| [low, high])),
            Self::Choice(values) => hull(&mut values.iter().copied()),
        }
    }

    /// Returns what is wrong with the numbers, if anything is; a distribution without a problem draws finite values.
    pub fn problem(&self) -> Option<String> {
        let is_wrong = |&(low, high): &(f32, f32)| !(low.is_finite() && high.is_finite() && low <= high);
        let range =
            |&(low, high): &(f32, f32)| format!("`({low}, {high})` is no range: write the smaller number first");
        match self {
            Self::Constant(value) if !value.is_finite() => Some(format!("`{value}` is not finite")),
            Self::Uniform(low, high) if is_wrong(&(*low, *high)) => Some(range(&(*low, *high))),
            Self::Normal { mean, deviation } if !mean.is_finite() || !deviation.is_finite() || *deviation < 0.0 => {
                Some(format!(
                    "`Normal(mean: {mean}, deviation: {deviation})` needs finite numbers and no negative deviation"
                ))
            }
            Self::Ranges(ranges) if ranges.is_empty() => Some("`Ranges([])` has no range to draw from".to_owned()),
            Self::Ranges(ranges) => ranges.iter().find(|range| is_wrong(range)).map(range),
            Self::Choice(values) if values.is_empty() => Some("`Choice([])` has no value to draw".to_owned()),
            Self::Choice(values) => {
                values.iter().find(|value| !value.is_finite()).map(|value| format!("`{value}` is not finite"))
            }
            _ => None,
        }
    }
}

fn between(low: f32, high: f32, part: f32) -> f32 {
    (low + (high - low) * part).clamp(low, high)
}

/// Returns the number at this part of the ranges, which lie one behind the other.
fn in_ranges(ranges: &[(f32, f32)], part: f32) -> f32 {
    let length: f32 = ranges.iter().map(|(low, high)| high - low).sum();
    let mut left = part * length;
    for &(low, high) in ranges {
        if left <= high - low {
            return between(low, high, if high > low { left / (high - low) } else { 0.0 });
        }
        left -= high - low;
    }
    ranges.last().map_or(0.0, |&(_, high)| high)
}

/// The form of a distribution in a config.
impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => write!(f, "{value}"),
            Self::Uniform(low, high) => write!(f, "Uniform({low}, {high})"),
            Self::Normal { mean, deviation } => write!(f, "Normal(mean: {mean}, deviation: {deviation})"),
            Self::Ranges(ranges) => write!(f, "Ranges({ranges:?})"),
            Self::Choice(values) => write!(f, "Choice({values:?})"),
        }
    }
}

impl From<f32> for Distribution {
    fn from(value: f32) -> Self {
        Self::Constant(value)
    }
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.clone() {
            Self::Constant(value) => Written::Number(value),
            Self::Uniform(low, high) => Written::Drawn(Drawn::Uniform(low, high)),
            Self::Normal { mean, deviation } => Written::Drawn(Drawn::Normal { mean, deviation }),
            Self::Ranges(ranges) => Written::Drawn(Drawn::Ranges(ranges)),
            Self::Choice(values) => Written::Drawn(Drawn::Choice(values)),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Number(value) => Self::Constant(value),
            Written::Drawn(Drawn::Uniform(low, high)) => Self::Uniform(low, high),
            Written::Drawn(Drawn::Normal { mean, deviation }) => Self::Normal { mean, deviation },
            Written::Drawn(Drawn::Ranges(ranges)) => Self::Ranges(ranges),
            Written::Drawn(Drawn::Choice(values)) => Self::Choice(values),
        })
    }
}

/// The serialised form of a distribution: a constant is the bare number.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number, `Uniform(…, …)`, `Normal(mean: …, deviation: …)`, `Ranges([(…, …), …])` or \
                 `Choice([…])`"
)]
enum Written {
    Number(f32),
    Drawn(Drawn),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum Drawn {
    Uniform(f32, f32),
    Normal { mean: f32, deviation: f32 },
    Ranges(Vec<(f32, f32)>),
    Choice(Vec<f32>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(distribution: &Distribution) -> Vec<f32> {
        (0..10_000).map(|index| distribution.draw(Seed::new(3).derive(index))).collect()
    }

    fn share(draws: &[f32], is_counted: impl Fn(f32) -> bool) -> f32 {
        draws.iter().filter(|&&value| is_counted(value)).count() as f32 / draws.len() as f32
    }

    #[test]
    fn uniform_draws_fill_their_range() {
        let draws = draws(&Distribution::Uniform(-1.0, 3.0));
        assert!(draws.iter().all(|value| (-1.0..=3.0).contains(value)));
        assert!((share(&draws, |value| value < 0.0) - 0.25).abs() < 0.02);
    }

    #[test]
    fn normal_draws_have_their_mean_and_deviation() {
        let draws = draws(&Distribution::Normal { mean: 2.0, deviation: 0.5 });
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / draws.len() as f32;
        assert!((mean - 2.0).abs() < 0.02 && (variance.sqrt() - 0.5).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn a_range_is_drawn_as_often_as_it_is_long() {
        let draws = draws(&Distribution::Ranges(vec![(0.0, 1.0), (5.0, 8.0)]));
        assert!(draws.iter().all(|value| (0.0..=1.0).contains(value) || (5.0..=8.0).contains(value)));
        assert!((share(&draws, |value| value <= 1.0) - 0.25).abs() < 0.02);
    }

    #[test]
    fn choices_are_equally_likely() {
        let draws = draws(&Distribution::Choice(vec![1.0, 2.0, 4.0]));
        for choice in [1.0, 2.0, 4.0] {
            assert!((share(&draws, |value| value == choice) - 1.0 / 3.0).abs() < 0.02, "{choice}");
        }
    }

    #[test]
    fn wrong_numbers_are_named() {
        let problem = |distribution: Distribution| distribution.problem().unwrap_or_default();
        assert!(problem(Distribution::Uniform(1.0, 0.0)).contains("`(1, 0)` is no range"));
        assert!(problem(Distribution::Ranges(vec![(0.0, 1.0), (f32::NAN, 2.0)])).contains("is no range"));
        assert!(problem(Distribution::Choice(Vec::new())).contains("has no value"));
        assert!(problem(Distribution::Normal { mean: 0.0, deviation: -1.0 }).contains("no negative deviation"));
        assert_eq!(Distribution::Uniform(1.0, 1.0).problem(), None);
    }

    #[test]
    fn bounds_hold_all_draws() {
        assert_eq!(Distribution::Ranges(vec![(3.0, 4.0), (0.0, 1.0)]).bounds(), Some((0.0, 4.0)));
        assert_eq!(Distribution::Choice(vec![2.0, -1.0]).bounds(), Some((-1.0, 2.0)));
        assert_eq!(Distribution::Normal { mean: 0.0, deviation: 1.0 }.bounds(), None);
    }
}
