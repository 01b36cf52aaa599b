//! Observations, field by field as the game's source has them: one finding per field, however many columns it has.

use ludus_spec::{AgentSpec, ObservationColumn};

use crate::finding::Finding;

/// The absolute value above which an observation is reported: it is of no use to a network, and mostly still grows.
pub(crate) const EXPLODED: f32 = 1e6;

/// The part of a field's range by which an observation may be outside of it, because of rounding.
const RANGE_TOLERANCE: f32 = 1e-3;

/// The range of flags and of one-hot columns.
const FLAG: (f32, f32) = (0.0, 1.0);

/// The observed values of a field: all of its columns, and all elements of a list, together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    /// The name without the indices of lists, such as `rays.distance`.
    pub name: String,
    pub low: f32,
    pub high: f32,
    range: Option<(f32, f32)>,
    is_critic: bool,
    /// True if a column has changed.
    has_changed: bool,
}

/// The least and the greatest value of an observation's column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ColumnRange {
    pub low: f32,
    pub high: f32,
}

impl ColumnRange {
    /// The range before the first value.
    pub const EMPTY: Self = Self { low: f32::INFINITY, high: f32::NEG_INFINITY };

    pub const fn see(&mut self, value: f32) {
        self.low = self.low.min(value);
        self.high = self.high.max(value);
    }

    pub const fn is_constant(self) -> bool {
        self.low >= self.high
    }
}

/// The fields of an observation whose columns are `columns`.
pub(crate) fn fields(spec: &AgentSpec, columns: &[ColumnRange]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for (column, seen) in spec.observation_columns().zip(columns) {
        let (name, range) = (without_indices(&column.shared_name()), range(column));
        let is_critic = column.is_critic();
        let is_same = |known: &Field| known.name == name && known.range == range && known.is_critic == is_critic;
        let index = fields.iter().rposition(is_same).unwrap_or_else(|| {
            fields.push(Field { is_critic, ..Field::new(name, range) });
            fields.len() - 1
        });
        fields[index].add(*seen);
    }
    fields
}

/// The range of a column. Elements of a set that are not present are zeros.
fn range(column: ObservationColumn<'_>) -> Option<(f32, f32)> {
    let (low, high) = column.range()?;
    Some(if column.element().is_some() { (low.min(0.0), high.max(0.0)) } else { (low, high) })
}

/// The name without the indices of lists: `rays.distance` for `rays.3.distance`.
pub(crate) fn without_indices(name: &str) -> String {
    let is_index = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    name.split('.').filter(|part| !is_index(part)).collect::<Vec<_>>().join(".")
}

impl Field {
    const fn new(name: String, range: Option<(f32, f32)>) -> Self {
        Self { name, low: f32::INFINITY, high: f32::NEG_INFINITY, range, is_critic: false, has_changed: false }
    }

    fn add(&mut self, column: ColumnRange) {
        self.low = self.low.min(column.low);
        self.high = self.high.max(column.high);
        self.has_changed |= !column.is_constant();
    }

    /// The first problem of the field after `steps` steps of random actions, if it has one.
    pub fn finding(&self, steps: u64) -> Option<Finding> {
        self.exploded().or_else(|| self.out_of_range()).or_else(|| self.unchanged(steps))
    }

    /// The finding that values are beyond [`EXPLODED`], if they are.
    pub fn exploded(&self) -> Option<Finding> {
        let most = self.low.abs().max(self.high.abs());
        let remedy = "observe it relative to the agent, divided by what is usual, or clamped";
        (most > EXPLODED).then(|| Finding::new(format!("{} reached {most:e}", self.shown()), remedy))
    }

    fn out_of_range(&self) -> Option<Finding> {
        let (least, greatest) = self.range?;
        let tolerance = RANGE_TOLERANCE * (greatest - least);
        if self.low >= least - tolerance && self.high <= greatest + tolerance {
            return None;
        }
        let Self { low, high, .. } = self;
        let what = format!("{} was from {low} to {high}, its range says {least} to {greatest}", self.shown());
        Some(Finding::new(what, "correct the range, or clamp what is observed"))
    }

    fn unchanged(&self, steps: u64) -> Option<Finding> {
        if self.has_changed || self.is_flag() {
            return None;
        }
        let Self { low, high, .. } = self;
        let value = if low == high { format!("{low}") } else { "the same in every column".to_owned() };
        let what = format!("{} was always {value} in {steps} steps of random actions", self.shown());
        let remedy = "if no system of the `SenseAgents` schedule writes it, write it there or leave the field out; if it only \
                      changes seldom or later, nothing is wrong";
        Some(Finding::new(what, remedy))
    }

    /// True for a flag. That it never changed is no finding, since flags may change seldom.
    fn is_flag(&self) -> bool {
        let is_flag = |value: f32| value == 0.0 || value == 1.0;
        self.range == Some(FLAG) && is_flag(self.low) && is_flag(self.high)
    }

    fn shown(&self) -> String {
        match (&*self.name, self.is_critic) {
            ("", _) => "the observation".to_owned(),
            (name, false) => format!("observation `{name}`"),
            (name, true) => format!("observation `{name}`, for the critic alone,"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::{Block, GridShape, ObservationField, ObservationKind, SetShape};

    use super::*;

    fn field(name: &str, parts: &[&str], range: Option<(f32, f32)>) -> ObservationField {
        let (name, doc, kind) = (name.to_owned(), String::new(), ObservationKind::Number);
        ObservationField { name, doc, block: Block::values(parts.iter().copied()), kind, range, is_critic: false }
    }

    /// Checks the findings about an observation with these fields, whose columns had these ranges.
    fn check(observation: Vec<ObservationField>, columns: &[(f32, f32)], expected: &[&str]) {
        let spec = AgentSpec { observation, ..AgentSpec::default() };
        assert_eq!(spec.observation_width(), columns.len());
        let columns: Vec<_> = columns.iter().map(|&(low, high)| ColumnRange { low, high }).collect();
        let found = fields(&spec, &columns).iter().filter_map(|field| field.finding(9)).collect::<Vec<_>>();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.what.starts_with(expected), "`{}`, not `{expected}`", found.what);
        }
    }

    #[test]
    fn a_field_has_one_finding_however_many_columns_it_has() {
        let ball = || field("ball", &["x", "y", "z"], None);
        check(vec![ball()], &[(0.0, 0.0); 3], &["observation `ball` was always 0 in 9 steps"]);
        check(vec![ball()], &[(0.0, 0.0), (0.0, 1.0), (0.0, 0.0)], &[]);
        check(vec![ball()], &[(0.0, 2e7), (-3e8, 0.0), (0.0, 0.0)], &["observation `ball` reached 3e8"]);
        let ray = |index: u32| field(&format!("rays.{index}.distance"), &[""], Some((0.0, 2.0)));
        let expected = ["observation `rays.distance` was from -1 to 3, its range says 0 to 2"];
        check((0..4).map(ray).collect(), &[(0.0, 3.0), (0.5, 1.0), (-1.0, 0.0), (1.0, 1.0)], &expected);
    }

    #[test]
    fn a_flag_that_never_changes_is_no_finding() {
        check(vec![field("touching", &[""], Some(FLAG))], &[(0.0, 0.0)], &[]);
        check(vec![field("mode", &["walk", "swim"], Some(FLAG))], &[(1.0, 1.0), (0.0, 0.0)], &[]);
        check(vec![field("charge", &[""], Some(FLAG))], &[(0.5, 0.5)], &["observation `charge` was always 0.5"]);
    }

    #[test]
    fn a_field_for_the_critic_is_named_as_one() {
        let wind = ObservationField { is_critic: true, ..field("wind", &["x", "y"], None) };
        let expected = ["observation `wind`, for the critic alone, was always 0 in 9 steps"];
        check(vec![wind], &[(0.0, 0.0); 2], &expected);
    }

    #[test]
    fn a_grid_is_as_wide_as_its_cells() {
        let block = Block::Grid(GridShape { height: 1, width: 2, channels: 2 });
        let board = ObservationField { block, ..field("board", &[], None) };
        let speed = || field("speed", &[""], Some((-1.0, 1.0)));
        let columns = [(0.0, 0.0), (0.0, 5.0), (0.0, 0.0), (0.0, 0.0), (-1.0, 1.0)];
        check(vec![board.clone(), speed()], &columns, &[]);
        let columns = [(0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (-1.0, 2.0)];
        check(vec![board, speed()], &columns, &["observation `speed` was from -1 to 2"]);
    }

    /// Absent elements are zeros, which may be outside the range of those that are present.
    #[test]
    fn a_set_has_one_finding_for_each_field_of_its_elements() {
        let element = vec![field("size", &[""], Some((1.0, 2.0))), field("at", &["x", "y"], None)];
        let set = |capacity| Block::Set(SetShape { capacity, element: element.clone() });
        let enemies = ObservationField { block: set(2), ..field("enemies", &[], None) };
        let columns = [(0.0, 2.0), (0.0, 0.0), (0.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 2.0)];
        check(vec![enemies.clone()], &columns, &["observation `enemies.at` was always 0"]);
        let columns = [(0.0, 3.0), (0.0, 1.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)];
        let expected = ["observation `enemies.size` was from 0 to 3, its range says 0 to 2"];
        check(vec![enemies], &columns, &[expected[0], "observation `enemies.count` was always 0"]);
    }
}
