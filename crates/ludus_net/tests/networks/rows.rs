//! A row's results have the same bits with any other rows in the call.

use ludus_net::{Layout, Network, NetworkConfig, Scratch, SimdLevel};
use ludus_spec::{Head, Seed};

const ROWS: usize = 203;

const HEADS: [Head; 3] =
    [Head::Gaussian { width: 3 }, Head::Categorical { choices: 2 }, Head::Categorical { choices: 5 }];

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    for level in SimdLevel::available() {
        for (heads, hidden, shared, layer_norm) in [
            (&HEADS[..], &[64, 64][..], false, false),
            (&HEADS[..], &[37, 100], true, false),
            (&HEADS[1..2], &[13, 64], false, false),
            (&HEADS[1..], &[], false, false),
            (&HEADS[..], &[64, 37], true, true),
        ] {
            let hidden = hidden.to_vec();
            let config = NetworkConfig { hidden, shared, layer_norm, ..NetworkConfig::default() };
            let mut network = Network::new(Layout::new(5, heads, &config).unwrap(), Seed::new(1));
            network.set_simd_level(level);
            let together = results(&network, ROWS);
            for group in [1, 2, 5, 7, 16, 97] {
                assert_eq!(together, results(&network, group), "{config:?} in groups of {group}, {}", level.name());
            }
        }
    }
}

#[test]
fn parts_of_a_network_agree_with_the_whole() {
    let network = Network::new(Layout::new(5, &HEADS, &NetworkConfig::default()).unwrap(), Seed::new(1));
    let mut scratch = Scratch::new(network.layout());
    let mut outputs = vec![0.0; ROWS * network.layout().output_width()];
    let mut values = vec![0.0; ROWS];
    network.forward_policy(&inputs(), &mut scratch, &mut outputs);
    network.forward_values(&inputs(), &mut scratch, &mut values);
    let all = results(&network, ROWS);
    assert_eq!((outputs, values), (all.outputs, all.values));
}

#[test]
fn a_gradient_does_not_depend_on_what_the_scratch_held() {
    let config = NetworkConfig { shared: true, ..NetworkConfig::default() };
    let network = Network::new(Layout::new(5, &HEADS, &config).unwrap(), Seed::new(1));
    let gradient = |scratch: &mut Scratch| {
        let mut gradient = vec![0.0; network.layout().parameter_count()];
        network.gradient(&inputs()[..5 * 100], scratch, &mut gradient, |block| {
            block.d_outputs.iter_mut().zip(block.outputs).for_each(|(d, output)| *d += output);
            block.d_values.iter_mut().zip(block.values).for_each(|(d, value)| *d += value);
        });
        gradient
    };
    let mut used = Scratch::new(network.layout());
    gradient(&mut used);
    assert_eq!(gradient(&mut used), gradient(&mut Scratch::new(network.layout())));
}

/// Of perceptrons of all forms: with a trunk or without, with normalised layers, with narrow and wide heads.
#[test]
fn a_gradient_does_not_depend_on_what_was_there() {
    let heads = [&HEADS[..], &[Head::Categorical { choices: 2 }], &[Head::Gaussian { width: 40 }]];
    for (heads, hidden) in heads.into_iter().zip([&[64, 64][..], &[], &[7]]) {
        for (shared, layer_norm) in [(false, false), (true, false), (true, true)] {
            let config = NetworkConfig { hidden: hidden.to_vec(), shared, layer_norm, ..NetworkConfig::default() };
            let layout = Layout::new(5, heads, &config).unwrap();
            let network = Network::new(layout.with_value_heads(2).unwrap(), Seed::new(1));
            let gradient = |before: f32, rows: usize| {
                let layout = network.layout();
                let mut gradient = vec![0.0; layout.parameter_count()];
                for tensor in layout.tensors() {
                    (0..tensor.element_count()).for_each(|element| gradient[tensor.position(element)] = before);
                }
                let inputs = &inputs()[..5 * rows];
                network.gradient(inputs, &mut Scratch::new(layout), &mut gradient, |block| {
                    block.d_outputs.iter_mut().zip(block.outputs).for_each(|(d, output)| *d += output + 0.1);
                    block.d_values.iter_mut().zip(block.values).for_each(|(d, value)| *d += value + 0.1);
                    block.d_log_std.iter_mut().for_each(|d| *d += 1.0);
                });
                gradient
            };
            for rows in [0, 1, 100] {
                assert_eq!(gradient(7.0, rows), gradient(0.0, rows), "{config:?}, {rows} rows");
            }
        }
    }
}

#[test]
fn networks_can_be_shared_between_threads() {
    fn shareable<T: Clone + Send + Sync>() {}
    shareable::<Network>();
    shareable::<Layout>();
}

#[derive(Debug, PartialEq)]
struct Results {
    outputs: Vec<f32>,
    values: Vec<f32>,
    actions: Vec<f32>,
    log_probs: Vec<f32>,
    entropies: Vec<f32>,
}

fn inputs() -> Vec<f32> {
    (0..ROWS * 5).map(|index| 6.0 * Seed::new(9).derive(index as u64).uniform() - 3.0).collect()
}

/// Returns all rows' results, computed `group` rows at a time.
fn results(network: &Network, group: usize) -> Results {
    let layout = network.layout();
    let mut scratch = Scratch::new(layout);
    let mut all = Results {
        outputs: vec![0.0; ROWS * layout.output_width()],
        values: vec![0.0; ROWS],
        actions: vec![0.0; ROWS * layout.action_width()],
        log_probs: vec![0.0; ROWS],
        entropies: vec![0.0; ROWS],
    };
    for (index, inputs) in inputs().chunks(group * 5).enumerate() {
        let rows = index * group..ROWS.min((index + 1) * group);
        let outputs = &mut all.outputs[rows.start * layout.output_width()..rows.end * layout.output_width()];
        let actions = &mut all.actions[rows.start * layout.action_width()..rows.end * layout.action_width()];
        let (log_probs, entropies) = (&mut all.log_probs[rows.clone()], &mut all.entropies[rows.clone()]);
        network.forward(inputs, &mut scratch, outputs, &mut all.values[rows.clone()]);
        let seed_of = |row: usize| Seed::new(3).derive((rows.start + row) as u64);
        network.distribution().sample(outputs, seed_of, actions, log_probs);
        let mut again = vec![0.0; log_probs.len()];
        network.distribution().evaluate(outputs, actions, &mut again, entropies);
        for (log_prob, again) in log_probs.iter().zip(again) {
            assert!((log_prob - again).abs() < 1e-5, "{log_prob} when drawn, {again} when evaluated");
        }
    }
    all
}
