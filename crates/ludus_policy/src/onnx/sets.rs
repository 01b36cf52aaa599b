//! Encoders of sets: `Pool` and `Attend`.
//!
//! The formulas are those of `ludus_net`.

use super::graph::{Graph, Value};
use super::observed::{ObservedSet, where_present};
use super::{Weights, beside, sums};

/// The score of an element that is absent: no softmax gives it a weight.
const ABSENT: f32 = f32::MIN;

/// Adds the encoder of a set. Returns its results, then the share of the capacity that is present.
///
/// `name` is the prefix of the encoder's tensors, `heads` those of its attention if it has one.
pub(super) fn encoded_set(
    graph: &mut Graph,
    network: &Weights,
    (name, heads): (&str, Option<usize>),
    set: &ObservedSet,
) -> Value {
    let embedding = linear(graph, network, &format!("{name}.embedding"), &set.elements);
    let embedded = network.activated(graph, &embedding);
    let present = Present::new(graph, set);
    let results = match heads {
        Some(heads) => attended(graph, network, (name, heads), &embedded, &present),
        None => pooled(graph, &embedded, &present),
    };
    let capacity = graph.number(set.block.capacity as f32);
    let share = graph.node("Div", &[&set.count, &capacity]);
    beside(graph, &[results, share])
}

/// The elements that are present, in the forms in which encoders need them.
struct Present {
    /// `[rows, capacity]`
    flags: Value,
    /// The weight of each element in a mean, `[rows, 1, capacity]`: 0 where it is absent.
    shares: Value,
    /// True if any is present, `[rows, 1]`.
    any: Value,
}

impl Present {
    fn new(graph: &mut Graph, set: &ObservedSet) -> Self {
        let [zero, one] = [0.0, 1.0].map(|number| graph.number(number));
        let any = graph.node("Greater", &[&set.count, &zero]);
        let count = graph.node("Max", &[&set.count, &one]);
        let flags = graph.node_with("Cast", &[&set.present], &[("to", super::graph::FLOAT)]);
        let shares = graph.node("Div", &[&flags, &count]);
        let axis = graph.integers(&[1]);
        let shares = graph.node("Unsqueeze", &[&shares, &axis]);
        Self { flags: set.present.clone(), shares, any }
    }

    /// Adds the mean of the elements that are present, `[rows, width]`; 0 if there are none.
    fn mean(&self, graph: &mut Graph, elements: &Value) -> Value {
        let mean = graph.node("MatMul", &[&self.shares, elements]);
        graph.node_with("Flatten", &[&mean], &[("axis", 1)])
    }

    /// Adds 0 in place of `results` for rows without elements.
    fn or_zero(&self, graph: &mut Graph, results: &Value) -> Value {
        let zero = graph.number(0.0);
        graph.node("Where", &[&self.any, results, &zero])
    }
}

/// Adds means, then maxima.
fn pooled(graph: &mut Graph, embedded: &Value, present: &Present) -> Value {
    let mean = present.mean(graph, embedded);
    let maximum = where_present(graph, &present.flags, embedded, f32::NEG_INFINITY);
    let maximum = graph.node_with_lists("ReduceMax", &[&maximum], &[("axes", &[1])]);
    let maximum = graph.node_with("Flatten", &[&maximum], &[("axis", 1)]);
    let maximum = present.or_zero(graph, &maximum);
    beside(graph, &[mean, maximum])
}

/// Adds the mean of a residual block of self-attention over the elements.
///
/// The mean is linear in the values, so they are computed from the mean of the weights over the queries, as in
/// `ludus_net`.
fn attended(
    graph: &mut Graph,
    network: &Weights,
    (name, heads): (&str, usize),
    embedded: &Value,
    present: &Present,
) -> Value {
    let means = mean_weights(graph, network, (name, heads), embedded, present);
    let axis = graph.integers(&[1]);
    let elements = graph.node("Unsqueeze", &[embedded, &axis]);
    // `[rows, heads, 1, width]`
    let mixed = graph.node("MatMul", &[&means, &elements]);
    let values = (0..heads).map(|head| {
        let own = graph.columns(&mixed, head..head + 1);
        let own = graph.node_with("Flatten", &[&own], &[("axis", 1)]);
        sums(graph, &network.layer(&format!("{name}.value.{head}")), &own)
    });
    let values = values.collect::<Vec<_>>();
    let values = beside(graph, &values);
    let output = sums(graph, &network.layer(&format!("{name}.output")), &values);
    let mean = present.mean(graph, embedded);
    let results = graph.node("Add", &[&mean, &output]);
    present.or_zero(graph, &results)
}

/// Adds the weights of the elements for each head, as means over the queries: `[rows, heads, 1, capacity]`.
fn mean_weights(
    graph: &mut Graph,
    network: &Weights,
    (name, heads): (&str, usize),
    embedded: &Value,
    present: &Present,
) -> Value {
    let queries = linear(graph, network, &format!("{name}.query"), embedded);
    let width = network.width(&format!("{name}.query")) / heads;
    let keys = linear(graph, network, &format!("{name}.key"), embedded);
    let queries = by_head(graph, &queries, [heads, width], &[0, 2, 1, 3]);
    let keys = by_head(graph, &keys, [heads, width], &[0, 2, 3, 1]);
    let scores = graph.node("MatMul", &[&queries, &keys]);
    let scale = graph.number(1.0 / (width as f32).sqrt());
    let scores = graph.node("Mul", &[&scores, &scale]);
    let axes = graph.integers(&[1, 2]);
    let is_key = graph.node("Unsqueeze", &[&present.flags, &axes]);
    let absent = graph.number(ABSENT);
    let scores = graph.node("Where", &[&is_key, &scores, &absent]);
    let weights = graph.node_with("Softmax", &[&scores], &[("axis", 3)]);
    let axis = graph.integers(&[1]);
    let shares = graph.node("Unsqueeze", &[&present.shares, &axis]);
    graph.node("MatMul", &[&shares, &weights])
}

/// Splits the columns of `[rows, capacity, heads × width]` by head, and brings the axes into this order.
fn by_head(graph: &mut Graph, columns: &Value, [heads, width]: [usize; 2], order: &[i64; 4]) -> Value {
    // The zeros keep the number of rows and of elements.
    let shape = graph.integers(&[0, 0, heads, width]);
    let by_head = graph.node("Reshape", &[columns, &shape]);
    graph.node_with_lists("Transpose", &[&by_head], &[("perm", order)])
}

/// Adds a layer over each element, without its activation. A layer of keys has no bias.
fn linear(graph: &mut Graph, network: &Weights, name: &str, elements: &Value) -> Value {
    let (_, shape, weight) = network.tensor(&format!("{name}.weight")).expect("the layout has this layer");
    let (outputs, inputs) = (shape[0], shape[1]);
    let transposed = (0..inputs).flat_map(|input| (0..outputs).map(move |output| weight[output * inputs + input]));
    let transposed = graph.constant(&[inputs, outputs], &transposed.collect::<Vec<_>>());
    let product = graph.node("MatMul", &[elements, &transposed]);
    match network.tensor(&format!("{name}.bias")) {
        Some((_, shape, bias)) => {
            let bias = graph.constant(shape, bias);
            graph.node("Add", &[&product, &bias])
        }
        None => product,
    }
}
