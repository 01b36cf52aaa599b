//! The columns of an observation row, and the meaning of each.

use crate::path::joined;
use crate::{Block, GridShape, ObservationField, ObservationKind};

/// A column of an observation row.
#[derive(Clone, Copy, Debug)]
pub struct ObservationColumn<'a> {
    field: &'a ObservationField,
    /// The index of the column within its field.
    index: usize,
}

/// The meaning of a column.
enum Meaning<'a> {
    Value(&'a str),
    Cell(GridShape),
    /// A field of an element of a set, and the index of the column within that field.
    Element {
        element: usize,
        field: &'a ObservationField,
        index: usize,
    },
    Count(usize),
}

impl ObservationField {
    /// Returns the column with this index within the field; `None` past the last.
    pub fn column(&self, index: usize) -> Option<ObservationColumn<'_>> {
        ObservationColumn::of_field(self, index)
    }

    /// Returns all of its columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = ObservationColumn<'_>> {
        (0..self.width()).filter_map(|index| self.column(index))
    }
}

impl<'a> ObservationColumn<'a> {
    /// Returns the column with this index within the field; `None` if the field has no such column.
    pub(crate) fn of_field(field: &'a ObservationField, index: usize) -> Option<Self> {
        (index < field.width()).then_some(Self { field, index })
    }

    /// Returns the field of the observation that the column belongs to.
    pub const fn field(self) -> &'a ObservationField {
        self.field
    }

    /// Returns the index of the set's element that the column belongs to; `None` for columns of no element.
    pub fn element(self) -> Option<usize> {
        match self.meaning() {
            Meaning::Element { element, .. } => Some(element),
            Meaning::Value(_) | Meaning::Cell(_) | Meaning::Count(_) => None,
        }
    }

    /// Returns the name within the field: `x`, `3.17.0` of a grid, `2.position.x` or `count` of a set; empty for a
    /// number.
    pub fn part(self) -> String {
        match self.meaning() {
            Meaning::Value(part) => part.to_owned(),
            Meaning::Cell(shape) => shape.part(self.index),
            Meaning::Element { element, field, index } => {
                let part = Self { field, index }.part();
                joined(&element.to_string(), &joined(&field.name, &part))
            }
            Meaning::Count(_) => "count".to_owned(),
        }
    }

    /// Returns the name, such as `ball.x`.
    pub fn name(self) -> String {
        joined(&self.field.name, &self.part())
    }

    /// Returns the name without the index of an element, which is the same for all elements of a set.
    pub fn shared_name(self) -> String {
        match self.meaning() {
            Meaning::Element { field, .. } => joined(&self.field.name, &field.name),
            Meaning::Count(_) => self.name(),
            Meaning::Value(_) | Meaning::Cell(_) => self.field.name.clone(),
        }
    }

    /// Returns the documentation of the value in the game's source.
    pub fn doc(self) -> &'a str {
        match self.meaning() {
            Meaning::Element { field, .. } => &field.doc,
            Meaning::Value(_) | Meaning::Cell(_) | Meaning::Count(_) => &self.field.doc,
        }
    }

    /// Returns the least and the greatest value that the game promises, if it does.
    pub fn range(self) -> Option<(f32, f32)> {
        match self.meaning() {
            Meaning::Element { field, .. } => field.range,
            Meaning::Count(capacity) => Some((0.0, capacity as f32)),
            Meaning::Value(_) | Meaning::Cell(_) => self.field.range,
        }
    }

    /// Returns the kind of the column's values.
    pub fn kind(self) -> ObservationKind {
        match self.meaning() {
            Meaning::Element { field, .. } => field.kind,
            Meaning::Count(_) => ObservationKind::Number,
            Meaning::Value(_) | Meaning::Cell(_) => self.field.kind,
        }
    }

    /// True if only the critic reads the column.
    pub const fn is_critic(self) -> bool {
        self.field.is_critic
    }

    /// True if a run that normalises observations shifts and scales the column.
    ///
    /// It is false for flags, grids and counts. A flag that hardly ever changes would become an outlier, and the numbers
    /// of a grid have one scale already.
    pub fn is_normalized(self) -> bool {
        match self.meaning() {
            Meaning::Value(_) => self.field.kind == ObservationKind::Number,
            Meaning::Element { field, .. } => field.kind == ObservationKind::Number,
            Meaning::Cell(_) | Meaning::Count(_) => false,
        }
    }

    fn meaning(self) -> Meaning<'a> {
        match &self.field.block {
            Block::Values { parts } => Meaning::Value(&parts[self.index]),
            Block::Grid(shape) => Meaning::Cell(*shape),
            Block::Set(shape) => {
                let width = shape.element_width();
                if self.index >= shape.capacity.saturating_mul(width) {
                    return Meaning::Count(shape.capacity);
                }
                let (element, mut index) = (self.index / width, self.index % width);
                for field in &shape.element {
                    if index < field.width() {
                        return Meaning::Element { element, field, index };
                    }
                    index -= field.width();
                }
                unreachable!("the index is less than the width of all fields together")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SetShape;

    fn field(name: &str, block: Block, kind: ObservationKind) -> ObservationField {
        ObservationField {
            name: name.to_owned(),
            doc: String::new(),
            block,
            range: Some((-1.0, 1.0)),
            kind,
            is_critic: false,
        }
    }

    fn enemies() -> ObservationField {
        let element = vec![
            field("position", Block::values(["x", "y"]), ObservationKind::Number),
            field("is_near", Block::values([""]), ObservationKind::Flag),
        ];
        field("enemies", Block::Set(SetShape { capacity: 2, element }), ObservationKind::Number)
    }

    #[test]
    fn columns_of_a_set_are_those_of_its_elements_and_their_count() {
        let enemies = enemies();
        assert_eq!(enemies.width(), 7);
        let columns = enemies.columns().collect::<Vec<_>>();
        let names = columns.iter().map(|column| column.name()).collect::<Vec<_>>();
        assert_eq!(names[..3], ["enemies.0.position.x", "enemies.0.position.y", "enemies.0.is_near"]);
        assert_eq!(names[3..], ["enemies.1.position.x", "enemies.1.position.y", "enemies.1.is_near", "enemies.count"]);
        assert_eq!(columns.iter().map(|column| column.element()).collect::<Vec<_>>()[2..4], [Some(0), Some(1)]);
        assert_eq!((columns[6].element(), columns[6].range()), (None, Some((0.0, 2.0))));
        let normalized = columns.iter().map(|column| column.is_normalized()).collect::<Vec<_>>();
        assert_eq!(normalized, [true, true, false, true, true, false, false]);
        assert_eq!(
            (columns[4].shared_name(), columns[6].shared_name()),
            ("enemies.position".into(), "enemies.count".into())
        );
        assert_eq!(enemies.column(7).map(ObservationColumn::name), None);
    }

    #[test]
    fn a_set_that_no_memory_holds_is_as_large_as_can_be() {
        let element = vec![field("a", Block::values(["x", "y"]), ObservationKind::Number)];
        let set = Block::Set(SetShape { capacity: usize::MAX, element });
        assert_eq!(set.width(), usize::MAX);
        assert_eq!(Block::Set(SetShape { capacity: 3, element: Vec::new() }).width(), 1);
    }

    #[test]
    fn a_field_s_text_is_that_of_former_versions_unless_it_is_a_set() {
        let text = |field: &ObservationField| serde_json::to_string(field).unwrap();
        let ball = field("ball", Block::values(["x", "y"]), ObservationKind::Number);
        assert_eq!(text(&ball), r#"{"name":"ball","doc":"","parts":["x","y"],"range":[-1.0,1.0]}"#);
        let board =
            field("board", Block::Grid(GridShape { height: 1, width: 2, channels: 3 }), ObservationKind::Number);
        let expected =
            r#"{"name":"board","doc":"","parts":[],"grid":{"height":1,"width":2,"channels":3},"range":[-1.0,1.0]}"#;
        assert_eq!(text(&board), expected);
        assert!(
            text(&enemies()).contains(r#""set":{"capacity":2,"element":[{"name":"position""#),
            "{}",
            text(&enemies())
        );
        let secret = ObservationField { is_critic: true, ..ball.clone() };
        let expected = r#"{"name":"ball","doc":"","parts":["x","y"],"range":[-1.0,1.0],"critic":true}"#;
        assert_eq!(text(&secret), expected);
        assert!(
            secret.columns().all(ObservationColumn::is_critic) && !ball.columns().any(ObservationColumn::is_critic)
        );
        for field in [ball, board, enemies(), secret] {
            assert_eq!(serde_json::from_str::<ObservationField>(&text(&field)).unwrap(), field);
        }
    }

    #[test]
    fn a_field_of_two_shapes_is_refused() {
        let refused = |text: &str| serde_json::from_str::<ObservationField>(text).unwrap_err().to_string();
        let grid = r#""grid":{"height":1,"width":2,"channels":3}"#;
        let two = refused(&format!(r#"{{"name":"a","doc":"","parts":["x"],{grid},"range":null}}"#));
        assert!(two.contains("`a` is a grid of 1×2×3 with 1 names"), "{two}");
        let nested = r#"{"name":"b","doc":"","parts":[],"set":{"capacity":1,"element":[]},"range":null}"#;
        let nested =
            format!(r#"{{"name":"a","doc":"","parts":[],"set":{{"capacity":2,"element":[{nested}]}},"range":null}}"#);
        assert!(refused(&nested).contains("elements of `a` have `b`, which is no value"), "{}", refused(&nested));
        let element = r#"{"name":"b","doc":"","parts":[""],"range":null,"critic":true}"#;
        let of_critic =
            format!(r#"{{"name":"a","doc":"","parts":[],"set":{{"capacity":2,"element":[{element}]}},"range":null}}"#);
        assert!(refused(&of_critic).contains("have `b`, which is for the critic alone"), "{}", refused(&of_critic));
    }
}
