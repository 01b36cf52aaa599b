//! Serde's error about a value, with the place at which the value was written.

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::{self, Unexpected};

use crate::tree::{Entry, Location};

/// The reason that a value is not valid for its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mistake {
    /// The sentence, without the place.
    pub message: String,
    /// The place of the innermost value that is not valid; `None` until it is known.
    pub place: Option<Location>,
    /// True if an entry was marked as reported because of it.
    pub reported: bool,
    /// The field that its section doesn't have, where that is the mistake.
    pub unknown: Option<String>,
    /// The names that would have been right, where the mistake is an unknown one.
    pub valid: &'static [&'static str],
}

impl Mistake {
    /// With this place, unless it is known already.
    #[must_use]
    pub fn at(mut self, place: Location) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// With the name of `entry` before the message, if that is the innermost around it.
    #[must_use]
    pub fn named(mut self, entry: &Entry) -> Self {
        if !self.reported && self.valid.is_empty() {
            self.message = format!("`{}`: {}", entry.key, self.message);
        }
        self
    }

    /// Marks `entry` as reported, unless an entry inside it was already.
    #[must_use]
    pub fn of(mut self, entry: &Entry) -> Self {
        if !self.reported {
            self.reported = true;
            entry.reported.set(true);
        }
        self
    }
}

impl Display for Mistake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: Display>(message: T) -> Self {
        Self { message: message.to_string(), ..Self::default() }
    }

    fn invalid_type(found: Unexpected, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {}, found {}", in_words(&expected.to_string()), described(found)))
    }

    fn invalid_value(found: Unexpected, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, valid: &'static [&'static str]) -> Self {
        let message = format!("unknown field `{field}`; {}", valid_names(valid));
        Self { unknown: Some(field.to_owned()), valid, ..Self::custom(message) }
    }

    fn unknown_variant(variant: &str, valid: &'static [&'static str]) -> Self {
        Self { valid, ..Self::custom(format_args!("unknown choice `{variant}`; {}", valid_names(valid))) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("field `{field}` is missing; write it"))
    }
}

/// The expected kind of value, in words instead of names of Rust types.
pub fn in_words(expected: &str) -> Cow<'_, str> {
    let whole = |from: i64, to: u64| Cow::Owned(format!("a whole number from {from} to {to}"));
    if let Some(name) = expected.strip_prefix("a nonzero ") {
        return if name == "u32" { whole(1, u32::MAX.into()) } else { "a whole number from 1".into() };
    }
    if expected.starts_with("struct ") {
        return "a section `(…)`".into();
    }
    match expected {
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" | "u128" => "a whole number from 0".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" => "`true` or `false`".into(),
        "a string" | "path string" => "a text in quotes".into(),
        "a sequence" => "a list `[…]`".into(),
        "a map" => "a section `{ \"name\": … }`".into(),
        other => other.into(),
    }
}

/// The end of a message: the names to choose from.
pub fn valid_names<T: AsRef<str>>(valid: &[T]) -> String {
    if valid.is_empty() {
        return "there are none".to_owned();
    }
    let quoted = valid.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>();
    format!("valid: {}", quoted.join(", "))
}

fn described(found: Unexpected) -> String {
    match found {
        Unexpected::Unit => "`()`".to_owned(),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("`{value}`"),
        Unexpected::Signed(value) => format!("`{value}`"),
        Unexpected::Float(value) => format!("`{value:?}`"),
        Unexpected::Str(value) => format!("`{value}`"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a section".to_owned(),
        Unexpected::Enum | Unexpected::UnitVariant | Unexpected::NewtypeVariant => "a choice".to_owned(),
        other => other.to_string(),
    }
}
