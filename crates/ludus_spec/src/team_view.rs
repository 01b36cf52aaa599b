//! The observations of a team's other members, as a field for the critic alone.

use crate::{AgentSpec, Block, ObservationField, ObservationKind, SetShape};

/// The name of the field.
pub const TEAM_VIEW: &str = "team";

impl AgentSpec {
    /// Returns the spec of rows that also have the observations of the team's other members, as a set of up to `members`
    /// elements. The field, [`TEAM_VIEW`], is the last one and for the critic alone.
    ///
    /// An element has the columns of an observation.
    #[must_use]
    pub fn with_team_view(&self, members: usize) -> Self {
        let element = self.observation.iter().map(|field| ObservationField { is_critic: false, ..field.clone() });
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
        let is_view =
            |field: &ObservationField| field.name == TEAM_VIEW && field.is_critic && field.block.set().is_some();
        let observation = self.observation.iter().filter(|field| !is_view(field)).cloned().collect();
        Self { observation, ..self.clone() }
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
        let other = self.observation.iter().find(|field| !matches!(field.block, Block::Values { .. }))?;
        let is = if other.block.grid().is_some() { "a grid" } else { "a set" };
        Some(format!(
            "a team's observations are elements of a set, and `{}` of `{agent}` is {is}, which no element can hold; \
             observe it as values, or leave `critic: Team` out",
            other.name
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GridShape, RewardTerm};

    fn spec() -> AgentSpec {
        let field = |name: &str, parts: &[&str]| ObservationField {
            name: name.to_owned(),
            doc: String::new(),
            block: Block::values(parts.iter().copied()),
            range: Some((-1.0, 1.0)),
            kind: ObservationKind::Number,
            is_critic: name == "wind",
        };
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
        let mut board = spec();
        board.observation[0].block = Block::Grid(GridShape { height: 2, width: 2, channels: 1 });
        assert!(board.team_view_problem().unwrap().contains("`place` of `Pusher` is a grid"));
    }
}
