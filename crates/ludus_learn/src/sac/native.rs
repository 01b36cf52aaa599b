//! The learner of SAC in plain Rust.

use ludus_net::Normalizer;

use super::actor::Actor;
use super::actor_update::ActorUpdate;
use super::critics::{Critics, SacContext};
use super::drawn::Temperatures;
use super::learner::{SacBehavior, SacLearner, SacSamples, SacState, SacStep};
use super::losses::SacLosses;
use super::networks::SacNetworks;
use super::parts::ActionParts;
use super::temperature::{TemperatureSettings, TunedTemperatures};
use crate::gradient::StepSize;
use crate::{Decider, LearnError, LearnedPolicy, Machine, Rollout};

/// The learner of SAC for small networks on the CPU.
///
/// It decides for each simulation in that one's thread, so no step waits for another thread. A minibatch is cut into
/// shards whose targets and gradients are worked out in parallel; the gradients are added up along a fixed tree. The
/// result is the same, bit for bit, with any number of threads.
#[derive(Debug)]
pub struct NativeSacLearner {
    pub(super) actor: Actor,
    update: ActorUpdate,
    pub(super) critics: Critics,
    temperatures: TunedTemperatures,
    machine: Machine,
    /// The weight of a gradient step in the means over an update.
    share: f32,
    /// The means of the losses since they were last taken.
    losses: SacLosses,
    /// The marked state.
    good: Option<Box<SacState>>,
}

impl NativeSacLearner {
    /// Makes a learner that starts from these networks.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// If the normaliser is not as wide as the policy's input.
    pub fn new(networks: SacNetworks, normalizer: Option<Normalizer>, machine: Machine) -> Result<Self, LearnError> {
        let actor = Actor::new(networks.policy().clone(), networks.parts().clone(), normalizer)?;
        let critics = Critics::new(networks.critics().clone(), &actor, &machine);
        Ok(Self {
            update: ActorUpdate::new(&actor, &critics, &machine),
            temperatures: TunedTemperatures::new(TemperatureSettings::default()),
            actor,
            critics,
            machine,
            share: 1.0,
            losses: SacLosses::default(),
            good: None,
        })
    }
}

impl SacLearner for NativeSacLearner {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn explores_smoothly(&self) -> bool {
        true
    }

    fn parts(&self) -> &ActionParts {
        &self.actor.parts
    }

    fn set_up(&mut self, temperatures: TemperatureSettings) {
        self.temperatures = TunedTemperatures::new(temperatures);
    }

    fn decider(&mut self, behavior: SacBehavior) -> Decider<'_> {
        self.actor.behavior = behavior;
        Decider::PerGroup(&self.actor)
    }

    fn begin_update(&mut self, steps: usize) {
        self.losses = SacLosses::default();
        self.share = 1.0 / steps.max(1) as f32;
    }

    fn learn(&mut self, samples: &dyn SacSamples, step: &SacStep) -> Result<(), LearnError> {
        let Self { actor, update, critics, temperatures, machine, share, losses: means, .. } = self;
        let SacStep { critic_rate, policy_rate, max_grad_norm, target_rate, next_actions, own_actions } = *step;
        let sizes = [critic_rate, policy_rate].map(|learning_rate| StepSize { learning_rate, max_grad_norm });
        let context = SacContext { actor, samples, temperatures: temperatures.now(), seed: next_actions };
        let mut losses = critics.compute(context, machine)?;
        losses.critic_grad_norm = critics.take_step(sizes[0])?;
        let context = SacContext { seed: own_actions, ..context };
        let of_policy = update.compute(context, critics, machine)?;
        losses.add(&of_policy, 1.0);
        losses.actor_grad_norm = update.take_step(actor, sizes[1])?;
        temperatures.learn(&of_policy, policy_rate)?;
        critics.move_targets(target_rate);
        means.add(&losses, *share);
        Ok(())
    }

    fn take_losses(&mut self) -> Result<SacLosses, LearnError> {
        let losses = std::mem::take(&mut self.losses);
        self.actor.learned.check()?;
        self.critics.check()?;
        Ok(losses)
    }

    fn temperatures(&self) -> Temperatures {
        self.temperatures.now()
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        self.actor.learned.update_normalizer(rollout, &self.machine.pool);
        Ok(())
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        self.good = Some(Box::new(self.state()));
        Ok(())
    }

    fn rewind(&mut self) {
        if let Some(good) = self.good.take() {
            self.restore(&good).expect("what was marked is of these networks, and was learned from");
            self.good = Some(good);
        }
    }

    fn policy(&self) -> LearnedPolicy {
        self.actor.learned.policy()
    }

    fn critics(&self) -> Vec<f32> {
        self.critics.parameters()
    }

    fn state(&self) -> SacState {
        SacState {
            policy: self.actor.learned.state(),
            critics: self.critics.state(),
            temperatures: self.temperatures.state(),
        }
    }

    fn restore(&mut self, state: &SacState) -> Result<(), LearnError> {
        let parameters =
            [&self.actor.learned.network, &self.critics.networks[0]].map(|network| network.parameters().len());
        state.check(parameters[0], parameters[1], self.actor.learned.normalizer.as_ref())?;
        let temperatures = self.temperatures.restored(&state.temperatures)?;
        self.actor.learned.restore(&state.policy)?;
        self.critics.set_state(&state.critics)?;
        self.temperatures = temperatures;
        Ok(())
    }
}
