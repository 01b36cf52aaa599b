//! Policies without their critic, and policies of agents that have other observations for the critic alone.

use std::path::Path;

use ludus_net::{Layout, NetworkConfig, Normalizer, SetBlock};
use ludus_spec::AgentSpec;

use crate::file::check_layout;
use crate::{PolicyError, PolicyFile, PolicyNetwork};

/// The parts of a policy that depend on the columns of an observation.
pub(crate) struct ObservingParts {
    pub spec: AgentSpec,
    pub config: NetworkConfig,
    pub parameters: Vec<f32>,
    pub normalizer: Option<Normalizer>,
}

impl PolicyFile {
    /// Returns the policy as it is shipped: if some observations are for the critic alone, without them, and without the
    /// critic. A policy with a network of the game's own stays as it is.
    ///
    /// # Errors
    ///
    /// If the parameters are not those of the network that the file describes.
    pub fn shipped(&self) -> Result<Self, PolicyError> {
        let PolicyNetwork::Described(config) = &self.network else { return Ok(self.clone()) };
        if self.spec.critic_fields().next().is_none() {
            return Ok(self.clone());
        }
        Ok(self.with_parts(self.parts(config).for_agents(self.spec.without_critic_fields())?))
    }

    /// Returns the policy for agents of this kind. Errors name `path`.
    ///
    /// If only observations for the critic have changed, the policy decides as before and has no critic.
    ///
    /// # Errors
    ///
    /// If the policy was trained for another layout of rows, with the first difference.
    pub fn for_agents(self, spec: &AgentSpec, path: &Path) -> Result<Self, PolicyError> {
        check_layout(&self.spec, spec, path)?;
        let Some(difference) = spec.row_difference_from(&self.spec) else { return Ok(self) };
        match &self.network {
            PolicyNetwork::Described(config) => Ok(self.with_parts(self.parts(config).for_agents(spec.clone())?)),
            PolicyNetwork::Own(_) => {
                Err(PolicyError::OtherLayout { path: path.to_owned(), agent: spec.name.clone(), difference })
            }
        }
    }

    fn parts(&self, config: &NetworkConfig) -> ObservingParts {
        let Self { spec, parameters, normalizer, .. } = self.clone();
        ObservingParts { spec, config: config.clone(), parameters, normalizer }
    }

    fn with_parts(&self, parts: ObservingParts) -> Self {
        let ObservingParts { spec, config, parameters, normalizer } = parts;
        Self { spec, network: config.into(), parameters, normalizer, ..self.clone() }
    }
}

impl ObservingParts {
    /// Returns the policy without its critic, for agents that differ in their observations for the critic at most.
    pub fn for_agents(self, spec: AgentSpec) -> Result<Self, PolicyError> {
        let config = self.config.without_critic(&self.spec);
        let layout = |spec, config| Layout::of_agent(spec, config).map_err(PolicyError::Network);
        let (before, after) = (layout(&self.spec, &self.config)?, layout(&spec, &config)?);
        if before.parameter_count() != self.parameters.len() {
            let (expected, actual) = (before.parameter_count(), self.parameters.len());
            let error = ludus_net::NetError::WrongLength { what: "parameters", expected, actual };
            return Err(PolicyError::Network(error));
        }
        let mut tensors = before.export(&self.parameters);
        tensors.retain(|(name, ..)| after.tensors().any(|tensor| tensor.name == *name));
        let parameters = after.import(&tensors).map_err(PolicyError::Network)?;
        let normalizer = self.normalizer.map(|normalizer| with_columns(&normalizer, &self.spec, &spec));
        Ok(Self { spec, config, parameters, normalizer })
    }
}

/// Returns statistics of observations that differ in columns for the critic at most. A policy reads none of those, so
/// their mean is 0 and their variance 1.
fn with_columns(normalizer: &Normalizer, was: &AgentSpec, now: &AgentSpec) -> Normalizer {
    let statistics = normalizer.statistics();
    let columns = |numbers: &[f64], unread: f64| -> Vec<f64> {
        let read = was.observation_columns().zip(numbers).filter(|(column, _)| !column.is_critic());
        let mut read = read.map(|(_, &number)| number);
        let column = |is_critic: bool| if is_critic { unread } else { read.next().unwrap_or(unread) };
        now.observation_columns().map(|column| column.is_critic()).map(column).collect()
    };
    let (mean, variance) = (columns(statistics.mean(), 0.0), columns(statistics.variance(), 1.0));
    let normalizer = Normalizer::from_parts(mean, variance, statistics.count(), normalizer.clip());
    normalizer.expect("they were statistics before").with_sets(SetBlock::of_agent(now))
}

#[cfg(test)]
mod tests {
    use ludus_net::{Encoder, Memory, Network};
    use ludus_spec::{Block, ObservationField, Seed};

    use super::*;
    use crate::file::tests::{policy, spec};
    use crate::{ActionChoice, Policy, Sensed};

    /// The path in messages.
    const NAME: &str = "policies/plate.safetensors";

    /// The agents, with two fields for the critic alone, before and behind what the policy reads.
    fn with_secrets() -> AgentSpec {
        let mut spec = spec();
        let field = |name: &str, parts: &[&str]| ObservationField {
            name: name.to_owned(),
            block: Block::values(parts.iter().copied()),
            is_critic: true,
            ..spec.observation[0].clone()
        };
        let (wind, load) = (field("wind", &["x", "y"]), field("load", &[""]));
        spec.observation = vec![wind, spec.observation[0].clone(), load];
        spec
    }

    /// The policy of a training with these agents.
    fn trained(config: NetworkConfig) -> PolicyFile {
        let normalizer =
            Normalizer::from_parts(vec![5.0, 6.0, 0.1, -0.2, 0.3, 7.0], vec![2.0, 3.0, 1.0, 4.0, 9.0, 5.0], 8.0, 10.0);
        let normalizer = Some(normalizer.unwrap());
        let mut file = PolicyFile { spec: with_secrets(), network: config.into(), normalizer, ..policy() };
        file.parameters = Network::new(file.layout().unwrap(), Seed::new(3)).parameters().to_vec();
        file
    }

    fn configs() -> [NetworkConfig; 2] {
        let encoders = [("ball".to_owned(), Encoder::Stack(2))].into();
        let remembering = NetworkConfig { encoders, memory: Some(Memory::Gru(4)), ..NetworkConfig::default() };
        [NetworkConfig::default(), remembering]
    }

    /// Returns the actions of three steps of an episode of a row.
    fn actions(file: &PolicyFile, row: &[f32]) -> Vec<f32> {
        let policy = Policy::new(file).unwrap();
        let mut memory = vec![0.0; policy.memory_width()];
        let decide = |step: u8| {
            let observations = row.iter().map(|number| number * f32::from(step)).collect::<Vec<_>>();
            let mut actions = vec![0.0; policy.spec().action_width()];
            let sensed = Sensed { observations: &observations, masks: &[] };
            policy.act_masked(sensed, &mut memory, ActionChoice::Greedy, &mut policy.scratch(), &mut actions);
            actions
        };
        (1..4).flat_map(decide).collect()
    }

    const ROW: [f32; 6] = [9.0, 9.0, 0.5, -1.0, 2.0, 9.0];

    #[test]
    fn a_shipped_policy_has_no_critic_and_decides_the_same() {
        for file in configs().map(trained) {
            let shipped = file.shipped().unwrap();
            assert_eq!(shipped.spec, spec());
            let written = shipped.to_tensor_file();
            assert!(written.tensors.keys().all(|name| !name.starts_with("critic.")), "{:?}", written.tensors.keys());
            assert_eq!(written.tensors["normalizer.mean"].shape, [3]);
            assert!(!written.texts["policy"].contains("wind"), "{}", written.texts["policy"]);
            let read = PolicyFile::from_tensor_file(&written).unwrap();
            assert_eq!(read, shipped);
            assert_eq!(actions(&read, &ROW[2..5]), actions(&file, &ROW));
            assert_eq!(read.shipped().unwrap(), read);
            assert_eq!(read.to_onnx().unwrap(), file.to_onnx().unwrap(), "a graph has no critic");
        }
    }

    #[test]
    fn a_policy_without_fields_for_the_critic_is_shipped_whole() {
        assert_eq!(policy().shipped().unwrap(), policy());
    }

    #[test]
    fn a_policy_decides_for_agents_that_still_have_the_fields_and_for_agents_without_them() {
        for file in configs().map(trained) {
            let shipped = file.shipped().unwrap();
            let for_agents =
                |file: &PolicyFile, spec: &AgentSpec| file.clone().for_agents(spec, Path::new(NAME)).unwrap();
            assert_eq!(for_agents(&file, &with_secrets()), file, "nothing has changed");
            let expected = actions(&file, &ROW);
            assert_eq!(actions(&for_agents(&shipped, &with_secrets()), &ROW), expected);
            assert_eq!(actions(&for_agents(&file, &spec()), &ROW[2..5]), expected);
            // A checkpoint of a training with other observations for the critic.
            let mut others = with_secrets();
            others.observation.remove(0);
            assert_eq!(actions(&for_agents(&file, &others), &ROW[2..]), expected);
            let policy = Policy::new(&shipped).unwrap();
            assert_eq!(actions(&for_agents(&shipped, &with_secrets()), &ROW), expected);
            let again = policy.for_agents(&with_secrets()).unwrap().expect("its rows differ");
            assert_eq!(again.spec().observation_width(), 6);
            assert!(again.for_agents(&with_secrets()).unwrap().is_none(), "now they are the same");
        }
    }

    #[test]
    fn a_policy_without_critic_has_no_values() {
        let file = trained(NetworkConfig::default());
        let insight = |file: &PolicyFile, row: &[f32]| {
            let policy = Policy::new(file).unwrap();
            let sensed = Sensed { observations: row, masks: &[] };
            let mut values = [0.0];
            policy.values(sensed, &[], &mut policy.scratch(), &mut values);
            (policy.insight(sensed, &[], &mut policy.scratch()), values[0])
        };
        let (whole, value) = insight(&file, &ROW);
        assert_eq!(whole.value, Some(value));
        let (shipped, value) = insight(&file.shipped().unwrap(), &ROW[2..5]);
        assert_eq!(shipped.value, None);
        assert!(value.is_nan());
        assert_eq!(shipped.heads, whole.heads);
    }

    /// A network of the game's own reads whole rows, in a way that no file describes.
    #[test]
    fn a_network_of_the_game_s_own_is_for_its_own_rows_alone() {
        let own = crate::OwnNetwork { name: "balance::Own".to_owned(), parameters: Vec::new() };
        let file =
            PolicyFile { network: PolicyNetwork::Own(own), parameters: Vec::new(), ..trained(configs()[0].clone()) };
        assert_eq!(file.shipped().unwrap(), file);
        let error = file.for_agents(&spec(), Path::new(NAME)).unwrap_err().to_string();
        assert!(error.contains("observation field 1 was `wind`, now `ball`"), "{error}");
    }
}
