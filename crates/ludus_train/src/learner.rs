//! The learner of a run: the one in plain Rust, or the one on libtorch.

mod choice;
mod decision;
#[cfg(feature = "torch")]
mod torch;

use ludus_learn::{
    LearnError, Learner, LearnerState, Losses, Machine, NativeLearner, PhaseTimes, Rollout, Simulation, UpdateSettings,
};
use ludus_net::Normalizer;
#[cfg(feature = "torch")]
use ludus_policy::OwnNetwork;
use ludus_policy::PolicyNetwork;
#[cfg(feature = "torch")]
use ludus_torch::{TorchLearner, listed_parameters};

pub use choice::{DeviceChoice, LearnerChoice, LearnerKind};
pub(crate) use decision::{Decision, Place, Workload, decide};
#[cfg(feature = "torch")]
pub(crate) use torch::{NetworkMaker, TorchParts, build_torch, open_cuda};

/// One of the learners that there are, behind their common trait.
pub(crate) enum RunLearner {
    Native(Box<NativeLearner>),
    #[cfg(feature = "torch")]
    Torch(Box<TorchLearner>),
}

/// Does the same with whichever learner it is.
macro_rules! with {
    ($self:expr, $learner:ident => $work:expr) => {
        match $self {
            RunLearner::Native($learner) => $work,
            #[cfg(feature = "torch")]
            RunLearner::Torch($learner) => $work,
        }
    };
}

impl RunLearner {
    /// The network, as a policy file has it.
    pub fn network(&self) -> PolicyNetwork {
        match self {
            Self::Native(learner) => learner.network().layout().config().clone().into(),
            #[cfg(feature = "torch")]
            Self::Torch(learner) => match learner.network().layout() {
                Some(layout) => layout.config().clone().into(),
                None => PolicyNetwork::Own(OwnNetwork {
                    name: learner.network().name().to_owned(),
                    parameters: listed_parameters(learner.network()),
                }),
            },
        }
    }

    /// The parameters, as a policy file has them.
    pub fn parameters(&self) -> Vec<f32> {
        match self {
            Self::Native(learner) => learner.network().parameters().to_vec(),
            #[cfg(feature = "torch")]
            Self::Torch(learner) => learner.parameters(),
        }
    }

    /// What it can't have of what the config says, and why; it learns without, more slowly.
    pub fn obstacle(&self) -> Option<&str> {
        match self {
            Self::Native(_) => None,
            #[cfg(feature = "torch")]
            Self::Torch(learner) => learner.obstacle(),
        }
    }

    /// What observations are normalised with, if they are.
    pub fn normalizer(&self) -> Option<&Normalizer> {
        with!(self, learner => learner.normalizer())
    }
}

impl Learner for RunLearner {
    fn observation_width(&self) -> usize {
        with!(self, learner => learner.observation_width())
    }

    fn action_width(&self) -> usize {
        with!(self, learner => learner.action_width())
    }

    fn machine(&self) -> &Machine {
        with!(self, learner => learner.machine())
    }

    fn keeps_to_a_thread(&self) -> bool {
        with!(self, learner => learner.keeps_to_a_thread())
    }

    fn collect<S: Simulation>(
        &mut self,
        simulations: &mut [S],
        rollout: &mut Rollout,
        seed: ludus_spec::Seed,
    ) -> Result<PhaseTimes, LearnError> {
        with!(self, learner => learner.collect(simulations, rollout, seed))
    }

    fn begin_update(&mut self, rollout: &Rollout) {
        with!(self, learner => learner.begin_update(rollout));
    }

    fn learn_minibatch(
        &mut self,
        rollout: &Rollout,
        samples: &[u32],
        settings: &UpdateSettings,
    ) -> Result<(), LearnError> {
        with!(self, learner => learner.learn_minibatch(rollout, samples, settings))
    }

    fn take_losses(&mut self) -> Result<Losses, LearnError> {
        with!(self, learner => learner.take_losses())
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        with!(self, learner => learner.update_normalizer(rollout))
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        with!(self, learner => learner.mark())
    }

    fn rewind(&mut self) {
        with!(self, learner => learner.rewind());
    }

    fn state(&self) -> LearnerState {
        with!(self, learner => learner.state())
    }

    fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError> {
        with!(self, learner => learner.restore(state))
    }
}
