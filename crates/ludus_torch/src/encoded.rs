//! Networks with encoders: convolutions over grids and images, layers over sets, the last steps of fields.

use ludus_net::{Activation, BlockColumns, EncodedBlock, Encoder, GridBlock, Layout, Network, NetworkConfig, SetBlock};
use ludus_spec::Head;
use tch::Tensor;

use crate::history::History;
use crate::mlp::Mlp;
use crate::network::{Forward, Parameter, RecurrentForward, TensorSequences, TorchNetwork};
use crate::recurrence::MemoryColumns;

/// Encoders of blocks of the observation, and a perceptron over their outputs and the other columns.
///
/// The same network as a [`ludus_net::Network`] with encoders: its policies run without libtorch.
#[derive(Clone, Debug)]
pub struct EncodedMlp {
    perceptron: Mlp,
}

/// Converts a network of `ludus_net` to tensors: an [`EncodedMlp`] if its config has encoders or observes the last
/// action, or if some columns are for the critic alone, else an [`Mlp`].
pub fn described(network: Network) -> Box<dyn TorchNetwork> {
    let NetworkConfig { encoders, observe_last_action, .. } = network.layout().config();
    if encoders.is_empty() && !observe_last_action && !network.layout().has_critic_columns() {
        Box::new(Mlp::new(network))
    } else {
        Box::new(EncodedMlp::new(network))
    }
}

impl EncodedMlp {
    /// Makes a network whose training starts from these parameters.
    pub fn new(network: Network) -> Self {
        Self { perceptron: Mlp::new(network) }
    }

    const fn own_layout(&self) -> &Layout {
        self.perceptron.own_layout()
    }

    const fn history(&self) -> History<'_> {
        History::new(self.own_layout())
    }

    /// Returns the parameters of the dense layers, and their inputs, `[rows, features]`. `history` is what encoders
    /// remember of earlier steps.
    fn encoded<'a>(&self, parameters: &'a [Tensor], observations: &Tensor, history: &Tensor) -> (&'a [Tensor], Tensor) {
        let count = self.own_layout().encoded_blocks().map(|block| tensor_count(&block)).sum();
        let (encoders, dense) = parameters.split_at(count);
        (dense, self.features(observations, history, encoders))
    }

    /// Returns the inputs of the dense layers, `[rows, features]`: those of policy and critic, then those for the critic
    /// alone.
    fn features(&self, observations: &Tensor, history: &Tensor, encoders: &[Tensor]) -> Tensor {
        let layout = self.own_layout();
        let narrow =
            |columns: &std::ops::Range<usize>| observations.narrow(1, columns.start as i64, columns.len() as i64);
        let mut found: Vec<Tensor> = layout.columns_without_encoder().iter().map(narrow).collect();
        let mut for_critic: Vec<Tensor> = layout.critic_columns_without_encoder().iter().map(narrow).collect();
        let mut left = encoders;
        for block in layout.encoded_blocks() {
            let own;
            (own, left) = left.split_at(tensor_count(&block));
            let read = if block.is_critic { &mut for_critic } else { &mut found };
            read.push(match block.columns {
                BlockColumns::Values(values) => self.history().stacked(observations, history, values, &block.memory),
                BlockColumns::Grid(grid) => convolve(observations, grid, own),
                BlockColumns::Set(set) => {
                    let set = PresentElements::new(observations, set);
                    let embedded = set.embedded(own, layout.config().activation);
                    match block.encoder {
                        Encoder::Attend { heads, .. } => set.attended(&embedded, &own[2..], *heads),
                        Encoder::Pool(_) | Encoder::Convolve(_) | Encoder::Stack(_) => set.pooled(&embedded),
                    }
                }
            });
        }
        if layout.config().observe_last_action {
            found.push(self.history().last_action(history, observations.kind()));
        }
        found.append(&mut for_critic);
        Tensor::cat(&found, 1)
    }
}

/// Returns the count of an encoder's tensors.
fn tensor_count(block: &EncodedBlock<'_>) -> usize {
    match block.encoder {
        Encoder::Stack(_) => 0,
        Encoder::Convolve(channels) => 2 * channels.len(),
        Encoder::Pool(_) => 2,
        // Weights and biases of the embedding, queries, values of each head and the output; keys have no bias.
        Encoder::Attend { heads, .. } => 7 + 2 * heads,
    }
}

/// Returns the outputs of the convolutions of a grid, `[rows, features]`.
fn convolve(observations: &Tensor, grid: GridBlock, layers: &[Tensor]) -> Tensor {
    let size = [-1, grid.height as i64, grid.width as i64, grid.channels as i64];
    let cells = observations.narrow(1, grid.first as i64, grid.count() as i64).reshape(size);
    let mut maps = cells.permute([0, 3, 1, 2]);
    let (stride, padding) = ([GridBlock::STRIDE as i64; 2], [GridBlock::PADDING as i64; 2]);
    for layer in layers.chunks_exact(2) {
        maps = maps.conv2d(&layer[0], Some(&layer[1]), stride, padding, [1, 1], 1).relu();
    }
    maps.flatten(1, -1)
}

/// The elements of a set in some rows.
struct PresentElements {
    /// `[rows, capacity, parts]`; those past the count are 0.
    elements: Tensor,
    /// 1 for those that are present, else 0, `[rows, capacity, 1]`.
    present: Tensor,
    /// The count, 1 at least, `[rows, 1]`.
    divisor: Tensor,
    /// The share of the capacity that is present, `[rows, 1]`.
    share: Tensor,
}

impl PresentElements {
    fn new(observations: &Tensor, set: SetBlock) -> Self {
        let (first, capacity, parts) = (set.first as i64, set.capacity as i64, set.parts as i64);
        let count = observations.narrow(1, first + capacity * parts, 1).round().clamp(0.0, capacity as f64);
        let indices = Tensor::arange(capacity, (observations.kind(), observations.device())).unsqueeze(0);
        let present = indices.lt_tensor(&count).to_kind(observations.kind()).unsqueeze(-1);
        let elements = observations.narrow(1, first, capacity * parts).reshape([-1, capacity, parts]);
        let elements = elements.where_self(&present.gt(0.5), &elements.zeros_like());
        Self { elements, present, divisor: count.clamp_min(1.0), share: &count / capacity as f64 }
    }

    /// Returns the outputs of the layer over each element, `[rows, capacity, width]`.
    fn embedded(&self, tensors: &[Tensor], activation: Activation) -> Tensor {
        let sums = self.elements.linear(&tensors[0], Some(&tensors[1]));
        match activation {
            Activation::Tanh => sums.tanh(),
            Activation::Relu => sums.relu(),
        }
    }

    /// Returns the mean over the elements that are present, `[rows, width]`.
    fn mean(&self, numbers: &Tensor) -> Tensor {
        (numbers * &self.present).sum_dim_intlist(&[1_i64][..], false, None) / &self.divisor
    }

    /// Returns mean and maximum, then the share of the capacity.
    fn pooled(&self, embedded: &Tensor) -> Tensor {
        let absent = self.present.lt(0.5);
        let (maxima, _) = embedded.masked_fill(&absent, f64::NEG_INFINITY).max_dim(1, false);
        let maxima = maxima.where_self(&self.share.gt(0.0), &maxima.zeros_like());
        Tensor::cat(&[&self.mean(embedded), &maxima, &self.share], 1)
    }

    /// Returns the mean of a residual block of self-attention, then the share of the capacity. `tensors` are those of
    /// the attention.
    fn attended(&self, embedded: &Tensor, tensors: &[Tensor], heads: usize) -> Tensor {
        let size = tensors[0].size()[0] / heads as i64;
        let by_head = |numbers: Tensor| numbers.unflatten(-1, [heads as i64, size]).transpose(1, 2);
        let queries = by_head(embedded.linear(&tensors[0], Some(&tensors[1])));
        let keys = by_head(embedded.linear(&tensors[2], None::<&Tensor>));
        let of_head = |layer: &[Tensor]| embedded.linear(&layer[0], Some(&layer[1]));
        let values: Vec<Tensor> = tensors[3..3 + 2 * heads].chunks_exact(2).map(of_head).collect();
        let values = Tensor::stack(&values, 1);
        let scores = queries.matmul(&keys.transpose(-1, -2)) / (size as f64).sqrt();
        // Of an empty set, every score is 0, so that the softmax is finite; its results are not used.
        let absent = self.present.lt(0.5).transpose(1, 2).unsqueeze(1);
        let is_empty = self.share.lt(1e-9).unsqueeze(-1).unsqueeze(-1);
        let absent = absent.logical_and(&is_empty.logical_not());
        let weights = scores.masked_fill(&absent, f64::NEG_INFINITY).softmax(-1, None);
        let mixed = weights.matmul(&values).transpose(1, 2).flatten(2, -1);
        let output = &tensors[3 + 2 * heads..];
        let results = embedded + mixed.linear(&output[0], Some(&output[1]));
        Tensor::cat(&[self.mean(&results), self.share.shallow_clone()], 1)
    }
}

impl TorchNetwork for EncodedMlp {
    fn inputs(&self) -> usize {
        self.own_layout().inputs()
    }

    fn heads(&self) -> &[Head] {
        self.own_layout().heads()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.perceptron.parameters()
    }

    fn activations(&self) -> usize {
        let layout = self.own_layout();
        let blocks: usize = layout.encoded_blocks().map(|block| block.columns.range().len()).sum();
        // A memory has two to six gates, and its state.
        let memory = 4 * layout.memory_width();
        // Each activation is there twice: before and after the rectifier.
        // Layer normalisation has results of its own.
        let per_hidden = if layout.config().layer_norm { 2 } else { 1 };
        let hidden = per_hidden * layout.config().hidden.iter().sum::<usize>();
        2 * (blocks + layout.map_numbers() + hidden + memory)
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        let memory = MemoryColumns::zeros(self.memory_width(), observations);
        self.step(parameters, observations, &memory).forward
    }

    fn memory_width(&self) -> usize {
        self.perceptron.memory_width()
    }

    fn step(&self, parameters: &[Tensor], observations: &Tensor, memory: &Tensor) -> RecurrentForward {
        let history = self.history();
        let before = history.of(memory);
        let (dense, features) = self.encoded(parameters, observations, &before);
        let mut columns = MemoryColumns::step(memory, self.own_layout().history_width());
        let forward = self.perceptron.pass(dense, &features, &mut columns);
        RecurrentForward { forward, memory: columns.memory(history.after(&before, observations)) }
    }

    fn remember_actions(&self, memory: Tensor, actions: &Tensor) -> Tensor {
        self.history().remember_actions(memory, actions)
    }

    fn forward_sequences(
        &self,
        parameters: &[Tensor],
        observations: &Tensor,
        sequences: TensorSequences<'_>,
    ) -> Forward {
        let before = self.history().of_sequences(observations, sequences);
        let (dense, features) = self.encoded(parameters, &observations.flatten(0, 1), &before);
        let mut columns = MemoryColumns::sequences(sequences, self.own_layout().history_width());
        self.perceptron.pass(dense, &features, &mut columns).by_step(sequences)
    }

    fn layout(&self) -> Option<&Layout> {
        Some(self.own_layout())
    }
}

#[cfg(test)]
mod tests {
    use ludus_net::InputBlock;
    use ludus_spec::Seed;
    use tch::{Device, Kind};

    use super::*;

    const GRID: GridBlock = GridBlock { first: 2, height: 5, width: 4, channels: 3 };

    fn network() -> EncodedMlp {
        let encoders = [("board".to_owned(), Encoder::Convolve(vec![4, 6]))].into();
        let config = NetworkConfig { encoders, hidden: vec![8], shared: true, ..Default::default() };
        let blocks = [InputBlock::grid("board", GRID)];
        let layout = Layout::with_blocks(64, &blocks, &[Head::Categorical { choices: 5 }], &config).unwrap();
        EncodedMlp::new(Network::new(layout, Seed::new(1)))
    }

    /// The sizes are 5×4 → 3×2 → 2×1 cells.
    #[test]
    fn every_convolution_halves_the_grid() {
        let shapes: Vec<Vec<usize>> = network().parameters().into_iter().map(|parameter| parameter.shape).collect();
        assert_eq!(shapes[0], [4, 3, 3, 3]);
        assert_eq!(shapes[2], [6, 4, 3, 3]);
        assert_eq!(shapes[4], [8, 4 + 6 * 2]);
        assert_eq!(network().activations(), 2 * (60 + 4 * 6 + 6 * 2 + 8));
    }

    /// The permutation of axes gives each kernel the right cell and channel.
    #[test]
    fn a_cell_is_seen_where_it_is() {
        let rows = 60;
        let one_hot = Tensor::eye(rows, (Kind::Float, Device::Cpu));
        let observations = Tensor::cat(&[Tensor::zeros([rows, 2], (Kind::Float, Device::Cpu)), one_hot], 1);
        // The kernel has a single weight: channel 1 of its centre.
        let mut kernel = vec![0.0_f32; 27];
        kernel[9 + 4] = 1.0;
        let layers = [Tensor::from_slice(&kernel).view([1, 3, 3, 3]), Tensor::from_slice(&[0.0_f32])];
        let found = convolve(&observations, GRID, &layers);
        // Kernels are centred on cells 0, 2 and 4 from the top, and 0 and 2 from the left.
        let cell = |top: i64, left: i64| (top * 4 + left) * 3 + 1;
        for (place, (top, left)) in [(0, 0), (0, 2), (2, 0), (2, 2), (4, 0), (4, 2)].into_iter().enumerate() {
            assert_eq!(found.double_value(&[cell(top, left), place as i64]), 1.0);
        }
        assert_eq!(found.sum(Kind::Float).double_value(&[]), 6.0);
    }
}
