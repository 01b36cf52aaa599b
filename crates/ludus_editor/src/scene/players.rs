//! Policies that decide for the agents on screen, mid-episode: a newer one takes over with the next decision.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{Episode, InArena, Rows, Slot, StepClock};
use ludus_policy::{ActionChoice, Insight, Policy, PolicyScratch, Sensed};

use super::{OfRival, SceneKind};
use crate::snapshot::PolicyLabel;

/// Who decides for the agents on screen.
#[derive(Resource, Default)]
pub struct Players {
    own: Option<Player>,
    rival: Option<Player>,
    /// Whether one of them was replaced by somebody's wish.
    is_replaced: bool,
    last: Decisions,
    /// The rival's actions `[rows, action width]`.
    spare: Vec<f32>,
    /// What was expected of each row's episode at its last decision `[rows]`; NaN where no policy decided.
    values: Vec<f32>,
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

impl Players {
    /// The policy that is shown.
    pub const fn own(&self) -> Option<&Player> {
        self.own.as_ref()
    }

    /// The one that it is compared with.
    pub const fn rival(&self) -> Option<&Player> {
        self.rival.as_ref()
    }

    /// Which policy decides for an agent.
    pub const fn of_mut(&mut self, is_rival: bool) -> Option<&mut Player> {
        if is_rival { self.rival.as_mut() } else { self.own.as_mut() }
    }

    /// Shows another policy from the next decision on.
    pub fn set_own(&mut self, player: Option<Player>) {
        self.own = player;
    }

    /// Compares with another policy, or with none.
    pub fn set_rival(&mut self, player: Option<Player>) {
        self.rival = player;
    }

    /// Notes that somebody has picked one of the policies.
    pub const fn mark_replaced(&mut self) {
        self.is_replaced = true;
    }

    /// Whether somebody has picked one since this was last asked.
    pub const fn take_replaced(&mut self) -> bool {
        core::mem::replace(&mut self.is_replaced, false)
    }

    /// What was made of a row when its present action was chosen; `None` in a restart step and without a policy.
    pub fn decided(&self, row: usize, is_rival: bool) -> Option<Decided> {
        self.last.of(row, is_rival)
    }

    /// Whether the agent of this row idles, since it is in a restart step.
    pub fn is_idle(&self, row: usize) -> bool {
        self.last.is_running.get(row).is_some_and(|&is_running| !is_running)
    }

    /// Forgets what was decided last: other agents are to come.
    pub fn forget_decisions(&mut self) {
        self.last = Decisions::default();
    }

    /// What was expected of this row's episode at its last decision; NaN where no policy decided.
    pub fn value(&self, row: usize) -> f32 {
        self.values.get(row).copied().unwrap_or(f32::NAN)
    }

    /// Lets the policies decide for all rows; `rivals` are those of the second one, `running` those within an episode.
    fn decide(&mut self, rows: &mut Rows, rivals: &[usize], running: &[usize]) {
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

/// On a step's first tick: the policies write the rows that become actions.
pub fn decide(
    world: &mut World,
    agents: &mut QueryState<(&Slot, &Episode, Option<&InArena>)>,
    rivals: &mut QueryState<(), With<OfRival>>,
) {
    if !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    let of_rival = rivals.query(world);
    let (mut rows_of_rival, mut running) = (Vec::new(), Vec::new());
    for (slot, episode, home) in agents.query(world) {
        if home.is_some_and(|home| of_rival.contains(home.0)) {
            rows_of_rival.push(slot.index());
        }
        if episode.is_running() {
            running.push(slot.index());
        }
    }
    let kind = world.resource::<SceneKind>().0.clone();
    world.resource_scope(|world, mut players: Mut<Players>| {
        players.decide(kind.rows_mut(world), &rows_of_rival, &running);
    });
}
