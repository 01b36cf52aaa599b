//! The policies that decide for the agents on screen. A newer policy replaces the old one at the next decision, also in
//! the middle of an episode.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{Controller, Episode, InArena, Rows, StepClock};
use ludus_policy::{ActionChoice, Insight, Policy, PolicyScratch, Sensed, ValueEstimate};

use super::{OfRival, SceneKinds};
use crate::RivalPlace;
use crate::snapshot::{AgentId, PolicyLabel, ValueSource};

/// The policies that decide for the agents on screen.
#[derive(Resource, Default)]
pub struct Players {
    /// The policies of each kind of agents.
    kinds: Vec<KindPlayers>,
    /// The place of the second policies.
    rivals: RivalPlace,
    /// True if the user has replaced a policy since the last `take_replaced`.
    is_replaced: bool,
}

/// The policies that decide for the agents of a kind.
#[derive(Default)]
struct KindPlayers {
    own: Option<Player>,
    rival: Option<Player>,
    last: Decisions,
    /// The actions of the second policy `[rows, action width]`.
    spare: Vec<f32>,
    /// The value estimate of each row at its last decision `[rows]`; NaN where no policy decided.
    values: Vec<f32>,
}

/// The rows of a kind that take part in a step.
#[derive(Default)]
struct StepRows {
    /// The rows of the second policy.
    rivals: Vec<usize>,
    /// The rows within an episode.
    running: Vec<usize>,
    /// The rows whose agents wait: they do not decide in this step.
    waiting: Vec<usize>,
}

/// A policy and its working memory.
pub struct Player {
    loaded: Arc<LoadedPolicy>,
    scratch: PolicyScratch,
    /// The memory that policy and critic keep of each row's episode `[rows, memory width]`; of no width without memory.
    memory: Vec<f32>,
}

/// A policy and its label.
struct LoadedPolicy {
    label: PolicyLabel,
    policy: Arc<Policy>,
}

/// A policy, and what it remembered before its last decisions.
struct RememberedPolicy {
    loaded: Arc<LoadedPolicy>,
    /// `[rows, memory width]`
    memory: Vec<f32>,
}

/// The policies and the inputs of the last decisions. They are shown until the next decisions.
#[derive(Default)]
struct Decisions {
    own: Option<RememberedPolicy>,
    rival: Option<RememberedPolicy>,
    /// `[rows, observation width]`
    observations: Vec<f32>,
    /// `[rows, mask width]`
    masks: Vec<bool>,
    /// True if the agent was within an episode `[rows]`; in a restart step it idles.
    is_running: Vec<bool>,
}

/// The decision of a policy for one observation.
pub struct Decided {
    /// The label of the policy.
    pub label: PolicyLabel,
    /// The numbers that the policy remembered.
    pub memory: Vec<f32>,
    /// The distributions and the value.
    pub insight: Insight,
}

impl Player {
    /// Allocates the working memory of a policy.
    pub fn new(label: PolicyLabel, policy: Arc<Policy>) -> Self {
        Self { scratch: policy.scratch(), loaded: Arc::new(LoadedPolicy { label, policy }), memory: Vec::new() }
    }

    /// The label of the policy.
    pub fn label(&self) -> &PolicyLabel {
        &self.loaded.label
    }

    /// The source of the policy's value estimates.
    pub fn value_source(&self) -> ValueSource {
        match self.loaded.policy.value_estimate() {
            ValueEstimate::Critic => ValueSource::Critic,
            ValueEstimate::Outputs { .. } => ValueSource::Outputs,
            ValueEstimate::Critics(_) => ValueSource::SmallerCritic,
            ValueEstimate::Missing => ValueSource::Missing,
        }
    }

    /// Returns the policy with what it remembers.
    fn recall(&mut self, rows: &Rows) -> RememberedPolicy {
        let width = self.loaded.policy.memory_width_with_critic();
        self.memory.resize(rows.len() * width, 0.0);
        RememberedPolicy { loaded: self.loaded.clone(), memory: self.memory.clone() }
    }

    /// Corrects what is remembered after a decision for all rows: agents that wait remember what they did `before`.
    fn wait(&mut self, waiting: &[usize], before: Option<&RememberedPolicy>) {
        let width = self.loaded.policy.memory_width_with_critic();
        for row in waiting.iter().map(|row| row * width..(row + 1) * width) {
            if let Some(before) = before {
                self.memory[row.clone()].copy_from_slice(&before.memory[row]);
            }
        }
    }

    /// Forgets what was observed in rows that are not within an episode.
    fn forget_ended(&mut self, running: &[usize]) {
        let width = self.loaded.policy.memory_width_with_critic();
        for (row, memory) in self.memory.chunks_exact_mut(width.max(1)).enumerate() {
            if running.binary_search(&row).is_err() {
                memory.fill(0.0);
            }
        }
    }

    /// Writes the most probable action and the value estimate of each row.
    fn act(&mut self, sensed: Sensed<'_>, actions: &mut [f32], values: &mut [f32]) {
        let Self { loaded, scratch, memory } = self;
        loaded.policy.values(sensed, memory, scratch, values);
        loaded.policy.act_masked(sensed, memory, ActionChoice::Greedy, scratch, actions);
    }

    /// Returns the decision of a row for one observation, without taking a step. `begins` is true for the first
    /// decision of an episode, which remembers nothing.
    pub fn decide(&mut self, row: usize, begins: bool, sensed: Sensed<'_>) -> Decided {
        let memory = if begins { &[][..] } else { &self.memory };
        self.loaded.decide(row, sensed, memory, &mut self.scratch)
    }
}

impl LoadedPolicy {
    /// Returns the decision of a row for one observation. `memory` is that of all rows; a row without one remembers
    /// nothing.
    fn decide(&self, row: usize, sensed: Sensed<'_>, memory: &[f32], scratch: &mut PolicyScratch) -> Decided {
        let width = self.policy.memory_width_with_critic();
        let none = vec![0.0; width];
        let memory = memory.get(row * width..(row + 1) * width).unwrap_or(&none);
        // Those of the critic follow.
        let own = memory[..self.policy.memory_width()].to_vec();
        Decided { label: self.label.clone(), memory: own, insight: self.policy.insight(sensed, memory, scratch) }
    }
}

impl Decisions {
    fn note(&mut self, rows: &Rows, running: &[usize]) {
        self.observations.clear();
        self.observations.extend_from_slice(rows.observations());
        self.masks.clear();
        self.masks.extend_from_slice(rows.masks());
        self.is_running.clear();
        self.is_running.resize(rows.len(), false);
        running.iter().for_each(|&row| self.is_running[row] = true);
    }

    /// Discards the decisions of agents that are no longer within an episode.
    fn keep(&mut self, running: &[usize]) {
        let decided = core::mem::take(&mut self.is_running);
        self.is_running.resize(decided.len(), false);
        let still = running.iter().filter(|&&row| decided.get(row).is_some_and(|&was_running| was_running));
        still.for_each(|&row| self.is_running[row] = true);
    }

    /// Returns the decision for a row; `None` without a policy, or if the agent has not decided since its restart.
    fn of(&self, row: usize, is_rival: bool) -> Option<Decided> {
        if !self.is_running.get(row).is_some_and(|&is_running| is_running) {
            return None;
        }
        let RememberedPolicy { loaded, memory } = if is_rival { self.rival.as_ref() } else { self.own.as_ref() }?;
        let rows = self.is_running.len();
        let (senses, flags) = (self.observations.len() / rows, self.masks.len() / rows);
        let observations = &self.observations[row * senses..][..senses];
        let masks = &self.masks[row * flags..][..flags];
        Some(loaded.decide(row, Sensed { observations, masks }, memory, &mut loaded.policy.scratch()))
    }
}

impl KindPlayers {
    /// Runs the policies for all rows, and writes their actions and values.
    fn decide(&mut self, rows: &mut Rows, agents: &StepRows) {
        self.last.note(rows, &agents.running);
        self.last.own = self.own.as_mut().map(|own| own.recall(rows));
        self.last.rival = self.rival.as_mut().map(|rival| rival.recall(rows));
        self.values.clear();
        self.values.resize(rows.len(), f32::NAN);
        if let Some(own) = &mut self.own {
            rows.decide(|observations, masks, actions| {
                own.act(Sensed { observations, masks }, actions, &mut self.values);
            });
            own.wait(&agents.waiting, self.last.own.as_ref());
        }
        if let Some(rival) = &mut self.rival {
            let width = rows.spec().action_width();
            self.spare.resize(rows.len() * width, 0.0);
            let mut values = vec![0.0; rows.len()];
            let sensed = Sensed { observations: rows.observations(), masks: rows.masks() };
            rival.act(sensed, &mut self.spare, &mut values);
            rival.wait(&agents.waiting, self.last.rival.as_ref());
            for &row in &agents.rivals {
                rows.actions_mut()[row * width..][..width].copy_from_slice(&self.spare[row * width..][..width]);
                self.values[row] = values[row];
            }
        }
    }
}

impl Players {
    /// Returns a set without policies, for a game with `kinds` kinds of agents.
    pub fn new(kinds: usize) -> Self {
        let kinds = (0..kinds).map(|_| KindPlayers::default()).collect();
        Self { kinds, rivals: RivalPlace::default(), is_replaced: false }
    }

    /// The shown policy of a kind.
    pub fn own(&self, kind: usize) -> Option<&Player> {
        self.kinds.get(kind)?.own.as_ref()
    }

    /// The policy with which a kind's shown policy is compared.
    pub fn rival(&self, kind: usize) -> Option<&Player> {
        self.kinds.get(kind)?.rival.as_ref()
    }

    /// True if any kind has a policy.
    pub fn has_own(&self) -> bool {
        self.kinds.iter().any(|kind| kind.own.is_some())
    }

    /// The place of the second policies; `None` if there are none.
    pub fn rival_place(&self) -> Option<RivalPlace> {
        self.kinds.iter().any(|kind| kind.rival.is_some()).then_some(self.rivals)
    }

    /// True if a kind's second policy decides for the agent in this row. `is_beside` is true in the arenas beside those
    /// of the shown policies.
    pub fn is_of_rival(&self, kind: usize, row: usize, rows: &Rows, is_beside: bool) -> bool {
        self.rival(kind).is_some()
            && match self.rivals {
                RivalPlace::Beside => is_beside,
                RivalPlace::OtherSides => rows.teams().get(row).is_some_and(|team| team.team > 0),
            }
    }

    /// Returns the second policy of a kind if `is_rival`, else the shown one.
    pub fn of_mut(&mut self, kind: usize, is_rival: bool) -> Option<&mut Player> {
        let players = self.kinds.get_mut(kind)?;
        if is_rival { players.rival.as_mut() } else { players.own.as_mut() }
    }

    /// Sets the shown policy of a kind, from the next decision on.
    pub fn set_own(&mut self, kind: usize, player: Player) {
        self.kinds[kind].own = Some(player);
    }

    /// Sets the policy with which a kind's shown policy is compared.
    pub fn set_rival(&mut self, kind: usize, player: Player) {
        self.kinds[kind].rival = Some(player);
    }

    /// Removes the second policies of all kinds; those that are set next have this place.
    pub fn clear_rivals(&mut self, next: RivalPlace) {
        self.kinds.iter_mut().for_each(|kind| kind.rival = None);
        self.rivals = next;
    }

    /// Records that the user has replaced a policy.
    pub const fn mark_replaced(&mut self) {
        self.is_replaced = true;
    }

    /// True if the user has replaced a policy since the last call.
    pub const fn take_replaced(&mut self) -> bool {
        core::mem::replace(&mut self.is_replaced, false)
    }

    /// Returns the decision for the observation on which an agent's present action was chosen; `None` in a restart step
    /// and without a policy.
    pub fn decided(&self, agent: AgentId, is_rival: bool) -> Option<Decided> {
        self.kinds.get(agent.kind)?.last.of(agent.row, is_rival)
    }

    /// True if the agent idles, since it is in a restart step.
    pub fn is_idle(&self, agent: AgentId) -> bool {
        let is_running = self.kinds.get(agent.kind).and_then(|kind| kind.last.is_running.get(agent.row));
        is_running.is_some_and(|&is_running| !is_running)
    }

    /// Discards the last decisions, before other agents come on screen.
    pub fn forget_decisions(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.last = Decisions::default());
    }

    /// Returns the value estimate of an agent at its last decision; NaN where no policy decided.
    pub fn value(&self, agent: AgentId) -> f32 {
        let value = self.kinds.get(agent.kind).and_then(|kind| kind.values.get(agent.row));
        value.copied().unwrap_or(f32::NAN)
    }

    /// Runs the policies of a kind on a step's first tick, if the kind decides in this step.
    fn step(&mut self, kind: usize, rows: &mut Rows, agents: &StepRows) {
        let players = &mut self.kinds[kind];
        if rows.is_deciding() {
            players.decide(rows, agents);
        } else {
            players.last.keep(&agents.running);
        }
        players.own.iter_mut().chain(&mut players.rival).for_each(|player| player.forget_ended(&agents.running));
    }
}

/// Writes the actions of the policies to the rows, on a step's first tick, for the kinds that decide in this step.
pub fn decide(
    world: &mut World,
    agents: &mut QueryState<(&Episode, &Controller, Option<&InArena>)>,
    rivals: &mut QueryState<(), With<OfRival>>,
) {
    if !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    let kinds = world.resource::<SceneKinds>().clone();
    world.resource_scope(|world, mut players: Mut<Players>| {
        for (index, kind) in kinds.iter().enumerate() {
            if kind.rows(world).are_left_to_the_game() {
                continue;
            }
            let (agents, of_rival) = (agents.query(world), rivals.query(world));
            let mut of_step = StepRows::default();
            for (id, agent) in kinds.agents(world, index) {
                let Ok((episode, controller, home)) = agents.get(agent) else { continue };
                let is_beside = home.is_some_and(|home| of_rival.contains(home.0));
                if players.is_of_rival(index, id.row, kind.rows(world), is_beside) {
                    of_step.rivals.push(id.row);
                }
                // An agent whose episode the game has ended between two steps acts once more.
                if episode.is_running() || episode.has_ended() {
                    of_step.running.push(id.row);
                }
                if *controller == Controller::Waiting {
                    of_step.waiting.push(id.row);
                }
            }
            players.step(index, kind.rows_mut(world), &of_step);
        }
    });
}
