//! The layout of an agent's rows, as the derives read it off the game's types.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{Block, GridShape, Head, ObservationColumn, ObservationField};

/// The layout of one kind of agent: its observations, its actions and the terms of its reward.
///
/// Widths, names, ranges and heads come from here and are written nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentSpec {
    /// The agent's type, such as `Plate`.
    pub name: String,
    /// The fields of an observation row, in order.
    pub observation: Vec<ObservationField>,
    /// The fields of an action row, in order.
    pub action: Vec<ActionField>,
    /// The terms of the reward, in order.
    pub reward: Vec<RewardTerm>,
    /// True if the agents have masks, with which the game forbids choices.
    ///
    /// It is no part of the layout: rows are the same with and without.
    #[serde(default)]
    pub masked: bool,
    /// The names of the teams that the agents may be in, in the order of their indices; empty for a kind without teams.
    ///
    /// They are no part of the layout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<String>,
}

/// A field of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionField {
    /// Path from the action, such as `rate`.
    pub name: String,
    /// The field's documentation in the game's source.
    pub doc: String,
    /// One name per dimension, or one per choice.
    pub parts: Vec<String>,
    /// The kind of the field: it decides if `parts` are dimensions or choices.
    pub kind: ActionKind,
}

/// The kinds of fields of an action.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ActionKind {
    /// Each part is a number; the policy's -1..=1 is stretched to `low..=high`.
    Continuous {
        /// The value in the game for the policy's -1.
        low: f32,
        /// The value in the game for the policy's 1.
        high: f32,
    },
    /// One of the parts is chosen.
    Discrete,
}

/// A term of the reward. Its weight is the run's, not the game's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardTerm {
    /// The field's name.
    pub name: String,
    /// The field's documentation in the game's source.
    pub doc: String,
    /// True if each member of a team is given the sum of what all members wrote.
    #[serde(default, rename = "team", skip_serializing_if = "std::ops::Not::not")]
    pub is_team: bool,
}

impl AgentSpec {
    /// Returns the count of columns of an observation row, `usize::MAX` at most.
    pub fn observation_width(&self) -> usize {
        self.observation.iter().map(ObservationField::width).fold(0, usize::saturating_add)
    }

    /// True if the agents are in teams: they have [sides](Self::teams), or terms of the reward that a team shares.
    pub fn are_teams(&self) -> bool {
        !self.teams.is_empty() || self.reward.iter().any(|term| term.is_team)
    }

    /// Returns the fields of the observation that only the critic reads.
    pub fn critic_fields(&self) -> impl Iterator<Item = &ObservationField> {
        self.observation.iter().filter(|field| field.is_critic)
    }

    /// Returns the spec without the fields of the observation that only the critic reads: that of a shipped policy.
    #[must_use]
    pub fn without_critic_fields(&self) -> Self {
        let observation = self.observation.iter().filter(|field| !field.is_critic).cloned().collect();
        Self { observation, ..self.clone() }
    }

    /// Returns the count of columns of an action row.
    pub fn action_width(&self) -> usize {
        self.action.iter().map(|field| field.head().action_width()).sum()
    }

    /// Returns the count of columns of a mask row: one per choice of each discrete field; 0 for agents without masks.
    pub fn mask_width(&self) -> usize {
        if self.masked { self.action.iter().map(|field| field.head().mask_width()).sum() } else { 0 }
    }

    /// Returns the distributions of a policy for this agent, in the order of the action row.
    pub fn heads(&self) -> Vec<Head> {
        self.action.iter().map(ActionField::head).collect()
    }

    /// Returns the name of an observation column, such as `ball.x`; `None` past the last.
    pub fn observation_name(&self, column: usize) -> Option<String> {
        self.observation_column(column).map(ObservationColumn::name)
    }

    /// Returns the column with this index; `None` past the last.
    pub fn observation_column(&self, index: usize) -> Option<ObservationColumn<'_>> {
        let mut left = index;
        for field in &self.observation {
            match left.checked_sub(field.width()) {
                Some(rest) => left = rest,
                None => return field.column(left),
            }
        }
        None
    }

    /// Returns the fields of the observation, each with the columns that it takes in a row.
    pub fn fields_with_columns(&self) -> impl Iterator<Item = (&ObservationField, Range<usize>)> {
        self.observation.iter().scan(0_usize, |next, field| {
            let first = *next;
            *next = first.saturating_add(field.width());
            Some((field, first..*next))
        })
    }

    /// Returns the columns that a field of the observation takes in a row, by the field's name; `None` if there is no
    /// such field.
    pub fn field_columns(&self, name: &str) -> Option<Range<usize>> {
        self.fields_with_columns().find(|(field, _)| field.name == name).map(|(_, columns)| columns)
    }

    /// Returns all columns of an observation row, in order.
    pub fn observation_columns(&self) -> impl Iterator<Item = ObservationColumn<'_>> {
        self.observation.iter().flat_map(ObservationField::columns)
    }

    /// Returns a flag per observation column: true if a run that normalises observations shifts and scales the column.
    ///
    /// See [`ObservationColumn::is_normalized`].
    pub fn normalized_columns(&self) -> Vec<bool> {
        self.observation_columns().map(ObservationColumn::is_normalized).collect()
    }

    /// Returns a hash of the layout that a policy depends on: names, widths, kinds and ranges of actions, but not
    /// documentation, and not the fields that only the critic reads.
    ///
    /// A policy and a game with the same hash fit together. FNV-1a, 64 bits.
    pub fn layout_hash(&self) -> u64 {
        self.hash_of(|field| !field.is_critic)
    }

    /// Returns a hash of the layout of whole rows: as [`layout_hash`](Self::layout_hash), and the fields that only the
    /// critic reads. Both are the same if there are none.
    pub fn row_hash(&self) -> u64 {
        self.hash_of(|_| true)
    }

    fn hash_of(&self, is_part: impl Fn(&ObservationField) -> bool) -> u64 {
        let mut hash = Fnv::default();
        hash.text(&self.name);
        for field in self.observation.iter().filter(|field| is_part(field)) {
            hash.observation(if field.is_critic { "critic" } else { "observation" }, field);
        }
        for field in &self.action {
            hash.text("action").text(&field.name).texts(&field.parts);
            if let ActionKind::Continuous { low, high } = field.kind {
                hash.bytes(&low.to_le_bytes()).bytes(&high.to_le_bytes());
            }
        }
        hash.0
    }

    /// Returns the first difference in layout from `trained`, the spec that a policy was trained for, as the rest of a
    /// sentence: "field `ball` had 3 values, now 2". `None` if a policy for one fits the other, whatever the critic
    /// reads.
    pub fn difference_from(&self, trained: &Self) -> Option<String> {
        self.difference_in(trained, |field| !field.is_critic)
    }

    /// Returns the first difference between whole rows, those of fields that only the critic reads included, as the rest
    /// of a sentence. `None` if a critic for one fits the other too.
    pub fn row_difference_from(&self, trained: &Self) -> Option<String> {
        let moved = self
            .observation
            .iter()
            .zip(&trained.observation)
            .find(|(now, was)| now.name == was.name && now.is_critic != was.is_critic);
        let readers = |is_critic| if is_critic { "the critic alone" } else { "policy and critic" };
        self.difference_in(trained, |_| true).or_else(|| {
            let (now, was) = moved?;
            let [was, is] = [was, now].map(|field| readers(field.is_critic));
            Some(format!("observation field `{}` was for {was}, now for {is}", now.name))
        })
    }

    fn difference_in(&self, trained: &Self, is_part: impl Fn(&ObservationField) -> bool) -> Option<String> {
        if self.name != trained.name {
            return Some(format!("the agent was `{}`, now `{}`", trained.name, self.name));
        }
        let [observed, observed_then] = [self, trained].map(|spec| {
            let parts = spec.observation.iter().filter(|field| is_part(field));
            parts.map(Columns::of_observation).collect::<Vec<_>>()
        });
        let acted = self.action.iter().map(Columns::of_action).collect::<Vec<_>>();
        let acted_then = trained.action.iter().map(Columns::of_action).collect::<Vec<_>>();
        first_difference("observation", &observed_then, &observed)
            .or_else(|| first_difference("action", &acted_then, &acted))
            .or_else(|| self.kind_difference_from(trained))
    }

    fn kind_difference_from(&self, trained: &Self) -> Option<String> {
        let changed = self.action.iter().zip(&trained.action).find(|(now, was)| now.kind != was.kind)?;
        Some(format!("action field `{}` was {:?}, now {:?}", changed.0.name, changed.1.kind, changed.0.kind))
    }
}

impl ActionField {
    /// Returns the distribution that decides the field.
    pub fn head(&self) -> Head {
        match self.kind {
            ActionKind::Continuous { .. } => Head::Gaussian { width: self.parts.len() },
            ActionKind::Discrete => Head::Categorical { choices: self.parts.len() },
        }
    }
}

/// The layout of a field's columns, for comparison.
struct Columns<'a> {
    name: &'a str,
    shape: Shape<'a>,
}

/// A shape that is compared without documentation, ranges and kinds.
#[derive(PartialEq)]
enum Shape<'a> {
    Parts(&'a [String]),
    Grid(GridShape),
    /// The capacity, and the names of an element's columns.
    Set(usize, Vec<String>),
}

impl<'a> Columns<'a> {
    fn of_observation(field: &'a ObservationField) -> Self {
        let shape = match &field.block {
            Block::Values { parts } => Shape::Parts(parts),
            Block::Grid(shape) => Shape::Grid(*shape),
            Block::Set(shape) => {
                let names = shape.element.iter().flat_map(ObservationField::columns).map(ObservationColumn::name);
                Shape::Set(shape.capacity, names.collect())
            }
        };
        Self { name: &field.name, shape }
    }

    fn of_action(field: &'a ActionField) -> Self {
        Self { name: &field.name, shape: Shape::Parts(&field.parts) }
    }

    /// The first difference from what the field was, as the rest of a sentence about it.
    fn difference_from(&self, was: &Self) -> String {
        match (&was.shape, &self.shape) {
            (Shape::Grid(was), Shape::Grid(is)) => format!("was a grid of {was}, now of {is}"),
            (Shape::Parts(was), Shape::Parts(is)) if was.len() != is.len() => {
                format!("had {} values, now {}", was.len(), is.len())
            }
            (Shape::Parts(was), Shape::Parts(is)) => format!("was {}, now {}", was.join("/"), is.join("/")),
            (Shape::Set(was, before), Shape::Set(is, now)) if was != is && before == now => {
                format!("was a set of up to {was} elements, now of {is}")
            }
            (Shape::Set(_, was), Shape::Set(_, is)) => {
                format!("had elements of {}, now of {}", was.join("/"), is.join("/"))
            }
            (Shape::Parts(was), is) => format!("had {} values, now is {is}", was.len()),
            (was, Shape::Parts(is)) => format!("was {was}, now has {} values", is.len()),
            (was, is) => format!("was {was}, now is {is}"),
        }
    }
}

impl fmt::Display for Shape<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts(parts) => write!(formatter, "{} values", parts.len()),
            Self::Grid(shape) => write!(formatter, "a grid of {shape}"),
            Self::Set(capacity, parts) => {
                write!(formatter, "a set of up to {capacity} elements of {} values", parts.len())
            }
        }
    }
}

fn first_difference(what: &str, was: &[Columns], is: &[Columns]) -> Option<String> {
    for (index, field) in is.iter().enumerate() {
        let name = field.name;
        let Some(then) = was.get(index) else {
            return Some(format!("{what} field `{name}` is new"));
        };
        if name != then.name {
            return Some(format!("{what} field {} was `{}`, now `{name}`", index + 1, then.name));
        }
        if field.shape != then.shape {
            return Some(format!("{what} field `{name}` {}", field.difference_from(then)));
        }
    }
    was.get(is.len()).map(|field| format!("{what} field `{}` is gone", field.name))
}

/// FNV-1a: Fowler, Noll and Vo; small, stable across releases of the standard library.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self
    }

    /// The text and an end mark, so that `ab`, `c` differs from `a`, `bc`.
    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes()).bytes(&[0xff])
    }

    fn sizes<const N: usize>(&mut self, sizes: [usize; N]) -> &mut Self {
        sizes.into_iter().fold(self, |hash, size| hash.bytes(&(size as u64).to_le_bytes()))
    }

    fn observation(&mut self, what: &str, field: &ObservationField) {
        self.text(what).text(&field.name);
        match &field.block {
            Block::Values { parts } => {
                self.texts(parts);
            }
            Block::Grid(GridShape { height, width, channels }) => {
                self.texts(&[]).text("grid").sizes([*height, *width, *channels]);
            }
            Block::Set(shape) => {
                self.texts(&[]).text("set").sizes([shape.capacity, shape.element.len()]);
                shape.element.iter().for_each(|field| self.observation("element", field));
            }
        }
    }

    fn texts(&mut self, texts: &[String]) -> &mut Self {
        for text in texts {
            self.text(text);
        }
        self.bytes(&[0xfe])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObservationKind;

    fn sensed(fields: &[(&str, &[&str])]) -> AgentSpec {
        let field = |&(name, parts): &(&str, &[&str])| ObservationField {
            name: name.to_owned(),
            doc: String::new(),
            block: Block::values(parts.iter().copied()),
            range: None,
            kind: ObservationKind::Number,
            is_critic: false,
        };
        AgentSpec { name: "Plate".to_owned(), observation: fields.iter().map(field).collect(), ..AgentSpec::default() }
    }

    #[test]
    fn columns_have_names() {
        let spec = sensed(&[("tilt", &["x", "y"]), ("speed", &[""])]);
        assert_eq!(spec.observation_width(), 3);
        assert_eq!(spec.observation_name(1).as_deref(), Some("tilt.y"));
        assert_eq!(spec.observation_name(2).as_deref(), Some("speed"));
        assert_eq!(spec.observation_name(3), None);
        assert_eq!((spec.field_columns("tilt"), spec.field_columns("speed")), (Some(0..2), Some(2..3)));
        assert_eq!(spec.field_columns("tilt.y"), None);
    }

    #[test]
    fn a_difference_is_a_sentence() {
        let trained = sensed(&[("tilt", &["x", "y"]), ("ball", &["x", "y", "z"])]);
        let check = |now: &AgentSpec, expected: Option<&str>| {
            assert_eq!(now.difference_from(&trained).as_deref(), expected);
            assert_eq!(now.layout_hash() == trained.layout_hash(), expected.is_none());
        };
        check(&trained.clone(), None);
        check(
            &sensed(&[("tilt", &["x", "y"]), ("ball", &["x", "y"])]),
            Some("observation field `ball` had 3 values, now 2"),
        );
        check(&sensed(&[("tilt", &["x", "y"])]), Some("observation field `ball` is gone"));
        check(
            &sensed(&[("ball", &["x", "y"]), ("ball", &["x", "y", "z"])]),
            Some("observation field 1 was `tilt`, now `ball`"),
        );
    }

    /// A policy stays valid in a game that adds, changes or removes a field for the critic. A critic does not.
    #[test]
    fn what_the_critic_reads_is_no_part_of_a_policy_s_layout() {
        let trained = sensed(&[("tilt", &["x", "y"]), ("speed", &[""])]);
        let with = |parts: &[&str], is_critic| {
            let mut spec = sensed(&[("tilt", &["x", "y"]), ("wind", parts), ("speed", &[""])]);
            spec.observation[1].is_critic = is_critic;
            spec
        };
        let secret = with(&["x"], true);
        assert_eq!(secret.layout_hash(), trained.layout_hash());
        assert_eq!((secret.difference_from(&trained), trained.difference_from(&secret)), (None, None));
        assert_eq!(secret.without_critic_fields(), trained);
        assert_eq!(secret.critic_fields().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["wind"]);
        let is_critic = secret.observation_columns().map(ObservationColumn::is_critic).collect::<Vec<_>>();
        assert_eq!(is_critic, [false, false, true, false]);
        let rows = |now: &AgentSpec, was: &AgentSpec, expected: Option<&str>| {
            assert_eq!(now.row_difference_from(was).as_deref(), expected);
            assert_eq!(now.row_hash() == was.row_hash(), expected.is_none());
        };
        rows(&secret, &secret, None);
        rows(&secret, &trained, Some("observation field 2 was `speed`, now `wind`"));
        rows(&with(&["x", "z"], true), &secret, Some("observation field `wind` had 1 values, now 2"));
        let open = with(&["x"], false);
        rows(&open, &secret, Some("observation field `wind` was for the critic alone, now for policy and critic"));
        assert_eq!(open.difference_from(&secret).unwrap(), "observation field 2 was `speed`, now `wind`");
        assert_eq!(open.row_hash(), open.layout_hash());
    }

    fn board(height: usize, width: usize) -> AgentSpec {
        let mut spec = sensed(&[("speed", &[""]), ("board", &[])]);
        spec.observation[1].block = Block::Grid(GridShape { height, width, channels: 3 });
        spec
    }

    #[test]
    fn a_grid_says_its_shape_and_names_no_column() {
        let spec = board(20, 20);
        assert_eq!(spec.observation_width(), 1201);
        assert_eq!(spec.observation_name(0).as_deref(), Some("speed"));
        assert_eq!(spec.observation_name(2 + 3 * (3 * 20 + 17)).as_deref(), Some("board.3.17.1"));
        let text = serde_json::to_string(&spec).unwrap();
        assert!(text.contains(r#""grid":{"height":20,"width":20,"channels":3}"#) && text.len() < 300, "{text}");
        assert_eq!(serde_json::from_str::<AgentSpec>(&text).unwrap(), spec);
    }

    #[test]
    fn flags_and_grids_are_not_normalized() {
        let mut spec = sensed(&[("speed", &[""]), ("gear", &["slow", "fast"]), ("board", &[])]);
        spec.observation[1].kind = ObservationKind::Flag;
        spec.observation[2].block = Block::Grid(GridShape { height: 1, width: 2, channels: 1 });
        assert_eq!(spec.normalized_columns(), [true, false, false, false, false]);
        // The kind is saved unless it is `Number`; older files don't have it.
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(text.matches("kind").count(), 1, "{text}");
        assert_eq!(serde_json::from_str::<AgentSpec>(&text).unwrap(), spec);
        let mut before = spec.clone();
        before.observation[1].kind = ObservationKind::Number;
        assert_eq!((before.layout_hash(), before.difference_from(&spec)), (spec.layout_hash(), None));
    }

    #[test]
    fn another_shape_is_another_layout() {
        let check = |now: &AgentSpec, trained: &AgentSpec, expected: &str| {
            assert_eq!(now.difference_from(trained).as_deref(), Some(expected));
            assert_ne!(now.layout_hash(), trained.layout_hash());
        };
        let flat = sensed(&[("speed", &[""]), ("board", &["x", "y"])]);
        check(&board(10, 40), &board(20, 20), "observation field `board` was a grid of 20×20×3, now of 10×40×3");
        check(&board(2, 2), &flat, "observation field `board` had 2 values, now is a grid of 2×2×3");
        check(&flat, &board(2, 2), "observation field `board` was a grid of 2×2×3, now has 2 values");
        assert_eq!(board(20, 20).difference_from(&board(20, 20)), None);
    }

    #[test]
    fn a_mask_has_a_column_per_choice_where_there_are_masks() {
        let field = |parts: &[&str], kind| ActionField {
            name: String::new(),
            doc: String::new(),
            parts: parts.iter().map(|&part| part.to_owned()).collect(),
            kind,
        };
        let continuous = field(&["x", "y"], ActionKind::Continuous { low: -1.0, high: 1.0 });
        let action = vec![
            field(&["no", "yes"], ActionKind::Discrete),
            continuous,
            field(&["a", "b", "c"], ActionKind::Discrete),
        ];
        let spec = AgentSpec { action, ..AgentSpec::default() };
        assert_eq!(spec.mask_width(), 0);
        let masked = AgentSpec { masked: true, ..spec.clone() };
        assert_eq!(masked.mask_width(), 5);
        assert_eq!((masked.layout_hash(), masked.difference_from(&spec)), (spec.layout_hash(), None));
    }

    #[test]
    fn documentation_is_not_layout() {
        let mut spec = sensed(&[("tilt", &["x"])]);
        let hash = spec.layout_hash();
        spec.observation[0].doc.push_str("Radians.");
        assert_eq!(spec.layout_hash(), hash);
    }
}
