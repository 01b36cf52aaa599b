//! RON values that remember where they were written, so that every problem can be shown with its line.

use std::cell::Cell;

/// Where a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// This line of the file, counted from 1.
    Line(u32),
    /// This `--set` of the command line, counted from 0.
    Flag(usize),
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub place: Place,
    pub value: Value,
}

/// What RON can say, as far as configs need it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Unit,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// A word on its own, such as `Auto`.
    Name(String),
    List(Vec<Node>),
    /// `{ "key": value }`
    Map(Vec<Entry>),
    /// `Name(value, value)`, with or without the name.
    Tuple {
        name: Option<String>,
        items: Vec<Node>,
    },
    /// `Name(key: value)`, with or without the name.
    Struct {
        name: Option<String>,
        entries: Vec<Entry>,
    },
}

/// A named value of a struct or of a map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
    /// Set once its problem is reported, so that the next pass gets past it.
    pub reported: Cell<bool>,
}

impl Entry {
    pub fn new(key: impl Into<String>, place: Place, node: Node) -> Self {
        Self { key: key.into(), place, node, reported: Cell::new(false) }
    }
}

impl Node {
    pub fn new(place: Place, value: Value) -> Self {
        Self { place, value }
    }

    /// An empty section.
    pub fn section(place: Place) -> Self {
        Self::new(place, Value::Struct { name: None, entries: Vec::new() })
    }

    /// The named values inside, if this is a struct or a map.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Struct { entries, .. } | Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// Where the value at `path` was written, or the innermost section around it that was.
    pub fn place_of(&self, path: &[&str]) -> Place {
        let Some((key, rest)) = path.split_first() else { return self.place };
        match self.entry(key) {
            Some(entry) if rest.is_empty() => entry.place,
            Some(entry) => entry.node.place_of(rest),
            None => self.place,
        }
    }

    /// Says that the value and all inside it was written at `place`.
    pub fn relocate(&mut self, place: Place) {
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

    /// Writes `node` at `path`, with the sections on the way.
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

    /// The named values inside; whatever else this was gives way to a section, since a value inside it is asked for.
    fn entries_or_section(&mut self, place: Place) -> &mut Vec<Entry> {
        if self.entries().is_none() {
            *self = Self::section(place);
        }
        match &mut self.value {
            Value::Struct { entries, .. } | Value::Map(entries) => entries,
            _ => unreachable!("made a section above"),
        }
    }
}
