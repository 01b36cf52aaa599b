//! Policy files: their content, and its conversion to and from `.safetensors`.

use std::num::NonZeroU32;
use std::path::Path;

use ludus_net::{Layout, NamedTensor, NetworkConfig, Normalizer, SetBlock};
use ludus_spec::{ActionField, ActionKind, AgentSpec, Block, LONGEST_STEP, ObservationField, TICK_RATES_HZ};
use serde::{Deserialize, Serialize};

use crate::PolicyError;
use crate::files::{self, LONGEST_FILE, Links};
use crate::network::{DEEPEST, NetworkText, OwnNetwork, PolicyNetwork, listed_network, rename};
use crate::tensors::{TensorData, TensorFile, Values};

/// The name of the text that holds everything but numbers.
const TEXT: &str = "policy";
/// The version of that text.
const FORMAT: u32 = 3;
/// The first version, which described perceptrons only.
const FIRST_FORMAT: u32 = 1;

const MEAN: &str = "normalizer.mean";
const VARIANCE: &str = "normalizer.variance";
const COUNT: &str = "normalizer.count";
const CLIP: &str = "normalizer.clip";

/// The maximum number of steps in a file: far more than any run takes, with room for those of a resumed run.
const MOST_STEPS: u64 = 1 << 62;

/// Prefix of the names of the optimiser's tensors in older checkpoints, which a policy ignores.
const OPTIMIZER: &str = "adam.";
/// Prefix of the names of all arrays that belong to an algorithm's state, and not to the policy.
const STATE: &str = "state.";

/// A trained policy with everything needed to run it: one `.safetensors` file.
///
/// Weights are plain `[out, in]` tensors with names as in PyTorch, such as `actor.0.weight`; observation statistics
/// are `normalizer.mean`, `.variance`, `.count` and `.clip`. The rest is JSON in the file's metadata, under
/// `policy`; the spec's [layout hash](AgentSpec::layout_hash) is part of it. A checkpoint is a policy file with
/// additional arrays and texts.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyFile {
    /// The observations, actions and rewards of the agent.
    pub spec: AgentSpec,
    /// The network of the policy.
    pub network: PolicyNetwork,
    /// The parameters, in the order of [`Layout`], or those of a game's own network one after another.
    pub parameters: Vec<f32>,
    /// The normaliser of observations; `None` if they are not normalised.
    pub normalizer: Option<Normalizer>,
    /// Ticks per step.
    pub decision_interval: NonZeroU32,
    /// Ticks per second of the game's time \[Hz\]; 0 for a simulation without ticks.
    pub tick_rate_hz: f64,
    /// The program and the run that trained the policy.
    pub origin: Origin,
}

/// The origin of a policy: the program, the library and the run that trained it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The name of the program that trained it.
    pub program: String,
    /// The version of the library that trained it.
    pub library: String,
    /// The run's seed.
    pub seed: u64,
    /// The number of steps of experience that it was trained with.
    pub steps: u64,
}

/// The part of the text that all versions have in common.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// The text of a policy file: it has either `network` or `own_network`.
///
/// Version 2 had convolutions over every grid in place of encoders. Version 1 had no `own_network` and no convolutions:
/// if `foreign` lists parameters, `network` has no meaning.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u32,
    spec: AgentSpec,
    /// [`AgentSpec::layout_hash`] in 16 hexadecimal digits, since JSON's numbers are not always read with 64 bits.
    layout_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<NetworkText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own_network: Option<OwnNetwork>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    foreign: Vec<(String, Vec<usize>)>,
    normalized: bool,
    decision_interval: NonZeroU32,
    tick_rate_hz: f64,
    origin: Origin,
}

impl PolicyFile {
    /// Reads a policy.
    ///
    /// # Errors
    ///
    /// If the file can't be read, is damaged or cut short, or is no policy.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let bytes = files::read(path, Links::Follow, LONGEST_FILE)
            .map_err(|source| PolicyError::Unreadable { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes, path)
    }

    /// Reads a policy from the bytes of a file. Errors name `path`.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged or cut short, or are no policy.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, PolicyError> {
        let policy = TensorFile::from_bytes(bytes).and_then(|file| Self::from_tensor_file(&file));
        policy.map_err(|problem| PolicyError::Damaged { path: path.to_owned(), problem })
    }

    /// Reads a policy for agents of this kind: see [`for_agents`](Self::for_agents).
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if it was trained for another layout of rows, with the first difference.
    pub fn read_for(path: &Path, spec: &AgentSpec) -> Result<Self, PolicyError> {
        Self::read(path)?.for_agents(spec, path)
    }

    /// Writes the policy atomically: an existing file is replaced as a whole.
    ///
    /// # Errors
    ///
    /// If the folder can't be written to.
    pub fn write(&self, path: &Path) -> Result<(), PolicyError> {
        self.to_tensor_file().write(path)
    }

    /// Returns the layout of the parameters.
    ///
    /// # Errors
    ///
    /// If the network's description is invalid, or if the network is a game's own.
    pub fn layout(&self) -> Result<Layout, PolicyError> {
        match &self.network {
            PolicyNetwork::Described(config) => Layout::of_agent(&self.spec, config).map_err(PolicyError::Network),
            PolicyNetwork::Own(own) => {
                let (network, program) = (own.name.clone(), self.origin.program.clone());
                Err(PolicyError::OwnNetwork { network, program })
            }
        }
    }

    /// Converts the policy to the content of a file.
    ///
    /// # Panics
    ///
    /// If there are more or fewer parameters than the network has.
    pub fn to_tensor_file(&self) -> TensorFile {
        let mut file = TensorFile::default();
        for (name, shape, values) in self.named(&self.parameters) {
            file.tensors.insert(name, TensorData { shape, values: Values::F32(values) });
        }
        if let Some(normalizer) = &self.normalizer {
            let statistics = normalizer.statistics();
            let mut insert = |name: &str, values| file.tensors.insert(name.to_owned(), TensorData::double_row(values));
            insert(MEAN, statistics.mean().to_vec());
            insert(VARIANCE, statistics.variance().to_vec());
            insert(COUNT, vec![statistics.count()]);
            insert(CLIP, vec![f64::from(normalizer.clip())]);
        }
        file.texts.insert(TEXT.to_owned(), self.text());
        file
    }

    /// Converts the content of a file to a policy.
    ///
    /// # Errors
    ///
    /// A sentence about the first problem.
    pub fn from_tensor_file(file: &TensorFile) -> Result<Self, String> {
        let text = file.texts.get(TEXT).ok_or_else(|| format!("its metadata has no `{TEXT}`"))?;
        let text = Text::parse(text).map_err(|problem| format!("its `{TEXT}`: {problem}"))?;
        text.check()?;
        let Text { format, spec, network, own_network, foreign, .. } = text;
        let network = network_of(format, &spec, (network, own_network, foreign))?;
        check_depth(&network)?;
        let parameters = parameters(file, &spec, &network)?;
        let normalizer = text.normalized.then(|| normalizer(file, &spec)).transpose()?;
        let Text { decision_interval, tick_rate_hz, origin, .. } = text;
        Ok(Self { spec, network, parameters, normalizer, decision_interval, tick_rate_hz, origin })
    }

    /// Converts an array with the layout of the parameters, such as an optimiser's moments, to plain named tensors.
    ///
    /// # Panics
    ///
    /// If the array has more or fewer numbers than the network has parameters.
    pub fn named(&self, numbers: &[f32]) -> Vec<NamedTensor> {
        match &self.network {
            PolicyNetwork::Described(_) => {
                self.layout().expect("parameters come from a network that was built").export(numbers)
            }
            PolicyNetwork::Own(own) => own.export(numbers),
        }
    }

    /// Converts named tensors to an array with the layout of the parameters: the inverse of [`PolicyFile::named`]. The
    /// tensors may be in any order.
    ///
    /// # Errors
    ///
    /// A sentence about the first tensor that is missing, unknown, of another shape, or not finite.
    pub fn unnamed(&self, mut tensors: Vec<NamedTensor>) -> Result<Vec<f32>, String> {
        match &self.network {
            PolicyNetwork::Described(config) => {
                let layout = self.layout().map_err(|error| error.to_string())?;
                if !config.encoders.is_empty() {
                    rename(&mut tensors, &self.spec);
                }
                layout.import(&tensors).map_err(|error| error.to_string())
            }
            PolicyNetwork::Own(own) => own.import(&tensors),
        }
    }

    fn text(&self) -> String {
        let text = Text {
            format: FORMAT,
            layout_hash: written(self.spec.layout_hash()),
            spec: self.spec.clone(),
            network: self.network.described().map(NetworkText::from),
            own_network: self.network.own().cloned(),
            foreign: Vec::new(),
            normalized: self.normalizer.is_some(),
            decision_interval: self.decision_interval,
            tick_rate_hz: self.tick_rate_hz,
            origin: self.origin.clone(),
        };
        serde_json::to_string(&text).expect("names and numbers are JSON")
    }
}

/// Checks that a policy for `trained` fits agents with the layout of `spec`, whatever their critics read. Errors name
/// `path`.
///
/// # Errors
///
/// If the policy was trained for another layout of rows, with the first difference.
pub fn check_layout(trained: &AgentSpec, spec: &AgentSpec, path: &Path) -> Result<(), PolicyError> {
    if spec.layout_hash() == trained.layout_hash() {
        return Ok(());
    }
    let other = |difference| PolicyError::OtherLayout { path: path.to_owned(), agent: spec.name.clone(), difference };
    spec.difference_from(trained).map_or(Ok(()), |difference| Err(other(difference)))
}

impl Text {
    /// Parses the text. The version is checked first, since other versions have other fields.
    fn parse(text: &str) -> Result<Self, String> {
        let Version { format } = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !(FIRST_FORMAT..=FORMAT).contains(&format) {
            return Err(format!(
                "its format is {format}, this version of the library reads {FIRST_FORMAT} to {FORMAT}; use a newer one"
            ));
        }
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn check(&self) -> Result<(), String> {
        self.spec.observation.iter().try_for_each(check_block)?;
        let layout_hash = written(self.spec.layout_hash());
        if self.layout_hash != layout_hash {
            return Err(format!("its layout hash is {}, but that of its spec is {layout_hash}", self.layout_hash));
        }
        if self.origin.steps > MOST_STEPS {
            return Err(format!("it was trained for {} steps, there may be {MOST_STEPS} at most", self.origin.steps));
        }
        self.spec.action.iter().try_for_each(check_range)?;
        // For every kind of network, an agent needs at least one observation and one action.
        let linear = NetworkConfig { hidden: Vec::new(), ..NetworkConfig::default() };
        Layout::of_agent(&self.spec, &linear).map_err(|error| error.to_string())?;
        self.check_ticks()
    }

    /// Checks decision interval and tick rate against the limits of configs and games.
    fn check_ticks(&self) -> Result<(), String> {
        let (interval, rate) = (self.decision_interval.get(), self.tick_rate_hz);
        if interval > LONGEST_STEP {
            return Err(format!("its steps have {interval} ticks, there may be {LONGEST_STEP} at most"));
        }
        // A simulation without ticks has the rate 0.
        if rate == 0.0 || TICK_RATES_HZ.contains(&rate) {
            return Ok(());
        }
        let (least, most) = TICK_RATES_HZ.into_inner();
        Err(format!("its tick rate is {rate} Hz, it must be from {least} to {most}"))
    }
}

/// Returns an error if a grid or a set is empty.
fn check_block(field: &ObservationField) -> Result<(), String> {
    let name = &field.name;
    match &field.block {
        Block::Grid(shape) if shape.count() == 0 => Err(format!("its observation `{name}` is a grid of {shape}")),
        Block::Set(shape) if shape.capacity == 0 || shape.element_width() == 0 => {
            Err(format!("its observation `{name}` is a set of {shape}"))
        }
        Block::Values { .. } | Block::Grid(_) | Block::Set(_) => Ok(()),
    }
}

/// Returns an error if a continuous action's range is empty or not finite, as for actions of the game itself.
fn check_range(field: &ActionField) -> Result<(), String> {
    let ActionKind::Continuous { low, high } = field.kind else { return Ok(()) };
    let is_range = low < high && low.is_finite() && high.is_finite();
    if is_range { Ok(()) } else { Err(format!("its action `{}` has the range {low}..={high}", field.name)) }
}

fn written(layout_hash: u64) -> String {
    format!("{layout_hash:016x}")
}

/// The three fields of a text that may hold the network: a description, a game's own, or a list of parameters.
type WrittenNetworks = (Option<NetworkText>, Option<OwnNetwork>, Vec<(String, Vec<usize>)>);

/// Returns the network of a text of this version.
fn network_of(format: u32, spec: &AgentSpec, written: WrittenNetworks) -> Result<PolicyNetwork, String> {
    match written {
        (Some(_), None, listed) if format == FIRST_FORMAT && !listed.is_empty() => Ok(listed_network(spec, listed)),
        (Some(network), None, listed) if listed.is_empty() => Ok(network.of_agent(spec)?.into()),
        (None, Some(own), listed) if format > FIRST_FORMAT && listed.is_empty() => Ok(PolicyNetwork::Own(own)),
        _ => Err(format!("its `{TEXT}` must have either `network` or `own_network`")),
    }
}

fn check_depth(network: &PolicyNetwork) -> Result<(), String> {
    let depth = network.described().map_or(0, |config| config.hidden.len());
    if depth > DEEPEST {
        return Err(format!("its network has {depth} hidden layers, there may be {DEEPEST} at most"));
    }
    Ok(())
}

fn parameters(file: &TensorFile, spec: &AgentSpec, network: &PolicyNetwork) -> Result<Vec<f32>, String> {
    let is_of_algorithm = |name: &str| name.starts_with(STATE) || name.starts_with(OPTIMIZER);
    let is_weight = |name: &str| ![MEAN, VARIANCE, COUNT, CLIP].contains(&name) && !is_of_algorithm(name);
    let weights = file.tensors.iter().filter(|(name, _)| is_weight(name));
    let named = weights.map(|(name, tensor)| match &tensor.values {
        Values::F32(values) => Ok((name.clone(), tensor.shape.clone(), values.clone())),
        other => Err(format!("tensor `{name}` is of type {}, it must be F32", other.type_name())),
    });
    let mut named = named.collect::<Result<Vec<_>, _>>()?;
    let config = match network {
        PolicyNetwork::Described(config) => config,
        PolicyNetwork::Own(own) => return own.import(&named),
    };
    let layout = Layout::of_agent(spec, config).map_err(|error| error.to_string())?;
    let stored = named.iter().map(|(_, _, values)| values.len()).sum::<usize>();
    let needed = layout.tensors().map(|tensor| tensor.element_count()).fold(0, usize::saturating_add);
    // Checked before memory is allocated for a network whose weights the file may not have.
    if stored != needed {
        return Err(format!("it has {stored} weights, its network needs {needed}"));
    }
    if !config.encoders.is_empty() {
        rename(&mut named, spec);
    }
    layout.import(&named).map_err(|error| error.to_string())
}

fn normalizer(file: &TensorFile, spec: &AgentSpec) -> Result<Normalizer, String> {
    let width = spec.observation_width();
    let mean = file.f64s(MEAN)?;
    if mean.len() != width {
        return Err(format!("`{MEAN}` has {} numbers, it must have {width}", mean.len()));
    }
    let (mean, variance) = (mean.to_vec(), file.f64s(VARIANCE)?.to_vec());
    let (count, clip) = (single(file, COUNT)?, single(file, CLIP)?);
    let normalizer = Normalizer::from_parts(mean, variance, count, clip as f32).map_err(|error| error.to_string())?;
    Ok(normalizer.with_sets(SetBlock::of_agent(spec)))
}

fn single(file: &TensorFile, name: &str) -> Result<f64, String> {
    match file.f64s(name)? {
        &[number] => Ok(number),
        numbers => Err(format!("`{name}` has {} numbers, it must have 1", numbers.len())),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ludus_net::Network;
    use ludus_spec::{GridShape, ObservationKind, RewardTerm, Seed};

    use super::*;

    pub fn strings(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|&part| part.to_owned()).collect()
    }

    pub fn spec() -> AgentSpec {
        let action = |name: &str, parts: &[&str], kind| ActionField {
            name: name.to_owned(),
            doc: String::new(),
            parts: strings(parts),
            kind,
        };
        AgentSpec {
            name: "Plate".to_owned(),
            observation: vec![ObservationField {
                name: "ball".to_owned(),
                doc: "Where it is [m].".to_owned(),
                block: Block::values(["x", "y", "z"]),
                range: Some((-1.0, 1.0)),
                kind: ObservationKind::Number,
                is_critic: false,
            }],
            action: vec![
                action("rate", &["x", "z"], ActionKind::Continuous { low: -2.0, high: 2.0 }),
                action("jump", &["no", "yes"], ActionKind::Discrete),
            ],
            reward: vec![RewardTerm { name: "balanced".to_owned(), doc: String::new(), is_team: false }],
            masked: false,
            teams: Vec::new(),
        }
    }

    pub fn policy() -> PolicyFile {
        let network = NetworkConfig { hidden: vec![5, 4], ..NetworkConfig::default() };
        let spec = spec();
        let layout = Layout::new(spec.observation_width(), &spec.heads(), &network).unwrap();
        let parameters = Network::new(layout, Seed::new(3)).parameters().to_vec();
        PolicyFile {
            spec,
            network: network.into(),
            parameters,
            normalizer: Some(Normalizer::from_parts(vec![0.1, -0.2, 0.3], vec![1.0, 4.0, 9.0], 8.0, 10.0).unwrap()),
            decision_interval: NonZeroU32::new(5).unwrap(),
            tick_rate_hz: 50.0,
            origin: Origin {
                program: "balance".to_owned(),
                library: "0.1.0".to_owned(),
                seed: u64::MAX,
                steps: 1 << 40,
            },
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.safetensors");
        let encoders = [("ball".to_owned(), ludus_net::Encoder::Stack(3))].into();
        let remembering = NetworkConfig {
            encoders,
            observe_last_action: true,
            layer_norm: true,
            memory: Some(ludus_net::Memory::Gru(4)),
            ..NetworkConfig::default()
        };
        let layout = Layout::of_agent(&spec(), &remembering).unwrap();
        let parameters = Network::new(layout, Seed::new(3)).parameters().to_vec();
        let remembering = PolicyFile { network: remembering.into(), parameters, ..policy() };
        for policy in [policy(), PolicyFile { normalizer: None, ..policy() }, remembering] {
            policy.write(&path).unwrap();
            assert_eq!(PolicyFile::read(&path).unwrap(), policy);
            assert_eq!(std::fs::read(&path).unwrap(), policy.to_tensor_file().to_bytes());
        }
    }

    /// Makes a policy with a game's own network, whose two tensors no described network has.
    fn own() -> PolicyFile {
        let parameters = vec![("kernel".to_owned(), vec![2, 1, 3, 3]), ("scale".to_owned(), vec![2])];
        let network = PolicyNetwork::Own(OwnNetwork { name: "balance::Attention".to_owned(), parameters });
        PolicyFile { network, parameters: (0..20_u8).map(f32::from).collect(), ..policy() }
    }

    #[test]
    fn a_network_of_the_game_s_own_is_kept_but_does_not_run_here() {
        let file = own().to_tensor_file();
        assert_eq!(file.tensors["kernel"].shape, [2, 1, 3, 3]);
        assert_eq!(PolicyFile::from_tensor_file(&file).unwrap(), own());
        let error = crate::Policy::new(&own()).unwrap_err().to_string();
        let expected = "the policy's network `balance::Attention` is one of `balance`'s own, which no file describes; \
                        run it in that program, built with the feature `torch`";
        assert_eq!(error, expected);
        assert_eq!(own().to_onnx().unwrap_err().to_string(), expected);
    }

    #[test]
    fn tensors_of_a_network_of_the_game_s_own_are_checked() {
        let refused = |change: &dyn Fn(&mut TensorFile)| {
            let mut file = own().to_tensor_file();
            change(&mut file);
            PolicyFile::from_tensor_file(&file).unwrap_err()
        };
        assert!(refused(&|file| drop(file.tensors.remove("scale"))).contains("`scale` is missing"));
        let other = TensorData::row(vec![0.0; 3]);
        let error = refused(&|file| drop(file.tensors.insert("scale".to_owned(), other.clone())));
        assert!(error.contains("[3]") && error.contains("[2]"), "{error}");
        let error = refused(&|file| drop(file.tensors.insert("other".to_owned(), other.clone())));
        assert!(error.contains("`other` is not part"), "{error}");
    }

    #[test]
    fn tensors_are_plain_and_named_as_in_pytorch() {
        let file = policy().to_tensor_file();
        let shape = |name: &str| file.tensors[name].shape.clone();
        assert_eq!(shape("actor.0.weight"), [5, 3]);
        assert_eq!(shape("actor.0.bias"), [5]);
        assert_eq!(shape("actor.2.weight"), [4, 4], "two means and two logits from four");
        assert_eq!(shape("critic.2.weight"), [1, 4]);
        assert_eq!(shape("log_std"), [2]);
        assert_eq!(shape("normalizer.mean"), [3]);
    }

    #[test]
    fn a_checkpoint_is_a_policy_too() {
        let mut file = policy().to_tensor_file();
        file.tensors.insert("adam.mean.log_std".to_owned(), TensorData::row(vec![0.0; 2]));
        file.texts.insert("checkpoint".to_owned(), "{}".to_owned());
        assert_eq!(PolicyFile::from_tensor_file(&file).unwrap(), policy());
    }

    #[test]
    fn a_policy_of_another_layout_is_refused_with_the_difference() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.safetensors");
        policy().write(&path).unwrap();
        assert!(PolicyFile::read_for(&path, &spec()).is_ok());
        let mut changed = spec();
        changed.observation[0].block = Block::values(["x", "y"]);
        let error = PolicyFile::read_for(&path, &changed).unwrap_err().to_string();
        let expected =
            "was trained for a different `Plate`: observation field `ball` had 3 values, now 2; retrain, or load";
        assert!(error.contains(expected), "{error}");
    }

    fn refuse(change: impl FnOnce(&mut TensorFile), part: &str) {
        let mut file = policy().to_tensor_file();
        change(&mut file);
        let error = PolicyFile::from_tensor_file(&file).unwrap_err();
        assert!(error.contains(part), "{error}");
    }

    fn rewrite(from: &'static str, to: &'static str) -> impl FnOnce(&mut TensorFile) {
        move |file| {
            let text = file.texts.get_mut(TEXT).unwrap();
            assert!(text.contains(from), "{text}");
            *text = text.replace(from, to);
        }
    }

    #[test]
    fn files_that_contradict_themselves_are_refused() {
        let not_finite = |file: &mut TensorFile| {
            let Values::F32(values) = &mut file.tensors.get_mut("actor.0.weight").unwrap().values else { panic!() };
            values[0] = f32::NAN;
        };
        refuse(not_finite, "actor.0.weight");
        refuse(|file| file.texts.clear(), "its metadata has no `policy`");
        refuse(|file| drop(file.tensors.remove("log_std")), "weights, its network needs");
        refuse(|file| drop(file.tensors.remove("normalizer.mean")), "tensor `normalizer.mean` is missing");
        refuse(|file| file.tensors.get_mut("actor.0.weight").unwrap().shape = vec![3, 5], "shape [3, 5]");
        refuse(|file| drop(file.tensors.insert("log_std".to_owned(), TensorData::double_row(vec![0.0; 2]))), "F64");
        refuse(|file| drop(file.tensors.insert(COUNT.to_owned(), TensorData::double_row(vec![1.0; 2]))), "must have 1");
        refuse(|file| drop(file.tensors.insert(MEAN.to_owned(), TensorData::double_row(vec![1.0; 2]))), "must have 3");
        refuse(
            |file| drop(file.tensors.insert("extra".to_owned(), TensorData::row(vec![1.0]))),
            "weights, its network",
        );
        refuse(rewrite("\"format\":3", "\"format\":4"), "its format is 4, this version of the library reads 1 to 3");
        refuse(rewrite("\"format\":3", "\"format\":4,\"memory\":1"), "its format is 4");
        refuse(rewrite("\"network\"", "\"own_network\":{\"name\":\"\",\"parameters\":[]},\"network\""), "either");
        refuse(rewrite("\"format\":3", "\"format\":3,\"foreign\":[[\"a\",[1]]]"), "either");
        refuse(rewrite("\"decision_interval\":5", "\"decision_interval\":0"), "nonzero");
        refuse(rewrite("[5,4]", "[1000000000000,1000000000000]"), "network");
        refuse(rewrite("[5,4]", "[18446744073709551615]"), "network");
        refuse(rewrite("[5,4]", "[0]"), "hidden");
        let with = |part| rewrite("\"shared\":false", part);
        refuse(with("\"shared\":false,\"convolutions\":[4]"), "`convolutions` without a grid");
        let encoder = with("\"shared\":false,\"encoders\":{\"ball\":{\"Convolve\":[4]}}");
        refuse(encoder, "reads a grid, and `ball` has 3 values");
        let encoder = with("\"shared\":false,\"encoders\":{\"bell\":{\"Convolve\":[4]}}");
        refuse(encoder, "observes no field `bell`");
        refuse(with("\"shared\":false,\"encoders\":{\"ball\":{\"Blur\":[4]}}"), "unknown variant `Blur`");
        let stacked = with("\"shared\":false,\"encoders\":{\"ball\":{\"Stack\":1}}");
        refuse(stacked, "`Stack(1)` reads the present step alone");
        refuse(rewrite("[5,4]", "[1000000]"), "weights, its network needs");
        refuse(rewrite("\"rate\"", "\"rate\",\"speed\":1"), "unknown field `speed`");
        refuse(rewrite("\"tick_rate_hz\":50.0", "\"tick_rate_hz\":-1"), "tick rate");
    }

    #[test]
    fn what_a_file_claims_is_held_to_the_limits_of_configs() {
        refuse(
            rewrite("\"decision_interval\":5", "\"decision_interval\":65537"),
            "its steps have 65537 ticks, there may be 65536 at most",
        );
        let rate = |to| rewrite("\"tick_rate_hz\":50.0", to);
        refuse(rate("\"tick_rate_hz\":1e300"), "Hz, it must be from 0.000001 to 1000000000");
        refuse(rate("\"tick_rate_hz\":1e-300"), "Hz, it must be from 0.000001 to 1000000000");
        refuse(rewrite("\"steps\":1099511627776", "\"steps\":18446744073709551615"), "there may be");
        let with_spec = |change: fn(&mut AgentSpec), part: &str| {
            let mut changed = own();
            change(&mut changed.spec);
            let error = PolicyFile::from_tensor_file(&changed.to_tensor_file()).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        with_spec(|spec| spec.observation.clear(), "0 inputs");
        with_spec(|spec| spec.action.clear(), "0 heads");
        with_spec(|spec| spec.action[1].parts.truncate(1), "categorical of 1 choices");
        let widen = |spec: &mut AgentSpec| {
            spec.observation[0].block = Block::Grid(GridShape { height: 1 << 30, width: 1 << 30, channels: 3 });
        };
        with_spec(widen, "the network would have");
        let range = |spec: &mut AgentSpec| spec.action[0].kind = ActionKind::Continuous { low: 1.0, high: 1.0 };
        with_spec(range, "its action `rate` has the range 1..=1");
    }

    #[test]
    fn a_spec_that_is_not_the_one_hashed_is_refused_with_both_hashes() {
        let mut renamed = spec();
        renamed.observation[0].name = "balk".to_owned();
        let [stored, own] = [spec(), renamed].map(|spec| format!("{:016x}", spec.layout_hash()));
        let expected = format!("its layout hash is {stored}, but that of its spec is {own}");
        refuse(rewrite("\"ball\"", "\"balk\""), &expected);
        refuse(rewrite("\"layout_hash\"", "\"hash\""), "unknown field `hash`");
    }

    /// Makes a policy with a linear network that observes a board of `side` × `side` cells.
    fn sees_a_board(side: usize) -> PolicyFile {
        let mut policy = PolicyFile { normalizer: None, ..policy() };
        policy.spec.observation[0].block = Block::Grid(GridShape { height: side, width: side, channels: 3 });
        let network = Network::new(policy.layout().unwrap(), Seed::new(3));
        PolicyFile { parameters: network.parameters().to_vec(), ..policy }
    }

    #[test]
    fn a_policy_that_sees_a_grid_is_no_longer_than_its_weights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.safetensors");
        let policy = sees_a_board(20);
        policy.write(&path).unwrap();
        assert_eq!(PolicyFile::read(&path).unwrap(), policy);
        let text = &policy.to_tensor_file().texts[TEXT];
        assert!(text.len() < 1_000, "{text}");
        let error = PolicyFile::read_for(&path, &sees_a_board(10).spec).unwrap_err().to_string();
        assert!(error.contains("`ball` was a grid of 20×20×3, now of 10×10×3; retrain"), "{error}");
    }

    #[test]
    fn grids_that_can_not_be_are_refused() {
        let refuse = |shape: &str, part: &str| {
            let mut file = sees_a_board(20).to_tensor_file();
            let text = file.texts.get_mut(TEXT).unwrap();
            *text = text.replace(r#""grid":{"height":20,"width":20,"channels":3}"#, shape);
            // The hash is made to match the changed spec.
            let mut changed: Text = serde_json::from_str(text).unwrap();
            changed.layout_hash = written(changed.spec.layout_hash());
            *text = serde_json::to_string(&changed).unwrap();
            let error = PolicyFile::from_tensor_file(&file).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        refuse(r#""grid":{"height":0,"width":20,"channels":3}"#, "its observation `ball` is a grid of 0×20×3");
        refuse(r#""grid":{"height":10,"width":20,"channels":3}"#, "weights, its network needs");
        refuse(r#""grid":{"height":18446744073709551615,"width":20,"channels":3}"#, "the network would have");
    }

    #[test]
    fn documentation_may_change_after_training() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.safetensors");
        policy().write(&path).unwrap();
        let mut changed = spec();
        changed.observation[0].doc.clear();
        assert_eq!(PolicyFile::read_for(&path, &changed).unwrap(), policy());
    }

    #[test]
    fn a_flipped_bit_never_panics() {
        let bytes = policy().to_tensor_file().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let policy = TensorFile::from_bytes(&flipped).and_then(|file| PolicyFile::from_tensor_file(&file));
            if let Ok(policy) = policy {
                crate::Policy::new(&policy).unwrap();
            }
        }
    }
}
