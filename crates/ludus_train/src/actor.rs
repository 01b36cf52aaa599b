//! Policies that act in an evaluation: in plain Rust, or on libtorch where the network is the game's own.

use std::any::Any;
#[cfg(feature = "torch")]
use std::sync::Mutex;

use ludus_learn::{DecisionRows, GroupDecider, PhaseTimer, RowSeeds};
#[cfg(feature = "torch")]
use ludus_policy::OwnNetwork;
use ludus_policy::{ActionChoice, Policy, PolicyFile, PolicyScratch, Sensed};
#[cfg(feature = "torch")]
use ludus_torch::{TorchNetwork, TorchPolicy, listed_parameters};

use crate::blueprint::Blueprint;
use crate::error::TrainError;

/// A policy, wherever it computes.
pub(crate) enum Actor {
    Native(Box<Policy>),
    #[cfg(feature = "torch")]
    /// One thread at a time: tensors are not to be shared.
    Torch(Mutex<TorchPolicy>),
}

/// A policy in one step, that acts as `choice` says: its draws are those of the choice's seed and of the row.
pub(crate) struct ActingStep<'a> {
    pub actor: &'a Actor,
    pub choice: ActionChoice,
}

/// A policy whose actions are drawn from the seeds of a collection, as in training.
pub(crate) struct FrozenPolicy(pub Actor);

/// Working memory of one thread that acts, if the policy needs some.
pub(crate) struct ActorScratch(Option<PolicyScratch>);

impl GroupDecider for ActingStep<'_> {
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(self.actor.scratch())
    }

    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let scratch = scratch.downcast_mut().expect("a policy gets the working memory that it has made");
        let sensed = Sensed { observations: rows.observations, masks: rows.masks };
        self.actor.act(sensed, self.choice, scratch, rows.actions);
        timer.forwarded();
    }
}

impl GroupDecider for FrozenPolicy {
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(self.0.scratch())
    }

    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let RowSeeds { step, first_row, .. } = rows.seeds;
        let choice = ActionChoice::Sampled(step.derive(first_row as u64));
        ActingStep { actor: &self.0, choice }.decide(scratch, rows, timer);
    }
}

impl Actor {
    /// The policy of a file for a kind of agents, in a run of this blueprint, which knows the game's own network if it has
    /// one.
    ///
    /// # Errors
    ///
    /// If the file's network is a game's own and not that of this game and program.
    #[cfg_attr(not(feature = "torch"), expect(unused_variables, reason = "networks of one's own need libtorch"))]
    pub fn new(file: &PolicyFile, blueprint: &Blueprint, kind: usize) -> Result<Self, TrainError> {
        #[cfg(feature = "torch")]
        if let Some(own) = file.network.own()
            && let Some(network) = blueprint.own_network(kind)
        {
            check_own(own, &*network)?;
            let policy = TorchPolicy::new(network, &file.parameters, file.normalizer.as_ref())?;
            return Ok(Self::Torch(Mutex::new(policy)));
        }
        Ok(Self::Native(Box::new(Policy::new(file)?)))
    }

    /// Working memory for one thread.
    pub fn scratch(&self) -> ActorScratch {
        match self {
            Self::Native(policy) => ActorScratch(Some(policy.scratch())),
            #[cfg(feature = "torch")]
            Self::Torch(_) => ActorScratch(None),
        }
    }

    /// Decides for some rows among what is allowed.
    pub fn act(&self, sensed: Sensed<'_>, choice: ActionChoice, scratch: &mut ActorScratch, actions: &mut [f32]) {
        match self {
            Self::Native(policy) => {
                let scratch = scratch.0.get_or_insert_with(|| policy.scratch());
                policy.act_masked(sensed, choice, scratch, actions);
            }
            #[cfg(feature = "torch")]
            Self::Torch(policy) => {
                let seed = match choice {
                    ActionChoice::Greedy => None,
                    ActionChoice::Sampled(seed) => Some(seed),
                };
                // A policy is only read: one that panicked is as it was.
                let policy = policy.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                policy.act((sensed.observations, sensed.masks), seed, actions);
            }
        }
    }
}

/// Makes sure that the game's own network has the parameters that a file's has.
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
