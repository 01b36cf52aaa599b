//! Critics with several values.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use ludus_net::{
    AfterStep, Layout, Memory, NetError, Network, NetworkConfig, Scratch, Sequences, ValueHeadSplit, ValueMap,
};
use ludus_spec::{Head, Seed};

/// More than a block.
const ROWS: usize = 103;
const INPUTS: usize = 3;

const HEADS: [Head; 2] = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 3 }];

/// Networks whose value head is a dot product and a product of matrices, behind hidden layers and a memory.
fn configs() -> Vec<NetworkConfig> {
    let config = |hidden: &[usize], shared, memory| NetworkConfig {
        hidden: hidden.to_vec(),
        shared,
        memory,
        ..NetworkConfig::default()
    };
    vec![
        config(&[], false, None),
        config(&[5], false, None),
        config(&[17, 6], true, None),
        config(&[6], false, Some(Memory::Gru(4))),
        config(&[6], true, Some(Memory::MinGru(4))),
    ]
}

fn network(config: &NetworkConfig) -> Network {
    let mut network = Network::new(Layout::new(INPUTS, &HEADS, config).unwrap(), Seed::new(1));
    let scatter = |(index, p): (usize, &mut f32)| *p += 0.4 * (Seed::new(2).derive(index as u64).uniform() - 0.5);
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(scatter));
    network
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    (0..count).map(|index| 2.0 * Seed::new(seed).derive(index as u64).uniform() - 1.0).collect()
}

/// Returns outputs and values of some rows.
fn forward(network: &Network) -> (Vec<f32>, Vec<f32>) {
    let layout = network.layout();
    let mut outputs = vec![0.0; ROWS * layout.output_width()];
    let mut values = vec![0.0; ROWS * layout.value_heads()];
    let mut memory = numbers(ROWS * layout.memory_width(), 3);
    network.step(&numbers(ROWS * INPUTS, 4), &mut memory, &mut Scratch::new(layout), &mut outputs, &mut values);
    (outputs, values)
}

#[test]
fn the_first_of_several_values_is_that_of_a_critic_with_one() {
    for config in configs() {
        let one = network(&config);
        for heads in [1, 2, 8, 9] {
            let several = one.with_value_heads(heads, Seed::new(7)).unwrap();
            assert_eq!(several.layout().value_heads(), heads);
            let ((outputs, values), (same_outputs, all_values)) = (forward(&one), forward(&several));
            assert_eq!(outputs, same_outputs);
            for (row, (value, values)) in values.iter().zip(all_values.chunks_exact(heads)).enumerate() {
                assert!((value - values[0]).abs() < 1e-6, "row {row}: {value} is not {}", values[0]);
                assert!(heads == 1 || (values[1] - values[0]).abs() > 1e-6, "row {row} has one value twice");
            }
            let mut alone = vec![0.0; ROWS * heads];
            let memory = numbers(ROWS * several.layout().memory_width(), 3);
            several.values_from(&numbers(ROWS * INPUTS, 4), &memory, &mut Scratch::new(several.layout()), &mut alone);
            assert_eq!(alone, all_values);
        }
    }
}

#[test]
fn a_first_value_begins_with_the_same_weights_beside_others() {
    for config in configs() {
        let layout = Layout::new(INPUTS, &HEADS, &config).unwrap();
        let several = layout.with_value_heads(3).unwrap();
        let split = ValueHeadSplit::new(&several).unwrap();
        let begun = Network::new(several, Seed::new(5));
        assert_eq!(split.first_layout(), &layout);
        assert_eq!(split.first(begun.parameters()), Network::new(layout, Seed::new(5)).parameters());
    }
}

#[test]
fn parts_join_to_the_whole() {
    for config in configs() {
        let layout = Layout::new(INPUTS, &HEADS, &config).unwrap().with_value_heads(3).unwrap();
        let network = Network::new(layout, Seed::new(5));
        let split = ValueHeadSplit::new(network.layout()).unwrap();
        let (first, others) = (split.first(network.parameters()), split.others(network.parameters()));
        assert_eq!(split.join(&first, &others).unwrap(), network.parameters());
        assert!(matches!(split.join(&first, &others[1..]), Err(NetError::WrongLength { .. })));
        assert!(matches!(split.join(&first[1..], &others), Err(NetError::WrongLength { .. })));
    }
}

#[test]
fn a_critic_has_at_least_one_value() {
    let layout = Layout::new(INPUTS, &HEADS, &NetworkConfig::default()).unwrap();
    assert_eq!(layout.with_value_heads(0), Err(NetError::NoValues));
    assert!(matches!(layout.with_value_heads(usize::MAX), Err(NetError::TooLarge { .. })));
}

/// The loss is a weighted sum of the squares of all values.
#[test]
fn gradients_through_all_values_are_those_of_finite_differences() {
    for config in configs() {
        for heads in [2, 9] {
            let network = network(&config).with_value_heads(heads, Seed::new(7)).unwrap();
            let found = gradient(&network).1;
            let layout = network.layout().clone();
            for tensor in layout.tensors() {
                for position in (0..tensor.element_count().min(12)).map(|element| tensor.position(element)) {
                    let loss_at = |change: f32| {
                        let mut moved = network.clone();
                        moved.update(|parameters| parameters[position] += change);
                        gradient(&moved).0
                    };
                    let expected = (loss_at(1e-2) - loss_at(-1e-2)) / 2e-2;
                    let error = (f64::from(found[position]) - expected).abs();
                    assert!(error < 1e-3 * (1.0 + expected.abs()), "{}: {error} from {expected}", tensor.name);
                }
            }
        }
    }
}

/// Returns the loss and its gradient.
fn gradient(network: &Network) -> (f64, Vec<f32>) {
    let (layout, heads) = (network.layout(), network.layout().value_heads());
    let mut gradient = vec![0.0; layout.parameter_count()];
    let (mut loss, mut scratch) = (0.0, Scratch::new(layout));
    let inputs = numbers(8 * INPUTS, 4);
    let squares = |block: ludus_net::Block<'_>| {
        for (index, (value, d_value)) in block.values.iter().zip(block.d_values).enumerate() {
            let weight = 0.1 * (index % heads + 1) as f32;
            loss += f64::from(weight) * f64::from(*value) * f64::from(*value);
            *d_value = 2.0 * weight * value;
        }
    };
    if layout.memory_width() == 0 {
        network.gradient(&inputs, &mut scratch, &mut gradient, squares);
    } else {
        let (first_memory, after) = (numbers(2 * layout.memory_width(), 3), [AfterStep::Keep; 8]);
        let steps = Sequences { first_memory: &first_memory, after: &after, actions: &[] };
        network.gradient_of_sequences(&inputs, steps, &mut scratch, &mut gradient, squares);
    }
    (loss, gradient)
}

/// One value is twice as large and 3 more, the other stays; outputs stay as they are.
#[test]
fn a_map_of_values_is_one_of_their_heads_numbers() {
    for config in configs() {
        let network = network(&config).with_value_heads(2, Seed::new(7)).unwrap();
        let mut mapped = network.clone();
        let maps = [ValueMap { scale: 2.0, shift: 3.0 }, ValueMap { scale: 1.0, shift: 0.0 }];
        mapped.map_values(&maps);
        let (before, after) = (forward(&network), forward(&mapped));
        assert_eq!(before.0, after.0);
        for (before, after) in before.1.chunks_exact(2).zip(after.1.chunks_exact(2)) {
            assert!((maps[0].apply(before[0]) - after[0]).abs() < 1e-5 && before[1] == after[1]);
        }
    }
}
