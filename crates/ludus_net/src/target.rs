//! Networks that follow another one.

use crate::aligned::Aligned;
use crate::{Layout, NetError, Network, Scratch};

/// A network that never learns itself: its parameters follow those of another one, at a distance.
///
/// It has no copies of weights for a backward pass, so it follows fast.
///
/// # Source
///
/// Lillicrap et al. 2016, arXiv:1509.02971, §3.
#[derive(Clone, Debug)]
pub struct TargetNetwork(Network);

impl TargetNetwork {
    /// Makes a copy of a network.
    pub fn new(network: &Network) -> Self {
        let Network { layout, parameters, level, .. } = network;
        let (layout, parameters) = (layout.clone(), parameters.clone());
        Self(Network { layout, parameters, transposed: Aligned::zeros(0), level: *level })
    }

    /// Moves the parameters the part `rate` of the way to those of the other network, of the same layout; 1 copies them.
    ///
    /// # Panics
    ///
    /// If the other network has another number of parameters.
    pub fn follow(&mut self, network: &Network, rate: f32) {
        assert_eq!(self.0.parameters.len(), network.parameters.len(), "one parameter for each of the other's");
        for (own, &other) in self.0.parameters.iter_mut().zip(network.parameters()) {
            *own = if rate == 1.0 { other } else { *own + rate * (other - *own) };
        }
    }

    /// Returns the layout of the parameters.
    pub fn layout(&self) -> &Layout {
        self.0.layout()
    }

    /// Returns the flat parameter array.
    pub fn parameters(&self) -> &[f32] {
        self.0.parameters()
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    ///
    /// If the length is not [`Layout::parameter_count`].
    pub fn set_parameters(&mut self, parameters: &[f32]) -> Result<(), NetError> {
        // Only a network that learns clears the padding.
        let transposed = Aligned::zeros(self.0.layout.transposed_count);
        let mut network = Network { transposed, ..self.0.clone() };
        network.set_parameters(parameters)?;
        self.0.parameters = network.parameters;
        Ok(())
    }

    /// As [`Network::forward`].
    pub fn forward(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32], values: &mut [f32]) {
        self.0.forward(inputs, scratch, outputs, values);
    }

    /// As [`Network::forward_policy`].
    pub fn forward_policy(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32]) {
        self.0.forward_policy(inputs, scratch, outputs);
    }
}

#[cfg(test)]
mod tests {
    use ludus_spec::{Head, Seed};

    use super::*;
    use crate::NetworkConfig;

    fn network(seed: u64) -> Network {
        let config = NetworkConfig { hidden: vec![7], ..NetworkConfig::default() };
        Network::new(Layout::new(3, &[Head::Categorical { choices: 2 }], &config).unwrap(), Seed::new(seed))
    }

    fn outputs(forward: impl FnOnce(&[f32], &mut Scratch, &mut [f32], &mut [f32])) -> ([f32; 4], [f32; 2]) {
        let (mut outputs, mut values) = ([0.0; 4], [0.0; 2]);
        let inputs = [0.1, 0.2, 0.3, -0.1, 0.5, 0.9];
        forward(&inputs, &mut Scratch::new(network(1).layout()), &mut outputs, &mut values);
        (outputs, values)
    }

    #[test]
    fn a_target_goes_a_part_of_the_way() {
        let (first, second) = (network(1), network(2));
        let mut target = TargetNetwork::new(&first);
        assert_eq!(target.parameters(), first.parameters());
        target.follow(&second, 0.25);
        for ((own, first), second) in target.parameters().iter().zip(first.parameters()).zip(second.parameters()) {
            assert!((own - (0.75 * first + 0.25 * second)).abs() < 1e-6);
        }
        target.follow(&second, 1.0);
        assert_eq!(target.parameters(), second.parameters());
        let of_second = outputs(|i, s, o, v| second.forward(i, s, o, v));
        assert_eq!(outputs(|i, s, o, v| target.forward(i, s, o, v)), of_second);
        target.set_parameters(first.parameters()).unwrap();
        assert_eq!(outputs(|i, s, o, v| target.forward(i, s, o, v)), outputs(|i, s, o, v| first.forward(i, s, o, v)));
        assert!(target.set_parameters(&[0.0]).is_err());
    }
}
