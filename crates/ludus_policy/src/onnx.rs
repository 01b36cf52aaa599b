//! Policies as ONNX graphs, for programs that are not this one.

mod graph;
mod message;

use std::path::Path;

use ludus_net::{Activation, NamedTensor, Normalizer};
use ludus_spec::{ActionField, ActionKind, AgentSpec, joined};

use crate::atomic::write_atomically;
use crate::{PolicyError, PolicyFile};
use graph::{About, Graph, Value};

const DOC: &str = "From rows of observations to rows of actions. `action` is the most probable action in the game's own \
                   units; `distribution` has what it was taken from, a mean per number and a logit per choice.";

impl PolicyFile {
    /// The policy as an ONNX graph, normalisation and heads inside.
    ///
    /// | | shape | is |
    /// |---|---|---|
    /// | input `observation` | `[rows, observation width]` | observations as the game has them |
    /// | output `action` | `[rows, action width]` | the most probable action, numbers stretched to their range, choices by their index |
    /// | output `distribution` | `[rows, output width]` | a mean per number, before it is clamped, and a logit per choice |
    /// | output `log_std` | `[1, numbers]` | logarithms of the numbers' standard deviations, if there are any |
    ///
    /// Masks are no part of it: whoever has some looks for the greatest logit that is allowed in `distribution`.
    ///
    /// The file's metadata has the names of all columns, the ticks per step and the ticks per second.
    ///
    /// # Panics
    ///
    /// If there are more or fewer parameters than the network has.
    pub fn to_onnx(&self) -> Vec<u8> {
        let layout = self.layout().expect("parameters come from a network that was built");
        let network = Weights { tensors: layout.export(&self.parameters), activation: self.network.activation };
        let mut graph = Graph::default();
        let observed = self.spec.observation_width();
        let observation = graph.input("observation", observed, &observation_columns(&self.spec).join(", "));
        let inputs = staged(&mut graph, &observation, self.normalizer.as_ref());
        let features = network.hidden(&mut graph, &network.layers("trunk"), inputs);
        let actor = network.layers("actor");
        let (head, hidden) = actor.split_last().expect("an actor ends in a head");
        let features = network.hidden(&mut graph, hidden, features);
        let distribution = sums(&mut graph, head, &features);
        let action = action(&mut graph, &self.spec, &distribution);
        graph.output("action", &action, self.spec.action_width(), &action_columns(&self.spec).join(", "));
        graph.output("distribution", &distribution, layout.output_width(), "means and logits, field after field");
        if let Some((_, _, log_std)) = network.tensor("log_std") {
            graph.constant_output("log_std", log_std, "one for each number of the action");
        }
        graph.into_bytes(&About {
            name: &self.spec.name,
            doc: DOC,
            version: &self.origin.library,
            texts: &[
                ("observation", observation_columns(&self.spec).join(",")),
                ("action", action_columns(&self.spec).join(",")),
                ("decision_interval", self.decision_interval.to_string()),
                ("tick_rate_hz", self.tick_rate_hz.to_string()),
            ],
        })
    }

    /// Writes the policy as an ONNX graph, or replaces the file whole.
    ///
    /// # Errors
    ///
    /// If the folder can't be written to.
    pub fn write_onnx(&self, path: &Path) -> Result<(), PolicyError> {
        write_atomically(path, &self.to_onnx())
            .map_err(|source| PolicyError::Unwritable { path: path.to_owned(), source })
    }
}

fn observation_columns(spec: &AgentSpec) -> Vec<String> {
    (0..spec.observation_width()).filter_map(|column| spec.observation_name(column)).collect()
}

fn action_columns(spec: &AgentSpec) -> Vec<String> {
    let names = |field: &ActionField| match field.kind {
        ActionKind::Continuous { .. } => field.parts.iter().map(|part| joined(&field.name, part)).collect(),
        ActionKind::Discrete => vec![field.name.clone()],
    };
    spec.action.iter().flat_map(names).collect()
}

/// What the network reads, as [`ludus_net::stage`] makes it.
fn staged(graph: &mut Graph, observation: &Value, normalizer: Option<&Normalizer>) -> Value {
    let is_nan = graph.node("IsNaN", &[observation]);
    let zero = graph.number(0.0);
    let Some(normalizer) = normalizer else {
        let is_infinite = graph.node("IsInf", &[observation]);
        let is_refused = graph.node("Or", &[&is_nan, &is_infinite]);
        return graph.node("Where", &[&is_refused, &zero, observation]);
    };
    let [means, factors] = [normalizer.means(), normalizer.factors()].map(|row| graph.constant(&[1, row.len()], row));
    let [low, high] = [-normalizer.clip(), normalizer.clip()].map(|limit| graph.number(limit));
    let centred = graph.node("Sub", &[observation, &means]);
    let scaled = graph.node("Mul", &[&centred, &factors]);
    let clipped = graph.node("Clip", &[&scaled, &low, &high]);
    graph.node("Where", &[&is_nan, &zero, &clipped])
}

/// The network's tensors by name.
struct Weights {
    tensors: Vec<NamedTensor>,
    activation: Activation,
}

impl Weights {
    fn tensor(&self, name: &str) -> Option<&NamedTensor> {
        self.tensors.iter().find(|(own, ..)| own == name)
    }

    /// The layers of a chain, from the input on, each with its weight and its bias.
    fn layers(&self, chain: &str) -> Vec<[&NamedTensor; 2]> {
        let part = |index: usize, part: &str| self.tensor(&format!("{chain}.{index}.{part}"));
        (0..).map_while(|index| Some([part(index, "weight")?, part(index, "bias")?])).collect()
    }

    /// Runs hidden layers.
    fn hidden(&self, graph: &mut Graph, layers: &[[&NamedTensor; 2]], input: Value) -> Value {
        let operator = match self.activation {
            Activation::Tanh => "Tanh",
            Activation::Relu => "Relu",
        };
        layers.iter().fold(input, |value, layer| {
            let sums = sums(graph, layer, &value);
            graph.node(operator, &[&sums])
        })
    }
}

/// A layer without its activation.
fn sums(graph: &mut Graph, layer: &[&NamedTensor; 2], input: &Value) -> Value {
    let [weight, bias] = layer.map(|(_, shape, numbers)| graph.constant(shape, numbers));
    graph.node_with("Gemm", &[input, &weight, &bias], &[("transB", 1)])
}

/// The most probable action in the game's units.
fn action(graph: &mut Graph, spec: &AgentSpec, distribution: &Value) -> Value {
    let mut first = 0;
    let mut decide = |field: &ActionField| {
        let end = first + field.head().output_width();
        let outputs = graph.columns(distribution, first..end);
        first = end;
        decided(graph, field.kind, &outputs)
    };
    let fields = spec.action.iter().map(&mut decide).collect::<Vec<_>>();
    graph.node_with("Concat", &fields.iter().collect::<Vec<_>>(), &[("axis", 1)])
}

/// A field's value: means clamped to -1..=1 and stretched to the field's range, or the choice with the greatest logit.
fn decided(graph: &mut Graph, kind: ActionKind, outputs: &Value) -> Value {
    let ActionKind::Continuous { low, high } = kind else {
        let choice = graph.node_with("ArgMax", &[outputs], &[("axis", 1)]);
        return graph.node_with("Cast", &[&choice], &[("to", graph::FLOAT)]);
    };
    let [least, greatest, half, middle] =
        [-1.0, 1.0, high * 0.5 - low * 0.5, low.midpoint(high)].map(|number| graph.number(number));
    let clamped = graph.node("Clip", &[outputs, &least, &greatest]);
    let stretched = graph.node("Mul", &[&clamped, &half]);
    graph.node("Add", &[&stretched, &middle])
}
