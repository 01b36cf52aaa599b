//! The assignment of rows to agents that come, go and restart.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bevy::ecs::component::ComponentId;
use bevy::prelude::*;
use ludus_spec::Outcome;

use super::Rows;
use super::faults::FAULTS_KEPT;
use crate::RowTeam;

/// The agents of the rows, and those that come, go, end and restart.
#[derive(Default)]
pub(crate) struct Turnover {
    /// The agent of each row.
    pub agents: Vec<Option<Entity>>,
    /// Rows without an agent, lowest first.
    pub free: BinaryHeap<Reverse<u32>>,
    /// Rows whose agent went: free once the step in which it went has been reported.
    pub left: Vec<u32>,
    /// Agents that wait for a row, in the order in which they came.
    pub waiting: Vec<Entity>,
    /// Agents whose episode ended in the last step.
    pub ended: Vec<(u32, Entity)>,
    /// Agents whose episode starts in the present step.
    pub starting: Vec<(u32, Entity)>,
    /// Agents that restart until the kind decides again.
    pub restarting: Vec<Entity>,
    /// True if no rows may be added.
    pub is_fixed: bool,
    /// The components that hide an agent from queries.
    pub hiding: Vec<ComponentId>,
}

impl Turnover {
    /// Lists an agent that has just got a row among those that start an episode, unless it is listed.
    pub(crate) fn starts_anew(&mut self, row: u32, agent: Entity) {
        if !self.ended.contains(&(row, agent)) {
            self.ended.push((row, agent));
        }
    }
}

impl Rows {
    /// Fixes the count of rows at the present one, or at `rows` if that is more. Afterwards no step allocates.
    ///
    /// Agents that get no row, because all are taken, idle until one is free.
    pub fn fix_len(&mut self, rows: Option<usize>) {
        self.turnover.is_fixed = false;
        while self.len() < rows.unwrap_or(0) {
            let row = self.add_row();
            self.turnover.free.push(Reverse(row));
        }
        self.turnover.is_fixed = true;
        self.reserve();
    }

    /// The agent of this row, if it has one.
    pub fn agent(&self, row: usize) -> Option<Entity> {
        self.turnover.agents.get(row).copied().flatten()
    }

    /// True if an episode of the agent that has this row started in the last step.
    ///
    /// A restart may last several steps, see [`decide_every`](Self::decide_every); the episode starts in the first of
    /// them.
    pub fn has_started(&self, row: usize) -> bool {
        let Turnover { starting, agents, .. } = &self.turnover;
        let found = starting.binary_search_by_key(&row, |&(row, _)| row as usize);
        found.is_ok_and(|index| agents.get(row) == Some(&Some(starting[index].1)))
    }

    /// The count of agents that idle because all rows are taken.
    pub fn waiting(&self) -> usize {
        self.turnover.waiting.len()
    }

    /// Reserves memory for the case that all rows end, start and are faulty at once, so that a step never allocates.
    fn reserve(&mut self) {
        let (rows, terms) = (self.len(), self.spec.reward.len());
        self.finished.reserve(rows);
        self.finished_terms.reserve(rows * terms);
        self.finished_parameters.reserve(rows * self.running.parameter_count);
        self.faults.recent.reserve(FAULTS_KEPT);
        self.faults.spoiled.reserve(2 * rows);
        self.turnover.free.reserve(rows);
        self.turnover.left.reserve(rows);
        self.turnover.ended.reserve(rows);
        self.turnover.starting.reserve(rows);
        self.turnover.restarting.reserve(rows);
        self.shared.reserve();
    }

    /// Takes a row for a new agent: the lowest free one, or a new one. `None` if all are taken and none may be added.
    pub(crate) fn take_row(&mut self, agent: Entity) -> Option<u32> {
        let row = match self.turnover.free.pop() {
            Some(Reverse(row)) => row,
            None if self.turnover.is_fixed => return None,
            None => self.add_row(),
        };
        self.turnover.agents[row as usize] = Some(agent);
        Some(row)
    }

    fn add_row(&mut self) -> u32 {
        let rows = self.len() + 1;
        self.observations.resize(rows * self.spec.observation_width(), 0.0);
        self.masks.resize(rows * self.spec.mask_width(), true);
        self.actions.resize(rows * self.spec.action_width(), 0.0);
        self.rewards.resize(rows, 0.0);
        self.streams.rewards.resize(rows * self.streams.count, 0.0);
        self.outcomes.resize(rows, Outcome::Vacant);
        self.controllers.resize(rows, self.decisions.controller());
        self.running.returns.resize(rows, 0.0);
        self.running.terms.resize(rows * self.spec.reward.len(), 0.0);
        self.running.parameters.resize(rows * self.running.parameter_count, 0.0);
        self.running.plans.resize(rows, 0);
        if !self.spec.teams.is_empty() {
            self.teams.resize(rows, RowTeam::default());
        }
        self.shared.set_rows(rows);
        if self.team_indices.is_on {
            self.team_indices.of_rows.resize(rows, 0);
        }
        self.turnover.agents.resize(rows, None);
        self.disturbance.add_row(self.actions.len());
        u32::try_from(rows - 1).expect("a world has fewer than 2³² agents")
    }

    /// Takes a row from its agent. The outcome of the agent's last step can be read until the next step begins.
    pub(crate) fn release_row(&mut self, row: u32) {
        self.turnover.agents[row as usize] = None;
        self.turnover.left.push(row);
    }

    /// Resets the observation and the mask of a row that its agent has left.
    pub(super) fn clear_row(&mut self, row: usize) {
        let (width, mask_width) = (self.spec.observation_width(), self.spec.mask_width());
        self.observations[row * width..][..width].fill(0.0);
        self.masks[row * mask_width..][..mask_width].fill(true);
    }

    /// True if a waiting agent gets a row when the next step begins.
    pub(crate) fn admits_next(&self, agent: Entity) -> bool {
        let Turnover { free, left, waiting, is_fixed, .. } = &self.turnover;
        let room = if *is_fixed { free.len() + left.len() } else { waiting.len() };
        waiting.iter().take(room).any(|&next| next == agent)
    }
}
