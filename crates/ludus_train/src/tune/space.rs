//! The space of a search: keys of a config, each with a range.

use std::path::Path;
use std::sync::Arc;

use ludus_config::{ConfigError, Location, Node, Problem, Value as Ron, parse, valid_names};
use ludus_spec::AgentSpec;

use crate::config::{ConfigSource, RunConfig};
use crate::text::read_text;

/// The names of the ranges, as a space writes them.
const RANGES: [&str; 4] = ["Uniform(from, to)", "Log(from, to)", "Int(from, to)", "Choice([…])"];

/// Significant digits of a number that is proposed. More would say nothing, and make configs hard to read.
const DIGITS: usize = 4;

/// Keys of a config, each with the range that a search draws from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Space {
    pub keys: Vec<Key>,
}

/// A key of a config, as in `--set`, and its range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub name: String,
    pub range: Range,
    /// The line of the file.
    line: u32,
}

/// The values that a key may have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Range {
    /// Numbers from the first to the second, all equally likely.
    Uniform(f64, f64),
    /// Numbers from the first to the second, whose logarithms are equally likely.
    Log(f64, f64),
    /// Whole numbers from the first to the second.
    Int(i64, i64),
    /// One of these values, in RON.
    Choice(Vec<String>),
}

/// A value of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum KeyValue {
    /// A number of [`Range::Uniform`] or [`Range::Log`].
    Number(f64),
    /// A number of [`Range::Int`].
    Whole(i64),
    /// The index of a value of [`Range::Choice`].
    Choice(usize),
}

impl Key {
    #[cfg(test)]
    pub fn new(name: &str, range: Range) -> Self {
        Self { name: name.to_owned(), range, line: 1 }
    }
}

impl Range {
    /// The value in RON, as `--set` takes it.
    pub fn text(&self, value: KeyValue) -> String {
        match (self, value) {
            (Self::Choice(texts), KeyValue::Choice(index)) => texts[index].clone(),
            (_, KeyValue::Number(number)) => number_text(number),
            (_, KeyValue::Whole(number)) => number.to_string(),
            (_, KeyValue::Choice(index)) => index.to_string(),
        }
    }

    /// The value that [`text`](Self::text) writes like this; `None` if the range has no such value.
    pub fn value(&self, text: &str) -> Option<KeyValue> {
        let number = || text.parse().ok();
        match self {
            Self::Uniform(from, to) | Self::Log(from, to) => {
                number().filter(|number| (from..=to).contains(&number)).map(KeyValue::Number)
            }
            Self::Int(from, to) => {
                text.parse().ok().filter(|number| (from..=to).contains(&number)).map(KeyValue::Whole)
            }
            Self::Choice(texts) => texts.iter().position(|choice| choice == text).map(KeyValue::Choice),
        }
    }

    /// The value at a place of the range, in `0.0..=1.0`: every place is equally likely in a random draw.
    pub fn at(&self, place: f64) -> KeyValue {
        let index = |count: f64| (place * count).floor().clamp(0.0, count - 1.0);
        match *self {
            Self::Uniform(from, to) => KeyValue::Number(self.rounded(from + place * (to - from))),
            Self::Log(from, to) => KeyValue::Number(self.rounded((from.ln() + place * (to / from).ln()).exp())),
            Self::Int(from, to) => KeyValue::Whole(from + index((to - from) as f64 + 1.0) as i64),
            Self::Choice(ref texts) => KeyValue::Choice(index(texts.len() as f64) as usize),
        }
    }

    /// The place of a value in the range, the middle of those that [`at`](Self::at) has it for.
    pub fn place(&self, value: KeyValue) -> f64 {
        match (self, value) {
            (Self::Uniform(from, to), KeyValue::Number(number)) => (number - from) / (to - from),
            (Self::Log(from, to), KeyValue::Number(number)) => (number / from).ln() / (to / from).ln(),
            (Self::Int(from, to), KeyValue::Whole(number)) => {
                ((number - from) as f64 + 0.5) / ((to - from) as f64 + 1.0)
            }
            (Self::Choice(texts), KeyValue::Choice(index)) => (index as f64 + 0.5) / texts.len() as f64,
            _ => 0.5,
        }
    }

    /// Rounds a number to a few digits. It stays in the range.
    fn rounded(&self, number: f64) -> f64 {
        let rounded = format!("{number:.*e}", DIGITS - 1).parse().unwrap_or(number);
        match self {
            Self::Uniform(from, to) | Self::Log(from, to) => rounded.clamp(*from, *to),
            Self::Int(..) | Self::Choice(_) => rounded,
        }
    }

    /// The values at the ends of the range, or all choices.
    pub fn extremes(&self) -> Vec<KeyValue> {
        match self {
            Self::Uniform(from, to) | Self::Log(from, to) => vec![KeyValue::Number(*from), KeyValue::Number(*to)],
            Self::Int(from, to) => vec![KeyValue::Whole(*from), KeyValue::Whole(*to)],
            Self::Choice(texts) => (0..texts.len()).map(KeyValue::Choice).collect(),
        }
    }
}

/// The number with a dot or an exponent, so that it is read as a number with a fraction.
fn number_text(number: f64) -> String {
    format!("{number:?}")
}

impl Space {
    /// Reads a space, and checks every end of every range in the config that `base` names.
    ///
    /// # Errors
    ///
    /// Every problem at once, with its line: text that is not RON, unknown keys and ranges, empty ranges, values that
    /// the config refuses.
    pub fn load(file: &Path, base: &ConfigSource, specs: &[Arc<AgentSpec>]) -> Result<Self, ConfigError> {
        let shown = file.display().to_string();
        let text = read_text(file).map_err(|error| ConfigError::single(&shown, error.sentence("--space")))?;
        Self::parse(&text, &shown, |set| {
            let sets = base.sets.iter().cloned().chain([set.to_owned()]).collect();
            RunConfig::load(&ConfigSource { sets, ..base.clone() }, specs).map(drop)
        })
    }

    /// Reads the space of a search, which was checked when the search began.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or if it is no space.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let shown = file.display().to_string();
        let text = read_text(file).map_err(|error| ConfigError::single(&shown, error.sentence("--space")))?;
        Self::parse(&text, &shown, |_| Ok(()))
    }

    /// Reads a space from its text. `try_value` checks a config with the change `key=value`.
    fn parse(
        text: &str,
        shown: &str,
        try_value: impl Fn(&str) -> Result<(), ConfigError>,
    ) -> Result<Self, ConfigError> {
        let root =
            parse(text).map_err(|error| ConfigError::single(format!("{shown}:{}", error.line), error.message))?;
        let mut problems = Vec::new();
        let mut keys = Vec::new();
        let Some(entries) = root.entries().filter(|entries| !entries.is_empty()) else {
            let message =
                "expected keys of the config with their ranges, such as `{ \"ppo.learning_rate\": Log(1e-4, 1e-2) }`";
            return Err(ConfigError::single(format!("{shown}:{}", line(&root)), message));
        };
        for entry in entries {
            let line = line(&entry.node);
            match range(&entry.node) {
                Ok(range) => keys.push(Key { name: entry.key.trim().to_owned(), range, line }),
                Err(message) => problems.push((line, format!("`{}`: {message}", entry.key))),
            }
        }
        for key in &keys {
            problems.extend(refusal(key, &try_value).into_iter().map(|message| (key.line, message)));
        }
        if problems.is_empty() {
            return Ok(Self { keys });
        }
        problems.sort_by_key(|(line, _)| *line);
        let problem = |(line, message)| Problem { place: format!("{shown}:{line}"), message };
        Err(ConfigError::of(problems.into_iter().map(problem).collect()))
    }
}

/// The sentence about the first value of a key that the config refuses.
fn refusal(key: &Key, try_value: impl Fn(&str) -> Result<(), ConfigError>) -> Option<String> {
    key.range.extremes().into_iter().find_map(|value| {
        let text = key.range.text(value);
        let set = format!("{}={text}", key.name);
        let error = try_value(&set).err()?;
        let own = format!("--set {set}");
        // Any other problem is that of the config itself, and was reported before.
        let problem = error.problems().iter().find(|problem| problem.place == own)?;
        Some(format!("`{}` with the value `{text}`: {}", key.name, problem.message))
    })
}

fn line(node: &Node) -> u32 {
    match node.place {
        Location::Line(line) => line,
        Location::Flag(_) => 0,
    }
}

/// The range that a node describes.
fn range(node: &Node) -> Result<Range, String> {
    let unknown = || format!("expected a range; {}", valid_names(&RANGES));
    let Ron::Tuple { name: Some(name), items } = &node.value else { return Err(unknown()) };
    match (name.as_str(), items.as_slice()) {
        ("Uniform", [from, to]) => ordered(number(from)?, number(to)?).map(|(from, to)| Range::Uniform(from, to)),
        ("Log", [from, to]) => {
            let (from, to) = ordered(number(from)?, number(to)?)?;
            if from <= 0.0 {
                return Err(format!("`Log` begins at {from}; it must begin above 0"));
            }
            Ok(Range::Log(from, to))
        }
        ("Int", [from, to]) => ordered(whole(from)?, whole(to)?).map(|(from, to)| Range::Int(from, to)),
        ("Choice", [list]) => match &list.value {
            Ron::List(items) if items.is_empty() => Err("`Choice` has no values; write some".to_owned()),
            Ron::List(items) => Ok(Range::Choice(items.iter().map(Node::to_string).collect())),
            _ => Err("`Choice` takes a list of values, such as `Choice([[64, 64], [128]])`".to_owned()),
        },
        _ => Err(unknown()),
    }
}

fn ordered<T: PartialOrd + std::fmt::Display>(from: T, to: T) -> Result<(T, T), String> {
    if from < to {
        Ok((from, to))
    } else {
        Err(format!("the range from {from} to {to} is empty; the first number must be below the second"))
    }
}

fn number(node: &Node) -> Result<f64, String> {
    let number = match node.value {
        Ron::Float(number) => number,
        Ron::Integer(number) => number as f64,
        _ => return Err("the ends of the range must be numbers".to_owned()),
    };
    if number.is_finite() { Ok(number) } else { Err("the ends of the range must be finite".to_owned()) }
}

fn whole(node: &Node) -> Result<i64, String> {
    let number = match node.value {
        Ron::Integer(number) => i64::try_from(number).ok(),
        Ron::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(number as i64),
        _ => None,
    };
    number.ok_or_else(|| "the ends of `Int` must be whole numbers".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Space, ConfigError> {
        Space::parse(text, "space.ron", |_| Ok(()))
    }

    #[test]
    fn ranges_are_read() {
        let text = "{\n \"a\": Log(1e-4, 1e-2),\n \"b\": Uniform(0, 1),\n \"c\": Int(1, 8),\n \"d\": Choice([[64, 64], [128]]) }";
        let ranges: Vec<_> = parsed(text).unwrap().keys.into_iter().map(|key| key.range).collect();
        let choices = ["[64, 64]", "[128]"].map(str::to_owned).to_vec();
        let expected = [Range::Log(1e-4, 1e-2), Range::Uniform(0.0, 1.0), Range::Int(1, 8), Range::Choice(choices)];
        assert_eq!(ranges, expected);
    }

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let text = "{\n \"a\": Log(1e-2, 1e-4),\n \"b\": Lag(1, 2),\n \"c\": Int(1, 2.5),\n \"d\": Choice([]),\n \"e\": Log(0, 1),\n \"f\": 3,\n}";
        let error = parsed(text).unwrap_err();
        let expected = [
            (2, "`a`: the range from 0.01 to 0.0001 is empty"),
            (3, "`b`: expected a range; valid: `Uniform(from, to)`"),
            (4, "`c`: the ends of `Int` must be whole numbers"),
            (5, "`d`: `Choice` has no values"),
            (6, "`e`: `Log` begins at 0; it must begin above 0"),
            (7, "`f`: expected a range"),
        ];
        assert_eq!(error.problems().len(), expected.len(), "{error}");
        for (problem, (line, part)) in error.problems().iter().zip(expected) {
            assert_eq!(problem.place, format!("space.ron:{line}"));
            assert!(problem.message.contains(part), "{error}");
        }
        for text in ["{}", "()", "3", "[1]"] {
            assert!(parsed(text).unwrap_err().to_string().contains("expected keys of the config"), "{text}");
        }
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        let check = |range: Range, value: KeyValue, text: &str| {
            assert_eq!(range.text(value), text);
            assert_eq!(range.value(text), Some(value));
        };
        check(Range::Log(1e-9, 1.0), KeyValue::Number(1e-7), "1e-7");
        check(Range::Uniform(0.0, 1.0), KeyValue::Number(1.0), "1.0");
        check(Range::Int(1, 8), KeyValue::Whole(3), "3");
        check(Range::Choice(vec!["[64]".to_owned(), "[8, 8]".to_owned()]), KeyValue::Choice(1), "[8, 8]");
        assert_eq!(Range::Int(1, 8).value("9"), None);
        assert_eq!(Range::Choice(vec!["true".to_owned()]).value("false"), None);
    }

    #[test]
    fn a_value_is_at_its_place() {
        let choices = Range::Choice(["a", "b", "c"].map(str::to_owned).to_vec());
        for range in [Range::Log(1e-4, 1e-2), Range::Uniform(-1.0, 3.0), Range::Int(1, 4), choices] {
            for place in [0.0, 0.125, 0.5, 0.7, 1.0] {
                let value = range.at(place);
                assert_eq!(range.at(range.place(value)), value, "{range:?} {place}");
                assert_eq!(range.value(&range.text(value)), Some(value), "{range:?} {place}");
            }
        }
        assert_eq!(Range::Log(1e-4, 1e-2).at(0.5), KeyValue::Number(1e-3));
        assert_eq!([0.0, 0.24, 0.26, 1.0].map(|place| Range::Int(1, 4).at(place)), [1, 1, 2, 4].map(KeyValue::Whole));
    }

    #[test]
    fn numbers_are_rounded_within_the_range() {
        assert_eq!(Range::Log(1e-4, 1.0).rounded(0.001_234_567), 0.001_235);
        assert_eq!(Range::Uniform(0.0, 0.123_44).rounded(0.123_44), 0.123_4);
        assert_eq!(Range::Uniform(0.123_46, 1.0).rounded(0.123_46), 0.123_5);
        assert_eq!(Range::Uniform(0.123_44, 1.0).rounded(0.123_44), 0.123_44);
    }
}
