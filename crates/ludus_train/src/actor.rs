//! Policies that act in an evaluation: in plain Rust, or on libtorch where the network is the game's own.

use std::any::Any;
#[cfg(feature = "torch")]
use std::sync::{Mutex, MutexGuard};

use ludus_learn::{DecisionRows, GroupDecider, PhaseTimer, RowSeeds};
#[cfg(feature = "torch")]
use ludus_policy::OwnNetwork;
use ludus_policy::{ActionChoice, Policy, PolicyFile, PolicyScratch, Sensed};
use ludus_spec::AgentSpec;
#[cfg(feature = "torch")]
use ludus_torch::{PolicyRows, TorchNetwork, TorchPolicy, listed_parameters};

use crate::blueprint::Blueprint;
use crate::config::PolicySource;
use crate::error::TrainError;
use crate::frozen::frozen_file;

/// A policy that acts: in plain Rust, or on libtorch.
pub(crate) enum Actor {
    Native(Box<Policy>),
    #[cfg(feature = "torch")]
    /// A policy on libtorch, behind a lock: threads must not share tensors.
    Torch(Mutex<TorchPolicy>),
}

/// A policy for one step. It picks actions as `choice` says; draws derive from the seed in `choice` and from the row.
pub(crate) struct ActingStep<'a> {
    pub actor: &'a Actor,
    pub choice: ActionChoice,
}

/// A policy whose actions are drawn from the seeds of a collection, as in training.
pub(crate) struct FrozenPolicy(pub Actor);

/// Makes the policy of each lane: a frozen one, or the one that `learned` returns for the kind that owns the lane.
///
/// # Errors
///
/// Those of `learned`, and if a frozen policy can't be read or a network is not that of this program.
pub(crate) fn lane_actors(
    blueprint: &Blueprint,
    learned: impl Fn(&AgentSpec) -> Result<PolicyFile, TrainError>,
) -> Result<Vec<Actor>, TrainError> {
    let actor = |kinds: &Vec<usize>| {
        let (kind, spec) = (kinds[0], &blueprint.specs[kinds[0]]);
        let file = match &blueprint.agent(kind).policy {
            PolicySource::Frozen(named) => PolicyFile::read_for(&frozen_file(named, spec), spec)?,
            _ => learned(spec)?,
        };
        Actor::new(&file, blueprint, kind)
    };
    blueprint.lanes().iter().map(actor).collect()
}

/// Working memory of one thread for [`Actor::act`]; `None` for a policy on libtorch.
pub(crate) struct ActorScratch(Option<PolicyScratch>);

impl GroupDecider for ActingStep<'_> {
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(self.actor.scratch())
    }

    fn memory_width(&self) -> Option<usize> {
        Some(self.actor.memory_width())
    }

    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let scratch = scratch.downcast_mut().expect("a policy gets the working memory that it has made");
        let sensed = Sensed { observations: rows.observations, masks: rows.masks };
        self.actor.act(sensed, rows.memory, self.choice, scratch, rows.actions);
        timer.forwarded();
    }
}

impl GroupDecider for FrozenPolicy {
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(self.0.scratch())
    }

    fn memory_width(&self) -> Option<usize> {
        Some(self.0.memory_width())
    }

    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let RowSeeds { step, first_row, rows: of } = rows.seeds;
        // Where several policies drive the rows of a simulation, each has draws of its own.
        let first = first_row + of.first().map_or(0, |&row| row as usize);
        let choice = ActionChoice::Sampled(step.derive(first as u64));
        ActingStep { actor: &self.0, choice }.decide(scratch, rows, timer);
    }
}

impl Actor {
    /// Makes the policy of `file` for a kind of agents. The game's own network, if it has one, comes from `blueprint`.
    ///
    /// # Errors
    ///
    /// If the file's network is a game's own and not that of this game and program.
    pub fn new(file: &PolicyFile, blueprint: &Blueprint, kind: usize) -> Result<Self, TrainError> {
        #[cfg(feature = "torch")]
        if let Some(own) = file.network.own()
            && let Some(network) = blueprint.own_network(kind)
        {
            check_own(own, &*network)?;
            let policy = TorchPolicy::new(network, &file.parameters, file.normalizer.as_ref())?;
            return Ok(Self::Torch(Mutex::new(policy)));
        }
        Self::for_rows(file, &blueprint.specs[kind])
    }

    /// Makes the policy of `file`, which a file describes, for rows with this spec.
    ///
    /// # Errors
    ///
    /// If the file's network is a game's own, or is for other agents.
    pub fn for_rows(file: &PolicyFile, spec: &AgentSpec) -> Result<Self, TrainError> {
        let policy = Policy::new(file)?;
        let other = policy.for_agents(spec)?;
        Ok(Self::Native(Box::new(other.unwrap_or(policy))))
    }

    /// Returns new working memory for one thread.
    pub fn scratch(&self) -> ActorScratch {
        match self {
            Self::Native(policy) => ActorScratch(Some(policy.scratch())),
            #[cfg(feature = "torch")]
            Self::Torch(_) => ActorScratch(None),
        }
    }

    /// Numbers that the policy remembers of an agent's episode; 0 without memory.
    pub fn memory_width(&self) -> usize {
        match self {
            Self::Native(policy) => policy.memory_width(),
            #[cfg(feature = "torch")]
            Self::Torch(policy) => Self::lock(policy).memory_width(),
        }
    }

    /// Writes an action for each row of `sensed` to `actions`, as far as masks allow it. `memory` is what the policy
    /// remembers of each row's episode; it takes a step.
    pub fn act(
        &self,
        sensed: Sensed<'_>,
        memory: &mut [f32],
        choice: ActionChoice,
        scratch: &mut ActorScratch,
        actions: &mut [f32],
    ) {
        match self {
            Self::Native(policy) => {
                let scratch = scratch.0.get_or_insert_with(|| policy.scratch());
                policy.act_masked(sensed, memory, choice, scratch, actions);
            }
            #[cfg(feature = "torch")]
            Self::Torch(policy) => {
                let seed = match choice {
                    ActionChoice::Greedy => None,
                    ActionChoice::Sampled(seed) => Some(seed),
                };
                let policy = Self::lock(policy);
                let Sensed { observations, masks } = sensed;
                policy.act(PolicyRows { observations, masks, memory, actions }, seed);
            }
        }
    }
}

#[cfg(feature = "torch")]
impl Actor {
    fn lock(policy: &Mutex<TorchPolicy>) -> MutexGuard<'_, TorchPolicy> {
        // A policy is only read, so a panic in another thread has not changed it.
        policy.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Checks that the game's own network has the same parameters as the network that was trained.
#[cfg(feature = "torch")]
fn check_own(trained: &OwnNetwork, network: &dyn TorchNetwork) -> Result<(), TrainError> {
    if listed_parameters(network) == trained.parameters {
        return Ok(());
    }
    let [was, now] = [&*trained.name, network.name()].map(|name| if name.is_empty() { "unknown" } else { name });
    Err(TrainError::Torch(format!(
        "the policy's network `{was}` has other parameters than the game's `{now}`; play it with the game that trained \
         it, or train anew"
    )))
}
