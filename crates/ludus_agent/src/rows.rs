//! Rows: all agents of one kind in one world, as slices of a batch.

use core::marker::PhantomData;
use core::num::NonZeroU32;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use bevy::ecs::component::ComponentId;
use bevy::prelude::*;
use ludus_spec::{AgentSpec, Head, Outcome};

use crate::disturbance::Disturbance;
use crate::shared_rewards::{SharedRewards, TeamIndices};
use crate::{Agent, Controller, RowTeam, TermAgreement};

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

/// A number that was not finite, a mask that allowed nothing, or a set that got more elements than fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// The agent's row.
    pub row: u32,
    /// The place of the fault in the row.
    pub place: FaultPlace,
    /// The tick in which it was read.
    pub tick: u64,
}

/// The places in a row that can be faulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPlace {
    /// This column of the observation was not finite.
    Observation(u32),
    /// This term of the reward was not finite.
    Reward(u32),
    /// The [mask](crate::ActionMask) of this field of the action allowed nothing: everything counts as allowed.
    Mask(u32),
    /// The [set](crate::SetOf) whose count is in this column of the observation got more elements than fit.
    ///
    /// A world reports it once per set. It is no number that is not finite: [`Rows::fault_count`] leaves it out, and the
    /// step is learned from.
    Set(u32),
}

/// The count of all faults, and the first few since the last call of [`Rows::drain_faults`].
#[derive(Default)]
pub(crate) struct Faults {
    pub total: u64,
    pub recent: Vec<Fault>,
    /// The columns of the sets that have been reported.
    overflowed: Vec<u32>,
    /// Rows whose step can't be learned from.
    pub spoiled: Vec<u32>,
}

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

const FAULTS_KEPT: usize = 16;

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

    /// The weight of each reward term, in the spec's order.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Sets the weight of each reward term, in the spec's order. By default all weights are 1.
    ///
    /// # Panics
    ///
    /// If `weights` has another length than the spec has terms.
    pub fn set_weights(&mut self, weights: &[f32]) {
        self.weights.copy_from_slice(weights);
    }

    /// Puts terms of the reward into streams of their own: `streams` has the indices of each stream's terms. Terms in none
    /// of them stay in the first stream.
    ///
    /// [`rewards`](Self::rewards) and all sums over episodes have all terms, as without streams.
    ///
    /// # Panics
    ///
    /// If the spec has no term with one of these indices.
    pub fn set_reward_streams(&mut self, streams: &[Vec<usize>]) {
        let mut of_terms = vec![0; if streams.is_empty() { 0 } else { self.spec.reward.len() }];
        for (stream, terms) in (1..).zip(streams) {
            terms.iter().for_each(|&term| of_terms[term] = stream);
        }
        let count = if streams.is_empty() { 0 } else { streams.len() + 1 };
        self.streams = RewardStreams { of_terms, count, rewards: vec![0.0; self.len() * count] };
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

    /// Counts from now on how often the members of a team write the same value of a term that they share.
    pub fn watch_team_terms(&mut self) {
        self.shared.watch();
    }

    /// The counts since [`watch_team_terms`](Self::watch_team_terms), one for each shared term; empty before it.
    pub fn team_term_agreement(&self) -> &[TermAgreement] {
        self.shared.agreement()
    }

    /// Sets the steps after which episodes are truncated, for agents without an [`EpisodeLimit`](crate::EpisodeLimit)
    /// of their own. It holds from each agent's next episode on.
    pub fn set_episode_limit(&mut self, limit: Option<NonZeroU32>) {
        self.default_limit = limit.map_or(u32::MAX, NonZeroU32::get);
    }

    /// Adds normally distributed noise to observations, with these standard deviations `[observation width]`, in the
    /// units of each column. It follows from the episode, so the same episode has the same noise.
    ///
    /// # Panics
    ///
    /// If there are not as many deviations as columns.
    pub fn set_observation_noise(&mut self, deviations: &[f32]) {
        assert_eq!(deviations.len(), self.spec.observation_width(), "one deviation for each column");
        self.disturbance.set_noise(deviations, self.outcomes.len());
    }

    /// Lets actions take effect this many decisions later. Until the first one does, agents idle. 0 is no delay.
    pub fn set_action_delay(&mut self, decisions: u32) {
        self.disturbance.set_delay(decisions, self.actions.len());
    }

    /// Shortens the first episodes of the agents in the world's first step, each by a random part of its limit that is
    /// drawn from the world's seed.
    ///
    /// Without it, agents that all reach their limit restart in the same step every time, and a learner sees no start
    /// of an episode for as long as one lasts. Agents of one arena stay together. Episodes that are truncated early by
    /// it are not reported as finished.
    ///
    /// Source: Rudin et al. 2022, arXiv:2109.11978, whose environments start at random points of their time limit.
    pub fn stagger_first_episodes(&mut self) {
        self.staggers = true;
    }

    /// Sets the interval of decisions: the agents decide in every `every`-th step only, the first time after `wait`
    /// more steps. Usually `wait` is 1, since the first step of a world is the restart step of its agents.
    ///
    /// In the steps between, their actions hold, their rows are [`Outcome::Waiting`], and they are scored and sensed as
    /// always. If an episode ends in such a step, its outcome is [`Outcome::WaitingTerminated`] or
    /// [`Outcome::WaitingTruncated`], so that a learner adds reward and end to the decision before. The restart comes
    /// with the next step, even if the kind does not decide in it, and lasts until the kind decides again. So agents of
    /// several kinds that share their arena's episode start together.
    pub fn decide_every(&mut self, every: NonZeroU32, wait: u32) {
        (self.decisions.every, self.decisions.wait) = (every.get(), wait);
    }

    /// The steps from one decision to the next: see [`decide_every`](Self::decide_every).
    pub fn decision_steps(&self) -> NonZeroU32 {
        NonZeroU32::new(self.decisions.every).unwrap_or(NonZeroU32::MIN)
    }

    /// True if the kind decides in the step that has begun: see [`decide_every`](Self::decide_every).
    pub const fn is_deciding(&self) -> bool {
        self.decisions.are_due()
    }

    /// True if they decide in the step after the present one.
    pub const fn decide_next(&self) -> bool {
        self.decisions.wait == 0
    }

    /// True if the agents are [left to the game](Self::leave_to_the_game).
    pub const fn are_left_to_the_game(&self) -> bool {
        self.decisions.are_external
    }

    /// Leaves all agents of the kind to the game, whatever their [`Controller`] is: their actions are never written,
    /// and their rows are [`Outcome::Vacant`].
    pub fn leave_to_the_game(&mut self) {
        self.decisions.are_external = true;
    }

    /// Marks the kind as driven: a driver writes its actions, so that the game's scripts do not decide for its agents.
    ///
    /// Before this call, the game decides for the agents that a policy would control.
    pub const fn drive(&mut self) {
        self.decisions.are_driven = true;
    }

    /// True if the game decides for the agents of the kind: the kind is not [driven](Self::drive), or its driver has
    /// [left it](Self::leave_to_the_game) to the game.
    pub const fn game_decides(&self) -> bool {
        self.decisions.are_external || !self.decisions.are_driven
    }

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

    /// Overwrites the outcome of the last step in all rows.
    pub fn mark_all(&mut self, outcome: Outcome) {
        self.outcomes.fill(outcome);
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

    /// The count of faults so far.
    pub fn fault_count(&self) -> u64 {
        self.faults.total
    }

    /// Takes the faults since the last call, up to the first 16.
    pub fn drain_faults(&mut self) -> impl Iterator<Item = Fault> + '_ {
        self.faults.recent.drain(..)
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

    /// Takes a row from its agent. The outcome of the agent's last step can be read until the next step begins.
    pub(crate) fn release_row(&mut self, row: u32) {
        self.turnover.agents[row as usize] = None;
        self.turnover.left.push(row);
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

    /// Resets the observation and the mask of a row that its agent has left.
    fn clear_row(&mut self, row: usize) {
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

    pub(crate) fn finish_episode(&mut self, row: u32, steps: u32, outcome: Outcome, success: Option<bool>) {
        let (terms, parameters) = (self.spec.reward.len(), self.running.parameter_count);
        let (reward, plan) = (self.running.returns[row as usize], self.running.plans[row as usize]);
        self.finished.push(FinishedEpisode { row, steps, outcome, reward, success, plan });
        self.finished_terms.extend_from_slice(&self.running.terms[row as usize * terms..][..terms]);
        let own = &self.running.parameters[row as usize * parameters..][..parameters];
        self.finished_parameters.extend_from_slice(own);
    }
}

impl Decisions {
    fn begin_step(&mut self) {
        self.is_due = self.wait == 0;
        self.wait = if self.is_due { self.every - 1 } else { self.wait - 1 };
    }

    /// True if the agents decide in the present step.
    pub const fn are_due(&self) -> bool {
        self.is_due
    }

    /// The controller that a row has before its agent's own one is read.
    const fn controller(&self) -> Controller {
        match (self.are_external, self.is_due) {
            (true, _) => Controller::External,
            (false, true) => Controller::Policy,
            (false, false) => Controller::Waiting,
        }
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

impl Faults {
    #[cold]
    pub(crate) fn report(&mut self, fault: Fault) {
        self.total += 1;
        if self.recent.len() < FAULTS_KEPT {
            self.recent.push(fault);
        }
    }

    /// Reports that a set got more elements than fit, unless it has been reported.
    #[cold]
    pub(crate) fn report_overflow(&mut self, row: u32, column: u32, tick: u64) {
        if self.recent.len() < FAULTS_KEPT && !self.overflowed.contains(&column) {
            self.overflowed.push(column);
            self.recent.push(Fault { row, place: FaultPlace::Set(column), tick });
        }
    }
}
