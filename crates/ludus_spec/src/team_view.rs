//! The observations of a team's other members, as a field for the critic alone.

use crate::path::joined;
use crate::{AgentSpec, Block, ObservationField, ObservationKind, SetShape};

/// The name of the field.
pub const TEAM_VIEW: &str = "team";

impl AgentSpec {
    /// Returns the spec of rows that also have the observations of the team's other members, as a set of up to `members`
    /// elements. The field, [`TEAM_VIEW`], is the last one and for the critic alone.
    ///
    /// An element has the columns of an observation. Elements are made of values, so the cells of a grid and the elements of
    /// a set are values there, each with its own place.
    #[must_use]
    pub fn with_team_view(&self, members: usize) -> Self {
        let element = self.observation.iter().flat_map(as_values);
        let view = ObservationField {
            name: TEAM_VIEW.to_owned(),
            doc: "The observations of the other members of the team.".to_owned(),
            block: Block::Set(SetShape { capacity: members, element: element.collect() }),
            range: None,
            kind: ObservationKind::Number,
            is_critic: true,
        };
        let mut spec = self.clone();
        spec.observation.push(view);
        spec
    }

    /// Returns the spec without the field of [`with_team_view`](Self::with_team_view), if it has it.
    #[must_use]
    pub fn without_team_view(&self) -> Self {
        let observation = self.observation.iter().filter(|field| view_shape(field).is_none()).cloned().collect();
        Self { observation, ..self.clone() }
    }

    /// Returns the shape of the field of [`with_team_view`](Self::with_team_view), if it has it.
    pub fn team_view(&self) -> Option<&SetShape> {
        self.observation.iter().find_map(view_shape)
    }

    /// Returns the reason that the team's observations can't be a set, as a sentence with the remedy; `None` if they can.
    pub fn team_view_problem(&self) -> Option<String> {
        let agent = &self.name;
        if !self.are_teams() {
            return Some(format!(
                "`{agent}` is in no team: give terms of its reward `#[reward(team)]`, or its agents sides by `#[agent(…, \
                 team = …)]`"
            ));
        }
        if self.observation.iter().any(|field| field.name == TEAM_VIEW) {
            return Some(format!(
                "the critic would observe a field `{TEAM_VIEW}`, and `{agent}` has one of that name; rename it"
            ));
        }
        None
    }
}

/// Returns a field as fields of values with the same columns.
fn as_values(field: &ObservationField) -> Vec<ObservationField> {
    let values = |name: String, parts: Vec<String>, kind| ObservationField {
        name,
        block: Block::Values { parts },
        kind,
        is_critic: false,
        ..field.clone()
    };
    match &field.block {
        Block::Values { parts } => vec![values(field.name.clone(), parts.clone(), field.kind)],
        // Cells have one scale already, as flags have: they are not normalised.
        Block::Grid(shape) => {
            let cells = (0..shape.count()).map(|cell| shape.part(cell)).collect();
            vec![values(field.name.clone(), cells, ObservationKind::Flag)]
        }
        Block::Set(shape) => {
            let mut fields = Vec::new();
            for element in 0..shape.capacity {
                let place = joined(&field.name, &element.to_string());
                let of_element = shape.element.iter().flat_map(as_values);
                fields.extend(of_element.map(|part| ObservationField { name: joined(&place, &part.name), ..part }));
            }
            let count = values(joined(&field.name, "count"), vec![String::new()], ObservationKind::Flag);
            fields.push(ObservationField { range: Some((0.0, shape.capacity as f32)), ..count });
            fields
        }
    }
}

/// Returns the shape of a field that is the view of a team.
fn view_shape(field: &ObservationField) -> Option<&SetShape> {
    field.block.set().filter(|_| field.name == TEAM_VIEW && field.is_critic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GridShape, RewardTerm};

    fn field(name: &str, parts: &[&str]) -> ObservationField {
        ObservationField {
            name: name.to_owned(),
            doc: String::new(),
            block: Block::values(parts.iter().copied()),
            range: Some((-1.0, 1.0)),
            kind: ObservationKind::Number,
            is_critic: name == "wind",
        }
    }

    fn spec() -> AgentSpec {
        let reward = vec![RewardTerm { name: "goal".to_owned(), doc: String::new(), is_team: true }];
        let observation = vec![field("place", &["x", "y"]), field("wind", &[""])];
        AgentSpec { name: "Pusher".to_owned(), observation, reward, ..AgentSpec::default() }
    }

    #[test]
    fn a_team_view_is_a_set_of_observations_for_the_critic_alone() {
        let (own, seen) = (spec(), spec().with_team_view(2));
        assert_eq!((own.observation_width(), seen.observation_width()), (3, 3 + 2 * 3 + 1));
        assert_eq!(seen.observation_name(6).as_deref(), Some("team.1.place.x"));
        assert_eq!((seen.layout_hash(), seen.difference_from(&own)), (own.layout_hash(), None));
        assert_eq!(seen.without_team_view(), own);
        assert_eq!(own.without_team_view(), own);
        assert_eq!((own.team_view(), seen.team_view().map(|view| view.capacity)), (None, Some(2)));
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<AgentSpec>(&text).unwrap(), seen);
    }

    #[test]
    fn what_can_t_be_seen_by_a_team_is_named() {
        assert_eq!(spec().team_view_problem(), None);
        let alone = AgentSpec { reward: Vec::new(), ..spec() };
        assert!(alone.team_view_problem().unwrap().starts_with("`Pusher` is in no team: give terms"));
        let sides = AgentSpec { teams: vec!["Red".to_owned(), "Blue".to_owned()], ..alone };
        assert_eq!(sides.team_view_problem(), None);
        assert!(spec().with_team_view(1).team_view_problem().unwrap().contains("has one of that name"));
    }

    #[test]
    fn grids_and_sets_of_members_are_values() {
        let mut own = spec();
        let enemy = ObservationField { name: "is_near".to_owned(), kind: ObservationKind::Flag, ..field("", &[""]) };
        let enemies = SetShape { capacity: 2, element: vec![field("at", &["x", "y"]), enemy] };
        own.observation[0].block = Block::Grid(GridShape { height: 1, width: 2, channels: 1 });
        own.observation.push(ObservationField { block: Block::Set(enemies), ..field("enemies", &[]) });
        let seen = own.with_team_view(1);
        let width = own.observation_width();
        assert_eq!((width, seen.observation_width()), (2 + 1 + 2 * 3 + 1, 2 * width + 1));
        let names: Vec<_> = (width..2 * width).filter_map(|column| seen.observation_name(column)).collect();
        assert_eq!(
            names[1..5],
            ["team.0.place.0.1.0", "team.0.wind", "team.0.enemies.0.at.x", "team.0.enemies.0.at.y"]
        );
        assert_eq!((&*names[8], &*names[9]), ("team.0.enemies.1.is_near", "team.0.enemies.count"));
        // What is not normalised of an agent's own is not normalised of others.
        assert_eq!(seen.normalized_columns()[width..2 * width], own.normalized_columns());
        assert_eq!(seen.team_view().map(SetShape::element_width), Some(width));
    }
}
