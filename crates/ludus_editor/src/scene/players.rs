//! Policies that decide for the agents on screen, mid-episode: a newer one takes over with the next decision.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{InArena, Rows, Slot, StepClock};
use ludus_policy::{ActionChoice, Insight, Policy, PolicyScratch, Sensed};

use super::{OfRival, SceneKind};
use crate::snapshot::PolicyLabel;

/// Who decides for the agents on screen.
#[derive(Resource, Default)]
pub struct Players {
    own: Option<Player>,
    rival: Option<Player>,
    /// The rival's actions `[rows, action width]`.
    spare: Vec<f32>,
    /// What was expected of each row's episode at its last decision `[rows]`; NaN where no policy decided.
    values: Vec<f32>,
}

/// A policy and its working memory.
pub struct Player {
    /// Which one it is.
    pub label: PolicyLabel,
    policy: Arc<Policy>,
    scratch: PolicyScratch,
}

impl Player {
    /// A policy that can decide.
    pub fn new(label: PolicyLabel, policy: Arc<Policy>) -> Self {
        Self { label, scratch: policy.scratch(), policy }
    }

    /// The most probable action of each row, and what it expects of it.
    fn act(&mut self, sensed: Sensed<'_>, actions: &mut [f32], values: &mut [f32]) {
        self.policy.act_masked(sensed, ActionChoice::Greedy, &mut self.scratch, actions);
        self.policy.values(sensed.observations, &mut self.scratch, values);
    }

    /// What it makes of one observation.
    pub fn insight(&mut self, sensed: Sensed<'_>) -> Insight {
        self.policy.insight(sensed, &mut self.scratch)
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

    /// What was expected of this row's episode at its last decision; NaN where no policy decided.
    pub fn value(&self, row: usize) -> f32 {
        self.values.get(row).copied().unwrap_or(f32::NAN)
    }

    /// Lets the policies decide for all rows; `rivals` are those of the second one.
    fn decide(&mut self, rows: &mut Rows, rivals: &[usize]) {
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
    agents: &mut QueryState<(&Slot, &InArena)>,
    rivals: &mut QueryState<(), With<OfRival>>,
) {
    if !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    let of_rival = rivals.query(world);
    let rows_of_rival: Vec<_> = agents
        .query(world)
        .iter()
        .filter(|(_, home)| of_rival.contains(home.0))
        .map(|(slot, _)| slot.index())
        .collect();
    let kind = world.resource::<SceneKind>().0.clone();
    world.resource_scope(|world, mut players: Mut<Players>| players.decide(kind.rows_mut(world), &rows_of_rival));
}
