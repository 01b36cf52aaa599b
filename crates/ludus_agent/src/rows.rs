//! Rows: all agents of one kind in one world, as slices of a batch.

mod assignment;
mod faults;
mod settings;

use core::marker::PhantomData;
use std::cmp::Reverse;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_spec::{AgentSpec, Head, Outcome};

use crate::disturbance::Disturbance;
use crate::shared_rewards::{SharedRewards, TeamIndices};
use crate::{Agent, Controller, RowTeam};

pub(crate) use assignment::Turnover;
pub(crate) use faults::Faults;
pub use faults::{Fault, FaultPlace};

/// The rows of the agents of kind `A` in this world.
#[derive(Resource, Deref, DerefMut)]
pub struct AgentRows<A: Agent> {
    // Boxed, because Bevy's storage of a resource reserves room for 64 of them.
    #[deref]
    rows: Box<Rows>,
    kind: PhantomData<fn() -> A>,
}

impl<A: Agent> AgentRows<A> {
    pub(crate) fn new(spec: Arc<AgentSpec>) -> Self {
        Self { rows: Box::new(Rows::new(spec)), kind: PhantomData }
    }
}

/// Observations, actions, rewards and outcomes of many agents, one row each, in contiguous slices.
///
/// The driver of a world writes [`actions`](Self::actions_mut) before a step and reads the rest after it.
/// Rows without an agent are [`Outcome::Vacant`].
///
/// # Shapes
///
/// `observations [rows, observation width]`, `masks [rows, mask width]`, `actions [rows, action width]`,
/// `rewards [rows]`, `outcomes [rows]`.
pub struct Rows {
    pub(crate) spec: Arc<AgentSpec>,
    pub(crate) observations: Vec<f32>,
    pub(crate) masks: Vec<bool>,
    pub(crate) masked_fields: Vec<MaskedField>,
    pub(crate) actions: Vec<f32>,
    pub(crate) rewards: Vec<f32>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) weights: Vec<f32>,
    pub(crate) streams: RewardStreams,
    /// The terms of the agent that is being scored, in this tick.
    pub(crate) terms: Vec<f32>,
    pub(crate) running: RunningEpisodes,
    pub(crate) finished: Vec<FinishedEpisode>,
    pub(crate) finished_terms: Vec<f32>,
    pub(crate) finished_parameters: Vec<f32>,
    pub(crate) faults: Faults,
    pub(crate) turnover: Turnover,
    /// The controller of each row's agent when the present step began `[rows]`.
    pub(crate) controllers: Vec<Controller>,
    /// The place of each row's agent in its match `[rows]`; empty for a kind without teams.
    pub(crate) teams: Vec<RowTeam>,
    pub(crate) team_indices: TeamIndices,
    pub(crate) shared: SharedRewards,
    pub(crate) decisions: Decisions,
    pub(crate) disturbance: Disturbance,
    pub(crate) default_limit: u32,
    pub(crate) staggers: bool,
    /// True from the beginning of a step until its outcomes are written.
    pub(crate) step_is_open: bool,
}

/// The rewards of the step by streams, if terms are put into streams of their own.
#[derive(Default)]
pub(crate) struct RewardStreams {
    /// The stream of each term, 0 for those that are in no stream of their own; empty without streams `[terms]`.
    pub of_terms: Vec<usize>,
    /// Streams, the first one included; 0 without streams.
    pub count: usize,
    /// Weighted rewards of the step `[rows, streams]`.
    pub rewards: Vec<f32>,
}

/// The interval of a kind's decisions, and their source.
pub(crate) struct Decisions {
    /// Steps from one decision to the next.
    every: u32,
    /// Steps before the next one in which they decide, once the present step is over; 0 if that is the next.
    wait: u32,
    /// True if they decide in the present step.
    is_due: bool,
    /// True if the driver of the world has left all of them to the game.
    pub are_external: bool,
    /// True if the kind has a driver: actions have been written, or [`Rows::drive`] was called.
    pub are_driven: bool,
}

/// Sums over the episodes that are going on.
#[derive(Default)]
pub(crate) struct RunningEpisodes {
    /// Weighted reward so far `[rows]`.
    pub returns: Vec<f32>,
    /// Unweighted terms so far `[rows, terms]`.
    pub terms: Vec<f32>,
    /// The episode parameters `[rows, parameters]`.
    pub parameters: Vec<f32>,
    /// The count of the world's episode parameters.
    pub parameter_count: usize,
    /// The number of the plan by which they were drawn `[rows]`.
    pub plans: Vec<u32>,
}

/// A field of the action that is a choice, where choices can be forbidden.
#[derive(Clone, Copy)]
pub(crate) struct MaskedField {
    /// Its index among the action's fields.
    pub field: u32,
    /// Its column in an action row.
    pub column: usize,
    /// Its columns in a mask row.
    pub choices: usize,
}

/// An episode that came to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FinishedEpisode {
    /// The agent's row.
    pub row: u32,
    /// The count of its steps.
    pub steps: u32,
    /// [`Outcome::Terminated`] or [`Outcome::Truncated`].
    pub outcome: Outcome,
    /// Sum of its rewards, undiscounted.
    pub reward: f32,
    /// The game's verdict, if it gave one: see [`Episode::succeed`](crate::Episode::succeed).
    pub success: Option<bool>,
    /// The number of the [plan](crate::ParameterPlan::set_number) by which its parameters were drawn.
    pub plan: u32,
}

/// The sums and the parameters of an episode that came to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpisodeNumbers<'a> {
    /// The sums of its unweighted reward terms `[terms]`.
    pub terms: &'a [f32],
    /// Its parameters `[parameters]`, in the order of [`ParameterPlan::parameters`](crate::ParameterPlan::parameters).
    /// Those of other kinds of agents are 0.
    pub parameters: &'a [f32],
}

impl Rows {
    fn new(spec: Arc<AgentSpec>) -> Self {
        Self {
            masks: Vec::new(),
            masked_fields: masked_fields(&spec),
            weights: vec![1.0; spec.reward.len()],
            terms: vec![0.0; spec.reward.len()],
            streams: RewardStreams::default(),
            shared: SharedRewards::new(team_terms(&spec), spec.reward.len()),
            team_indices: TeamIndices::new(spec.are_teams()),
            spec,
            observations: Vec::new(),
            actions: Vec::new(),
            rewards: Vec::new(),
            outcomes: Vec::new(),
            running: RunningEpisodes::default(),
            finished: Vec::new(),
            finished_terms: Vec::new(),
            finished_parameters: Vec::new(),
            faults: Faults::default(),
            turnover: Turnover::default(),
            controllers: Vec::new(),
            teams: Vec::new(),
            decisions: Decisions { every: 1, wait: 0, is_due: false, are_external: false, are_driven: false },
            disturbance: Disturbance::default(),
            default_limit: u32::MAX,
            staggers: false,
            step_is_open: false,
        }
    }

    /// The layout of the columns.
    pub fn spec(&self) -> &Arc<AgentSpec> {
        &self.spec
    }

    /// The count of rows, vacant ones included.
    #[expect(clippy::len_without_is_empty, reason = "rows are a batch, not a collection that empties")]
    pub fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// The arena and the team of each row's agent, as of the start of its episode `[rows]`; empty for a kind without
    /// [teams](crate::Team).
    pub fn teams(&self) -> &[RowTeam] {
        &self.teams
    }

    /// The observations after the last step `[rows, observation width]`. Always finite.
    pub fn observations(&self) -> &[f32] {
        &self.observations
    }

    /// Flags of the choices that are allowed in the coming step `[rows, mask width]`: at least one per discrete field.
    ///
    /// Empty for agents that don't require an [`ActionMask`](crate::ActionMask).
    pub fn masks(&self) -> &[bool] {
        &self.masks
    }

    /// Replaces each forbidden choice in the actions by the next one that is allowed; after the last comes the first.
    ///
    /// For actions from a source that ignores masks, such as random numbers.
    pub fn heed_masks(&mut self) {
        let (mask_width, action_width) = (self.spec.mask_width().max(1), self.spec.action_width());
        let rows = self.masks.chunks_exact(mask_width).zip(self.actions.chunks_exact_mut(action_width));
        for (mut mask, action) in rows {
            for field in &self.masked_fields {
                let (allowed, later) = mask.split_at(field.choices);
                mask = later;
                let choice = action[field.column] as usize;
                let next = (choice..field.choices).chain(0..field.choices).find(|&next| allowed[next]);
                action[field.column] = next.unwrap_or(0) as f32;
            }
        }
    }

    /// The actions of the coming step; those of the last step until they are overwritten `[rows, action width]`.
    pub fn actions(&self) -> &[f32] {
        &self.actions
    }

    /// The actions of the coming step, to write `[rows, action width]`.
    ///
    /// The call marks the kind as [driven](Self::drive).
    pub fn actions_mut(&mut self) -> &mut [f32] {
        self.drive();
        &mut self.actions
    }

    /// Calls `decide` with the observations, the masks and the actions of the coming step, which it has to write.
    ///
    /// The call marks the kind as [driven](Self::drive).
    pub fn decide(&mut self, decide: impl FnOnce(&[f32], &[bool], &mut [f32])) {
        self.drive();
        decide(&self.observations, &self.masks, &mut self.actions);
    }

    /// The weighted rewards of the last step `[rows]`. Always finite; a step whose sum is not is faulty.
    pub fn rewards(&self) -> &[f32] {
        &self.rewards
    }

    /// The outcomes of the last step `[rows]`.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The sums of the weighted rewards of the episodes that are going on, or that have just ended `[rows]`.
    ///
    /// Always finite: a sum that would overflow stays at the greatest number.
    pub fn episode_returns(&self) -> &[f32] {
        &self.running.returns
    }

    /// The sums of the unweighted terms of these episodes `[rows, terms]`. Always finite.
    pub fn episode_terms(&self) -> &[f32] {
        &self.running.terms
    }

    /// The parameters of the episodes that are going on, or that have just ended `[rows, parameters]`, in the order of
    /// [`ParameterPlan::parameters`](crate::ParameterPlan::parameters). Those of other kinds of agents are 0.
    pub fn episode_parameters(&self) -> &[f32] {
        &self.running.parameters
    }

    /// The number of streams beside the first.
    pub fn reward_streams(&self) -> usize {
        self.streams.count.saturating_sub(1)
    }

    /// The weighted rewards of the last step by streams, the first one included `[rows, 1 + reward streams]`; empty
    /// without streams.
    pub fn stream_rewards(&self) -> &[f32] {
        &self.streams.rewards
    }

    /// Overwrites the outcome of the last step in all rows.
    pub fn mark_all(&mut self, outcome: Outcome) {
        self.outcomes.fill(outcome);
    }

    /// Removes the episodes that ended since the last call, and calls `visit` with each of them and its numbers.
    pub fn drain_episodes(&mut self, mut visit: impl FnMut(FinishedEpisode, EpisodeNumbers<'_>)) {
        let (terms, parameters) = (self.spec.reward.len(), self.running.parameter_count);
        for (index, episode) in self.finished.drain(..).enumerate() {
            let numbers = EpisodeNumbers {
                terms: &self.finished_terms[index * terms..][..terms],
                parameters: &self.finished_parameters[index * parameters..][..parameters],
            };
            visit(episode, numbers);
        }
        self.finished_terms.clear();
        self.finished_parameters.clear();
    }

    /// Makes room for this count of episode parameters in each row.
    pub(crate) fn set_parameter_count(&mut self, count: usize) {
        self.running.parameter_count = count;
        self.running.parameters.clear();
        self.running.parameters.resize(self.len() * count, 0.0);
    }

    /// The parameters of the episode of a row.
    pub(crate) fn parameters_mut(&mut self, row: u32) -> &mut [f32] {
        let count = self.running.parameter_count;
        &mut self.running.parameters[row as usize * count..][..count]
    }

    /// True if the rows keep the team of each agent.
    pub(crate) const fn have_teams(&self) -> bool {
        self.team_indices.is_on
    }

    /// The team of each row's agent, by an index in this world: agents that share it are of one arena and one side. As of
    /// the start of its episode `[rows]`; empty for a kind that [has no teams](AgentSpec::are_teams).
    pub fn team_indices(&self) -> &[u32] {
        &self.team_indices.of_rows
    }

    /// Sets the team of a row's agent.
    pub(crate) fn set_team(&mut self, row: usize, arena: Option<u32>, team: u16) {
        if let Some(place) = self.teams.get_mut(row) {
            *place = RowTeam { arena: arena.unwrap_or(0), team };
        }
        if self.team_indices.is_on {
            self.team_indices.of_rows[row] = self.team_indices.index(arena, team);
        }
    }

    /// Clears the sums of a row's last episode, and sets its outcome to a restart.
    pub(crate) fn begin_episode(&mut self, row: u32) {
        if !self.decisions.are_external {
            self.outcomes[row as usize] = Outcome::Restart;
        }
        self.forget_episode(row);
    }

    /// Clears the sums of a row's last episode.
    pub(crate) fn forget_episode(&mut self, row: u32) {
        let (row, terms) = (row as usize, self.spec.reward.len());
        self.running.returns[row] = 0.0;
        self.running.terms[row * terms..][..terms].fill(0.0);
    }

    /// Begins a step: rows that agents left are vacant and free for others. A row whose agent is not scored in this
    /// step, because it lacks a component or is hidden, is vacant too.
    pub(crate) fn open_step(&mut self) {
        self.step_is_open = true;
        self.decisions.begin_step();
        self.rewards.fill(0.0);
        self.streams.rewards.fill(0.0);
        self.shared.clear();
        self.outcomes.fill(Outcome::Vacant);
        self.controllers.fill(self.decisions.controller());
        if self.game_decides() {
            // Without a driver, nothing reads the reports of episodes.
            self.finished.clear();
            self.finished_terms.clear();
            self.finished_parameters.clear();
        }
        while let Some(row) = self.turnover.left.pop() {
            self.clear_row(row as usize);
            self.turnover.free.push(Reverse(row));
        }
    }

    pub(crate) fn finish_episode(&mut self, row: u32, steps: u32, outcome: Outcome, success: Option<bool>) {
        let (terms, parameters) = (self.spec.reward.len(), self.running.parameter_count);
        let (reward, plan) = (self.running.returns[row as usize], self.running.plans[row as usize]);
        self.finished.push(FinishedEpisode { row, steps, outcome, reward, success, plan });
        self.finished_terms.extend_from_slice(&self.running.terms[row as usize * terms..][..terms]);
        let own = &self.running.parameters[row as usize * parameters..][..parameters];
        self.finished_parameters.extend_from_slice(own);
    }
}

/// The indices of the terms that a team shares.
fn team_terms(spec: &AgentSpec) -> impl Iterator<Item = usize> + '_ {
    spec.reward.iter().enumerate().filter(|(_, term)| term.is_team).map(|(index, _)| index)
}

fn masked_fields(spec: &AgentSpec) -> Vec<MaskedField> {
    let mut column = 0;
    let field = |(field, head): (usize, Head)| {
        column += head.action_width();
        let choices = head.mask_width();
        (choices > 0).then_some(MaskedField { field: field as u32, column: column - 1, choices })
    };
    if spec.masked { spec.heads().into_iter().enumerate().filter_map(field).collect() } else { Vec::new() }
}
