//! Memory between hidden layers and the head: one step.

use ludus_net::Memory;

use super::graph::{Graph, Value};
use super::{Weights, sums};

/// The memory of a chain, and what was remembered before the step.
pub(super) struct ChainMemory<'a> {
    pub chain: &'a str,
    pub memory: Memory,
    pub state: &'a Value,
}

/// Adds a step of a chain's memory behind its hidden layers. Returns what is remembered after it.
///
/// The formulas are those of `ludus_net`: MinGRU with a positive candidate, and GRU as of PyTorch and of ONNX with
/// `linear_before_reset = 1`.
pub(super) fn remembered(graph: &mut Graph, network: &Weights, of: &ChainMemory<'_>, features: &Value) -> Value {
    let ChainMemory { chain, memory, state } = *of;
    let of_input = |graph: &mut Graph, gate: &str| {
        let layer = network.layer(&format!("{chain}.memory.{gate}.input"));
        sums(graph, &layer, features)
    };
    let of_state = |graph: &mut Graph, gate: &str| {
        let layer = network.layer(&format!("{chain}.memory.{gate}.state"));
        sums(graph, &layer, state)
    };
    match memory {
        Memory::MinGru(_) => {
            let sums = of_input(graph, "update");
            let update = graph.node("Sigmoid", &[&sums]);
            let sums = of_input(graph, "candidate");
            let candidate = positive(graph, &sums);
            mixed(graph, state, &candidate, &update)
        }
        Memory::Gru(_) => {
            let gate = |graph: &mut Graph, gate| {
                let (of_input, of_state) = (of_input(graph, gate), of_state(graph, gate));
                let sums = graph.node("Add", &[&of_input, &of_state]);
                graph.node("Sigmoid", &[&sums])
            };
            let (update, reset) = (gate(graph, "update"), gate(graph, "reset"));
            let past = of_state(graph, "candidate");
            let past = graph.node("Mul", &[&reset, &past]);
            let present = of_input(graph, "candidate");
            let sums = graph.node("Add", &[&present, &past]);
            let candidate = graph.node("Tanh", &[&sums]);
            mixed(graph, &candidate, state, &update)
        }
    }
}

/// Adds `a + ½` where `a` is not negative, and `σ(a)` elsewhere.
fn positive(graph: &mut Graph, sums: &Value) -> Value {
    let [zero, half] = [0.0, 0.5].map(|number| graph.number(number));
    let is_negative = graph.node("Less", &[sums, &zero]);
    let share = graph.node("Sigmoid", &[sums]);
    let raised = graph.node("Add", &[sums, &half]);
    graph.node("Where", &[&is_negative, &share, &raised])
}

/// Adds `from + part·(to − from)`.
fn mixed(graph: &mut Graph, from: &Value, to: &Value, part: &Value) -> Value {
    let distance = graph.node("Sub", &[to, from]);
    let way = graph.node("Mul", &[part, &distance]);
    graph.node("Add", &[from, &way])
}
