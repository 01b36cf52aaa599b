//! Policies that decide for the agents on screen, mid-episode: a newer one takes over with the next decision.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{Episode, InArena, Rows, StepClock};
use ludus_policy::{ActionChoice, Insight, Policy, PolicyScratch, Sensed};

use super::{OfRival, SceneKinds};
use crate::snapshot::{AgentId, PolicyLabel};

/// Who decides for the agents on screen.
#[derive(Resource, Default)]
pub struct Players {
    /// Those of each kind of agents.
    kinds: Vec<KindPlayers>,
    /// Whether one of them was replaced by somebody's wish.
    is_replaced: bool,
}

/// The policies that decide for the agents of a kind.
#[derive(Default)]
struct KindPlayers {
    own: Option<Player>,
    rival: Option<Player>,
    last: Decisions,
    /// The rival's actions `[rows, action width]`.
    spare: Vec<f32>,
    /// What was expected of each row's episode at its last decision `[rows]`; NaN where no policy decided.
    values: Vec<f32>,
}

/// The rows of a kind that take part in a step.
#[derive(Default)]
struct StepRows {
    /// The rows of the second policy.
    rivals: Vec<usize>,
    /// The rows within an episode.
    running: Vec<usize>,
}

/// A policy and its working memory.
pub struct Player {
    decider: Arc<Decider>,
    scratch: PolicyScratch,
}

/// A policy, and which one it is.
struct Decider {
    label: PolicyLabel,
    policy: Arc<Policy>,
}

/// The last decisions, and what they were made on: both are shown until there are others.
#[derive(Default)]
struct Decisions {
    own: Option<Arc<Decider>>,
    rival: Option<Arc<Decider>>,
    /// `[rows, observation width]`
    observations: Vec<f32>,
    /// `[rows, mask width]`
    masks: Vec<bool>,
    /// Whether the agent was in the middle of an episode `[rows]`; in a restart step it idles.
    is_running: Vec<bool>,
}

/// What a policy made of what an agent saw, and which policy that was.
pub struct Decided {
    /// Which one.
    pub label: PolicyLabel,
    /// What it made of it.
    pub insight: Insight,
}

impl Player {
    /// A policy that can decide.
    pub fn new(label: PolicyLabel, policy: Arc<Policy>) -> Self {
        Self { scratch: policy.scratch(), decider: Arc::new(Decider { label, policy }) }
    }

    /// Which one it is.
    pub fn label(&self) -> &PolicyLabel {
        &self.decider.label
    }

    /// The most probable action of each row, and what it expects of it.
    fn act(&mut self, sensed: Sensed<'_>, actions: &mut [f32], values: &mut [f32]) {
        let Self { decider, scratch } = self;
        decider.policy.act_masked(sensed, ActionChoice::Greedy, scratch, actions);
        decider.policy.values(sensed.observations, scratch, values);
    }

    /// What it makes of one observation.
    pub fn decide(&mut self, sensed: Sensed<'_>) -> Decided {
        self.decider.decide(sensed, &mut self.scratch)
    }
}

impl Decider {
    fn decide(&self, sensed: Sensed<'_>, scratch: &mut PolicyScratch) -> Decided {
        Decided { label: self.label.clone(), insight: self.policy.insight(sensed, scratch) }
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

    /// Forgets what was decided for agents that are not within an episode any more.
    fn keep(&mut self, running: &[usize]) {
        let decided = core::mem::take(&mut self.is_running);
        self.is_running.resize(decided.len(), false);
        let still = running.iter().filter(|&&row| decided.get(row).is_some_and(|&was_running| was_running));
        still.for_each(|&row| self.is_running[row] = true);
    }

    /// What was made of a row; `None` if nobody decided, or if the agent was not asked since it restarted.
    fn of(&self, row: usize, is_rival: bool) -> Option<Decided> {
        if !self.is_running.get(row).is_some_and(|&is_running| is_running) {
            return None;
        }
        let decider = if is_rival { self.rival.as_ref() } else { self.own.as_ref() }?;
        let rows = self.is_running.len();
        let (senses, flags) = (self.observations.len() / rows, self.masks.len() / rows);
        let observations = &self.observations[row * senses..][..senses];
        let masks = &self.masks[row * flags..][..flags];
        Some(decider.decide(Sensed { observations, masks }, &mut decider.policy.scratch()))
    }
}

impl KindPlayers {
    /// Lets the policies decide for all rows.
    fn decide(&mut self, rows: &mut Rows, StepRows { rivals, running }: &StepRows) {
        self.last.note(rows, running);
        self.last.own = self.own.as_ref().map(|own| own.decider.clone());
        self.last.rival = self.rival.as_ref().map(|rival| rival.decider.clone());
        self.values.clear();
        self.values.resize(rows.len(), f32::NAN);
        if let Some(own) = &mut self.own {
            rows.decide(|observations, masks, actions| {
                own.act(Sensed { observations, masks }, actions, &mut self.values);
            });
        }
        if let Some(rival) = &mut self.rival {
            let width = rows.spec().action_width();
            self.spare.resize(rows.len() * width, 0.0);
            let mut values = vec![0.0; rows.len()];
            let sensed = Sensed { observations: rows.observations(), masks: rows.masks() };
            rival.act(sensed, &mut self.spare, &mut values);
            for &row in rivals {
                rows.actions_mut()[row * width..][..width].copy_from_slice(&self.spare[row * width..][..width]);
                self.values[row] = values[row];
            }
        }
    }
}

impl Players {
    /// Nobody yet, in a game with so many kinds of agents.
    pub fn new(kinds: usize) -> Self {
        let kinds = (0..kinds).map(|_| KindPlayers::default()).collect();
        Self { kinds, is_replaced: false }
    }

    /// The policy of a kind that is shown.
    pub fn own(&self, kind: usize) -> Option<&Player> {
        self.kinds.get(kind)?.own.as_ref()
    }

    /// The one that it is compared with.
    pub fn rival(&self, kind: usize) -> Option<&Player> {
        self.kinds.get(kind)?.rival.as_ref()
    }

    /// True if any kind has a policy.
    pub fn has_own(&self) -> bool {
        self.kinds.iter().any(|kind| kind.own.is_some())
    }

    /// True if policies of any kind are compared.
    pub fn are_compared(&self) -> bool {
        self.kinds.iter().any(|kind| kind.rival.is_some())
    }

    /// The policy that decides for an agent of this kind.
    pub fn of_mut(&mut self, kind: usize, is_rival: bool) -> Option<&mut Player> {
        let players = self.kinds.get_mut(kind)?;
        if is_rival { players.rival.as_mut() } else { players.own.as_mut() }
    }

    /// Shows another policy of a kind from the next decision on.
    pub fn set_own(&mut self, kind: usize, player: Player) {
        self.kinds[kind].own = Some(player);
    }

    /// Compares a kind's policy with another one.
    pub fn set_rival(&mut self, kind: usize, player: Player) {
        self.kinds[kind].rival = Some(player);
    }

    /// Compares no more.
    pub fn clear_rivals(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.rival = None);
    }

    /// Notes that somebody has picked one of the policies.
    pub const fn mark_replaced(&mut self) {
        self.is_replaced = true;
    }

    /// Whether somebody has picked one since this was last asked.
    pub const fn take_replaced(&mut self) -> bool {
        core::mem::replace(&mut self.is_replaced, false)
    }

    /// The decision that was made of what an agent saw when its present action was chosen; `None` in a restart step and
    /// without a policy.
    pub fn decided(&self, agent: AgentId, is_rival: bool) -> Option<Decided> {
        self.kinds.get(agent.kind)?.last.of(agent.row, is_rival)
    }

    /// True if the agent idles, since it is in a restart step.
    pub fn is_idle(&self, agent: AgentId) -> bool {
        let is_running = self.kinds.get(agent.kind).and_then(|kind| kind.last.is_running.get(agent.row));
        is_running.is_some_and(|&is_running| !is_running)
    }

    /// Forgets what was decided last: other agents are to come.
    pub fn forget_decisions(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.last = Decisions::default());
    }

    /// The value that was expected of the agent's episode at its last decision; NaN where no policy decided.
    pub fn value(&self, agent: AgentId) -> f32 {
        let value = self.kinds.get(agent.kind).and_then(|kind| kind.values.get(agent.row));
        value.copied().unwrap_or(f32::NAN)
    }

    /// A kind's step on its first tick.
    fn step(&mut self, kind: usize, rows: &mut Rows, agents: &StepRows) {
        let players = &mut self.kinds[kind];
        if rows.is_deciding() {
            players.decide(rows, agents);
        } else {
            players.last.keep(&agents.running);
        }
    }
}

/// On a step's first tick: the policies write the rows that become actions, for the kinds that decide in this step.
pub fn decide(
    world: &mut World,
    agents: &mut QueryState<(&Episode, Option<&InArena>)>,
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
                let Ok((episode, home)) = agents.get(agent) else { continue };
                if home.is_some_and(|home| of_rival.contains(home.0)) {
                    of_step.rivals.push(id.row);
                }
                if episode.is_running() {
                    of_step.running.push(id.row);
                }
            }
            players.step(index, kind.rows_mut(world), &of_step);
        }
    });
}
