//! The networks of SAC.

use ludus_net::{EncodedBlock, InputBlock, Layout, NetError, Network, NetworkConfig};
use ludus_spec::Seed;

use super::parts::ActionParts;
use crate::LearnError;

/// The index of the critics' seed among the children of the run's.
const CRITICS: u64 = 2;

/// The policy and both critics of SAC as they are before the first update.
#[derive(Clone, Debug)]
pub struct SacNetworks {
    policy: Network,
    critics: [Network; 2],
    parts: ActionParts,
}

impl SacNetworks {
    /// Makes critics for a policy, with its encoders and hidden layers. `seed` is that of the algorithm.
    ///
    /// The policy's numbers have to be squashed: [`NetworkConfig::squashed`]. Its own critic is not used, and costs least
    /// with [`shared`](NetworkConfig::shared) layers.
    ///
    /// # Errors
    ///
    /// [`LearnError::Memory`] if the network has a memory, [`LearnError::NotSquashed`] if its numbers are not squashed,
    /// and [`LearnError::Network`] if the critics are too large.
    pub fn new(policy: Network, seed: Seed) -> Result<Self, LearnError> {
        if policy.layout().memory_width() > 0 {
            return Err(LearnError::Memory);
        }
        let parts = ActionParts::new(policy.layout().heads())?;
        let layout = critic_layout(policy.layout(), &parts)?;
        let critic = |index: u64| Network::new(layout.clone(), seed.derive(CRITICS).derive(index));
        Ok(Self { critics: [critic(0), critic(1)], policy, parts })
    }

    /// Returns the policy.
    pub const fn policy(&self) -> &Network {
        &self.policy
    }

    /// Returns the critics, which have the same layout.
    pub const fn critics(&self) -> &[Network; 2] {
        &self.critics
    }

    /// Returns the parts of the policy's actions.
    pub const fn parts(&self) -> &ActionParts {
        &self.parts
    }
}

/// Lays out a critic: the policy's encoders and hidden layers, with the numbers of the action behind the observation.
fn critic_layout(policy: &Layout, parts: &ActionParts) -> Result<Layout, NetError> {
    let block = |block: EncodedBlock<'_>| InputBlock {
        field: block.field.to_owned(),
        columns: block.columns,
        is_critic: block.is_critic,
    };
    let blocks: Vec<InputBlock> = policy.encoded_blocks().map(block).collect();
    // The critic's own value is not used: on a common trunk it costs next to nothing.
    let config = NetworkConfig { shared: true, squashed: false, ..policy.config().clone() };
    Layout::with_blocks(policy.inputs() + parts.numbers.len(), &blocks, &parts.critic_heads(), &config)
}
