//! The agents of one kind that one policy decides for, as one batch.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{AgentKind, Rows};
use ludus_policy::{PolicyScratch, Sensed};
use ludus_spec::Seed;

use crate::asset::Content;
use crate::{PolicyAsset, PolicyState};

/// A batch and its buffers, which grow to the size that the agents need and are kept.
pub(crate) struct Batch {
    pub policy: AssetId<PolicyAsset>,
    /// The version of the asset that was checked last; it may not fit.
    pub seen: Option<Arc<Content>>,
    running: Option<Running>,
    /// Agents that get the most probable action.
    greedy: Vec<Decider>,
    /// Agents whose action is drawn, each with its seed.
    drawn: Vec<Decider>,
    seeds: Vec<Seed>,
    /// The memory that the policy keeps of each agent's episode; empty without memory.
    memory: Vec<f32>,
    observations: Vec<f32>,
    /// Flags of the choices that are allowed; empty for agents without masks.
    masks: Vec<bool>,
    actions: Vec<f32>,
}

/// An agent that the policy decides for.
#[derive(Clone, Copy)]
pub(crate) struct Decider {
    pub agent: Entity,
    pub row: usize,
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
            memory: Vec::new(),
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

    /// Adds an agent to the batch. Its action is drawn if there is a seed for it.
    pub fn seat(&mut self, decider: Decider, seed: Option<Seed>) {
        match seed {
            None => self.greedy.push(decider),
            Some(seed) => {
                self.drawn.push(decider);
                self.seeds.push(seed);
            }
        }
    }

    /// Reads what the policy remembers of the agents' episodes.
    pub fn recall(&mut self, world: &World) {
        self.memory.clear();
        let width = self.memory_width();
        for &Decider { agent, .. } in self.greedy.iter().chain(&self.drawn).filter(|_| width > 0) {
            match world.get::<PolicyState>(agent).filter(|state| state.memory.len() == width) {
                Some(state) => self.memory.extend_from_slice(&state.memory),
                None => self.memory.resize(self.memory.len() + width, 0.0),
            }
        }
    }

    /// Writes what the policy remembers now.
    pub fn remember(&self, world: &mut World) {
        let width = self.memory_width();
        if width == 0 {
            return;
        }
        for (decider, memory) in self.greedy.iter().chain(&self.drawn).zip(self.memory.chunks_exact(width)) {
            if let Some(mut state) = world.get_mut::<PolicyState>(decider.agent) {
                state.memory.clear();
                state.memory.extend_from_slice(memory);
            }
        }
    }

    /// Returns the count of numbers that the policy remembers of an agent; 0 without a policy or without memory.
    pub fn memory_width(&self) -> usize {
        self.running.as_ref().map_or(0, |running| running.content.policy.memory_width())
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
        for Decider { row, .. } in self.greedy.iter().chain(&self.drawn) {
            self.observations.extend_from_slice(&rows.observations()[row * observation_width..][..observation_width]);
            self.masks.extend_from_slice(&rows.masks()[row * mask_width..][..mask_width]);
        }
        self.actions.resize((self.greedy.len() + self.drawn.len()) * action_width, 0.0);
        let sensed = Sensed { observations: &self.observations, masks: &self.masks };
        content.policy.act_each(sensed, &mut self.memory, &self.seeds, scratch, &mut self.actions);
        let decided = self.actions.chunks_exact(action_width);
        for (Decider { row, .. }, action) in self.greedy.iter().chain(&self.drawn).zip(decided) {
            rows.actions_mut()[row * action_width..][..action_width].copy_from_slice(action);
        }
    }

    fn idle(&self, rows: &mut Rows, kind: &AgentKind) {
        let width = kind.spec().action_width();
        for Decider { row, .. } in self.greedy.iter().chain(&self.drawn) {
            kind.write_idle(&mut rows.actions_mut()[row * width..][..width]);
        }
    }
}
