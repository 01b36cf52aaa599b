//! The numbers that estimate the values of a policy's decisions.

use ludus_net::{Network, Scratch};

/// The numbers that estimate the return of a policy's greedy actions. A policy file has the weights, and not their
/// meaning, which depends on the algorithm that has learned them.
#[derive(Clone, Debug, Default)]
pub enum ValueEstimate {
    /// The policy's own critic, as PPO learns it.
    #[default]
    Critic,
    /// The outputs are the values of choices, as PQN and DQN learn them: that of the greedy action.
    Outputs {
        /// True if they are advantages over the critic's value.
        is_dueling: bool,
    },
    /// Two critics beside the policy, as SAC learns them: the smaller value of the greedy action.
    Critics(Box<SoftCritics>),
    /// There are none: those that were learned are not at hand.
    Missing,
}

/// The two critics of soft actor-critic. They read the normalised observation and, behind it, the numbers of an action.
/// Their outputs are the values of the choices, or one value if there are no choices.
#[derive(Clone, Debug)]
pub struct SoftCritics {
    pub(crate) networks: [Network; 2],
    scratch: Scratch,
}

impl SoftCritics {
    /// Makes critics of networks with the same layout.
    pub fn new(networks: [Network; 2]) -> Self {
        Self { scratch: Scratch::new(networks[0].layout()), networks }
    }

    /// Returns the smaller value of both for each choice: `[rows, choices]`, or `[rows, 1]` without choices.
    pub(crate) fn smaller(&self, inputs: &[f32], rows: usize) -> Vec<f32> {
        let [first, second] = self.networks.each_ref().map(|network| {
            let mut outputs = vec![0.0; rows * network.layout().output_width()];
            network.forward_policy(inputs, &mut self.scratch.clone(), &mut outputs);
            outputs
        });
        // A value that is not a number stays one: `f32::min` would hide it.
        let smaller = |(first, second): (f32, f32)| if second < first || second.is_nan() { second } else { first };
        first.into_iter().zip(second).map(smaller).collect()
    }
}
