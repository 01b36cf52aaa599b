//! RON values with the places at which they were written, so that every problem can be shown with its line.

use std::cell::Cell;
use std::fmt::{self, Display};

/// The place at which a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// The line of the file, counted from 1.
    Line(u32),
    /// The index of the `--set` on the command line, counted from 0.
    Flag(usize),
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The place.
    pub place: Location,
    /// The value.
    pub value: Value,
}

/// The kinds of RON values, as far as configs need them.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `()`
    Unit,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A text in quotes.
    Text(String),
    /// A word on its own, such as `Auto`.
    Name(String),
    /// `[value, value]`
    List(Vec<Node>),
    /// `{ "key": value }`
    Map(Vec<Entry>),
    /// `Name(value, value)`, with or without the name.
    Tuple {
        /// The name, if there is one.
        name: Option<String>,
        /// The values.
        items: Vec<Node>,
    },
    /// `Name(key: value)`, with or without the name.
    Struct {
        /// The name, if there is one.
        name: Option<String>,
        /// The fields.
        entries: Vec<Entry>,
    },
}

/// A named value of a struct or of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// The place of the name.
    pub place: Location,
    /// The value.
    pub node: Node,
    /// Set once its problem is reported, so that the next pass gets past it.
    pub reported: Cell<bool>,
}

impl Entry {
    /// Makes an entry that is not reported.
    pub fn new(key: impl Into<String>, place: Location, node: Node) -> Self {
        Self { key: key.into(), place, node, reported: Cell::new(false) }
    }
}

impl Node {
    /// Makes a node.
    pub fn new(place: Location, value: Value) -> Self {
        Self { place, value }
    }

    /// An empty section.
    pub fn section(place: Location) -> Self {
        Self::new(place, Value::Struct { name: None, entries: Vec::new() })
    }

    /// The named values inside, if this is a struct or a map.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Struct { entries, .. } | Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of this name, if this is a struct or a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// The place of the value at `path`, or of the innermost section around it that was written.
    pub fn place_of(&self, path: &[&str]) -> Location {
        let Some((key, rest)) = path.split_first() else { return self.place };
        match self.entry(key) {
            Some(entry) if rest.is_empty() => entry.place,
            Some(entry) => entry.node.place_of(rest),
            None => self.place,
        }
    }

    /// Sets the place of the value, and of everything inside it, to `place`.
    pub fn relocate(&mut self, place: Location) {
        self.place = place;
        match &mut self.value {
            Value::List(items) | Value::Tuple { items, .. } => items.iter_mut().for_each(|item| item.relocate(place)),
            Value::Map(entries) | Value::Struct { entries, .. } => {
                for entry in entries {
                    entry.place = place;
                    entry.node.relocate(place);
                }
            }
            _ => {}
        }
    }

    /// Writes `node` at `path`. Sections on the way that are missing are added.
    pub fn set(&mut self, path: &[&str], node: Self) {
        let Some((key, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        let place = node.place;
        let entries = self.entries_or_section(place);
        let index = entries.iter().position(|entry| entry.key == *key).unwrap_or_else(|| {
            entries.push(Entry::new(*key, place, Self::section(place)));
            entries.len() - 1
        });
        if rest.is_empty() {
            entries[index].place = place;
        }
        entries[index].node.set(rest, node);
    }

    /// The named values inside. Any other value is replaced by an empty section first.
    fn entries_or_section(&mut self, place: Location) -> &mut Vec<Entry> {
        if self.entries().is_none() {
            *self = Self::section(place);
        }
        match &mut self.value {
            Value::Struct { entries, .. } | Value::Map(entries) => entries,
            _ => unreachable!("made a section above"),
        }
    }
}

/// The value in RON, on one line.
impl Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Unit => formatter.write_str("()"),
            Value::Bool(value) => write!(formatter, "{value}"),
            Value::Integer(value) => write!(formatter, "{value}"),
            Value::Float(value) => write!(formatter, "{value:?}"),
            Value::Text(text) => write_text(formatter, text),
            Value::Name(name) => formatter.write_str(name),
            Value::List(items) => write_items(formatter, items, ["[", "]"]),
            Value::Tuple { name, items } => {
                write_items(formatter, items, [&format!("{}(", name.as_deref().unwrap_or_default()), ")"])
            }
            Value::Map(entries) => {
                formatter.write_str("{")?;
                for (index, entry) in entries.iter().enumerate() {
                    formatter.write_str(if index == 0 { "" } else { ", " })?;
                    write_text(formatter, &entry.key)?;
                    write!(formatter, ": {}", entry.node)?;
                }
                formatter.write_str("}")
            }
            Value::Struct { name, entries } => {
                write!(formatter, "{}(", name.as_deref().unwrap_or_default())?;
                for (index, Entry { key, node, .. }) in entries.iter().enumerate() {
                    write!(formatter, "{}{key}: {node}", if index == 0 { "" } else { ", " })?;
                }
                formatter.write_str(")")
            }
        }
    }
}

fn write_items(formatter: &mut fmt::Formatter<'_>, items: &[Node], [begin, end]: [&str; 2]) -> fmt::Result {
    formatter.write_str(begin)?;
    for (index, item) in items.iter().enumerate() {
        write!(formatter, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    formatter.write_str(end)
}

/// Writes a text in quotes, with escapes that RON knows.
fn write_text(formatter: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(formatter, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use crate::parse;

    #[test]
    fn a_value_is_written_as_it_is_read() {
        for text in [
            "()",
            "true",
            "-3",
            "1e-7",
            "0.5",
            "\"a\\\"b\\\\\"",
            "Auto",
            "[64, 64]",
            "[]",
            "Some(1)",
            "(64, 64)",
            "Linear(from: 0.01, to: 0.0)",
            "(hidden: [64], activation: Tanh)",
            "{\"a\": 1.0, \"b\": [()]}",
        ] {
            let node = parse(text).unwrap();
            assert_eq!(node.to_string(), text);
            assert_eq!(parse(&node.to_string()).unwrap(), node);
        }
    }
}
