//! The counterfactual baseline beside a rollout: advantages over it, and its gradient steps.

use ludus_net::{Layout, NetworkConfig};
use ludus_spec::AgentSpec;

use super::{BASELINE, Ppo, UpdateSettings};
use crate::counterfactual::{BaselineSetup, CounterfactualBaseline, LOSS};
use crate::gradient::StepSize;
use crate::{LearnError, Learner};

/// Indices of the children of the baseline's seed.
const FIRST_WEIGHTS: u64 = 0;
const SHUFFLES: u64 = 1;

impl<L: Learner> Ppo<L> {
    /// Lets each agent of a team learn from the return less the value of the step without its own action. Detail 55.
    ///
    /// `spec` is that of the rows of a critic that sees its team ([`AgentSpec::with_team_view`]). The baseline's network has
    /// the encoders, hidden layers and activation of `network`, that of the policy, but no memory.
    ///
    /// # Errors
    ///
    /// [`LearnError::NoTeamView`] if the critic does not see its team, and [`LearnError::Network`] if the network is too
    /// large.
    pub fn with_counterfactual_baseline(
        mut self,
        spec: &AgentSpec,
        network: &NetworkConfig,
    ) -> Result<Self, LearnError> {
        if !self.rollout.shape().has_teams {
            return Err(LearnError::NoTeamView);
        }
        let setup = BaselineSetup {
            spec,
            network,
            value_heads: self.learner.layout().map_or(1, Layout::value_heads),
            normalize: self.config.normalize_observations,
            seed: self.seed.derive(BASELINE).derive(FIRST_WEIGHTS),
        };
        self.baseline = Some(CounterfactualBaseline::new(&setup, self.learner.machine())?);
        self.metrics.push(LOSS);
        Ok(self)
    }

    /// Replaces the advantages of the rollout by those over the baseline, if there is one.
    pub(super) fn estimate_baseline(&mut self) {
        if let Some(baseline) = &mut self.baseline {
            baseline.estimate(&mut self.rollout, self.learner.machine());
        }
    }

    /// Lets the baseline learn the critic's targets, in as many epochs and minibatches as the policy.
    ///
    /// If values are normalised, the targets are in the units of the update still.
    pub(super) fn learn_baseline(&mut self, settings: &UpdateSettings) -> Result<(), LearnError> {
        let Self { baseline, rollout, experience, learner, config, value_scale, seed, iteration, .. } = self;
        let Some(baseline) = baseline else { return Ok(()) };
        baseline.begin_update();
        let samples = experience.samples().len();
        if samples == 0 {
            return Ok(());
        }
        if config.normalize_values {
            baseline.map_values(&value_scale.to_update());
        }
        let size = StepSize { learning_rate: settings.learning_rate, max_grad_norm: settings.max_grad_norm };
        let shuffles = seed.derive(BASELINE).derive(SHUFFLES).derive(*iteration);
        for epoch in 0..config.epochs {
            experience.shuffle(shuffles.derive(epoch as u64));
            for minibatch in experience.minibatches(config.minibatches(samples)) {
                baseline.learn_minibatch(rollout, minibatch.samples, learner.machine(), size)?;
            }
        }
        if config.normalize_values {
            baseline.map_values(&value_scale.to_rewards());
        }
        baseline.check()
    }
}
