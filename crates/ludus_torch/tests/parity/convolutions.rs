//! Convolutions in plain Rust have the same outputs as libtorch's.

use ludus_net::{Encoder, GridBlock, InputBlock, Layout, Network, NetworkConfig, Scratch, SetBlock, ValuesBlock};
use ludus_spec::{Head, Seed};
use ludus_torch::tch::Tensor;
use ludus_torch::{Parameter, described};

const ROWS: usize = 130;
const INPUTS: usize = 2 + 300 + 1 + 21;
const GRIDS: [GridBlock; 2] = [
    GridBlock { first: 2, height: 10, width: 10, channels: 3 },
    GridBlock { first: 303, height: 3, width: 7, channels: 1 },
];
const HEADS: [Head; 2] = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 5 }];

/// Opens the test's device. libtorch counts the GPUs when it is first used: its CUDA libraries must be open by then,
/// for the tests that run later.
fn open_device() {
    let _ = crate::device();
}

const FIELDS: [&str; 2] = ["z", "a.map"];

/// Convolutions with these channels over both grids, which are not in the order of their names.
fn encoders(channels: &[usize]) -> std::collections::BTreeMap<String, Encoder> {
    FIELDS.map(|field| (field.to_owned(), Encoder::Convolve(channels.to_vec()))).into()
}

/// Makes a network with initial weights, and biases that are not zero.
fn network(config: &NetworkConfig) -> Network {
    let blocks = [0, 1].map(|index| InputBlock::grid(FIELDS[index], GRIDS[index]));
    shifted(Layout::with_blocks(INPUTS, &blocks, &HEADS, config).unwrap())
}

fn shifted(layout: Layout) -> Network {
    let mut network = Network::new(layout, Seed::new(1));
    let shift = |(index, number): (usize, &mut f32)| *number += 0.1 * Seed::new(2).derive(index as u64).uniform();
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(shift));
    network
}

fn check(config: &NetworkConfig) {
    compare(network(config), &noise(INPUTS));
}

fn noise(inputs: usize) -> Vec<f32> {
    (0..ROWS * inputs).map(|index| 2.0 * Seed::new(3).derive(index as u64).uniform() - 1.0).collect()
}

/// Compares the outputs and values of both networks.
fn compare(native: Network, observations: &[f32]) {
    let inputs = native.layout().inputs();
    let config = native.layout().config().clone();
    let (mut outputs, mut values) = (vec![0.0; ROWS * native.layout().output_width()], vec![0.0; ROWS]);
    native.forward(observations, &mut Scratch::new(native.layout()), &mut outputs, &mut values);

    let torch = described(native);
    let tensor = |Parameter { shape, values, .. }: Parameter| {
        Tensor::from_slice(&values).view(&*shape.iter().map(|&size| size as i64).collect::<Vec<_>>())
    };
    let mut parameters: Vec<Tensor> = torch.parameters().into_iter().map(tensor).collect();
    // The network itself does not read `log_std`.
    parameters.pop();
    let forward = torch.forward(&parameters, &Tensor::from_slice(observations).view([ROWS as i64, inputs as i64]));
    for (numbers, tensor) in [(&outputs, &forward.outputs), (&values, &forward.values)] {
        let greatest = numbers.iter().fold(1.0_f32, |greatest, number| greatest.max(number.abs()));
        let difference = (Tensor::from_slice(numbers) - tensor.reshape([-1])).abs().max().double_value(&[]);
        assert!(difference <= 1e-5 * f64::from(greatest), "{config:?}: {difference} of {greatest}");
    }
}

#[test]
fn convolutions_agree_with_libtorch() {
    open_device();
    for (channels, hidden, shared) in
        [(&[16, 32][..], &[64][..], true), (&[5], &[], true), (&[4, 6, 8, 10], &[17, 9], true), (&[12], &[20], false)]
    {
        let (encoders, hidden) = (encoders(channels), hidden.to_vec());
        check(&NetworkConfig { encoders, hidden, shared, ..NetworkConfig::default() });
    }
}

/// A number, a set of up to 4 elements of 3 numbers, and a number.
#[test]
fn sets_agree_with_libtorch() {
    open_device();
    let set = SetBlock { first: 1, capacity: 4, parts: 3 };
    let inputs = 15;
    for encoder in [Encoder::Pool(9), Encoder::Attend { width: 32, heads: 2 }, Encoder::Attend { width: 5, heads: 1 }] {
        let encoders = [("enemies".to_owned(), encoder)].into();
        let config = NetworkConfig { encoders, hidden: vec![8], ..NetworkConfig::default() };
        let layout = Layout::with_blocks(inputs, &[InputBlock::set("enemies", set)], &HEADS, &config).unwrap();
        let mut observations = noise(inputs);
        for (row, observations) in observations.chunks_exact_mut(inputs).enumerate() {
            observations[13] = (row % 5) as f32;
        }
        compare(shifted(layout), &observations);
    }
}

/// A number, a set and a grid; a number and a set are for the critic alone.
#[test]
fn critics_that_read_more_agree_with_libtorch() {
    open_device();
    let [seen, hidden] = [1, 4].map(|first| SetBlock { first, capacity: 2, parts: 1 });
    let blocks = [
        InputBlock::values("wind", ValuesBlock { first: 0, width: 1 }).for_critic(),
        InputBlock::set("seen", seen),
        InputBlock::set("hidden", hidden).for_critic(),
        InputBlock::values("speed", ValuesBlock { first: 7, width: 2 }),
    ];
    let inputs = 9;
    for fields in [&[][..], &["seen"], &["hidden"], &["seen", "hidden"]] {
        let encoders = fields.iter().map(|&field| (field.to_owned(), Encoder::Pool(9))).collect();
        let config = NetworkConfig { encoders, hidden: vec![8], ..NetworkConfig::default() };
        let layout = Layout::with_blocks(inputs, &blocks, &HEADS, &config).unwrap();
        let mut observations = noise(inputs);
        for (row, observations) in observations.chunks_exact_mut(inputs).enumerate() {
            (observations[3], observations[6]) = ((row % 3) as f32, (row % 2) as f32);
        }
        compare(shifted(layout), &observations);
    }
}

/// So both learners read the same files, and start from the same parameters.
#[test]
fn parameters_stand_in_the_order_of_the_layout() {
    open_device();
    let config = NetworkConfig { encoders: encoders(&[4]), hidden: vec![3], shared: true, ..NetworkConfig::default() };
    let native = network(&config);
    let tensors = native.layout().export(native.parameters());
    let listed = described(native).parameters();
    assert!(listed.into_iter().map(|parameter| (parameter.name, parameter.shape, parameter.values)).eq(tensors));
}
