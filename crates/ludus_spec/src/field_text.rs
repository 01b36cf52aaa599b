//! The text of an observation's field, the same for values and grids in all versions.

use serde::{Deserialize, Serialize};

use crate::{Block, GridShape, ObservationField, ObservationKind, SetShape};

/// The serialised form of an [`ObservationField`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldText {
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
}

fn is_number(kind: &ObservationKind) -> bool {
    *kind == ObservationKind::Number
}

impl From<ObservationField> for FieldText {
    fn from(field: ObservationField) -> Self {
        let ObservationField { name, doc, block, range, kind } = field;
        let (parts, grid, set) = match block {
            Block::Values { parts } => (parts, None, None),
            Block::Grid(shape) => (Vec::new(), Some(shape), None),
            Block::Set(shape) => (Vec::new(), None, Some(shape)),
        };
        Self { name, doc, parts, grid, set, range, kind }
    }
}

impl TryFrom<FieldText> for ObservationField {
    type Error = String;

    fn try_from(text: FieldText) -> Result<Self, String> {
        let FieldText { name, doc, parts, grid, set, range, kind } = text;
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
        Ok(Self { name, doc, block, range, kind })
    }
}
