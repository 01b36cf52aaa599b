//! Files of older versions can still be read: `version_1` and `version_2` have files that these versions have written.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::path::Path;

use ludus_net::{Activation, Encoder, NetworkConfig};
use ludus_policy::{ActionChoice, Policy, PolicyFile, PolicyNetwork};

fn read(name: &str) -> PolicyFile {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    PolicyFile::read(&folder.join(name).with_extension("safetensors")).unwrap()
}

/// Checks that a file is written as version 3, and that reading it gives the same policy.
fn check_rewritten(file: &PolicyFile) {
    let written = file.to_tensor_file();
    assert!(written.texts["policy"].starts_with("{\"format\":3,"), "{}", written.texts["policy"]);
    assert_eq!(PolicyFile::from_tensor_file(&written).unwrap(), *file);
}

fn act(policy: &Policy, observations: &[f32]) -> Vec<f32> {
    let mut actions = vec![0.0; observations.len() / policy.spec().observation_width()];
    policy.act(observations, ActionChoice::Greedy, &mut policy.scratch(), &mut actions);
    actions
}

#[test]
fn a_perceptron_of_version_1_is_read_and_plays() {
    let file = read("version_1/perceptron");
    let described = NetworkConfig { hidden: vec![5], ..NetworkConfig::default() };
    assert_eq!(file.network, PolicyNetwork::Described(described));
    assert_eq!(act(&Policy::new(&file).unwrap(), &[-1.0, 1.0]), [0.0, 1.0], "it was trained to");
    check_rewritten(&file);
}

#[test]
fn convolutions_of_version_1_are_recognised_and_play_without_their_config() {
    check_convolutional("version_1/convolutional");
}

#[test]
fn convolutions_of_version_2_become_encoders_of_each_grid() {
    check_convolutional("version_2/convolutional");
}

fn check_convolutional(name: &str) {
    let file = read(name);
    let encoders = file.spec.observation.iter().map(|field| (field.name.clone(), Encoder::Convolve(vec![3])));
    let described = NetworkConfig {
        encoders: encoders.collect(),
        hidden: vec![8],
        activation: Activation::Relu,
        shared: true,
        ..NetworkConfig::default()
    };
    assert_eq!(file.network, PolicyNetwork::Described(described));
    // The policy was trained to detect on which side of the second row there is a 1.
    let picture = |cell: usize| (0..16).map(move |index| if index == cell { 1.0 } else { 0.0 });
    let pictures = picture(4).chain(picture(7)).collect::<Vec<_>>();
    assert_eq!(act(&Policy::new(&file).unwrap(), &pictures), [0.0, 1.0]);
    check_rewritten(&file);
}

#[test]
fn a_network_of_a_game_s_own_of_version_1_is_read_and_names_its_program() {
    let file = read("version_1/own_network");
    let own = file.network.own().unwrap();
    assert_eq!((own.name.as_str(), own.parameters[0].0.as_str()), ("", "look.weight"));
    let error = Policy::new(&file).unwrap_err().to_string();
    assert!(error.contains("network is one of `custom_network`'s own"), "{error}");
    check_rewritten(&file);
}
