//! The settings of agents in a run: decision intervals, reward weights and episode limits.

use core::num::NonZeroU32;
use std::collections::BTreeMap;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::{AgentSpec, Distribution};
use ludus_agent::{ParameterPlan, Rows};
use ludus_train::config::{PolicySource, RunConfig};
use ludus_worlds::steps_to_decision;

use super::SceneKinds;

/// The settings of all kinds of agents, in a run or in the log of an episode.
#[derive(Resource, Clone, Debug)]
pub struct RunRules {
    /// Ticks per step of the world.
    pub ticks_per_step: NonZeroU32,
    /// Steps that the world has made when its agents restart: 0 for a new one.
    pub first_step: u64,
    /// The settings of each kind; `None` for kinds that the game controls.
    pub kinds: Vec<Option<KindRules>>,
    /// The distributions of episode parameters.
    pub parameters: Vec<(String, Distribution)>,
    /// The values of episode parameters that were set by hand, in place of drawn ones.
    pub by_hand: BTreeMap<String, f32>,
}

/// The settings of a kind.
#[derive(Clone, Debug)]
pub struct KindRules {
    /// Ticks from one decision to the next.
    pub interval: NonZeroU32,
    /// The weight of each term of the reward, in the spec's order.
    pub weights: Vec<f32>,
    pub episode_limit: Option<NonZeroU32>,
}

impl RunRules {
    /// Returns the settings of a run with this config.
    pub fn of_run(config: &RunConfig, specs: &[Arc<AgentSpec>]) -> Self {
        let rules = |spec: &Arc<AgentSpec>| {
            let agent = config.agent(spec);
            let rules = KindRules {
                interval: config.interval(&spec.name),
                weights: agent.weights(spec),
                episode_limit: agent.episode_limit,
            };
            (agent.policy != PolicySource::External).then_some(rules)
        };
        let kinds = specs.iter().map(rules).collect();
        // The game on screen is the task itself, not a stage on the way to it.
        let parameters = config.parameters_at(|_| usize::MAX);
        Self { ticks_per_step: config.ticks_per_step(), first_step: 0, kinds, parameters, by_hand: BTreeMap::new() }
    }

    /// Applies the settings to the agents of a world whose next step restarts all of them.
    pub fn apply(&self, world: &mut World) {
        let kinds = world.resource::<SceneKinds>().clone();
        for (kind, rules) in kinds.iter().zip(&self.kinds) {
            if let Some(rules) = rules {
                let rows = kind.rows_mut(world);
                rows.set_weights(&rules.weights);
                rows.set_episode_limit(rules.episode_limit);
            }
        }
        if let Some(mut plan) = world.get_resource_mut::<ParameterPlan>() {
            let by_hand = self.by_hand.iter().map(|(name, &value)| (name, Distribution::Constant(value)));
            for (name, distribution) in
                self.parameters.iter().map(|(name, of_run)| (name, of_run.clone())).chain(by_hand)
            {
                // A config that names a parameter which the game does not have was refused, and so was a command.
                let _ = plan.set(name, Some(distribution));
            }
        }
        self.restart(world);
    }

    /// True if a policy or a player may control a kind, and not the game.
    pub fn is_driven(&self, kind: usize) -> bool {
        self.kinds.get(kind).is_some_and(Option::is_some)
    }

    /// Leaves kinds without settings to the game.
    pub fn leave_others_to_the_game(&self, world: &mut World) {
        let kinds = world.resource::<SceneKinds>().clone();
        for (kind, _) in kinds.iter().zip(&self.kinds).filter(|(_, rules)| rules.is_none()) {
            kind.rows_mut(world).leave_to_the_game();
        }
    }

    /// Schedules the decisions of all kinds in the same steps as in a new world.
    pub fn restart(&self, world: &mut World) {
        let kinds = world.resource::<SceneKinds>().clone();
        for (kind, rules) in kinds.iter().zip(&self.kinds) {
            if let Some(rules) = rules {
                self.schedule(rules.interval, kind.rows_mut(world));
            }
        }
    }

    fn schedule(&self, interval: NonZeroU32, rows: &mut Rows) {
        let every = NonZeroU32::new(interval.get() / self.ticks_per_step).unwrap_or(NonZeroU32::MIN);
        rows.decide_every(every, steps_to_decision(every, self.first_step));
    }
}
