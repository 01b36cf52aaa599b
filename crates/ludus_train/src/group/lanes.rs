//! The rows of a group as the lanes of a [`Simulation`].

use ludus_learn::{LaneShape, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::Outcome;

use super::WorldGroup;
use super::member::Member;
use super::team_view::copy_teams;

/// Each policy of the run has a lane.
impl Simulation for WorldGroup {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn lane(&self, lane: usize) -> LaneShape {
        let kinds = self.lanes.get(lane).map_or(&[][..], Vec::as_slice);
        let Some(spec) = kinds.first().and_then(|&kind| self.spec(kind)) else { return LaneShape::default() };
        let view = self.team_views.get(lane).and_then(Option::as_ref);
        let observation_width = spec.observation_width();
        LaneShape {
            rows: kinds.iter().map(|&kind| self.row_count(kind)).sum(),
            observation_width: view.map_or(observation_width, |view| view.width(observation_width)),
            action_width: spec.action_width(),
            mask_width: spec.mask_width(),
            reward_streams: kinds.first().map_or(0, |&kind| self.reward_streams(kind)),
            has_drivers: self.has_drivers,
            has_teams: view.is_some(),
        }
    }

    fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
        self.copy_sensed(lane, now);
    }

    /// The action rows of kinds without a lane stay as they are.
    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        for lane in 0..lanes.count() {
            self.set_lane_actions(lane, lanes.lane(lane).actions);
        }
        self.step_in_place();
        for lane in 0..lanes.count() {
            let StepRows { mut rewards, mut stream_rewards, mut outcomes, next, .. } = lanes.lane(lane);
            for &kind in &self.lanes[lane] {
                (rewards, stream_rewards) = if stream_rewards.is_empty() {
                    (self.copy_rewards(kind, rewards), stream_rewards)
                } else {
                    self.copy_streams(kind, rewards, stream_rewards)
                };
                outcomes = self.copy_outcomes(kind, outcomes);
            }
            self.copy_sensed(lane, next);
        }
    }
}

impl WorldGroup {
    /// Writes the actions of a lane's coming step into the worlds `[rows, action width]`.
    fn set_lane_actions(&mut self, lane: usize, mut actions: &[f32]) {
        for index in 0..self.lanes[lane].len() {
            let kind = self.lanes[lane][index];
            actions = self.set_actions(kind, actions);
        }
    }

    fn copy_sensed(&mut self, lane: usize, now: SensedRows<'_>) {
        let SensedRows { mut observations, mut masks, mut drivers, teams } = now;
        if !teams.is_empty() {
            self.copy_team_view(lane, observations, teams);
            observations = &mut [];
        }
        for &kind in &self.lanes[lane] {
            if !observations.is_empty() {
                observations = self.copy_observations(kind, observations);
            }
            if !masks.is_empty() {
                masks = self.copy_masks(kind, masks);
            }
            if !drivers.is_empty() {
                drivers = self.copy_drivers(kind, drivers);
            }
        }
    }

    /// Writes the actions of a kind's coming step into the worlds `[rows, action width]`; returns the rest of
    /// `actions`.
    pub(super) fn set_actions<'a>(&mut self, kind: usize, mut actions: &'a [f32]) -> &'a [f32] {
        for Member { world, .. } in &mut self.worlds {
            let (given, rest) = actions.split_at(world.row_count(kind) * world.spec(kind).action_width());
            write(world.rows_mut(kind).actions_mut(), given);
            actions = rest;
        }
        actions
    }

    /// Copies a kind's observations after the last step `[rows, observation width]`; returns the rest of
    /// `observations`.
    pub fn copy_observations<'a>(&self, kind: usize, mut observations: &'a mut [f32]) -> &'a mut [f32] {
        for Member { world, .. } in &self.worlds {
            let count = world.row_count(kind) * world.spec(kind).observation_width();
            observations = write(observations, &world.rows(kind).observations()[..count]);
        }
        observations
    }

    /// Copies the observations of a lane whose critic sees the team, and the team of each row.
    fn copy_team_view(&mut self, lane: usize, mut observations: &mut [f32], mut teams: &mut [u32]) {
        let Some(view) = self.team_views.get_mut(lane).and_then(Option::as_mut) else { return };
        let mut next = 0;
        for &kind in &self.lanes[lane] {
            for Member { world, .. } in &self.worlds {
                let (rows, count) = (world.rows(kind), world.row_count(kind));
                observations = view.copy(rows, count, observations);
                (teams, next) = copy_teams(rows, count, next, teams);
            }
        }
    }

    /// Copies a kind's masks, which allow choices in the coming step, `[rows, mask width]`; returns the rest of
    /// `masks`.
    pub fn copy_masks<'a>(&self, kind: usize, mut masks: &'a mut [bool]) -> &'a mut [bool] {
        for Member { world, .. } in &self.worlds {
            let count = world.row_count(kind) * world.spec(kind).mask_width();
            masks = write(masks, &world.rows(kind).masks()[..count]);
        }
        masks
    }

    /// Copies the drivers of a kind's rows, from their next episodes on, `[rows]`; returns the rest of `drivers`.
    fn copy_drivers<'a>(&self, kind: usize, mut drivers: &'a mut [u8]) -> &'a mut [u8] {
        for member in &self.worlds {
            let (own, rest) = drivers.split_at_mut(member.world.row_count(kind));
            match member.drivers(kind) {
                [] => own.fill(0),
                present => own.copy_from_slice(present),
            }
            drivers = rest;
        }
        drivers
    }

    /// Copies the rewards of a kind's last step `[rows]`; returns the rest of `rewards`.
    pub fn copy_rewards<'a>(&self, kind: usize, mut rewards: &'a mut [f32]) -> &'a mut [f32] {
        for Member { world, .. } in &self.worlds {
            rewards = write(rewards, &world.rows(kind).rewards()[..world.row_count(kind)]);
        }
        rewards
    }

    /// Copies the rewards of a kind's last step by streams: those of the first `[rows]`, and those of the others
    /// `[rows, reward streams]`; returns the rest of both.
    pub(super) fn copy_streams<'a>(
        &self,
        kind: usize,
        mut first: &'a mut [f32],
        mut others: &'a mut [f32],
    ) -> (&'a mut [f32], &'a mut [f32]) {
        let streams = self.reward_streams(kind);
        for Member { world, .. } in &self.worlds {
            let rows = world.rows(kind).stream_rewards().chunks_exact(1 + streams).take(world.row_count(kind));
            for row in rows {
                first = write(first, &row[..1]);
                others = write(others, &row[1..]);
            }
        }
        (first, others)
    }

    /// The number of streams of a kind's rewards beside the first.
    fn reward_streams(&self, kind: usize) -> usize {
        self.worlds.first().map_or(0, |member| member.world.rows(kind).reward_streams())
    }

    /// Copies the outcomes of a kind's last step `[rows]`; returns the rest of `outcomes`.
    pub fn copy_outcomes<'a>(&self, kind: usize, mut outcomes: &'a mut [Outcome]) -> &'a mut [Outcome] {
        for Member { world, .. } in &self.worlds {
            outcomes = write(outcomes, &world.rows(kind).outcomes()[..world.row_count(kind)]);
        }
        outcomes
    }
}

/// Writes `values` to the start of `out`; returns the rest of `out`.
fn write<'a, T: Copy>(out: &'a mut [T], values: &[T]) -> &'a mut [T] {
    let (start, rest) = out.split_at_mut(values.len());
    start.copy_from_slice(values);
    rest
}
