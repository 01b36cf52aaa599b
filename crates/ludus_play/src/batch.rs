//! The agents of one kind that one policy decides for, as one batch.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{AgentKind, Rows, Slot};
use ludus_policy::{ActionChoice, PolicyScratch, Sensed};
use ludus_spec::Seed;

use crate::PolicyAsset;
use crate::asset::Content;

/// A batch and its buffers, which grow to the size that the agents need and are kept.
pub(crate) struct Batch {
    pub policy: AssetId<PolicyAsset>,
    /// The version of the asset that was checked last; it may not fit.
    pub seen: Option<Arc<Content>>,
    running: Option<Running>,
    /// Rows that get the most probable action.
    greedy: Vec<usize>,
    /// Rows whose action is drawn, each with its seed.
    drawn: Vec<usize>,
    seeds: Vec<Seed>,
    observations: Vec<f32>,
    /// Flags of the choices that are allowed; empty for agents without masks.
    masks: Vec<bool>,
    actions: Vec<f32>,
}

/// The version of a policy that decides.
struct Running {
    content: Arc<Content>,
    scratch: PolicyScratch,
}

impl Batch {
    pub fn new(policy: AssetId<PolicyAsset>) -> Self {
        Self {
            policy,
            seen: None,
            running: None,
            greedy: Vec::new(),
            drawn: Vec::new(),
            seeds: Vec::new(),
            observations: Vec::new(),
            masks: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Replaces the version that decides by this one.
    pub fn adopt(&mut self, content: Arc<Content>) {
        let scratch = content.policy.scratch();
        self.running = Some(Running { content, scratch });
    }

    pub fn is_empty(&self) -> bool {
        self.greedy.is_empty() && self.drawn.is_empty()
    }

    pub fn clear(&mut self) {
        self.greedy.clear();
        self.drawn.clear();
        self.seeds.clear();
    }

    /// Adds an agent to the batch of the decision at this tick.
    pub fn seat(&mut self, slot: Slot, choice: ActionChoice, tick: u64) {
        match choice {
            ActionChoice::Greedy => self.greedy.push(slot.index()),
            ActionChoice::Sampled(seed) => {
                self.drawn.push(slot.index());
                self.seeds.push(seed.derive(tick).derive(slot.index() as u64));
            }
        }
    }

    /// Writes the actions of the batch's agents; without a policy they idle.
    pub fn decide(&mut self, rows: &mut Rows, kind: &AgentKind) {
        if self.is_empty() {
            return;
        }
        if self.running.is_some() { self.act(rows) } else { self.idle(rows, kind) }
    }

    fn act(&mut self, rows: &mut Rows) {
        let Some(Running { content, scratch }) = &mut self.running else { return };
        let spec = content.policy.spec();
        let (observation_width, action_width) = (spec.observation_width(), spec.action_width());
        let mask_width = rows.spec().mask_width();
        self.observations.clear();
        self.masks.clear();
        for row in self.greedy.iter().chain(&self.drawn) {
            self.observations.extend_from_slice(&rows.observations()[row * observation_width..][..observation_width]);
            self.masks.extend_from_slice(&rows.masks()[row * mask_width..][..mask_width]);
        }
        self.actions.resize((self.greedy.len() + self.drawn.len()) * action_width, 0.0);
        let sensed = Sensed { observations: &self.observations, masks: &self.masks };
        content.policy.act_each(sensed, &self.seeds, scratch, &mut self.actions);
        let decided = self.actions.chunks_exact(action_width);
        for (row, action) in self.greedy.iter().chain(&self.drawn).zip(decided) {
            rows.actions_mut()[row * action_width..][..action_width].copy_from_slice(action);
        }
    }

    fn idle(&self, rows: &mut Rows, kind: &AgentKind) {
        let width = kind.spec().action_width();
        for row in self.greedy.iter().chain(&self.drawn) {
            kind.write_idle(&mut rows.actions_mut()[row * width..][..width]);
        }
    }
}
