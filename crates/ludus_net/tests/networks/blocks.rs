//! Passes over single blocks agree with those over all rows, and with finite differences.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::ops::Range;

use ludus_net::{Activation, Encoder, GridBlock, InputBlock, Layout, Network, NetworkConfig, Scratch, SimdLevel};
use ludus_spec::{Head, Seed};

const HEADS: [Head; 2] = [Head::Categorical { choices: 3 }, Head::Categorical { choices: 7 }];
const ROWS: usize = 17;
/// Two numbers, a grid of 6 cells, three numbers.
const INPUTS: usize = 11;
const GRID: GridBlock = GridBlock { first: 2, height: 2, width: 3, channels: 1 };

fn uniform(stream: u64, index: usize) -> f32 {
    Seed::new(stream).derive(index as u64).uniform()
}

fn network(hidden: &[usize], shared: bool, encoder: Option<Encoder>) -> Network {
    let encoders = encoder.map(|encoder| ("map".to_owned(), encoder)).into_iter().collect();
    let activation = Activation::Tanh;
    let config = NetworkConfig { encoders, hidden: hidden.to_vec(), activation, shared, ..NetworkConfig::default() };
    let layout = Layout::with_blocks(INPUTS, &[InputBlock::grid("map", GRID)], &HEADS, &config).unwrap();
    let mut network = Network::new(layout, Seed::new(1));
    let shift = |(index, number): (usize, &mut f32)| *number += 0.6 * (uniform(2, index) - 0.5);
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(shift));
    network
}

fn networks() -> Vec<Network> {
    let mut networks = Vec::new();
    for shared in [false, true] {
        for hidden in [&[][..], &[5], &[17, 70]] {
            networks.push(network(hidden, shared, None));
            networks.push(network(hidden, shared, Some(Encoder::Convolve(vec![4]))));
        }
    }
    networks
}

fn inputs() -> Vec<f32> {
    (0..ROWS * INPUTS).map(|index| 2.0 * uniform(3, index) - 1.0).collect()
}

/// The derivatives of a loss with respect to the outputs.
fn factors() -> Vec<f32> {
    (0..ROWS * 10).map(|index| uniform(4, index) - 0.5).collect()
}

#[test]
fn a_block_has_the_outputs_and_the_gradient_of_all_rows() {
    for mut network in networks() {
        for level in SimdLevel::available() {
            network.set_simd_level(level);
            let (layout, inputs, factors) = (network.layout(), inputs(), factors());
            let mut scratch = Scratch::new(layout);
            let (mut expected, mut outputs) = (vec![0.0; ROWS * 10], vec![0.0; ROWS * 10]);
            network.forward_policy(&inputs, &mut scratch, &mut expected);
            let [mut whole, mut own] = [0, 1].map(|_| vec![0.0; layout.parameter_count()]);
            network.gradient(&inputs, &mut scratch, &mut whole, |block| block.d_outputs.copy_from_slice(&factors));
            network.outputs_of_block(&inputs, &mut scratch, &mut outputs);
            let width = network.features_of_row(&scratch, ROWS - 1).map(<[f32]>::len);
            assert_eq!(width, layout.config().hidden.last().copied());
            network.gradient_of_block(&inputs, &mut scratch, &factors, &mut own);
            assert_eq!((outputs, own), (expected, whole), "{:?}", layout.config());
        }
    }
}

#[test]
fn input_gradients_are_those_of_finite_differences() {
    for network in networks() {
        check_input_gradient(&network, 8..11);
        check_input_gradient(&network, 0..2);
        check_input_gradient(&network, 9..10);
    }
    check_input_gradient(&network(&[6], true, None), 0..INPUTS);
}

fn check_input_gradient(network: &Network, columns: Range<usize>) {
    check_rows(network, columns.clone(), &(0..ROWS).collect::<Vec<_>>());
    check_rows(network, columns.clone(), &[1, 4, 5, 16]);
    check_rows(network, columns, &[]);
}

fn check_rows(network: &Network, columns: Range<usize>, rows: &[usize]) {
    let inputs = inputs();
    let factors: Vec<f32> = factors()[..rows.len() * 10].to_vec();
    let mut scratch = Scratch::new(network.layout());
    let (mut outputs, mut found) = (vec![0.0; ROWS * 10], vec![f32::NAN; rows.len() * columns.len()]);
    network.outputs_of_block(&inputs, &mut scratch, &mut outputs);
    network.input_gradient_of_rows(rows, &mut scratch, &factors, columns.clone(), &mut found);
    let step = 0.02;
    for (index, found) in found.into_iter().enumerate() {
        let (place, column) = (index / columns.len(), columns.start + index % columns.len());
        let row = rows[place];
        let mut loss = |change: f32| {
            let mut moved = inputs[row * INPUTS..(row + 1) * INPUTS].to_vec();
            moved[column] += change;
            let mut outputs = [0.0; 10];
            network.forward_policy(&moved, &mut scratch, &mut outputs);
            let products = outputs.iter().zip(&factors[place * 10..]).map(|(o, f)| f64::from(*o) * f64::from(*f));
            products.sum::<f64>()
        };
        let expected = (loss(step) - loss(-step)) / f64::from(2.0 * step);
        let error = (f64::from(found) - expected).abs() / (1.0 + expected.abs());
        assert!(error < 2e-3, "{:?}, column {column}: {found}, not {expected}", network.layout().config());
    }
}

#[test]
#[should_panic(expected = "an encoder reads some of the columns")]
fn columns_of_an_encoder_have_no_gradient() {
    check_input_gradient(&network(&[6], true, Some(Encoder::Convolve(vec![4]))), 1..3);
}
