//! Comparison of forward and backward passes with a naive network in double precision.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::HashMap;
use std::ops::Range;

use ludus_net::{
    Activation, BlockColumns, Encoder, GridBlock, InputBlock, Layout, NamedTensor, Network, NetworkConfig, Scratch,
    SetBlock, SimdLevel, Upstream, ValuesBlock,
};
use ludus_spec::{Head, Seed};

/// The number of rows: more than one block, and no multiple of any tile.
const ROWS: usize = 103;

const GAUSSIAN: &[Head] = &[Head::Gaussian { width: 2 }];
const CATEGORICAL: &[Head] = &[Head::Categorical { choices: 3 }];
const MIXED: &[Head] = &[
    Head::Gaussian { width: 1 },
    Head::Categorical { choices: 2 },
    Head::Categorical { choices: 4 },
    Head::Gaussian { width: 3 },
];
const SQUASHED: &[Head] =
    &[Head::SquashedGaussian { width: 2 }, Head::Categorical { choices: 3 }, Head::SquashedGaussian { width: 1 }];

#[test]
fn gradients_are_those_of_finite_differences() {
    for heads in [GAUSSIAN, CATEGORICAL, MIXED, SQUASHED] {
        for hidden in [&[][..], &[5], &[17, 3], &[4, 16, 6]] {
            for activation in [Activation::Tanh, Activation::Relu] {
                for shared in [false, true] {
                    let hidden = hidden.to_vec();
                    check_gradient(3, heads, NetworkConfig { hidden, activation, shared, ..NetworkConfig::default() });
                }
            }
        }
    }
}

#[test]
fn wide_networks_have_right_gradients() {
    let config =
        |hidden: &[usize], shared| NetworkConfig { hidden: hidden.to_vec(), shared, ..NetworkConfig::default() };
    check_gradient(37, MIXED, config(&[13], false));
    check_gradient(1, CATEGORICAL, config(&[70, 2], true));
    check_gradient(2, CATEGORICAL, config(&[3, 129], false));
    check_gradient(2, &[Head::Categorical { choices: 20 }], config(&[6], true));
}

#[test]
fn gradients_of_layer_normalisation_are_those_of_finite_differences() {
    for (hidden, activation, shared) in [
        (&[5][..], Activation::Tanh, false),
        (&[16], Activation::Relu, false),
        (&[17, 3], Activation::Tanh, true),
        (&[4, 70, 6], Activation::Relu, true),
    ] {
        let config = NetworkConfig { hidden: hidden.to_vec(), activation, shared, ..normalised() };
        check_gradient(3, MIXED, config);
    }
    let behind_convolutions = NetworkConfig { hidden: vec![5], ..normalised() };
    check_case(&Case::of_layout(&convolutional(72, GRIDS, CATEGORICAL, &[3], behind_convolutions)));
}

#[test]
fn all_simd_levels_agree_on_layer_normalisation() {
    for shared in [false, true] {
        check_levels(&Case::new(9, MIXED, NetworkConfig { hidden: vec![40, 64, 100], shared, ..normalised() }));
    }
}

/// The gradient is clipped by the length of the whole array.
#[test]
fn the_padding_of_layer_normalisation_has_no_gradient() {
    for shared in [false, true] {
        let case = Case::new(3, MIXED, NetworkConfig { hidden: vec![17, 5], shared, ..normalised() });
        let (layout, gradient) = (case.network.layout(), case.run(SimdLevel::best()).gradient);
        assert_eq!(gradient, layout.import(&layout.export(&gradient)).unwrap());
    }
}

/// Sums that are all equal have no deviation to divide by.
#[test]
fn equal_sums_are_normalised_to_zero() {
    let layout = Layout::new(2, CATEGORICAL, &NetworkConfig { hidden: vec![6], ..normalised() }).unwrap();
    let mut network = Network::new(layout.clone(), Seed::new(1));
    let mut tensors = layout.export(network.parameters());
    let mut fill = |name: &str, number: f32| {
        let (.., numbers) = tensors.iter_mut().find(|(found, ..)| found == name).unwrap();
        numbers.fill(number);
    };
    fill("critic.0.weight", 0.0);
    fill("critic.0.norm.bias", 0.25);
    fill("critic.1.weight", 1.0);
    network.set_parameters(&layout.import(&tensors).unwrap()).unwrap();
    let (mut outputs, mut values) = ([0.0; 3], [0.0]);
    network.forward(&[3.0, -4.0], &mut Scratch::new(&layout), &mut outputs, &mut values);
    assert!((f64::from(values[0]) - 6.0 * 0.25_f64.tanh()).abs() < 1e-6, "{values:?}");
}

fn normalised() -> NetworkConfig {
    NetworkConfig { layer_norm: true, ..NetworkConfig::default() }
}

/// Grids of odd and even sizes, in which a kernel may cover only the border beside a cell. Columns beside them.
const GRIDS: &[GridBlock] = &[
    GridBlock { first: 1, height: 5, width: 4, channels: 3 },
    GridBlock { first: 63, height: 1, width: 8, channels: 1 },
];

#[test]
fn gradients_of_convolutions_are_those_of_finite_differences() {
    for (convolutions, hidden, shared) in
        [(&[3][..], &[][..], false), (&[16], &[5], true), (&[17, 2], &[6], false), (&[2, 5, 3], &[17, 3], true)]
    {
        let config = NetworkConfig { hidden: hidden.to_vec(), shared, ..NetworkConfig::default() };
        check_case(&Case::of_layout(&convolutional(72, GRIDS, MIXED, convolutions, config)));
    }
}

/// The block is smaller than for perceptrons.
#[test]
fn gradients_of_large_grids_are_those_of_finite_differences() {
    let grid = GridBlock { first: 0, height: 40, width: 41, channels: 2 };
    let config = NetworkConfig { hidden: vec![5], ..NetworkConfig::default() };
    check_case(&Case::of_layout(&convolutional(grid.count(), &[grid], CATEGORICAL, &[2, 1], config)));
}

/// A number, a set of up to 5 elements of 3 numbers, two numbers, and a set of up to 20 elements of 1 number.
const SETS: [SetBlock; 2] =
    [SetBlock { first: 1, capacity: 5, parts: 3 }, SetBlock { first: 19, capacity: 20, parts: 1 }];

fn with_sets(encoders: [Encoder; 2], config: NetworkConfig) -> Layout {
    let blocks = [InputBlock::set("enemies", SETS[0]), InputBlock::set("coins", SETS[1])];
    let [enemies, coins] = encoders;
    let encoders = [("enemies".to_owned(), enemies), ("coins".to_owned(), coins)].into();
    Layout::with_blocks(40, &blocks, MIXED, &NetworkConfig { encoders, ..config }).unwrap()
}

#[test]
fn gradients_of_pooled_sets_are_those_of_finite_differences() {
    for (widths, activation, hidden, shared) in [
        ([4, 17], Activation::Tanh, &[][..], false),
        ([16, 3], Activation::Relu, &[5], true),
        ([70, 1], Activation::Tanh, &[6], false),
    ] {
        let config = NetworkConfig { hidden: hidden.to_vec(), activation, shared, ..NetworkConfig::default() };
        check_case(&Case::of_layout(&with_sets(widths.map(Encoder::Pool), config)));
    }
}

#[test]
fn gradients_of_attended_sets_are_those_of_finite_differences() {
    for (shapes, activation, hidden, shared) in [
        ([(4, 1), (6, 2)], Activation::Tanh, &[][..], false),
        ([(34, 2), (5, 5)], Activation::Relu, &[5], true),
        ([(9, 3), (20, 1)], Activation::Tanh, &[6], false),
    ] {
        let config = NetworkConfig { hidden: hidden.to_vec(), activation, shared, ..NetworkConfig::default() };
        let encoders = shapes.map(|(width, heads)| Encoder::Attend { width, heads });
        check_case(&Case::of_layout(&with_sets(encoders, config)));
    }
}

/// A number for the critic alone, a set that both read, two numbers, and a set for the critic alone.
fn with_critic_columns(encoders: &[(&str, Encoder)], config: NetworkConfig) -> Layout {
    let number = |name, first, width| InputBlock::values(name, ValuesBlock { first, width });
    let blocks = [
        number("wind", 0, 1).for_critic(),
        InputBlock::set("enemies", SETS[0]),
        number("speed", 17, 2),
        InputBlock::set("hidden", SETS[1]).for_critic(),
    ];
    let encoders = encoders.iter().map(|(field, encoder)| ((*field).to_owned(), encoder.clone())).collect();
    Layout::with_blocks(40, &blocks, MIXED, &NetworkConfig { encoders, ..config }).unwrap()
}

#[test]
fn gradients_of_a_critic_that_reads_more_are_those_of_finite_differences() {
    let pool = |field, width| (field, Encoder::Pool(width));
    let attend = |field, width| (field, Encoder::Attend { width, heads: 2 });
    for (encoders, hidden) in [
        (&[][..], &[][..]),
        (&[], &[17]),
        (&[pool("enemies", 4)], &[]),
        (&[pool("enemies", 20), pool("hidden", 3)], &[5]),
        (&[attend("enemies", 6), attend("hidden", 18)], &[6, 5]),
        (&[pool("hidden", 33)], &[5]),
    ] {
        let config = NetworkConfig { hidden: hidden.to_vec(), ..NetworkConfig::default() };
        check_case(&Case::of_layout(&with_critic_columns(encoders, config)));
    }
}

#[test]
fn all_simd_levels_agree_on_sets() {
    for encoder in [Encoder::Pool(37), Encoder::Attend { width: 36, heads: 2 }] {
        let config = NetworkConfig { hidden: vec![9], ..NetworkConfig::default() };
        check_levels(&Case::of_layout(&with_sets([encoder.clone(), encoder], config)));
    }
}

#[test]
fn masked_gradients_are_those_of_finite_differences() {
    for heads in [CATEGORICAL, MIXED] {
        for shared in [false, true] {
            let config = NetworkConfig { hidden: vec![17, 3], shared, ..NetworkConfig::default() };
            check_case(&Case::new(3, heads, config).masked());
        }
    }
}

/// The logit of a choice that is not allowed is −∞, so weights that lead only to it have no gradient.
#[test]
fn what_is_not_allowed_has_no_gradient() {
    let config = NetworkConfig { hidden: vec![], ..NetworkConfig::default() };
    let mut case = Case::new(2, CATEGORICAL, config);
    case.masks = [true, false, true].repeat(ROWS);
    case.actions.iter_mut().for_each(|choice| *choice = if *choice == 1.0 { 2.0 } else { *choice });
    let gradient = case.run(SimdLevel::best()).gradient;
    let tensors = case.network.layout().export(&gradient);
    let head = |name: &str| tensors.iter().find(|(found, ..)| found == name).unwrap().2.clone();
    let (weight, bias) = (head("actor.0.weight"), head("actor.0.bias"));
    assert_eq!((&weight[2..4], bias[1]), (&[0.0, 0.0][..], 0.0));
    assert!(weight[..2].iter().chain(&weight[4..]).all(|derivative| derivative.abs() > 1e-3), "{weight:?}");
}

#[test]
fn all_simd_levels_agree() {
    let config = NetworkConfig { hidden: vec![40, 64, 100], ..NetworkConfig::default() };
    for shared in [false, true] {
        let case = Case::new(9, MIXED, NetworkConfig { shared, ..config.clone() }).masked();
        let results: Vec<_> = SimdLevel::available().into_iter().map(|level| case.run(level)).collect();
        for (level, result) in SimdLevel::available().iter().zip(&results) {
            let what = level.name();
            assert_close(&format!("{what} outputs"), &result.outputs, &to_f64(&results[0].outputs), 1e-5);
            assert_close(&format!("{what} values"), &result.values, &to_f64(&results[0].values), 1e-5);
            assert_close(&format!("{what} gradient"), &result.gradient, &to_f64(&results[0].gradient), 1e-4);
        }
    }
}

#[test]
fn all_simd_levels_agree_on_convolutions() {
    let config = NetworkConfig { hidden: vec![9], ..NetworkConfig::default() };
    let case = Case::of_layout(&convolutional(72, GRIDS, MIXED, &[40, 70, 16], config));
    check_levels(&case);
}

fn check_levels(case: &Case) {
    let results: Vec<_> = SimdLevel::available().into_iter().map(|level| case.run(level)).collect();
    for (level, result) in SimdLevel::available().iter().zip(&results) {
        let what = level.name();
        assert_close(&format!("{what} outputs"), &result.outputs, &to_f64(&results[0].outputs), 1e-5);
        assert_close(&format!("{what} gradient"), &result.gradient, &to_f64(&results[0].gradient), 1e-4);
    }
}

/// Convolutions over all grids, with these counts of channels. The grids' names are their indices.
fn convolutional(
    inputs: usize,
    grids: &[GridBlock],
    heads: &[Head],
    channels: &[usize],
    mut config: NetworkConfig,
) -> Layout {
    let blocks = grids.iter().enumerate().map(|(index, &grid)| InputBlock::grid(&index.to_string(), grid));
    let blocks = blocks.collect::<Vec<_>>();
    let encoder = |block: &InputBlock| (block.field.clone(), Encoder::Convolve(channels.to_vec()));
    config.encoders = blocks.iter().map(encoder).collect();
    Layout::with_blocks(inputs, &blocks, heads, &config).unwrap()
}

fn check_gradient(inputs: usize, heads: &[Head], config: NetworkConfig) {
    check_case(&Case::new(inputs, heads, config));
}

fn check_case(case: &Case) {
    let layout = case.network.layout();
    let mut exact = Reference::new(case, &layout.export(case.network.parameters()));
    let result = case.run(SimdLevel::best());
    let what = format!("{} inputs, {:?}, {:?}", layout.inputs(), layout.heads(), layout.config());
    let (outputs, values) = exact.forward(&case.inputs);
    assert_close(&format!("outputs of {what}"), &result.outputs, &outputs, 2e-6);
    assert_close(&format!("values of {what}"), &result.values, &values, 2e-6);
    assert_close(&format!("log-probabilities of {what}"), &result.log_probs, &exact.log_probs(), 1e-5);
    for (name, _, derivatives) in layout.export(&result.gradient) {
        // Some elements of a large tensor; an odd distance between them reaches all its rows and columns.
        let chosen: Vec<_> = (0..derivatives.len()).step_by((derivatives.len() / 40) | 1).collect();
        let derivatives: Vec<_> = chosen.iter().map(|&element| derivatives[element]).collect();
        let numeric: Vec<_> = chosen.iter().map(|&element| exact.derivative(&name, element)).collect();
        assert_close(&format!("gradient of {name} of {what}"), &derivatives, &numeric, 2e-4);
    }
}

/// A network with inputs, actions and a loss: Σ over rows of `weights · (log-probability, entropy, value²)`.
struct Case {
    network: Network,
    inputs: Vec<f32>,
    actions: Vec<f32>,
    /// Empty if every choice is allowed.
    masks: Vec<bool>,
    weights: Vec<[f32; 3]>,
}

struct Outcome {
    outputs: Vec<f32>,
    values: Vec<f32>,
    log_probs: Vec<f32>,
    gradient: Vec<f32>,
}

impl Case {
    fn new(inputs: usize, heads: &[Head], config: NetworkConfig) -> Self {
        Self::of_layout(&Layout::new(inputs, heads, &config).unwrap())
    }

    fn of_layout(layout: &Layout) -> Self {
        let mut network = Network::new(layout.clone(), Seed::new(1));
        // Neither zero biases nor tiny heads: every parameter must matter.
        let mut tensors = layout.export(network.parameters());
        for (index, number) in tensors.iter_mut().flat_map(|(_, _, numbers)| numbers).enumerate() {
            *number += 0.6 * (uniform(2, index) - 0.5);
        }
        network.set_parameters(&layout.import(&tensors).unwrap()).unwrap();
        let mut inputs: Vec<_> = (0..ROWS * layout.inputs()).map(|index| 4.0 * uniform(3, index) - 2.0).collect();
        for (row, inputs) in inputs.chunks_exact_mut(layout.inputs()).enumerate() {
            for block in layout.encoded_blocks() {
                // Empty and full sets, and all between. What is past the count has no meaning.
                if let BlockColumns::Set(set) = block.columns {
                    inputs[set.first + set.count() - 1] = (row % (set.capacity + 1)) as f32;
                }
            }
        }
        let weights = (0..ROWS).map(|row| [0, 1, 2].map(|part| uniform(4, 3 * row + part) - 0.4)).collect();
        let actions = (0..ROWS).flat_map(|row| action_row(layout.heads(), row)).collect();
        Self { network, inputs, actions, masks: Vec::new(), weights }
    }

    /// Allows about two thirds of the choices, always including those that were made.
    fn masked(mut self) -> Self {
        let layout = self.network.layout();
        for (row, mut actions) in self.actions.chunks_exact(layout.action_width()).enumerate() {
            for head in layout.heads() {
                let (chosen, later) = actions.split_at(head.action_width());
                actions = later;
                for choice in 0..head.mask_width() {
                    let is_drawn = uniform(20 + row as u64, self.masks.len()) < 0.6;
                    self.masks.push(is_drawn || chosen[0] == choice as f32);
                }
            }
        }
        self
    }

    fn run(&self, level: SimdLevel) -> Outcome {
        let mut network = self.network.clone();
        network.set_simd_level(level);
        let layout = network.layout().clone();
        let mut scratch = Scratch::new(&layout);
        let mut outcome = Outcome {
            outputs: vec![0.0; ROWS * layout.output_width()],
            values: vec![0.0; ROWS],
            log_probs: vec![0.0; ROWS],
            gradient: vec![0.0; layout.parameter_count()],
        };
        network.forward(&self.inputs, &mut scratch, &mut outcome.outputs, &mut outcome.values);
        let log_probs = &mut outcome.log_probs;
        network.gradient(&self.inputs, &mut scratch, &mut outcome.gradient, |block| {
            let rows = block.first_row..block.first_row + block.values.len();
            let actions = &self.actions[rows.start * layout.action_width()..rows.end * layout.action_width()];
            let weights = &self.weights[rows.clone()];
            let mut entropies = vec![0.0; rows.len()];
            let masks = if self.masks.is_empty() { &[][..] } else { rows_of(&self.masks, &rows) };
            let distribution = network.distribution().masked(masks);
            distribution.evaluate(block.outputs, actions, &mut log_probs[rows], &mut entropies);
            let column = |part: usize| weights.iter().map(|weights| weights[part]).collect::<Vec<_>>();
            let upstream = Upstream { d_log_probs: &column(0), d_entropies: &column(1) };
            distribution.backward(block.outputs, actions, upstream, block.d_outputs, block.d_log_std);
            for (row, weights) in weights.iter().enumerate() {
                block.d_values[row] = 2.0 * weights[2] * block.values[row];
            }
        });
        outcome
    }
}

/// Returns these rows of an array of [`ROWS`] rows.
fn rows_of<'a, T>(array: &'a [T], rows: &Range<usize>) -> &'a [T] {
    let width = array.len() / ROWS;
    &array[rows.start * width..rows.end * width]
}

fn action_row(heads: &[Head], row: usize) -> Vec<f32> {
    let column = |head: usize, column: usize| uniform(5 + head as u64, 10 * row + column);
    let parts = heads.iter().enumerate().map(|(index, &head)| match head {
        Head::Gaussian { width } => (0..width).map(|dimension| 2.0 * column(index, dimension) - 1.0).collect(),
        Head::SquashedGaussian { width } => (0..width).map(|place| 1.8 * column(index, place) - 0.9).collect(),
        Head::Categorical { choices } => vec![(column(index, 0) * choices as f32).floor()],
    });
    parts.collect::<Vec<_>>().concat()
}

fn uniform(stream: u64, index: usize) -> f32 {
    Seed::new(stream).derive(index as u64).uniform()
}

fn to_f64(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().copied().map(f64::from).collect()
}

#[track_caller]
fn assert_close(what: &str, actual: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0_f64, |scale, number| scale.max(number.abs()));
    for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(actual) - expected).abs();
        assert!(error <= tolerance * scale, "{what}: {actual} instead of {expected} at {index}");
    }
}

/// Layer normalisation as it is defined.
fn normalize(sums: &[f64], gain: &[f64], bias: &[f64]) -> Vec<f64> {
    let mean_of = |numbers: &mut dyn Iterator<Item = f64>| numbers.sum::<f64>() / sums.len() as f64;
    let mean = mean_of(&mut sums.iter().copied());
    let deviation = (mean_of(&mut sums.iter().map(|sum| (sum - mean).powi(2))) + 1e-5).sqrt();
    let normalized = sums.iter().map(|sum| (sum - mean) / deviation);
    normalized.zip(gain.iter().zip(bias)).map(|(number, (gain, bias))| gain * number + bias).collect()
}

/// The same network in the simplest possible code.
struct Reference<'a> {
    case: &'a Case,
    tensors: HashMap<String, (Vec<usize>, Vec<f64>)>,
}

impl<'a> Reference<'a> {
    fn new(case: &'a Case, tensors: &[NamedTensor]) -> Self {
        let plain = |(name, shape, numbers): &NamedTensor| (name.clone(), (shape.clone(), to_f64(numbers)));
        Self { case, tensors: tensors.iter().map(plain).collect() }
    }

    /// Returns the derivative of the loss with respect to one number, as a central difference.
    fn derivative(&mut self, name: &str, element: usize) -> f64 {
        const STEP: f64 = 1e-6;
        let mut loss_after = |offset: f64| {
            self.tensors.get_mut(name).unwrap().1[element] += offset;
            self.loss()
        };
        let (above, below) = (loss_after(STEP), loss_after(-2.0 * STEP));
        loss_after(STEP);
        (above - below) / (2.0 * STEP)
    }

    fn loss(&self) -> f64 {
        let (outputs, values) = self.forward(&self.case.inputs);
        let (log_probs, entropies) = self.evaluate(&outputs);
        let row = |row: usize| {
            let [a, b, c] = self.case.weights[row].map(f64::from);
            a * log_probs[row] + b * entropies[row] + c * values[row] * values[row]
        };
        (0..ROWS).map(row).sum()
    }

    fn log_probs(&self) -> Vec<f64> {
        self.evaluate(&self.forward(&self.case.inputs).0).0
    }

    fn forward(&self, inputs: &[f32]) -> (Vec<f64>, Vec<f64>) {
        let rows = inputs.chunks_exact(self.case.network.layout().inputs());
        let rows = rows.map(to_f64).collect::<Vec<_>>();
        let features = self.chain("trunk", rows.iter().map(|row| self.encoded(row, false)).collect(), true);
        let of_critic = if self.case.network.layout().has_critic_columns() {
            let both = |row: &Vec<f64>| [self.encoded(row, false), self.encoded(row, true)].concat();
            rows.iter().map(both).collect()
        } else {
            features.clone()
        };
        (self.chain("actor", features, false).concat(), self.chain("critic", of_critic, false).concat())
    }

    /// Returns the columns without an encoder, then the outputs of each encoder: what policy and critic read, or what the
    /// critic reads in addition.
    fn encoded(&self, row: &[f64], is_critic: bool) -> Vec<f64> {
        let layout = self.case.network.layout();
        if layout.encoded_blocks().next().is_none() && !layout.has_critic_columns() {
            return row.to_vec();
        }
        let rest = if is_critic { layout.critic_columns_without_encoder() } else { layout.columns_without_encoder() };
        let mut features: Vec<_> = rest.iter().flat_map(|part| &row[part.clone()]).collect();
        let blocks = layout.encoded_blocks().filter(|block| block.is_critic == is_critic);
        let maps = blocks.map(|block| match (block.columns, block.encoder) {
            (BlockColumns::Grid(grid), _) => self.convolved(block.field, grid, row),
            (BlockColumns::Values(_), _) => unreachable!("no field is stacked"),
            (BlockColumns::Set(set), Encoder::Attend { heads, .. }) => self.attended(block.field, set, *heads, row),
            (BlockColumns::Set(set), _) => self.pooled(block.field, set, row),
        });
        let maps: Vec<_> = maps.collect();
        features.extend(maps.iter().flatten());
        features.into_iter().copied().collect()
    }

    /// Returns the output of the last convolution over a grid, channel by channel.
    fn convolved(&self, field: &str, grid: GridBlock, row: &[f64]) -> Vec<f64> {
        let GridBlock { first, mut height, mut width, channels } = grid;
        let cells = (0..channels).flat_map(|channel| (0..height * width).map(move |cell| cell * channels + channel));
        let mut map: Vec<_> = cells.map(|place| row[first + place]).collect();
        for layer in 0.. {
            let Some((shape, weight)) = self.tensors.get(&format!("encoder.{field}.{layer}.weight")) else { break };
            let bias = &self.tensors[&format!("encoder.{field}.{layer}.bias")].1;
            let at = |channel: usize, y: usize, x: usize| {
                if y < height && x < width { map[(channel * height + y) * width + x] } else { 0.0 }
            };
            let mut output = Vec::new();
            for (channel, bias) in bias.iter().enumerate() {
                for (y, x) in (0..height.div_ceil(2)).flat_map(|y| (0..width.div_ceil(2)).map(move |x| (y, x))) {
                    let weights = weight[channel * shape[1] * 9..][..shape[1] * 9].iter().enumerate();
                    let products = weights.map(|(place, weight)| {
                        let (down, right) = (place % 9 / 3, place % 3);
                        weight * at(place / 9, (2 * y + down).wrapping_sub(1), (2 * x + right).wrapping_sub(1))
                    });
                    output.push((bias + products.sum::<f64>()).max(0.0));
                }
            }
            (map, height, width) = (output, height.div_ceil(2), width.div_ceil(2));
        }
        map
    }

    /// Returns the outputs of the layer over each element that is present.
    fn embedded(&self, field: &str, set: SetBlock, row: &[f64]) -> Vec<Vec<f64>> {
        let count = row[set.first + set.capacity * set.parts] as usize;
        let elements = row[set.first..].chunks_exact(set.parts).take(count);
        let sums = elements.map(|element| self.linear(&format!("encoder.{field}.embedding"), element));
        sums.map(|sums| sums.into_iter().map(|sum| self.activate(sum)).collect()).collect()
    }

    fn linear(&self, name: &str, input: &[f64]) -> Vec<f64> {
        let (shape, weight) = &self.tensors[&format!("{name}.weight")];
        let bias = self.tensors.get(&format!("{name}.bias"));
        let rows = weight.chunks_exact(shape[1]).enumerate();
        let sum = |weights: &[f64]| weights.iter().zip(input).map(|(weight, input)| weight * input).sum::<f64>();
        rows.map(|(output, weights)| bias.map_or(0.0, |(_, bias)| bias[output]) + sum(weights)).collect()
    }

    fn pooled(&self, field: &str, set: SetBlock, row: &[f64]) -> Vec<f64> {
        let elements = self.embedded(field, set, row);
        let width = self.tensors[&format!("encoder.{field}.embedding.bias")].1.len();
        let column = |index: usize| elements.iter().map(move |element| element[index]);
        let mean = |index| column(index).sum::<f64>() / elements.len().max(1) as f64;
        let maximum = |index| column(index).reduce(f64::max).unwrap_or(0.0);
        let count = elements.len() as f64 / set.capacity as f64;
        (0..width).map(mean).chain((0..width).map(maximum)).chain([count]).collect()
    }

    /// Attention as it is defined: with a result for each element, of which the mean is taken.
    fn attended(&self, field: &str, set: SetBlock, heads: usize, row: &[f64]) -> Vec<f64> {
        let elements = self.embedded(field, set, row);
        let of = |layer: &str| elements.iter().map(|x| self.linear(&format!("encoder.{field}.{layer}"), x)).collect();
        let (queries, keys): (Vec<_>, Vec<_>) = (of("query"), of("key"));
        let width = self.tensors[&format!("encoder.{field}.embedding.bias")].1.len();
        let size = width / heads;
        let values: Vec<Vec<Vec<f64>>> = (0..heads).map(|head| of(&format!("value.{head}"))).collect();
        let mut result = vec![0.0; width];
        for (element, query) in elements.iter().zip(&queries) {
            let mut mixed = Vec::new();
            for head in 0..heads {
                let part = |row: &[f64]| row[head * size..][..size].to_vec();
                let score = |key: &Vec<f64>| {
                    let products = part(query).into_iter().zip(part(key)).map(|(query, key)| query * key);
                    (products.sum::<f64>() / (size as f64).sqrt()).exp()
                };
                let scores: Vec<_> = keys.iter().map(score).collect();
                let total: f64 = scores.iter().sum();
                let value = |index: usize| {
                    scores
                        .iter()
                        .zip(&values[head])
                        .map(|(score, value): (_, &Vec<f64>)| score / total * value[index])
                        .sum()
                };
                mixed.extend((0..size).map(value).collect::<Vec<f64>>());
            }
            let output = self.linear(&format!("encoder.{field}.output"), &mixed);
            for ((result, x), output) in result.iter_mut().zip(element).zip(output) {
                *result += (x + output) / elements.len() as f64;
            }
        }
        result.push(elements.len() as f64 / set.capacity as f64);
        result
    }

    fn chain(&self, name: &str, inputs: Vec<Vec<f64>>, activate_last: bool) -> Vec<Vec<f64>> {
        let layer = |index: usize, part: &str| self.tensors.get(&format!("{name}.{index}.{part}"));
        let depth = (0..).take_while(|&index| layer(index, "weight").is_some()).count();
        (0..depth).fold(inputs, |rows, index| {
            let ((shape, weight), (_, bias)) = (layer(index, "weight").unwrap(), layer(index, "bias").unwrap());
            let is_activated = index + 1 < depth || activate_last;
            let sum = |input: &[f64], output: usize| {
                let weights = &weight[output * shape[1]..][..shape[1]];
                bias[output] + weights.iter().zip(input).map(|(weight, input)| weight * input).sum::<f64>()
            };
            let sums = |row: &Vec<f64>| (0..shape[0]).map(|index| sum(row, index)).collect::<Vec<_>>();
            let norm = layer(index, "norm.weight").zip(layer(index, "norm.bias"));
            let output = |row: &Vec<f64>| {
                let sums = norm.map_or_else(|| sums(row), |((_, gain), (_, bias))| normalize(&sums(row), gain, bias));
                sums.into_iter().map(|sum| if is_activated { self.activate(sum) } else { sum }).collect()
            };
            rows.iter().map(output).collect()
        })
    }

    fn activate(&self, sum: f64) -> f64 {
        match self.case.network.layout().config().activation {
            Activation::Tanh => sum.tanh(),
            Activation::Relu => sum.max(0.0),
        }
    }

    fn evaluate(&self, outputs: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let layout = self.case.network.layout();
        let rows =
            outputs.chunks_exact(layout.output_width()).zip(self.case.actions.chunks_exact(layout.action_width()));
        let masks = |row: usize| {
            if self.case.masks.is_empty() { &[][..] } else { rows_of(&self.case.masks, &(row..row + 1)) }
        };
        rows.enumerate().map(|(row, (outputs, actions))| self.evaluate_row(outputs, masks(row), actions)).unzip()
    }

    /// Returns log-probability and entropy of a row. Choices that are not allowed are left out of every sum.
    fn evaluate_row(&self, mut outputs: &[f64], mut mask: &[bool], mut actions: &[f32]) -> (f64, f64) {
        let (mut log_prob, mut entropy, mut dimension) = (0.0, 0.0, 0);
        for head in self.case.network.layout().heads() {
            let (own, later) = outputs.split_at(head.output_width());
            let (action, later_actions) = actions.split_at(head.action_width());
            (outputs, actions) = (later, later_actions);
            match head {
                Head::Categorical { choices } => {
                    let (own_mask, later) = mask.split_at((*choices).min(mask.len()));
                    mask = later;
                    let is_allowed = |choice: &usize| own_mask.get(*choice).is_none_or(|&allowed| allowed);
                    let allowed: Vec<_> = (0..*choices).filter(is_allowed).map(|choice| own[choice]).collect();
                    let total: f64 = allowed.iter().map(|logit| logit.exp()).sum();
                    log_prob += own[action[0] as usize] - total.ln();
                    entropy -= allowed.iter().map(|logit| logit.exp() / total * (logit - total.ln())).sum::<f64>();
                }
                Head::SquashedGaussian { width } => {
                    for (dimension, &action) in action.iter().enumerate() {
                        let (mean, action) = (own[dimension], f64::from(action));
                        let log_std = -1.5 + 3.5 * own[width + dimension].tanh();
                        let z = (action.atanh() - mean) / log_std.exp();
                        let before = -0.5 * z * z - log_std - 0.5 * std::f64::consts::TAU.ln();
                        log_prob += before - (1.0 - action * action).ln();
                        entropy += log_std + 0.5 * (std::f64::consts::TAU * std::f64::consts::E).ln();
                    }
                }
                Head::Gaussian { .. } => {
                    for (mean, &action) in own.iter().zip(action) {
                        let log_std = self.tensors["log_std"].1[dimension];
                        let z = (f64::from(action) - mean) / log_std.exp();
                        log_prob += -0.5 * z * z - log_std - 0.5 * std::f64::consts::TAU.ln();
                        entropy += log_std + 0.5 * (std::f64::consts::TAU * std::f64::consts::E).ln();
                        dimension += 1;
                    }
                }
            }
        }
        (log_prob, entropy)
    }
}
