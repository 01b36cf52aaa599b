//! Encoders of sets: elements in any order, empty and full sets, and names of tensors.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use ludus_net::{Encoder, InputBlock, Layout, NetError, Network, NetworkConfig, Scratch, SetBlock, SimdLevel};
use ludus_spec::{Head, Seed};

const SET: SetBlock = SetBlock { first: 2, capacity: 5, parts: 3 };
/// The column with the count of elements.
const COUNT: usize = 2 + 15;
const INPUTS: usize = COUNT + 2;
const HEADS: [Head; 2] = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 4 }];
const OUTPUTS: usize = 6;
const ENCODERS: [Encoder; 3] =
    [Encoder::Pool(7), Encoder::Attend { width: 6, heads: 2 }, Encoder::Attend { width: 32, heads: 1 }];

fn layout(encoder: &Encoder) -> Result<Layout, NetError> {
    let encoders = [("enemies".to_owned(), encoder.clone())].into();
    let config = NetworkConfig { encoders, hidden: vec![9], ..NetworkConfig::default() };
    Layout::with_blocks(INPUTS, &[InputBlock::set("enemies", SET)], &HEADS, &config)
}

fn network(encoder: &Encoder) -> Network {
    let mut network = Network::new(layout(encoder).unwrap(), Seed::new(1));
    let shift = |(index, number): (usize, &mut f32)| *number += Seed::new(2).derive(index as u64).uniform() - 0.5;
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(shift));
    network
}

/// A row with these elements. What is past them has no meaning.
fn row(elements: &[[f32; 3]]) -> Vec<f32> {
    let mut row: Vec<_> = (0..INPUTS).map(|index| Seed::new(3).derive(index as u64).uniform()).collect();
    row[2..2 + 3 * elements.len()].copy_from_slice(elements.as_flattened());
    row[COUNT] = elements.len() as f32;
    row
}

/// Rows with sets of all sizes.
fn rows(count: usize) -> Vec<f32> {
    let uniform = |index: usize| 2.0 * Seed::new(4).derive(index as u64).uniform() - 1.0;
    let mut rows: Vec<_> = (0..count * INPUTS).map(uniform).collect();
    for (index, row) in rows.chunks_exact_mut(INPUTS).enumerate() {
        row[COUNT] = (index % 6) as f32;
    }
    rows
}

fn outputs(network: &Network, inputs: &[f32]) -> Vec<f32> {
    let rows = inputs.len() / INPUTS;
    let (mut outputs, mut values) = (vec![0.0; rows * OUTPUTS], vec![0.0; rows]);
    network.forward(inputs, &mut Scratch::new(network.layout()), &mut outputs, &mut values);
    outputs.extend(values);
    outputs
}

fn distance(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

const ELEMENTS: [[f32; 3]; 5] = [[0.1, -0.5, 0.9], [0.0; 3], [-0.3, 0.2, 0.4], [0.7, 0.7, -0.2], [-0.9, 0.1, 0.0]];

#[test]
fn the_order_of_elements_does_not_matter() {
    for network in ENCODERS.iter().map(network) {
        let found = outputs(&network, &row(&ELEMENTS[..4]));
        let [a, b, c, d, _] = ELEMENTS;
        for elements in [[d, c, b, a], [b, a, d, c]] {
            assert!(distance(&outputs(&network, &row(&elements)), &found) < 1e-5);
        }
    }
}

#[test]
fn an_element_of_zeros_counts() {
    for network in ENCODERS.iter().map(network) {
        let found = outputs(&network, &row(&ELEMENTS[..1]));
        assert!(distance(&outputs(&network, &row(&ELEMENTS[..2])), &found) > 1e-3);
    }
}

#[test]
fn columns_past_the_count_are_not_read() {
    for network in ENCODERS.iter().map(network) {
        for count in 0..=5 {
            let mut one = row(&ELEMENTS[..count]);
            let found = outputs(&network, &one);
            one[2 + 3 * count..COUNT].fill(1e30);
            assert_eq!(outputs(&network, &one), found, "{count} elements");
        }
    }
}

#[test]
fn counts_outside_the_capacity_are_the_nearest_inside() {
    for network in ENCODERS.iter().map(network) {
        let with_count = |count: f32| {
            let mut row = row(&ELEMENTS);
            row[COUNT] = count;
            outputs(&network, &row)
        };
        assert_eq!(with_count(9.0), with_count(5.0));
        assert_eq!(with_count(-1.0), with_count(0.0));
        assert_eq!(with_count(f32::NAN), with_count(0.0));
        assert!(with_count(0.0).iter().all(|number| number.is_finite()));
        assert!(distance(&with_count(0.0), &with_count(1.0)) > 1e-3);
    }
}

#[test]
fn a_row_with_a_set_does_not_depend_on_its_neighbours() {
    let all = rows(200);
    for level in SimdLevel::available() {
        for mut network in ENCODERS.iter().map(network) {
            network.set_simd_level(level);
            let whole = outputs(&network, &all);
            for (index, row) in all.chunks_exact(INPUTS).enumerate() {
                let alone = outputs(&network, row);
                assert_eq!(alone[..OUTPUTS], whole[index * OUTPUTS..][..OUTPUTS], "row {index}");
            }
        }
    }
}

#[test]
fn a_gradient_with_sets_has_the_same_bits_however_its_rows_are_cut() {
    let all = rows(200);
    for network in ENCODERS.iter().map(network) {
        let gradient = |part: usize| {
            let mut gradient = vec![0.0; network.parameters().len()];
            let mut scratch = Scratch::new(network.layout());
            for (first, rows) in all.chunks(part * INPUTS).enumerate() {
                network.add_gradient(rows, &mut scratch, &mut gradient, |block| {
                    let start = (first * part + block.first_row) * OUTPUTS;
                    for (index, d_output) in block.d_outputs.iter_mut().enumerate() {
                        *d_output = Seed::new(5).derive((start + index) as u64).uniform() - 0.5;
                    }
                });
            }
            gradient
        };
        let whole = gradient(200);
        assert!(whole.iter().filter(|derivative| **derivative != 0.0).count() > 100);
        for part in [1, 7, 97] {
            assert_eq!(gradient(part), whole, "in parts of {part}");
        }
    }
}

#[test]
fn layers_over_sets_have_names_and_are_read_back() {
    let network = network(&ENCODERS[1]);
    let layout = network.layout();
    let mut tensors = layout.export(network.parameters());
    let named = tensors.iter().map(|(name, shape, _)| format!("{name} {shape:?}")).collect::<Vec<_>>();
    let expected = [
        "encoder.enemies.embedding.weight [6, 3]",
        "encoder.enemies.embedding.bias [6]",
        "encoder.enemies.query.weight [6, 6]",
        "encoder.enemies.query.bias [6]",
        "encoder.enemies.key.weight [6, 6]",
        "encoder.enemies.value.0.weight [3, 6]",
        "encoder.enemies.value.0.bias [3]",
        "encoder.enemies.value.1.weight [3, 6]",
        "encoder.enemies.value.1.bias [3]",
        "encoder.enemies.output.weight [6, 6]",
        "encoder.enemies.output.bias [6]",
        "actor.0.weight [9, 10]",
    ];
    assert_eq!(named[..expected.len()], expected);
    tensors.reverse();
    assert_eq!(layout.import(&tensors).unwrap(), network.parameters());
}

#[test]
fn encoders_that_can_t_be_are_refused_in_a_sentence() {
    let check = |encoder: Encoder, expected: &str| {
        let message = layout(&encoder).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(Encoder::Pool(0), "the width of `Pool(0)` is 0; give it at least 1, usually 32");
    let attend = |width, heads| Encoder::Attend { width, heads };
    check(attend(0, 1), "the width of `Attend(width: 0, heads: 1)` is 0");
    check(attend(6, 4), "4 heads do not divide the width of `Attend(width: 6, heads: 4)`; valid: 1, 2, 3, 6");
    check(attend(6, 0), "0 heads do not divide");
    check(Encoder::Convolve(vec![4]), "no field of the observation that its encoder reads");
    check(Encoder::Pool(1 << 26), "numbers of a row");
}
