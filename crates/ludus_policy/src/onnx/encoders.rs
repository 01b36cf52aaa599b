//! Encoders of the blocks of an observation.

use ludus_net::{BlockColumns, Encoder, GridBlock, Layout};

use super::graph::{Graph, Value};
use super::history::stacked;
use super::observed::Observed;
use super::sets::encoded_set;
use super::{Weights, beside};

/// Adds the encoders to the graph. Returns the inputs of the dense layers: the columns without an encoder, then the
/// outputs of each encoder, then the last action if the network observes it. `memory` is what is remembered before the step.
pub(super) fn encoded(
    graph: &mut Graph,
    layout: &Layout,
    network: &Weights,
    observed: &Observed,
    memory: Option<&Value>,
) -> Value {
    let last_action = layout.last_action_columns();
    if layout.encoded_blocks().next().is_none() && last_action.is_empty() {
        return observed.columns(graph, 0..layout.inputs());
    }
    let rest = layout.columns_without_encoder().iter().map(|columns| observed.columns(graph, columns.clone()));
    let mut features = rest.collect::<Vec<_>>();
    for block in layout.encoded_blocks() {
        let name = format!("encoder.{}", block.field);
        features.push(match block.columns {
            BlockColumns::Values(values) => {
                let memory = memory.expect("a network that stacks has a memory");
                stacked(graph, values, block.memory, (observed, memory))
            }
            BlockColumns::Grid(grid) => {
                let cells = observed.columns(graph, grid.first..grid.first + grid.count());
                let maps = by_channel(graph, &cells, grid);
                let maps = convolved(graph, network, &name, maps);
                graph.node_with("Flatten", &[&maps], &[("axis", 1)])
            }
            BlockColumns::Set(set) => {
                let heads = if let Encoder::Attend { heads, .. } = *block.encoder { Some(heads) } else { None };
                let observed = observed.sets.iter().find(|own| own.block == set).expect("every set is an input");
                encoded_set(graph, network, (&name, heads), observed)
            }
        });
    }
    if let Some(memory) = memory.filter(|_| !last_action.is_empty()) {
        features.push(graph.columns(memory, last_action));
    }
    beside(graph, &features)
}

/// Returns the cells of a grid as `[rows, channels, height, width]`.
fn by_channel(graph: &mut Graph, cells: &Value, grid: GridBlock) -> Value {
    // The 0 keeps the number of rows.
    let shape = graph.integers(&[0, grid.height, grid.width, grid.channels]);
    let cells = graph.node("Reshape", &[cells, &shape]);
    graph.node_with_lists("Transpose", &[&cells], &[("perm", &[0, 3, 1, 2])])
}

fn convolved(graph: &mut Graph, network: &Weights, chain: &str, grid: Value) -> Value {
    const ATTRIBUTES: [(&str, &[i64]); 3] = [
        ("kernel_shape", &[GridBlock::KERNEL as i64; 2]),
        ("strides", &[GridBlock::STRIDE as i64; 2]),
        ("pads", &[GridBlock::PADDING as i64; 4]),
    ];
    network.layers(chain).iter().fold(grid, |maps, layer| {
        let [weight, bias] = layer.dense.map(|(_, shape, numbers)| graph.constant(shape, numbers));
        let sums = graph.node_with_lists("Conv", &[&maps, &weight, &bias], &ATTRIBUTES);
        graph.node("Relu", &[&sums])
    })
}
