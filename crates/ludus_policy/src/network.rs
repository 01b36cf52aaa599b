//! The network of a policy: one that its file describes, or one of a game's own.

use std::collections::BTreeMap;

use ludus_net::{Activation, Encoder, Layout, Memory, NamedTensor, NetworkConfig};
use ludus_spec::AgentSpec;
use serde::{Deserialize, Serialize};

/// The maximum number of hidden layers in a file: far more than any policy has. The names of tensors are compared
/// pairwise.
pub(crate) const DEEPEST: usize = 256;

/// The network of a policy.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyNetwork {
    /// A network that is described in full: its file suffices to run, evaluate and export it.
    Described(NetworkConfig),
    /// A network of the game's own, written with tensors.
    Own(OwnNetwork),
}

/// A network that runs on libtorch alone, in the program that defines it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnNetwork {
    /// The name of the network's type, such as `custom_network::Gathering`; empty if the file doesn't have it.
    pub name: String,
    /// Names and shapes of its parameters, in their order.
    pub parameters: Vec<(String, Vec<usize>)>,
}

/// The serialised form of a [`NetworkConfig`] in a policy file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkText {
    hidden: Vec<usize>,
    activation: Activation,
    #[serde(default, skip_serializing_if = "is_false")]
    layer_norm: bool,
    shared: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<Memory>,
    #[serde(default, skip_serializing_if = "is_false")]
    observe_last_action: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    squashed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    without_critic: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    encoders: BTreeMap<String, Encoder>,
    /// In version 2, in place of `encoders`: convolutions over every grid.
    #[serde(default, skip_serializing)]
    convolutions: Vec<usize>,
}

impl From<NetworkConfig> for PolicyNetwork {
    fn from(config: NetworkConfig) -> Self {
        Self::Described(config)
    }
}

impl PolicyNetwork {
    /// Returns the description, if the network has one.
    pub const fn described(&self) -> Option<&NetworkConfig> {
        match self {
            Self::Described(config) => Some(config),
            Self::Own(_) => None,
        }
    }

    /// Returns the game's own network, if it is one.
    pub const fn own(&self) -> Option<&OwnNetwork> {
        match self {
            Self::Described(_) => None,
            Self::Own(own) => Some(own),
        }
    }
}

impl OwnNetwork {
    /// Returns the count of all parameters' numbers; `None` if it overflows.
    pub(crate) fn count(&self) -> Option<usize> {
        self.parameters.iter().try_fold(0_usize, |sum, (_, shape)| sum.checked_add(count(shape)?))
    }

    pub(crate) fn export(&self, numbers: &[f32]) -> Vec<NamedTensor> {
        assert_eq!(Some(numbers.len()), self.count(), "an array like the parameters");
        let mut left = numbers;
        let named = self.parameters.iter().map(|(name, shape)| {
            let own;
            (own, left) = left.split_at(shape.iter().product());
            (name.clone(), shape.clone(), own.to_vec())
        });
        named.collect()
    }

    /// Returns the parameter array of exported tensors: the inverse of `export`. The tensors may be in any order.
    pub(crate) fn import(&self, tensors: &[NamedTensor]) -> Result<Vec<f32>, String> {
        let mut numbers = Vec::new();
        for (name, shape) in &self.parameters {
            let given = tensors
                .iter()
                .find(|(given, ..)| given == name)
                .ok_or_else(|| format!("tensor `{name}` is missing"))?;
            if given.1 != *shape || Some(given.2.len()) != count(shape) {
                return Err(format!("tensor `{name}` has shape {:?}, where the network needs {shape:?}", given.1));
            }
            match given.2.iter().find(|number| !number.is_finite()) {
                Some(number) => return Err(format!("tensor `{name}` holds {number}")),
                None => numbers.extend(&given.2),
            }
        }
        let is_known = |name: &str| self.parameters.iter().any(|(known, _)| known == name);
        let unknown = tensors.iter().find(|(name, ..)| !is_known(name));
        unknown.map_or(Ok(numbers), |(name, ..)| Err(format!("tensor `{name}` is not part of the network")))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Returns the count of a tensor's numbers; `None` if it overflows.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size))
}

impl From<&NetworkConfig> for NetworkText {
    fn from(config: &NetworkConfig) -> Self {
        let NetworkConfig {
            encoders,
            observe_last_action,
            hidden,
            activation,
            layer_norm,
            shared,
            memory,
            squashed,
            without_critic,
        } = config.clone();
        Self {
            hidden,
            activation,
            layer_norm,
            shared,
            memory,
            squashed,
            without_critic,
            observe_last_action,
            encoders,
            convolutions: Vec::new(),
        }
    }
}

impl NetworkText {
    /// Returns the description of the network of these agents. Errors if there are convolutions without a grid, or
    /// beside encoders.
    pub fn of_agent(self, spec: &AgentSpec) -> Result<NetworkConfig, String> {
        let Self {
            hidden,
            activation,
            layer_norm,
            shared,
            memory,
            squashed,
            without_critic,
            observe_last_action,
            mut encoders,
            convolutions,
        } = self;
        if !convolutions.is_empty() {
            let convolved = over_grids(spec, &convolutions);
            if convolved.is_empty() || !encoders.is_empty() {
                return Err("its network has `convolutions` without a grid, or beside `encoders`".to_owned());
            }
            encoders = convolved;
        }
        Ok(NetworkConfig {
            encoders,
            observe_last_action,
            hidden,
            activation,
            layer_norm,
            shared,
            memory,
            squashed,
            without_critic,
        })
    }
}

/// Returns the same convolutions over each grid.
fn over_grids(spec: &AgentSpec, channels: &[usize]) -> BTreeMap<String, Encoder> {
    grids(spec).map(|field| (field.to_owned(), Encoder::Convolve(channels.to_vec()))).collect()
}

/// Returns the names of the fields that are grids, in their order.
fn grids(spec: &AgentSpec) -> impl Iterator<Item = &str> {
    spec.observation.iter().filter(|field| field.block.grid().is_some()).map(|field| field.name.as_str())
}

/// Returns the network whose parameters a file of version 1 lists: a described network if they are those of a network
/// with convolutions, else a game's own.
///
/// Version 1 did not describe convolutions, but they are recognised by the names and shapes of their parameters.
pub(crate) fn listed_network(spec: &AgentSpec, parameters: Vec<(String, Vec<usize>)>) -> PolicyNetwork {
    match convolutional(spec, &parameters) {
        Some(config) => PolicyNetwork::Described(config),
        None => PolicyNetwork::Own(OwnNetwork { name: String::new(), parameters }),
    }
}

fn convolutional(spec: &AgentSpec, parameters: &[(String, Vec<usize>)]) -> Option<NetworkConfig> {
    let output = |name: &str| parameters.iter().find(|(own, _)| own == name)?.1.first().copied();
    let outputs = |chain: &str| (0..DEEPEST).map_while(|index| output(&format!("{chain}.{index}.weight"))).collect();
    let convolutions: Vec<usize> = outputs("grid.0");
    if convolutions.is_empty() {
        return None;
    }
    let config = NetworkConfig {
        encoders: over_grids(spec, &convolutions),
        hidden: outputs("trunk"),
        activation: Activation::Relu,
        shared: true,
        ..NetworkConfig::default()
    };
    let layout = Layout::of_agent(spec, &config).ok()?;
    let listed = parameters.iter().map(|(name, shape)| (new_name(name, spec), shape.clone()));
    layout.tensors().map(|tensor| (tensor.name, tensor.shape)).eq(listed).then_some(config)
}

/// Renames the tensors of a network with encoders from older versions to the present one.
pub(crate) fn rename(tensors: &mut [NamedTensor], spec: &AgentSpec) {
    for (name, ..) in tensors {
        *name = new_name(name, spec);
    }
}

/// Returns the present name of a tensor.
///
/// Heads had no index in version 1. Convolutions were named by the index of their grid in versions 1 and 2.
fn new_name(name: &str, spec: &AgentSpec) -> String {
    let of_grid = |name: &str| {
        let (grid, rest) = name.strip_prefix("grid.")?.split_once('.')?;
        let field = grids(spec).nth(grid.parse().ok()?)?;
        Some(format!("encoder.{field}.{rest}"))
    };
    match name {
        "actor.weight" => "actor.0.weight".to_owned(),
        "actor.bias" => "actor.0.bias".to_owned(),
        "critic.weight" => "critic.0.weight".to_owned(),
        "critic.bias" => "critic.0.bias".to_owned(),
        name => of_grid(name).unwrap_or_else(|| name.to_owned()),
    }
}
