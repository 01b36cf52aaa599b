//! Networks with encoders: convolutions over grids and images.

use ludus_net::{BlockColumns, EncodedBlock, Encoder, GridBlock, Layout, Network};
use ludus_spec::Head;
use tch::Tensor;

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

/// Converts a network of `ludus_net` to tensors: an [`EncodedMlp`] if its config has encoders, else an [`Mlp`].
pub fn described(network: Network) -> Box<dyn TorchNetwork> {
    if network.layout().config().encoders.is_empty() {
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

    /// Returns the parameters of the dense layers, and their inputs, `[rows, features]`.
    fn encoded<'a>(&self, parameters: &'a [Tensor], observations: &Tensor) -> (&'a [Tensor], Tensor) {
        let (encoders, dense) = parameters.split_at(self.own_layout().encoded_blocks().map(tensor_count).sum());
        (dense, self.features(observations, encoders))
    }

    /// Returns the inputs of the dense layers, `[rows, features]`.
    fn features(&self, observations: &Tensor, encoders: &[Tensor]) -> Tensor {
        let layout = self.own_layout();
        let rest = layout.columns_without_encoder().iter();
        let columns = rest.map(|columns| observations.narrow(1, columns.start as i64, columns.len() as i64));
        let mut found: Vec<Tensor> = columns.collect();
        let mut left = encoders;
        for block in layout.encoded_blocks() {
            let own;
            (own, left) = left.split_at(tensor_count(block));
            let BlockColumns::Grid(grid) = block.columns;
            found.push(convolve(observations, grid, own));
        }
        Tensor::cat(&found, 1)
    }
}

/// Returns the count of an encoder's tensors.
fn tensor_count(block: EncodedBlock<'_>) -> usize {
    match block.encoder {
        Encoder::Convolve(channels) => 2 * channels.len(),
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
        2 * (blocks + layout.map_numbers() + layout.config().hidden.iter().sum::<usize>() + memory)
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        let (dense, features) = self.encoded(parameters, observations);
        self.perceptron.forward(dense, &features)
    }

    fn memory_width(&self) -> usize {
        self.perceptron.memory_width()
    }

    fn step(&self, parameters: &[Tensor], observations: &Tensor, memory: &Tensor) -> RecurrentForward {
        let (dense, features) = self.encoded(parameters, observations);
        self.perceptron.step(dense, &features, memory)
    }

    fn forward_sequences(
        &self,
        parameters: &[Tensor],
        observations: &Tensor,
        sequences: TensorSequences<'_>,
    ) -> Forward {
        let (dense, features) = self.encoded(parameters, &observations.flatten(0, 1));
        self.perceptron.pass(dense, &features, &mut MemoryColumns::sequences(sequences)).by_step(sequences)
    }

    fn layout(&self) -> Option<&Layout> {
        Some(self.own_layout())
    }
}

#[cfg(test)]
mod tests {
    use ludus_net::{InputBlock, NetworkConfig};
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
