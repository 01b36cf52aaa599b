//! What a network reads of earlier steps: the first columns of the memory.

use ludus_net::{BlockColumns, Layout, ValuesBlock};
use ludus_spec::{ActionField, ActionKind, AgentSpec};

use super::beside;
use super::graph::{FLOAT, Graph, Value};
use super::observed::Observed;

/// Adds the last steps of a field, the present one first. `columns` are those of the earlier steps in the memory.
pub(super) fn stacked(
    graph: &mut Graph,
    block: ValuesBlock,
    columns: std::ops::Range<usize>,
    (observed, memory): (&Observed, &Value),
) -> Value {
    let parts = [present(graph, block, observed), graph.columns(memory, columns)];
    beside(graph, &parts)
}

/// Adds what is remembered of the inputs after the step, in the order of the memory's columns.
pub(super) fn remembered(graph: &mut Graph, layout: &Layout, observed: &Observed, memory: &Value) -> Vec<Value> {
    let mut parts = Vec::new();
    for block in layout.encoded_blocks() {
        let BlockColumns::Values(values) = block.columns else { continue };
        parts.push(present(graph, values, observed));
        let kept = block.memory.start..block.memory.end - values.width;
        if !kept.is_empty() {
            parts.push(graph.columns(memory, kept));
        }
    }
    parts
}

/// Adds the most probable action as the network reads it, field after field. `distributions` are those of each field.
pub(super) fn last_action(graph: &mut Graph, spec: &AgentSpec, distributions: &[Value]) -> Vec<Value> {
    let encoded = |(field, outputs): (&ActionField, &Value)| match field.kind {
        ActionKind::Continuous { .. } => {
            let [least, greatest] = [-1.0, 1.0].map(|limit| graph.number(limit));
            graph.node("Clip", &[outputs, &least, &greatest])
        }
        ActionKind::Discrete => {
            let choice = graph.node_with("ArgMax", &[outputs], &[("axis", 1)]);
            let all: Vec<usize> = (0..field.parts.len()).collect();
            let all = graph.integers(&all);
            let is_made = graph.node("Equal", &[&choice, &all]);
            graph.node_with("Cast", &[&is_made], &[("to", FLOAT)])
        }
    };
    spec.action.iter().zip(distributions).map(encoded).collect()
}

fn present(graph: &mut Graph, block: ValuesBlock, observed: &Observed) -> Value {
    observed.columns(graph, block.first..block.first + block.width)
}
