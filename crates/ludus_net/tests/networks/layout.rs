//! Shapes and names of tensors, and errors of layouts and imports.

use ludus_net::{Activation, Layout, NetError, Network, NetworkConfig, Scratch};
use ludus_spec::{Head, Seed};

const HEADS: [Head; 2] = [Head::Gaussian { width: 3 }, Head::Categorical { choices: 2 }];

fn layout(inputs: usize, heads: &[Head], hidden: &[usize], shared: bool) -> Result<Layout, NetError> {
    Layout::new(inputs, heads, &NetworkConfig { hidden: hidden.to_vec(), shared, ..NetworkConfig::default() })
}

#[test]
fn tensors_are_named_as_in_pytorch() {
    let check = |hidden: &[usize], shared: bool, expected: &[(&str, &[usize])]| {
        let layout = layout(4, &HEADS, hidden, shared).unwrap();
        let tensors: Vec<_> = layout.tensors().map(|tensor| (tensor.name, tensor.shape)).collect();
        let expected: Vec<_> = expected.iter().map(|(name, shape)| (name.to_string(), shape.to_vec())).collect();
        assert_eq!(tensors, expected);
    };
    check(
        &[20],
        false,
        &[
            ("actor.0.weight", &[20, 4]),
            ("actor.0.bias", &[20]),
            ("actor.1.weight", &[5, 20]),
            ("actor.1.bias", &[5]),
            ("critic.0.weight", &[20, 4]),
            ("critic.0.bias", &[20]),
            ("critic.1.weight", &[1, 20]),
            ("critic.1.bias", &[1]),
            ("log_std", &[3]),
        ],
    );
    check(
        &[20],
        true,
        &[
            ("trunk.0.weight", &[20, 4]),
            ("trunk.0.bias", &[20]),
            ("actor.0.weight", &[5, 20]),
            ("actor.0.bias", &[5]),
            ("critic.0.weight", &[1, 20]),
            ("critic.0.bias", &[1]),
            ("log_std", &[3]),
        ],
    );
}

#[test]
fn a_layer_normalisation_stands_behind_its_layer_and_begins_at_gain_1() {
    let config = NetworkConfig { hidden: vec![20], layer_norm: true, shared: true, ..NetworkConfig::default() };
    let network = Network::new(Layout::new(4, &HEADS, &config).unwrap(), Seed::new(3));
    let tensors = network.layout().export(network.parameters());
    let names: Vec<_> = tensors.iter().map(|(name, ..)| name.as_str()).take(5).collect();
    assert_eq!(names, ["trunk.0.weight", "trunk.0.bias", "trunk.0.norm.weight", "trunk.0.norm.bias", "actor.0.weight"]);
    assert_eq!((&tensors[2].1, &tensors[2].2, &tensors[3].2), (&vec![20], &vec![1.0; 20], &vec![0.0; 20]));
    assert_eq!(network.layout().import(&tensors).unwrap(), network.parameters());
}

#[test]
fn widths_follow_from_the_heads() {
    let layout = layout(4, &HEADS, &[64, 64], false).unwrap();
    assert_eq!((layout.inputs(), layout.output_width(), layout.action_width(), layout.log_std().len()), (4, 5, 4, 3));
    assert_eq!(layout.heads(), HEADS);
}

#[test]
fn importing_an_export_gives_the_same_parameters() {
    for (hidden, shared) in [(&[][..], false), (&[7], true), (&[64, 64], false), (&[130, 9], true)] {
        let network = Network::new(layout(37, &HEADS, hidden, shared).unwrap(), Seed::new(3));
        let mut tensors = network.layout().export(network.parameters());
        tensors.reverse();
        assert_eq!(network.layout().import(&tensors).unwrap(), network.parameters());
    }
}

#[test]
fn changed_parameters_change_all_that_follows_from_them() {
    let layout = layout(4, &HEADS, &[20, 20], false).unwrap();
    let fresh = Network::new(layout.clone(), Seed::new(1));
    let mut changed = Network::new(layout.clone(), Seed::new(2));
    let gradient = |network: &Network| {
        let mut gradient = vec![0.0; layout.parameter_count()];
        network.gradient(&[0.3, -1.0, 2.0, 0.1], &mut Scratch::new(&layout), &mut gradient, |block| {
            block.d_outputs.fill(1.0);
            block.d_values.fill(1.0);
        });
        gradient
    };
    assert_ne!(gradient(&changed), gradient(&fresh));
    changed.update(|parameters| parameters.copy_from_slice(fresh.parameters()));
    assert_eq!(gradient(&changed), gradient(&fresh));
}

#[test]
fn padding_stays_zero() {
    let layout = layout(4, &HEADS, &[20], false).unwrap();
    let mut network = Network::new(layout.clone(), Seed::new(1));
    network.update(|parameters| parameters.fill(1.0));
    let count: f32 = network.parameters().iter().sum();
    let named: usize = layout.tensors().map(|tensor| tensor.element_count()).sum();
    assert_eq!(count as usize, named, "only named numbers are not zero");
}

#[test]
fn bad_layouts_say_what_to_do() {
    let check = |layout: Result<Layout, NetError>, expected: &str| {
        let message = layout.unwrap_err().to_string();
        assert_eq!(message, expected);
    };
    check(
        layout(0, &HEADS, &[64], false),
        "the network has 0 inputs; give the observation at least one field that is not for the critic alone",
    );
    check(layout(4, &[], &[64], false), "the network has 0 heads; give the action at least one field");
    check(
        layout(4, &[HEADS[0], Head::Gaussian { width: 0 }], &[64], false),
        "head 1 is a Gaussian of width 0; give it at least one dimension, or leave it out",
    );
    check(
        layout(4, &[Head::Categorical { choices: 1 }], &[64], false),
        "head 0 is a categorical of 1 choices; give it at least 2, or leave it out",
    );
    check(
        layout(4, &HEADS, &[64, 0], false),
        "`hidden[1]` is 0; give the layer a width of at least 1, or leave it out",
    );
    for hidden in [&[100_000, 100_000][..], &[usize::MAX], &[usize::MAX, usize::MAX]] {
        let message = layout(4, &HEADS, hidden, true).unwrap_err().to_string();
        assert!(message.ends_with("make its layers narrower or fewer"), "{message}");
    }
    let huge = layout(usize::MAX, &[Head::Gaussian { width: usize::MAX }; 2], &[64], true).unwrap_err().to_string();
    assert!(huge.ends_with("make its layers narrower or fewer"), "{huge}");
}

#[test]
fn bad_tensors_say_what_to_do() {
    let layout = layout(2, &[Head::Categorical { choices: 2 }], &[], false).unwrap();
    let good = layout.export(&vec![0.0; layout.parameter_count()]);
    let check = |change: fn(&mut Vec<ludus_net::NamedTensor>), expected: &str| {
        let mut tensors = good.clone();
        change(&mut tensors);
        let message = layout.import(&tensors).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(
        |tensors| tensors.truncate(3),
        "tensor `critic.0.bias` is missing; the network needs `actor.0.weight`, `actor.0.bias`, `critic.0.weight`, \
         `critic.0.bias`",
    );
    check(|tensors| tensors[0].0 = "actor.7.weight".to_owned(), "tensor `actor.7.weight` is not part of the network");
    check(|tensors| tensors[0].1 = vec![4], "tensor `actor.0.weight` has shape [4], where the network needs [2, 2]");
    check(|tensors| tensors[1].2[1] = f32::NAN, "tensor `actor.0.bias` holds NaN at index 1");
}

#[test]
fn parameters_of_another_network_are_an_error() {
    let mut network = Network::new(layout(2, &HEADS, &[], false).unwrap(), Seed::new(1));
    let message = network.set_parameters(&[0.0; 3]).unwrap_err().to_string();
    assert!(message.starts_with("parameters: 3 numbers, where the network needs"), "{message}");
}

#[test]
fn a_config_rejects_what_it_does_not_know() {
    let config: NetworkConfig = serde_json::from_str(r#"{"hidden": [32], "activation": "Relu"}"#).unwrap();
    let expected = NetworkConfig { hidden: vec![32], activation: Activation::Relu, ..NetworkConfig::default() };
    assert_eq!(config, expected);
    assert!(serde_json::from_str::<NetworkConfig>(r#"{"hiden": [32]}"#).unwrap_err().to_string().contains("hiden"));
}
