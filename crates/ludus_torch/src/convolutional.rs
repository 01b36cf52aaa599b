//! Convolutions over grids and images, for observations that have such blocks in them.

use std::f64::consts::SQRT_2;

use ludus_net::orthogonal;
use ludus_spec::{Head, Seed};
use tch::Tensor;

use crate::network::{Forward, Parameter, TorchNetwork};

/// A kernel's height and width.
const KERNEL: usize = 3;
/// Cells from one place of the kernel to the next: every layer halves the grid.
const STRIDE: usize = 2;
/// Cells around the grid that are 0.
const PADDING: usize = 1;

/// Columns of an observation that are a grid or an image: row by row, a cell's channels together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridBlock {
    /// The first of its columns.
    pub first: usize,
    /// Cells from top to bottom.
    pub height: usize,
    /// Cells from left to right.
    pub width: usize,
    /// Numbers of a cell.
    pub channels: usize,
}

/// The shape of a convolutional network, apart from its inputs and heads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvolutionalConfig {
    /// Channels that each convolution makes; each has 3×3 kernels and halves the grid.
    pub channels: Vec<usize>,
    /// Widths of the hidden layers behind them, at least one.
    pub hidden: Vec<usize>,
}

/// Convolutions over each grid, hidden layers over what they find and the other columns, an actor's and a critic's head.
///
/// All but the heads is shared and rectified. Mnih et al. 2015, doi:10.1038/nature14236.
#[derive(Clone, Debug)]
pub struct Convolutional {
    inputs: usize,
    grids: Vec<GridBlock>,
    /// First column and count of each stretch between the grids.
    rest: Vec<(usize, usize)>,
    heads: Vec<Head>,
    config: ConvolutionalConfig,
    initial: Vec<Parameter>,
}

impl GridBlock {
    const fn count(self) -> usize {
        self.height * self.width * self.channels
    }
}

impl Convolutional {
    /// A new network for observations of this many columns, with orthogonal weights and zero biases.
    ///
    /// `grids` are in the order of their columns. Gains are √2 for hidden layers, 0.01 for the policy's head and 1 for
    /// the critic's: Huang et al. 2022, "The 37 implementation details of PPO", detail 2.
    pub fn new(
        inputs: usize,
        grids: Vec<GridBlock>,
        heads: Vec<Head>,
        (config, seed): (ConvolutionalConfig, Seed),
    ) -> Self {
        let mut network = Self { inputs, rest: rest(inputs, &grids), grids, heads, config, initial: Vec::new() };
        network.initial = network.initial_parameters(seed);
        network
    }

    fn initial_parameters(&self, seed: Seed) -> Vec<Parameter> {
        let mut layers = Layers { seed, parameters: Vec::new() };
        let mut features = self.rest.iter().map(|(_, count)| count).sum();
        for (index, &grid) in self.grids.iter().enumerate() {
            let sizes: Vec<_> = self.sizes(grid).collect();
            for (layer, pair) in sizes.windows(2).enumerate() {
                layers.push(&format!("grid.{index}.{layer}"), &[pair[1][2], pair[0][2], KERNEL, KERNEL], SQRT_2);
            }
            features += sizes.last().map_or(0, |size| size.iter().product());
        }
        for (layer, &width) in self.config.hidden.iter().enumerate() {
            layers.push(&format!("trunk.{layer}"), &[width, features], SQRT_2);
            features = width;
        }
        let outputs = self.heads.iter().map(|head| head.output_width()).sum();
        layers.push("actor", &[outputs, features], 0.01);
        layers.push("critic", &[1, features], 1.0);
        layers.parameters
    }

    /// Height, width and channels of a grid, and of what each convolution makes of it.
    fn sizes(&self, grid: GridBlock) -> impl Iterator<Item = [usize; 3]> {
        let first = [grid.height, grid.width, grid.channels];
        let next = |size: &mut [usize; 3], &channels: &usize| {
            *size = [halved(size[0]), halved(size[1]), channels];
            Some(*size)
        };
        std::iter::once(first).chain(self.config.channels.iter().scan(first, next))
    }

    /// What the convolutions make of a grid, `[rows, features]`.
    fn convolve(&self, observations: &Tensor, grid: GridBlock, layers: &[Tensor]) -> Tensor {
        let size = [-1, grid.height as i64, grid.width as i64, grid.channels as i64];
        let cells = observations.narrow(1, grid.first as i64, grid.count() as i64).reshape(size);
        let mut maps = cells.permute([0, 3, 1, 2]);
        let (stride, padding) = ([STRIDE as i64; 2], [PADDING as i64; 2]);
        for layer in layers.chunks_exact(2) {
            maps = maps.conv2d(&layer[0], Some(&layer[1]), stride, padding, [1, 1], 1).relu();
        }
        maps.flatten(1, -1)
    }
}

impl TorchNetwork for Convolutional {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn heads(&self) -> &[Head] {
        &self.heads
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.initial.clone()
    }

    fn activations(&self) -> usize {
        let of_grid = |&grid: &GridBlock| self.sizes(grid).map(|size| size.iter().product::<usize>()).sum::<usize>();
        let maps: usize = self.grids.iter().map(of_grid).sum();
        // Each once as it is, and once rectified.
        2 * (maps + self.config.hidden.iter().sum::<usize>())
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        let (convolutions, rest) = parameters.split_at(2 * self.config.channels.len() * self.grids.len());
        let (hidden, heads) = rest.split_at(rest.len() - 4);
        let columns = |&(first, count): &(usize, usize)| observations.narrow(1, first as i64, count as i64);
        let mut found: Vec<Tensor> = self.rest.iter().map(columns).collect();
        let of_grid = 2 * self.config.channels.len();
        for (index, &grid) in self.grids.iter().enumerate() {
            found.push(self.convolve(observations, grid, &convolutions[index * of_grid..(index + 1) * of_grid]));
        }
        let mut features = Tensor::cat(&found, 1);
        for layer in hidden.chunks_exact(2) {
            features = features.linear(&layer[0], Some(&layer[1])).relu();
        }
        Forward {
            outputs: features.linear(&heads[0], Some(&heads[1])),
            values: features.linear(&heads[2], Some(&heads[3])).squeeze_dim(-1),
        }
    }
}

/// Lists weights and biases, each layer's weights from a seed of their own.
struct Layers {
    seed: Seed,
    parameters: Vec<Parameter>,
}

impl Layers {
    fn push(&mut self, name: &str, shape: &[usize], gain: f64) {
        let seed = self.seed.derive(self.parameters.len() as u64);
        let weights = orthogonal(shape[0], shape[1..].iter().product(), seed);
        let values = weights.into_iter().map(|weight| (weight * gain) as f32).collect();
        self.parameters.push(Parameter { name: format!("{name}.weight"), shape: shape.to_vec(), values });
        self.parameters.push(Parameter::zeros(&format!("{name}.bias"), &shape[..1]));
    }
}

/// Cells after a convolution.
const fn halved(cells: usize) -> usize {
    (cells + 2 * PADDING - KERNEL) / STRIDE + 1
}

/// The stretches of columns that belong to no grid.
fn rest(inputs: usize, grids: &[GridBlock]) -> Vec<(usize, usize)> {
    let ends = grids.iter().map(|grid| grid.first + grid.count());
    let starts = grids.iter().map(|grid| grid.first).chain([inputs]);
    let stretches = std::iter::once(0).chain(ends).zip(starts);
    stretches.filter(|(start, end)| end > start).map(|(start, end)| (start, end - start)).collect()
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    const GRID: GridBlock = GridBlock { first: 2, height: 5, width: 4, channels: 3 };

    fn network() -> Convolutional {
        let config = ConvolutionalConfig { channels: vec![4, 6], hidden: vec![8] };
        Convolutional::new(64, vec![GRID], vec![Head::Categorical { choices: 5 }], (config, Seed::new(1)))
    }

    #[test]
    fn columns_outside_grids_are_kept() {
        assert_eq!(rest(64, &[GRID]), [(0, 2), (62, 2)]);
        assert_eq!(rest(62, &[GRID]), [(0, 2)]);
        assert_eq!(rest(3, &[]), [(0, 3)]);
    }

    /// 5×4 → 3×2 → 2×1 cells.
    #[test]
    fn every_convolution_halves_the_grid() {
        let shapes: Vec<Vec<usize>> = network().parameters().into_iter().map(|parameter| parameter.shape).collect();
        assert_eq!(shapes[0], [4, 3, 3, 3]);
        assert_eq!(shapes[2], [6, 4, 3, 3]);
        assert_eq!(shapes[4], [8, 4 + 6 * 2]);
        assert_eq!(network().activations(), 2 * (60 + 4 * 6 + 6 * 2 + 8));
    }

    /// A cell's channels come to where their kernels look for them.
    #[test]
    fn a_cell_is_seen_where_it_is() {
        let (mut network, rows) = (network(), 60);
        network.config = ConvolutionalConfig { channels: vec![1], hidden: vec![1] };
        let one_hot = Tensor::eye(rows, (Kind::Float, Device::Cpu));
        let observations = Tensor::cat(&[Tensor::zeros([rows, 2], (Kind::Float, Device::Cpu)), one_hot], 1);
        // The centre of a kernel that looks at channel 1 alone.
        let mut kernel = vec![0.0_f32; 27];
        kernel[9 + 4] = 1.0;
        let layers = [Tensor::from_slice(&kernel).view([1, 3, 3, 3]), Tensor::from_slice(&[0.0_f32])];
        let found = network.convolve(&observations, GRID, &layers);
        // Kernels are centred on cells 0, 2 and 4 from the top, and 0 and 2 from the left.
        let cell = |top: i64, left: i64| (top * 4 + left) * 3 + 1;
        for (place, (top, left)) in [(0, 0), (0, 2), (2, 0), (2, 2), (4, 0), (4, 2)].into_iter().enumerate() {
            assert_eq!(found.double_value(&[cell(top, left), place as i64]), 1.0);
        }
        assert_eq!(found.sum(Kind::Float).double_value(&[]), 6.0);
    }
}
