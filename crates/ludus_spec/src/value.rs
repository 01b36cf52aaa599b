//! Actions in the ranges and units of the game.

use crate::{ActionField, ActionKind, AgentSpec};

/// The value of an action's field in the game.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionValue<'a> {
    /// One number per dimension, in the field's own range and units.
    Numbers(Vec<f32>),
    /// One of the choices.
    Choice {
        /// Its place among the field's choices, from 0.
        index: usize,
        /// Its name in the game.
        name: &'a str,
    },
}

impl AgentSpec {
    /// Converts a row of actions, as a policy writes it, to the values in the game: each field with its name, in order.
    ///
    /// Numbers are clamped to -1..=1 and stretched to their range, and choices are looked up by their index. The values
    /// are those of the game's own components after the decision, bit for bit.
    ///
    /// ```
    /// # use ludus_spec::{ActionField, ActionKind, ActionValue, AgentSpec};
    /// # let field = |name: &str, parts: &[&str], kind| ActionField {
    /// #     name: name.into(), doc: "".into(), parts: parts.iter().map(|&part| part.into()).collect(), kind,
    /// # };
    /// # let spec = AgentSpec {
    /// #     action: vec![
    /// #         field("throttle", &[""], ActionKind::Continuous { low: 0.0, high: 20.0 }),
    /// #         field("gear", &["back", "forward"], ActionKind::Discrete),
    /// #     ],
    /// #     ..AgentSpec::default()
    /// # };
    /// let values = spec.action_values(&[0.5, 1.0]);
    /// assert_eq!(values[0], ("throttle", ActionValue::Numbers(vec![15.0])));
    /// assert_eq!(values[1], ("gear", ActionValue::Choice { index: 1, name: "forward" }));
    /// ```
    ///
    /// # Panics
    ///
    /// If the row is shorter than [`action_width`](Self::action_width).
    pub fn action_values(&self, row: &[f32]) -> Vec<(&str, ActionValue<'_>)> {
        let mut rest = row;
        let value = |field| {
            let own;
            (own, rest) = rest.split_at(ActionField::head(field).action_width());
            (field.name.as_str(), field.value(own))
        };
        self.action.iter().map(value).collect()
    }
}

impl ActionField {
    /// Converts the field's own columns of a row of actions to its value in the game.
    fn value(&self, columns: &[f32]) -> ActionValue<'_> {
        match self.kind {
            ActionKind::Continuous { low, high } => {
                ActionValue::Numbers(columns.iter().map(|&column| stretched(column, (low, high))).collect())
            }
            ActionKind::Discrete => {
                // An index without a choice counts as the first choice, as in the game.
                let index = Some(columns[0] as usize).filter(|&index| index < self.parts.len()).unwrap_or(0);
                ActionValue::Choice { index, name: self.parts.get(index).map_or("", String::as_str) }
            }
        }
    }
}

/// Stretches a column of a row of actions to its field's range: `middle + half · clamp(column)`, exact for the range
/// -1..=1, and never outside the range. NaN becomes the middle, so that no later code has to handle it.
#[inline]
#[must_use]
pub fn stretched(column: f32, (low, high): (f32, f32)) -> f32 {
    let clamped = if column.is_nan() { 0.0 } else { column.clamp(-1.0, 1.0) };
    // Halved before the difference, which might overflow.
    (low.midpoint(high) + (high * 0.5 - low * 0.5) * clamped).max(low).min(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_row_holds_its_values_are_the_games() {
        let numbers = ActionKind::Continuous { low: -2.0, high: 4.0 };
        let field = |parts: &[&str], kind| ActionField {
            name: "field".to_owned(),
            doc: String::new(),
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            kind,
        };
        let action = vec![field(&["no", "yes"], ActionKind::Discrete), field(&["x", "y", "z", "w"], numbers)];
        let spec = AgentSpec { action, ..AgentSpec::default() };
        let values = spec.action_values(&[9.0, -7.0, 0.5, f32::NAN, f32::INFINITY]);
        assert_eq!(values[0].1, ActionValue::Choice { index: 0, name: "no" });
        assert_eq!(values[1].1, ActionValue::Numbers(vec![-2.0, 2.5, 1.0, 4.0]));
        assert_eq!(spec.action_values(&[1.0, 0.0, 0.0, 0.0, 0.0])[0].1, ActionValue::Choice { index: 1, name: "yes" });
    }
}
