//! The rows of a lane whose critic sees the team: behind an agent's own observation stand those of the other members.

use ludus_agent::Rows;
use ludus_spec::Outcome;

/// The view that the critic of a lane has of each agent's team.
#[derive(Clone, Debug)]
pub(super) struct TeamView {
    /// Most other members that are seen.
    members: usize,
    /// Team and row of each agent that is seen by others, in order.
    seen: Vec<(u32, u32)>,
    /// Most other members that an agent has had.
    most: usize,
}

/// A team with more members than its critic sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CrowdedTeam {
    /// The kind of the agents.
    pub kind: usize,
    /// Members of the team.
    pub members: usize,
    /// Members that its critic sees, the agent itself included.
    pub seen: usize,
}

/// The rows of a world, and the columns of their observations.
#[derive(Clone, Copy)]
struct WorldRows<'a> {
    rows: &'a Rows,
    count: usize,
    width: usize,
}

impl TeamView {
    /// A view of up to `members` other members.
    pub const fn new(members: usize) -> Self {
        Self { members, seen: Vec::new(), most: 0 }
    }

    /// The columns of an observation of `width` columns, with those of the other members and their count.
    pub const fn width(&self, width: usize) -> usize {
        (1 + self.members) * width + 1
    }

    /// Writes the observations of a world's first `count` rows `[count, width of the view]`; returns the rest of
    /// `observations`.
    pub fn copy<'a>(&mut self, rows: &Rows, count: usize, observations: &'a mut [f32]) -> &'a mut [f32] {
        let world = WorldRows { rows, count, width: rows.spec().observation_width() };
        self.find_seen(world);
        let width = self.width(world.width);
        let (own, rest) = observations.split_at_mut(count * width);
        for (row, written) in own.chunks_exact_mut(width).enumerate() {
            let others = self.write(world, row as u32, written);
            // A row without an agent belongs to no team.
            if rows.agent(row).is_some() {
                self.most = self.most.max(others);
            }
        }
        rest
    }

    /// Returns the largest team so far, as one of agents of this kind, if it has more members than are seen.
    pub fn crowded(&self, kind: usize) -> Option<CrowdedTeam> {
        let is_crowded = self.most > self.members;
        is_crowded.then_some(CrowdedTeam { kind, members: 1 + self.most, seen: 1 + self.members })
    }

    /// Lists the agents that go on: those that see something in the coming step.
    fn find_seen(&mut self, WorldRows { rows, count, .. }: WorldRows<'_>) {
        let has_ended = |outcome: &Outcome| outcome.as_decided() == Outcome::Terminated;
        let agents = rows.team_indices().iter().zip(rows.outcomes()).zip(0..count as u32);
        let seen = agents.filter(|((_, outcome), row)| rows.agent(*row as usize).is_some() && !has_ended(outcome));
        self.seen.clear();
        self.seen.extend(seen.map(|((&team, _), row)| (team, row)));
        self.seen.sort_unstable();
    }

    /// Writes the row of an agent. Returns the count of its other members, including those that don't fit.
    fn write(&self, WorldRows { rows, width, .. }: WorldRows<'_>, row: u32, written: &mut [f32]) -> usize {
        let observation = |row: u32| &rows.observations()[row as usize * width..][..width];
        let (own, others) = written.split_at_mut(width);
        own.copy_from_slice(observation(row));
        others.fill(0.0);
        let team = rows.team_indices()[row as usize];
        let first = self.seen.partition_point(|&(other, _)| other < team);
        let members = self.seen[first..].iter().take_while(|(other, _)| *other == team).map(|&(_, member)| member);
        let (places, counted) = others.split_at_mut(self.members * width);
        let mut places = places.chunks_exact_mut(width);
        let mut count = 0;
        for member in members.filter(|&member| member != row) {
            if let Some(place) = places.next() {
                place.copy_from_slice(observation(member));
            }
            count += 1;
        }
        counted[0] = count.min(self.members) as f32;
        count
    }
}

/// Writes the team of each of a world's first `count` rows, counted on from `first`; returns the rest of `teams`, and the
/// first number that no team has.
pub(super) fn copy_teams<'a>(rows: &Rows, count: usize, first: u32, teams: &'a mut [u32]) -> (&'a mut [u32], u32) {
    let (own, rest) = teams.split_at_mut(count);
    let mut next = first;
    for (own, team) in own.iter_mut().zip(rows.team_indices()) {
        *own = first + team;
        next = next.max(*own + 1);
    }
    (rest, next)
}

/// The size of the largest team in a world, by the agents that are there.
pub(crate) fn largest_team(rows: &Rows) -> usize {
    let teams = rows.team_indices();
    let mut sizes = vec![0; teams.iter().max().map_or(0, |&last| last as usize + 1)];
    for (row, &team) in teams.iter().enumerate() {
        sizes[team as usize] += usize::from(rows.agent(row).is_some());
    }
    sizes.into_iter().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;

    use bevy::prelude::*;
    use ludus_agent::{Action, Agent, AgentAppExt, Arena, InArena, Observation, Reward, ScoreAgents, SenseAgents};
    use ludus_learn::{SensedRows, Simulation};
    use ludus_spec::{Seed, stopped_clock};
    use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldSettings};

    use super::super::WorldGroup;
    use super::{CrowdedTeam, largest_team};

    #[derive(Component, Agent, Default)]
    #[agent(observation = Seen, action = Go, reward = Got)]
    struct Walker;

    #[derive(Component, Observation, Default)]
    struct Seen {
        place: f32,
    }

    #[derive(Component, Action, Default)]
    struct Go {
        #[action(continuous)]
        place: f32,
        /// Above 0, the walker dies.
        #[action(continuous)]
        dies: f32,
    }

    #[derive(Component, Reward, Default)]
    struct Got {
        #[reward(team)]
        nothing: f32,
    }

    /// Two walkers in the first arena, three in the second, who see their own actions.
    fn walks(app: &mut App) {
        app.add_agent::<Walker>();
        app.add_observer(|on: On<Add, Arena>, arenas: Query<&Arena>, mut commands: Commands| -> Result {
            for _ in 0..2 + arenas.get(on.entity)?.index {
                commands.spawn((Walker, InArena(on.entity)));
            }
            Ok(())
        });
        app.add_systems(ScoreAgents, |walkers: Query<(Entity, &Go)>, mut commands: Commands| {
            for (walker, _) in walkers.iter().filter(|(_, go)| go.dies > 0.0) {
                commands.entity(walker).despawn();
            }
        });
        app.add_systems(SenseAgents, |mut walkers: Query<(&Go, &mut Seen)>| {
            walkers.iter_mut().for_each(|(go, mut seen)| seen.place = go.place);
        });
    }

    fn world(world: u32) -> PooledWorld {
        let game: Game = Arc::new(walks);
        let agent = AgentSettings { name: "Walker".to_owned(), weights: vec![1.0], ..AgentSettings::default() };
        let settings = WorldSettings {
            seed: Seed::new(1),
            world,
            arenas: 0..2,
            decision_interval: NonZeroU32::MIN,
            agents: vec![agent],
            parameters: Arc::default(),
            clock: stopped_clock,
        };
        PooledWorld::build(&game, settings).unwrap()
    }

    /// Takes a step with these actions. Returns the rows of the lane and their teams.
    fn step(group: &mut WorldGroup, actions: &[[f32; 2]]) -> (Vec<[f32; 4]>, Vec<u32>) {
        group.set_actions(0, actions.as_flattened());
        group.step_in_place();
        let mut observations = vec![[f32::NAN; 4]; actions.len()];
        let mut teams = vec![u32::MAX; actions.len()];
        let observed = observations.as_flattened_mut();
        let now = SensedRows { observations: observed, masks: &mut [], drivers: &mut [], teams: &mut teams };
        group.observe(0, now);
        (observations, teams)
    }

    #[test]
    fn a_row_has_the_observations_of_the_other_members_that_go_on() {
        assert_eq!(largest_team(world(0).rows(0)), 3);
        let mut group = WorldGroup::new(vec![world(0), world(1)], Arc::from([vec![0]]), stopped_clock);
        group.view_teams(0, 2);
        let lane = group.lane(0);
        assert_eq!((lane.rows, lane.observation_width, lane.has_teams), (10, 4, true));
        let one = [[0.1, 0.0], [0.2, 0.0], [0.3, 0.0], [0.4, 0.0], [0.5, 0.0]];
        let (seen, teams) = step(&mut group, &[one, [[0.0; 2]; 5]].concat());
        assert_eq!(seen[..2], [[0.1, 0.2, 0.0, 1.0], [0.2, 0.1, 0.0, 1.0]]);
        assert_eq!(seen[2..5], [[0.3, 0.4, 0.5, 2.0], [0.4, 0.3, 0.5, 2.0], [0.5, 0.3, 0.4, 2.0]]);
        assert_eq!(teams, [0, 0, 1, 1, 1, 2, 2, 3, 3, 3]);
        let dies = [[0.1, 0.0], [0.2, 1.0], [0.3, 0.0], [0.4, 1.0], [0.5, 0.0]];
        let (seen, _) = step(&mut group, &[dies, [[0.0; 2]; 5]].concat());
        assert_eq!(seen[0], [0.1, 0.0, 0.0, 0.0], "nobody else is left");
        assert_eq!((seen[2], seen[4]), ([0.3, 0.5, 0.0, 1.0], [0.5, 0.3, 0.0, 1.0]));
        assert_eq!(group.crowded_teams().next(), None);
    }

    #[test]
    fn a_team_with_more_members_than_fit_is_known() {
        let mut group = WorldGroup::new(vec![world(0)], Arc::from([vec![0]]), stopped_clock);
        group.view_teams(0, 1);
        let lane = group.lane(0);
        let (mut observations, mut teams) = (vec![f32::NAN; lane.rows * lane.observation_width], vec![0; lane.rows]);
        let now = SensedRows { observations: &mut observations, masks: &mut [], drivers: &mut [], teams: &mut teams };
        group.observe(0, now);
        assert_eq!(group.crowded_teams().collect::<Vec<_>>(), [CrowdedTeam { kind: 0, members: 3, seen: 2 }]);
        assert_eq!(observations[3 * 2 + 2], 1.0, "the count is that of the members that fit");
    }
}
