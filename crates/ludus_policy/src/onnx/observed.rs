//! The inputs of a graph that are observed: columns and sets.

use std::ops::Range;

use ludus_net::{Normalizer, SetBlock};
use ludus_spec::AgentSpec;

use super::graph::{Graph, Value};
use super::{beside, observation_columns};

/// The parts of an observation as inputs of the graph, converted to inputs of the network as in [`ludus_net::stage`].
pub(super) struct Observed {
    /// The columns in order, in parts.
    parts: Vec<Part>,
    pub sets: Vec<ObservedSet>,
}

struct Part {
    columns: Range<usize>,
    /// `[rows, columns]`
    value: Value,
}

/// A set of an observation.
pub(super) struct ObservedSet {
    pub block: SetBlock,
    /// The elements, 0 where absent: `[rows, capacity, parts]`.
    pub elements: Value,
    /// True for each element that is present: `[rows, capacity]`.
    pub present: Value,
    /// The count of elements that are present: `[rows, 1]`.
    pub count: Value,
}

impl Observed {
    /// Adds the inputs to the graph.
    pub fn new(graph: &mut Graph, spec: &AgentSpec, normalizer: Option<&Normalizer>) -> Self {
        let blocks = SetBlock::of_agent(spec);
        let normalizer = normalizer.map(|normalizer| normalizer.clone().with_sets(blocks.clone()));
        let mut observed = Self { parts: Vec::new(), sets: Vec::new() };
        observed.add_columns(graph, spec, &blocks, normalizer.as_ref());
        for (block, field) in blocks.iter().zip(set_names(spec)) {
            observed.add_set(graph, *block, spec, (field, normalizer.as_ref()));
        }
        observed.parts.sort_by_key(|part| part.columns.start);
        observed
    }

    /// Adds the columns that are in no set, as one input.
    fn add_columns(&mut self, graph: &mut Graph, spec: &AgentSpec, sets: &[SetBlock], normalizer: Option<&Normalizer>) {
        let ends = sets.iter().map(|set| set.count_column() + 1);
        let starts = sets.iter().map(|set| set.first).chain([spec.observation_width()]);
        let stretches = std::iter::once(0).chain(ends).zip(starts).map(|(start, end)| start..end);
        let stretches = stretches.filter(|stretch| !stretch.is_empty()).collect::<Vec<_>>();
        let columns = stretches.iter().cloned().flatten().collect::<Vec<_>>();
        if columns.is_empty() {
            return;
        }
        let input = graph.input("observation", columns.len(), &observation_columns(spec).join(", "));
        let scales = normalizer.map(|normalizer| Scales::of_columns(normalizer, &columns));
        let staged = staged(graph, &input, &[1, columns.len()], scales);
        let mut first = 0;
        for stretch in stretches {
            let own = first..first + stretch.len();
            first = own.end;
            let value = if own.len() == columns.len() { staged.clone() } else { graph.columns(&staged, own) };
            self.parts.push(Part { columns: stretch, value });
        }
    }

    fn add_set(
        &mut self,
        graph: &mut Graph,
        block: SetBlock,
        spec: &AgentSpec,
        (field, normalizer): (&str, Option<&Normalizer>),
    ) {
        let SetBlock { capacity, parts, .. } = block;
        let doc = element_columns(spec, block).join(", ");
        // No other input has a dot in its name.
        let elements = graph.set_input(&format!("observation.{field}"), [capacity, parts], &doc);
        let doc = "the count of elements that are present";
        let count = graph.count_input(&format!("observation.{field}.count"), doc);
        let count = present_count(graph, &count, capacity);
        let places = graph.constant(&[1, capacity], &(0..capacity).map(|place| place as f32).collect::<Vec<_>>());
        let present = graph.node("Less", &[&places, &count]);
        // All elements share the scales of the first.
        let first = block.element_columns(0).collect::<Vec<_>>();
        let scales = normalizer.map(|normalizer| Scales::of_columns(normalizer, &first));
        let elements = staged(graph, &elements, &[1, 1, parts], scales);
        let elements = where_present(graph, &present, &elements, 0.0);
        let row = graph.node_with("Flatten", &[&elements], &[("axis", 1)]);
        self.parts.push(Part { columns: block.elements(), value: row });
        self.parts.push(Part { columns: block.count_column()..block.count_column() + 1, value: count.clone() });
        self.sets.push(ObservedSet { block, elements, present, count });
    }

    /// Returns these columns of the network's inputs.
    pub fn columns(&self, graph: &mut Graph, columns: Range<usize>) -> Value {
        let mut found = Vec::new();
        for Part { columns: own, value } in &self.parts {
            let common = columns.start.max(own.start)..columns.end.min(own.end);
            if common.len() == own.len() {
                found.push(value.clone());
            } else if !common.is_empty() {
                found.push(graph.columns(value, common.start - own.start..common.end - own.start));
            }
        }
        if let [only] = &found[..] { only.clone() } else { beside(graph, &found) }
    }
}

/// Returns the names of the fields that are sets, in order.
pub(super) fn set_names(spec: &AgentSpec) -> impl Iterator<Item = &str> {
    spec.observation.iter().filter(|field| field.block.set().is_some()).map(|field| &*field.name)
}

/// Returns the names of an element's columns.
pub(super) fn element_columns(spec: &AgentSpec, block: SetBlock) -> Vec<String> {
    let fields = spec.observation.iter().filter_map(|field| Some((field, field.block.set()?)));
    let (field, _) = fields.zip(SetBlock::of_agent(spec)).find(|(_, own)| *own == block).expect("it is one of them").0;
    let prefix = format!("{}.0", field.name);
    let part = |name: String| name.strip_prefix(&prefix).unwrap_or(&name).trim_start_matches('.').to_owned();
    block.element_columns(0).filter_map(|column| spec.observation_name(column)).map(part).collect()
}

/// The normalisation of some columns.
struct Scales {
    means: Vec<f32>,
    factors: Vec<f32>,
    clip: f32,
}

impl Scales {
    fn of_columns(normalizer: &Normalizer, columns: &[usize]) -> Self {
        let of = |numbers: &[f32]| columns.iter().map(|&column| numbers[column]).collect();
        Self { means: of(normalizer.means()), factors: of(normalizer.factors()), clip: normalizer.clip() }
    }
}

/// Adds the conversion of observed numbers to the network's inputs. `shape` is that of the scales.
fn staged(graph: &mut Graph, observation: &Value, shape: &[usize], scales: Option<Scales>) -> Value {
    let is_nan = graph.node("IsNaN", &[observation]);
    let zero = graph.number(0.0);
    let Some(Scales { means, factors, clip }) = scales else {
        let is_infinite = graph.node("IsInf", &[observation]);
        let is_refused = graph.node("Or", &[&is_nan, &is_infinite]);
        return graph.node("Where", &[&is_refused, &zero, observation]);
    };
    let [means, factors] = [means, factors].map(|numbers| graph.constant(shape, &numbers));
    let [low, high] = [-clip, clip].map(|limit| graph.number(limit));
    let centred = graph.node("Sub", &[observation, &means]);
    let scaled = graph.node("Mul", &[&centred, &factors]);
    let clipped = graph.node("Clip", &[&scaled, &low, &high]);
    graph.node("Where", &[&is_nan, &zero, &clipped])
}

/// Adds the count of a set as a number in `0..=capacity`, `[rows, 1]`.
fn present_count(graph: &mut Graph, count: &Value, capacity: usize) -> Value {
    let count = graph.node_with("Cast", &[count], &[("to", super::graph::FLOAT)]);
    let [none, all] = [0.0, capacity as f32].map(|limit| graph.number(limit));
    let count = graph.node("Clip", &[&count, &none, &all]);
    let shape = graph.integers(&[0, 1]);
    graph.node("Reshape", &[&count, &shape])
}

/// Adds `elements` where they are present, and `other` elsewhere. `elements` are `[rows, capacity, …]`.
pub(super) fn where_present(graph: &mut Graph, present: &Value, elements: &Value, other: f32) -> Value {
    let axis = graph.integers(&[2]);
    let present = graph.node("Unsqueeze", &[present, &axis]);
    let other = graph.number(other);
    graph.node("Where", &[&present, elements, &other])
}
