//! The export of policies as ONNX graphs, for other programs.

mod encoders;
mod graph;
mod history;
mod memory;
mod observed;
mod proto;
mod sets;

use std::path::Path;

use ludus_net::{Activation, Layout, Memory, NamedTensor, SetBlock, SquashedGaussian};
use ludus_spec::{ActionField, ActionKind, AgentSpec, Head, joined, meant_rate_hz};

use crate::atomic::write_atomically;
use crate::{PolicyError, PolicyFile};
use encoders::encoded;
use graph::{About, Graph, Value};
use memory::{ChainMemory, remembered};
use observed::{Observed, element_columns, set_names};

const DOC: &str = "From rows of observations to rows of actions. `action` is the most probable action in the game's own \
                   units; `distribution` has what it was taken from, a mean per number and a logit per choice.";

const MEMORY_DOC: &str = "what is remembered of the episode, `next_memory` of the decision before; zeros where an \
                          episode starts";

impl PolicyFile {
    /// Converts the policy to an ONNX graph that includes normalisation and heads.
    ///
    /// | | shape | is |
    /// |---|---|---|
    /// | input `observation` | `[rows, observation width]` | observations as the game has them, without the sets |
    /// | input `observation.<field>` | `[rows, capacity, element width]` | the elements of a set, those that are present first; what is in the places after them has no effect |
    /// | input `observation.<field>.count` | `[rows]`, integers | the count of elements that are present |
    /// | input `memory` | `[rows, memory width]` | what is remembered of each row's episode, zeros where an episode starts: earlier steps of stacked fields as the network reads them, the last action (a number in -1..=1, and for each choice 1 if it was made, else 0), then the memory; only for policies that remember |
    /// | input `mask` | `[rows, mask width]` | true for each allowed choice; only for agents that have masks |
    /// | output `action` | `[rows, action width]` | the most probable action, numbers stretched to their range, choices by their index |
    /// | output `distribution` | `[rows, output width]` | a mean per number, before it is clamped, and a logit per choice, −∞ where it is not allowed; of squashed numbers the means before they are squashed, then the logarithms of their standard deviations |
    /// | output `log_std` | `[1, numbers]` | logarithms of the numbers' standard deviations, if there are any |
    /// | output `next_memory` | `[rows, memory width]` | the `memory` of the row's next decision, if `action` is what is done; only for policies that remember |
    ///
    /// Observations for the critic alone are not in the graph.
    ///
    /// As in the game, a field whose mask allows no choice has all choices allowed.
    ///
    /// The file's metadata has the names of all columns (`observation`, `mask`, `action`), the names of each field's
    /// choices (`choices`, a JSON object) and of the columns of each set's elements (`sets`, a JSON object), the ticks per step (`decision_interval`) and per second (`tick_rate_hz`),
    /// and where the policy comes from (`program`, `library`, `seed`, `steps`). Its `model_version` is the steps too,
    /// its `producer_version` that of the library which wrote it.
    ///
    /// # Errors
    ///
    /// If the network is a game's own.
    ///
    /// # Panics
    ///
    /// If there are more or fewer parameters than the network has.
    pub fn to_onnx(&self) -> Result<Vec<u8>, PolicyError> {
        if self.spec.critic_fields().next().is_some() && self.network.described().is_some() {
            return self.shipped()?.to_onnx();
        }
        let layout = self.layout()?;
        let network = Weights { tensors: layout.export(&self.parameters), activation: layout.config().activation };
        let mut graph = Graph::default();
        let observed = Observed::new(&mut graph, &self.spec, self.normalizer.as_ref());
        let memory_width = layout.policy_memory_width();
        let memory = (memory_width > 0).then(|| graph.input("memory", memory_width, MEMORY_DOC));
        let features = encoded(&mut graph, &layout, &network, &observed, memory.as_ref());
        let Outputs { outputs, next_state } = computed(&mut graph, &layout, &network, (features, memory.as_ref()));
        let distributions = self.decide(&mut graph, layout.heads(), &outputs);
        if let Some((_, _, log_std)) = network.tensor("log_std") {
            graph.constant_output("log_std", log_std, "one for each number of the action");
        }
        if let Some(memory) = memory {
            let mut parts = history::remembered(&mut graph, &layout, &observed, &memory);
            if layout.config().observe_last_action {
                parts.extend(history::last_action(&mut graph, &self.spec, &distributions));
            }
            parts.extend(next_state);
            let next_memory = beside(&mut graph, &parts);
            graph.output("next_memory", &next_memory, memory_width, "`memory` of the next decision");
        }
        Ok(graph.into_bytes(&About {
            name: &self.spec.name,
            doc: DOC,
            producer_version: env!("CARGO_PKG_VERSION"),
            model_version: self.origin.steps,
            texts: &self.texts(),
        }))
    }

    /// Writes the policy as an ONNX graph, atomically: an existing file is replaced as a whole.
    ///
    /// # Errors
    ///
    /// If the folder can't be written to, or the network is a game's own.
    pub fn write_onnx(&self, path: &Path) -> Result<(), PolicyError> {
        write_atomically(path, &self.to_onnx()?)
            .map_err(|source| PolicyError::Unwritable { path: path.to_owned(), source })
    }

    /// Adds the outputs `action` and `distribution`, computed from the network's outputs. Returns the distribution of
    /// each field.
    fn decide(&self, graph: &mut Graph, heads: &[Head], outputs: &Value) -> Vec<Value> {
        let spec = &self.spec;
        let mask = (spec.mask_width() > 0)
            .then(|| graph.flags_input("mask", spec.mask_width(), &mask_columns(spec).join(", ")));
        let (mut first, mut first_flag) = (0, 0);
        let (mut distributions, mut actions) = (Vec::new(), Vec::new());
        for (field, &head) in spec.action.iter().zip(heads) {
            let mut own = graph.columns(outputs, first..first + head.output_width());
            if let Some(mask) = mask.as_ref().filter(|_| head.mask_width() > 0) {
                let flags = graph.columns(mask, first_flag..first_flag + head.mask_width());
                own = masked(graph, &own, &flags, head.mask_width());
            }
            (first, first_flag) = (first + head.output_width(), first_flag + head.mask_width());
            let is_squashed = matches!(head, Head::SquashedGaussian { .. });
            if is_squashed {
                own = squashed(graph, &own, head.action_width());
            }
            actions.push(match field.kind {
                ActionKind::Continuous { low, high } => {
                    let means =
                        if is_squashed { squashed_means(graph, &own, head.action_width()) } else { own.clone() };
                    stretched(graph, [low, high], &means)
                }
                ActionKind::Discrete => chosen(graph, &own),
            });
            distributions.push(own);
        }
        let action = beside(graph, &actions);
        graph.output("action", &action, spec.action_width(), &action_columns(spec).join(", "));
        let is_squashed = heads.iter().any(|head| matches!(head, Head::SquashedGaussian { .. }));
        let distribution = if mask.is_some() || is_squashed { beside(graph, &distributions) } else { outputs.clone() };
        graph.output("distribution", &distribution, first, "means and logits, field after field");
        distributions
    }

    /// Returns the texts of the metadata.
    fn texts(&self) -> Vec<(&'static str, String)> {
        let (spec, origin) = (&self.spec, &self.origin);
        let mut texts = vec![
            ("observation", observation_columns(spec).join(",")),
            ("action", action_columns(spec).join(",")),
            ("choices", choices(spec).to_string()),
            ("decision_interval", self.decision_interval.to_string()),
            ("tick_rate_hz", meant_rate_hz(self.tick_rate_hz).to_string()),
            ("program", origin.program.clone()),
            ("library", origin.library.clone()),
            ("seed", origin.seed.to_string()),
            ("steps", origin.steps.to_string()),
        ];
        if spec.mask_width() > 0 {
            texts.push(("mask", mask_columns(spec).join(",")));
        }
        if set_names(spec).next().is_some() {
            texts.push(("sets", sets(spec).to_string()));
        }
        texts
    }
}

/// Returns the names of the columns that are in no set.
fn observation_columns(spec: &AgentSpec) -> Vec<String> {
    let sets = SetBlock::of_agent(spec);
    let is_in_set = |column: &usize| sets.iter().any(|set| (set.first..=set.count_column()).contains(column));
    let columns = (0..spec.observation_width()).filter(|column| !is_in_set(column));
    columns.filter_map(|column| spec.observation_name(column)).collect()
}

fn action_columns(spec: &AgentSpec) -> Vec<String> {
    let names = |field: &ActionField| match field.kind {
        ActionKind::Continuous { .. } => field.parts.iter().map(|part| joined(&field.name, part)).collect(),
        ActionKind::Discrete => vec![field.name.clone()],
    };
    spec.action.iter().flat_map(names).collect()
}

/// Returns the names of the mask's columns: one per choice of each discrete field.
fn mask_columns(spec: &AgentSpec) -> Vec<String> {
    let names = |field: &ActionField| field.parts.iter().map(|part| joined(&field.name, part)).collect::<Vec<_>>();
    spec.action.iter().filter(|field| field.kind == ActionKind::Discrete).flat_map(names).collect()
}

/// Returns the names of the columns of each set's elements.
fn sets(spec: &AgentSpec) -> serde_json::Value {
    let blocks = SetBlock::of_agent(spec);
    let sets = set_names(spec).zip(blocks);
    sets.map(|(field, block)| (field.to_owned(), serde_json::Value::from(element_columns(spec, block)))).collect()
}

/// Returns the names of each discrete field's choices, in the order of their indices.
fn choices(spec: &AgentSpec) -> serde_json::Value {
    let discrete = spec.action.iter().filter(|field| field.kind == ActionKind::Discrete);
    discrete.map(|field| (field.name.clone(), serde_json::Value::from(field.parts.clone()))).collect()
}

/// The network's outputs, and the state of its recurrent layer after the step if it has one.
struct Outputs {
    outputs: Value,
    next_state: Option<Value>,
}

/// Adds the layers from the inputs of the dense ones on.
fn computed(
    graph: &mut Graph,
    layout: &Layout,
    network: &Weights,
    (inputs, memory): (Value, Option<&Value>),
) -> Outputs {
    let config = layout.config();
    let first = layout.history_width();
    let state = config.memory.zip(memory);
    let state = state.map(|(memory, all)| (memory, graph.columns(all, first..first + memory.width())));
    let mut next_state = None;
    let mut features = |graph: &mut Graph, chain, hidden: &[Layer<'_>], inputs| {
        let features = network.hidden(graph, hidden, inputs);
        match &state {
            Some((memory, state)) if config.shared == (chain == "trunk") => {
                let of = ChainMemory { chain, memory: *memory, state };
                let remembered = next_state.insert(remembered(graph, network, &of, &features)).clone();
                match memory {
                    Memory::MinGru(_) => {
                        let sums = sums(graph, &network.layer(&format!("{chain}.memory.output")), &remembered);
                        network.activated(graph, &sums)
                    }
                    Memory::Gru(_) => remembered,
                }
            }
            _ => features,
        }
    };
    let inputs = features(graph, "trunk", &network.layers("trunk"), inputs);
    let actor = network.layers("actor");
    let (head, hidden) = actor.split_last().expect("an actor ends in a head");
    let inputs = features(graph, "actor", hidden, inputs);
    Outputs { outputs: sums(graph, &head.dense, &inputs), next_state }
}

/// The network's tensors by name.
struct Weights {
    tensors: Vec<NamedTensor>,
    activation: Activation,
}

/// Weight and bias of a dense layer, and gain and bias of its layer normalisation.
struct Layer<'a> {
    dense: [&'a NamedTensor; 2],
    norm: Option<[&'a NamedTensor; 2]>,
}

impl Weights {
    fn tensor(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.iter().find(|(own, ..)| own == name)
    }

    /// Returns the layers of a chain, from the input on.
    fn layers(&self, chain: &str) -> Vec<Layer<'_>> {
        let parts = |name: &str| {
            let [weight, bias] = ["weight", "bias"].map(|part| self.tensor(&format!("{name}.{part}")));
            Some([weight?, bias?])
        };
        let layer = |index: usize| {
            let name = format!("{chain}.{index}");
            Some(Layer { dense: parts(&name)?, norm: parts(&format!("{name}.norm")) })
        };
        (0..).map_while(layer).collect()
    }

    /// Returns the weight and the bias of the layer with this name.
    fn layer(&self, name: &str) -> [&NamedTensor; 2] {
        ["weight", "bias"].map(|part| self.tensor(&format!("{name}.{part}")).expect("the layout has this layer"))
    }

    /// Returns the count of the outputs of the layer with this name.
    fn width(&self, name: &str) -> usize {
        self.tensor(&format!("{name}.weight")).map_or(0, |(_, shape, _)| shape[0])
    }

    /// Adds hidden layers.
    fn hidden(&self, graph: &mut Graph, layers: &[Layer<'_>], input: Value) -> Value {
        layers.iter().fold(input, |value, layer| {
            let sums = sums(graph, &layer.dense, &value);
            let sums = layer.norm.as_ref().map_or(sums.clone(), |norm| normalized(graph, norm, &sums));
            self.activated(graph, &sums)
        })
    }

    /// Adds the activation of a hidden layer.
    fn activated(&self, graph: &mut Graph, sums: &Value) -> Value {
        let operator = match self.activation {
            Activation::Tanh => "Tanh",
            Activation::Relu => "Relu",
        };
        graph.node(operator, &[sums])
    }
}

/// Adds the layer normalisation of a layer's sums.
///
/// Without attributes, the axis is the last one, and 1e-5 is added to the variance.
fn normalized(graph: &mut Graph, norm: &[&NamedTensor; 2], sums: &Value) -> Value {
    let [gain, bias] = norm.map(|(_, shape, numbers)| graph.constant(shape, numbers));
    graph.node("LayerNormalization", &[sums, &gain, &bias])
}

/// Adds a layer without its activation.
fn sums(graph: &mut Graph, layer: &[&NamedTensor; 2], input: &Value) -> Value {
    let [weight, bias] = layer.map(|(_, shape, numbers)| graph.constant(shape, numbers));
    graph.node_with("Gemm", &[input, &weight, &bias], &[("transB", 1)])
}

/// Adds a mask to logits: −∞ for choices that are not allowed, unless none is allowed.
fn masked(graph: &mut Graph, logits: &Value, mask: &Value, choices: usize) -> Value {
    let flags = graph.node_with("Cast", &[mask], &[("to", graph::FLOAT)]);
    let ones = graph.constant(&[choices, 1], &vec![1.0; choices]);
    let count = graph.node("MatMul", &[&flags, &ones]);
    let [half, forbidden] = [0.5, f32::NEG_INFINITY].map(|number| graph.number(number));
    let is_free = graph.node("Less", &[&count, &half]);
    let allowed = graph.node("Or", &[mask, &is_free]);
    graph.node("Where", &[&allowed, logits, &forbidden])
}

/// Concatenates the columns of several values.
fn beside(graph: &mut Graph, values: &[Value]) -> Value {
    graph.node_with("Concat", &values.iter().collect::<Vec<_>>(), &[("axis", 1)])
}

/// Adds the choice with the greatest logit.
fn chosen(graph: &mut Graph, logits: &Value) -> Value {
    let choice = graph.node_with("ArgMax", &[logits], &[("axis", 1)]);
    graph.node_with("Cast", &[&choice], &[("to", graph::FLOAT)])
}

/// Adds a field's numbers: means clamped to -1..=1 and scaled to the field's range.
fn stretched(graph: &mut Graph, [low, high]: [f32; 2], means: &Value) -> Value {
    let [least, greatest, half, middle] =
        [-1.0, 1.0, high * 0.5 - low * 0.5, low.midpoint(high)].map(|number| graph.number(number));
    let clamped = graph.node("Clip", &[means, &least, &greatest]);
    let stretched = graph.node("Mul", &[&clamped, &half]);
    graph.node("Add", &[&stretched, &middle])
}

/// Adds the distribution of a squashed head: its means, then the logarithms of its deviations.
fn squashed(graph: &mut Graph, outputs: &Value, width: usize) -> Value {
    let (means, spreads) = (graph.columns(outputs, 0..width), graph.columns(outputs, width..2 * width));
    let [middle, reach] = SquashedGaussian::LOG_STD_MIDDLE_AND_REACH.map(|number| graph.number(number));
    let bounded = graph.node("Tanh", &[&spreads]);
    let scaled = graph.node("Mul", &[&bounded, &reach]);
    let log_std = graph.node("Add", &[&scaled, &middle]);
    beside(graph, &[means, log_std])
}

/// Adds the squashed means of such a distribution.
fn squashed_means(graph: &mut Graph, distribution: &Value, width: usize) -> Value {
    let means = graph.columns(distribution, 0..width);
    graph.node("Tanh", &[&means])
}
