//! The fields of an observation: their names, shapes and texts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::GridShape;

/// A field of an observation: neighbouring columns of the row that belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "FieldText", into = "FieldText")]
pub struct ObservationField {
    /// Path from the observation, such as `ball` or `eyes.distance`.
    pub name: String,
    /// The field's documentation in the game's source, its units above all.
    pub doc: String,
    /// The shape.
    pub block: Block,
    /// The least and the greatest value that the game promises, if it does; of a set, those of its elements' fields
    /// count.
    pub range: Option<(f32, f32)>,
    /// The kind of the values in its columns.
    pub kind: ObservationKind,
    /// True if only the critic reads the field. The policy can do without it, so a shipped game need not sense it.
    pub is_critic: bool,
}

/// The kinds of values in the columns of an observation's field.
///
/// It is no part of the layout: rows are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ObservationKind {
    /// A quantity of any scale.
    #[default]
    Number,
    /// 0 or 1: a `bool`, or one of an enum's variants.
    Flag,
}

/// The shape of a field of an observation.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A few values with names.
    Values {
        /// One name per column: `x`, `y`, `z` of a vector, the variants of an enum; a single empty name for a number.
        parts: Vec<String>,
    },
    /// Cells whose neighbourhood matters.
    Grid(GridShape),
    /// Elements in no order, up to a capacity.
    Set(SetShape),
}

/// The shape of a set: any number of elements up to a capacity, in no order.
///
/// Its columns are those of each element in turn, then the count of the elements that are present. Elements that are not
/// present are zeros.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetShape {
    /// The maximum count of elements.
    pub capacity: usize,
    /// The fields of an element, all of them values.
    pub element: Vec<ObservationField>,
}

impl Block {
    /// Makes a block of values with these names.
    pub fn values<T: Into<String>>(parts: impl IntoIterator<Item = T>) -> Self {
        Self::Values { parts: parts.into_iter().map(Into::into).collect() }
    }

    /// Returns the count of columns, `usize::MAX` at most.
    pub fn width(&self) -> usize {
        match self {
            Self::Values { parts } => parts.len(),
            Self::Grid(shape) => shape.count(),
            Self::Set(shape) => shape.count(),
        }
    }

    /// Returns the shape of a grid, if it is one.
    pub const fn grid(&self) -> Option<GridShape> {
        match self {
            Self::Grid(shape) => Some(*shape),
            Self::Values { .. } | Self::Set(_) => None,
        }
    }

    /// Returns the shape of a set, if it is one.
    pub const fn set(&self) -> Option<&SetShape> {
        match self {
            Self::Set(shape) => Some(shape),
            Self::Values { .. } | Self::Grid(_) => None,
        }
    }
}

impl SetShape {
    /// Returns the count of columns of an element, `usize::MAX` at most.
    pub fn element_width(&self) -> usize {
        self.element.iter().map(ObservationField::width).fold(0, usize::saturating_add)
    }

    /// Returns the count of columns, `usize::MAX` at most.
    pub fn count(&self) -> usize {
        self.capacity.saturating_mul(self.element_width()).saturating_add(1)
    }
}

impl fmt::Display for SetShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "up to {} elements of {}", self.capacity, self.element_width())
    }
}

impl ObservationField {
    /// Returns the count of columns that the field takes in a row.
    pub fn width(&self) -> usize {
        self.block.width()
    }

    /// Sets the range of its values; of a set, that of its elements' fields.
    pub fn set_range(&mut self, range: (f32, f32)) {
        self.range = Some(range);
        if let Block::Set(shape) = &mut self.block {
            shape.element.iter_mut().for_each(|field| field.set_range(range));
        }
    }
}

/// The serialised form of an [`ObservationField`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldText {
    name: String,
    doc: String,
    /// The names of values; empty for other blocks, whose columns are too many to be named one by one.
    parts: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grid: Option<GridShape>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<SetShape>,
    range: Option<(f32, f32)>,
    #[serde(default, skip_serializing_if = "is_number")]
    kind: ObservationKind,
    #[serde(default, rename = "critic", skip_serializing_if = "std::ops::Not::not")]
    is_critic: bool,
}

fn is_number(kind: &ObservationKind) -> bool {
    *kind == ObservationKind::Number
}

impl From<ObservationField> for FieldText {
    fn from(field: ObservationField) -> Self {
        let ObservationField { name, doc, block, range, kind, is_critic } = field;
        let (parts, grid, set) = match block {
            Block::Values { parts } => (parts, None, None),
            Block::Grid(shape) => (Vec::new(), Some(shape), None),
            Block::Set(shape) => (Vec::new(), None, Some(shape)),
        };
        Self { name, doc, parts, grid, set, range, kind, is_critic }
    }
}

impl TryFrom<FieldText> for ObservationField {
    type Error = String;

    fn try_from(text: FieldText) -> Result<Self, String> {
        let FieldText { name, doc, parts, grid, set, range, kind, is_critic } = text;
        let block = match (grid, set) {
            (None, None) => Block::Values { parts },
            (Some(shape), None) if parts.is_empty() => Block::Grid(shape),
            (None, Some(shape)) if parts.is_empty() => Block::Set(shape),
            (Some(shape), None) => return Err(format!("`{name}` is a grid of {shape} with {} names", parts.len())),
            (None, Some(_)) => return Err(format!("`{name}` is a set with {} names", parts.len())),
            (Some(_), Some(_)) => return Err(format!("`{name}` is a grid and a set")),
        };
        let is_value = |field: &&ObservationField| matches!(field.block, Block::Values { .. });
        let elements = block.set().map_or(&[][..], |shape| &shape.element);
        if let Some(other) = elements.iter().find(|field| !is_value(field)) {
            return Err(format!("elements of `{name}` have `{}`, which is no value", other.name));
        }
        if let Some(other) = elements.iter().find(|field| field.is_critic) {
            return Err(format!("elements of `{name}` have `{}`, which is for the critic alone", other.name));
        }
        Ok(Self { name, doc, block, range, kind, is_critic })
    }
}
