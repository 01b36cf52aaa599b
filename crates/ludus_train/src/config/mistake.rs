//! What serde has to say about a value, with the place where it was written.

use std::fmt::Display;

use serde::de::{self, Unexpected};

use super::tree::{Entry, Place};

/// Why a value is not what its type asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mistake {
    pub message: String,
    /// The innermost value that is to blame; `None` until it is known.
    pub place: Option<Place>,
    /// Whether an entry was set aside for it.
    pub reported: bool,
    /// The names that would have been right, where the mistake is an unknown one.
    pub valid: &'static [&'static str],
}

impl Mistake {
    pub fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// With the name of `entry` before the message, if that is the innermost around it.
    pub fn named(mut self, entry: &Entry) -> Self {
        if !self.reported && self.valid.is_empty() {
            self.message = format!("`{}`: {}", entry.key, self.message);
        }
        self
    }

    /// Sets `entry` aside, unless an entry inside it was already.
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
        Self::custom(format_args!("expected {expected}, found {}", described(found)))
    }

    fn invalid_value(found: Unexpected, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", described(found)))
    }

    fn unknown_field(field: &str, valid: &'static [&'static str]) -> Self {
        Self { valid, ..Self::custom(format_args!("unknown field `{field}`; {}", valid_names(valid))) }
    }

    fn unknown_variant(variant: &str, valid: &'static [&'static str]) -> Self {
        Self { valid, ..Self::custom(format_args!("unknown choice `{variant}`; {}", valid_names(valid))) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("field `{field}` is missing; write it"))
    }
}

/// The end of a message: the names to choose from.
pub(crate) fn valid_names<T: AsRef<str>>(valid: &[T]) -> String {
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
