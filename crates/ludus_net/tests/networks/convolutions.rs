//! Convolutions in plain Rust agree with their definition.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use ludus_net::{Encoder, GridBlock, InputBlock, Layout, Network, NetworkConfig, Scratch, SimdLevel};
use ludus_spec::{Head, Seed};

const INPUTS: usize = 3 + 60 + 2 + 14;
/// Three numbers, a grid, two numbers, another grid.
const GRIDS: [GridBlock; 2] = [
    GridBlock { first: 3, height: 5, width: 4, channels: 3 },
    GridBlock { first: 65, height: 2, width: 7, channels: 1 },
];
const FIELDS: [&str; 2] = ["map", "a.board"];
const HEADS: [Head; 2] = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 4 }];
const ROWS: usize = 200;

fn blocks() -> [InputBlock; 2] {
    [0, 1].map(|index| InputBlock::grid(FIELDS[index], GRIDS[index]))
}

fn network(channels: &[usize], hidden: &[usize], shared: bool) -> Network {
    let encoders = FIELDS.map(|field| (field.to_owned(), Encoder::Convolve(channels.to_vec()))).into();
    let config = NetworkConfig { encoders, hidden: hidden.to_vec(), shared, ..NetworkConfig::default() };
    let mut network = Network::new(Layout::with_blocks(INPUTS, &blocks(), &HEADS, &config).unwrap(), Seed::new(1));
    let shift = |(index, number): (usize, &mut f32)| *number += Seed::new(2).derive(index as u64).uniform() - 0.4;
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(shift));
    network
}

fn inputs() -> Vec<f32> {
    (0..ROWS * INPUTS).map(|index| 2.0 * Seed::new(3).derive(index as u64).uniform() - 1.0).collect()
}

fn outputs(network: &Network, inputs: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let rows = inputs.len() / INPUTS;
    let (mut outputs, mut values) = (vec![0.0; rows * network.layout().output_width()], vec![0.0; rows]);
    network.forward(inputs, &mut Scratch::new(network.layout()), &mut outputs, &mut values);
    (outputs, values)
}

/// Returns the shape and the numbers of the tensor with this name, in double precision.
fn tensor(network: &Network, name: &str) -> (Vec<usize>, Vec<f64>) {
    let tensors = network.layout().export(network.parameters());
    let (_, shape, numbers) = tensors.into_iter().find(|(own, ..)| own == name).unwrap();
    (shape, numbers.into_iter().map(f64::from).collect())
}

/// A map by channel, row and column; zero beyond its border.
struct Map {
    channels: usize,
    height: usize,
    width: usize,
    numbers: Vec<f64>,
}

impl Map {
    fn at(&self, channel: usize, y: isize, x: isize) -> f64 {
        let is_inside = (0..self.height as isize).contains(&y) && (0..self.width as isize).contains(&x);
        if is_inside { self.numbers[(channel * self.height + y as usize) * self.width + x as usize] } else { 0.0 }
    }

    fn of_grid(row: &[f32], grid: GridBlock) -> Self {
        let GridBlock { first, height, width, channels } = grid;
        let cells = (0..channels).flat_map(|channel| (0..height * width).map(move |cell| cell * channels + channel));
        let numbers = cells.map(|index| f64::from(row[first + index])).collect();
        Self { channels, height, width, numbers }
    }

    fn convolved(&self, network: &Network, name: &str) -> Self {
        let (shape, weight) = tensor(network, &format!("{name}.weight"));
        let (_, bias) = tensor(network, &format!("{name}.bias"));
        let (height, width) = (self.height.div_ceil(2), self.width.div_ceil(2));
        let mut numbers = Vec::new();
        for output in 0..shape[0] {
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let mut sum = bias[output];
                for (index, weight) in weight[output * self.channels * 9..][..self.channels * 9].iter().enumerate() {
                    let (down, right) = ((index % 9 / 3) as isize - 1, (index % 3) as isize - 1);
                    sum += weight * self.at(index / 9, 2 * y as isize + down, 2 * x as isize + right);
                }
                numbers.push(sum.max(0.0));
            }
        }
        Self { channels: shape[0], height, width, numbers }
    }
}

fn dense(network: &Network, name: &str, input: &[f64]) -> Vec<f64> {
    let (shape, weight) = tensor(network, &format!("{name}.weight"));
    let (_, bias) = tensor(network, &format!("{name}.bias"));
    let row =
        |output: usize| weight[output * shape[1]..][..shape[1]].iter().zip(input).map(|(w, x)| w * x).sum::<f64>();
    (0..shape[0]).map(|output| row(output) + bias[output]).collect()
}

#[test]
fn a_convolution_is_what_its_definition_says() {
    let network = network(&[6, 5], &[7], true);
    let all = inputs();
    let (outputs, values) = outputs(&network, &all);
    for (index, row) in all.chunks_exact(INPUTS).enumerate() {
        let mut features: Vec<_> = row[..3].iter().chain(&row[63..65]).copied().map(f64::from).collect();
        for (number, grid) in GRIDS.into_iter().enumerate() {
            let first = Map::of_grid(row, grid).convolved(&network, &format!("encoder.{}.0", FIELDS[number]));
            features.extend(first.convolved(&network, &format!("encoder.{}.1", FIELDS[number])).numbers);
        }
        let hidden: Vec<_> = dense(&network, "trunk.0", &features).into_iter().map(f64::tanh).collect();
        let expected = [dense(&network, "actor.0", &hidden), dense(&network, "critic.0", &hidden)].concat();
        let actual = outputs[index * 6..][..6].iter().chain([&values[index]]);
        for (actual, expected) in actual.zip(expected) {
            assert!((f64::from(*actual) - expected).abs() < 1e-4, "row {index}: {actual}, not {expected}");
        }
    }
}

#[test]
fn a_convolved_row_does_not_depend_on_its_neighbours() {
    let all = inputs();
    for level in SimdLevel::available() {
        for (channels, hidden, shared) in
            [(&[5][..], &[9][..], false), (&[16, 3], &[], true), (&[2, 2, 40], &[64], true)]
        {
            let mut network = network(channels, hidden, shared);
            network.set_simd_level(level);
            let together = outputs(&network, &all);
            for group in [1, 3, 97] {
                let parts = all.chunks(group * INPUTS).map(|rows| outputs(&network, rows));
                let (actions, values): (Vec<_>, Vec<_>) = parts.unzip();
                assert_eq!((actions.concat(), values.concat()), together, "{channels:?} in groups of {group}");
            }
        }
    }
}

#[test]
fn parts_of_a_convolutional_network_agree_with_the_whole() {
    let (network, all) = (network(&[6, 5], &[7], true), inputs());
    let mut scratch = Scratch::new(network.layout());
    let (mut actions, mut values) = (vec![0.0; ROWS * 6], vec![0.0; ROWS]);
    network.forward_policy(&all, &mut scratch, &mut actions);
    network.forward_values(&all, &mut scratch, &mut values);
    assert_eq!((actions, values), outputs(&network, &all));
}

/// Returns the gradient of the sum of all outputs, each with a factor of its own. The rows are passed in parts.
fn gradient(network: &Network, inputs: &[f32], part: usize) -> Vec<f32> {
    let mut gradient = vec![0.0; network.parameters().len()];
    let mut scratch = Scratch::new(network.layout());
    for (first, rows) in inputs.chunks(part * INPUTS).enumerate() {
        network.add_gradient(rows, &mut scratch, &mut gradient, |block| {
            let first = first * part + block.first_row;
            let factor = |stream: u64, index: usize| Seed::new(stream).derive(index as u64).uniform() - 0.5;
            let width = network.layout().output_width();
            for (index, d_output) in block.d_outputs.iter_mut().enumerate() {
                *d_output = factor(5, first * width + index);
            }
            for (index, d_value) in block.d_values.iter_mut().enumerate() {
                *d_value = factor(6, first + index);
            }
        });
    }
    gradient
}

#[test]
fn a_gradient_has_the_same_bits_however_its_rows_are_cut() {
    let all = inputs();
    for level in SimdLevel::available() {
        for (channels, hidden, shared) in
            [(&[5][..], &[9][..], false), (&[16, 3], &[], true), (&[2, 2, 40], &[9], true)]
        {
            let mut network = network(channels, hidden, shared);
            network.set_simd_level(level);
            let whole = gradient(&network, &all, ROWS);
            assert!(whole.iter().filter(|derivative| **derivative != 0.0).count() > 100);
            for part in [1, 7, 97] {
                assert_eq!(gradient(&network, &all, part), whole, "{channels:?} in parts of {part}");
            }
        }
    }
}

#[test]
fn parameters_are_named_as_in_pytorch_and_read_back() {
    let network = network(&[6, 5], &[7], true);
    let layout = network.layout();
    let mut tensors = layout.export(network.parameters());
    let named: Vec<_> = tensors.iter().map(|(name, shape, _)| (name.as_str(), shape.as_slice())).collect();
    assert_eq!(named[0], ("encoder.map.0.weight", &[6, 3, 3, 3][..]));
    assert_eq!(named[1], ("encoder.map.0.bias", &[6][..]));
    assert_eq!(named[6], ("encoder.a.board.1.weight", &[5, 6, 3, 3][..]));
    assert_eq!(named[8], ("trunk.0.weight", &[7, 5 + 5 * 2 + 5 * 2][..]));
    tensors.reverse();
    assert_eq!(layout.import(&tensors).unwrap(), network.parameters());
}

#[test]
fn a_network_without_encoders_reads_a_grid_as_numbers() {
    let flat = |blocks: &[InputBlock]| Layout::with_blocks(INPUTS, blocks, &HEADS, &NetworkConfig::default()).unwrap();
    assert_eq!(flat(&blocks()), flat(&[]));
}

/// Each encoder has its own channels; a grid without one is read as numbers.
#[test]
fn an_encoder_is_for_its_field_alone() {
    let layout = |encoders: &[(&str, &[usize])]| {
        let encoder = |&(field, channels): &(&str, &[usize])| (field.to_owned(), Encoder::Convolve(channels.to_vec()));
        let encoders = encoders.iter().map(encoder).collect();
        let config = NetworkConfig { encoders, hidden: Vec::new(), ..NetworkConfig::default() };
        Layout::with_blocks(INPUTS, &blocks(), &HEADS, &config)
    };
    let second = layout(&[("a.board", &[3])]).unwrap();
    assert_eq!(second.dense_inputs(), 3 + 60 + 2 + 3 * 4);
    assert_eq!(second.columns_without_encoder(), std::slice::from_ref(&(0..65)));
    assert_eq!(second.encoded_blocks().next().unwrap().field, "a.board");
    let both = layout(&[("a.board", &[3]), ("map", &[5, 6])]).unwrap();
    let names = both.tensors().map(|tensor| tensor.name).collect::<Vec<_>>();
    assert_eq!(names[..3], ["encoder.map.0.weight", "encoder.map.0.bias", "encoder.map.1.weight"]);
    assert_eq!(both.dense_inputs(), 3 + 2 + 6 * 2 + 3 * 4);
    let message = layout(&[("bord", &[3])]).unwrap_err().to_string();
    assert!(message.contains("`encoders` has `bord`, which is no field of the observation"), "{message}");
    let message = layout(&[("map", &[])]).unwrap_err().to_string();
    assert!(message.contains("such as `Convolve([16, 32])`"), "{message}");
    let message = layout(&[("map", &[4, 0])]).unwrap_err().to_string();
    assert!(message.contains("channel count 1 of `Convolve([4, 0])` is 0"), "{message}");
}
