//! Observations for the critic alone: the policy never reads them, and can do without the critic.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use ludus_net::{
    AfterStep, Encoder, InputBlock, Layout, Memory, NetError, Network, NetworkConfig, Scratch, Sequences, SetBlock,
    ValuesBlock,
};
use ludus_spec::{AgentSpec, Block, Head, ObservationField, ObservationKind, Seed, SetShape};

/// Columns: `wind` for the critic alone, `speed`, `seen`, and the set `hidden` for the critic alone.
const INPUTS: usize = 1 + 2 + SEEN.count() + HIDDEN.count();
const SEEN: SetBlock = SetBlock { first: 3, capacity: 2, parts: 1 };
const HIDDEN: SetBlock = SetBlock { first: 6, capacity: 3, parts: 2 };
const HEADS: [Head; 2] = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 3 }];
const OUTPUTS: usize = 5;
const ROWS: usize = 100;

fn blocks() -> [InputBlock; 4] {
    [
        InputBlock::values("wind", ValuesBlock { first: 0, width: 1 }).for_critic(),
        InputBlock::values("speed", ValuesBlock { first: 1, width: 2 }),
        InputBlock::set("seen", SEEN),
        InputBlock::set("hidden", HIDDEN).for_critic(),
    ]
}

fn layout(config: &NetworkConfig) -> Result<Layout, NetError> {
    Layout::with_blocks(INPUTS, &blocks(), &HEADS, config)
}

/// Networks with and without encoders, of fields that both read and of fields for the critic alone, and with memories.
fn configs() -> Vec<NetworkConfig> {
    let encoded = |fields: &[&str]| {
        let encoders = fields.iter().map(|field| ((*field).to_owned(), Encoder::Pool(5))).collect();
        NetworkConfig { encoders, hidden: vec![9], ..NetworkConfig::default() }
    };
    let mut looking_back = encoded(&["hidden"]);
    looking_back.encoders.insert("speed".to_owned(), Encoder::Stack(3));
    vec![
        encoded(&[]),
        NetworkConfig { hidden: Vec::new(), ..encoded(&[]) },
        encoded(&["seen"]),
        encoded(&["seen", "hidden"]),
        NetworkConfig { memory: Some(Memory::MinGru(4)), ..encoded(&["hidden"]) },
        NetworkConfig { memory: Some(Memory::Gru(4)), observe_last_action: true, ..looking_back },
    ]
}

fn network(config: &NetworkConfig) -> Network {
    let mut network = Network::new(layout(config).unwrap(), Seed::new(1));
    let shift = |(index, number): (usize, &mut f32)| *number += uniform(2, index) - 0.5;
    network.update(|parameters| parameters.iter_mut().enumerate().for_each(shift));
    network
}

fn uniform(stream: u64, index: usize) -> f32 {
    Seed::new(stream).derive(index as u64).uniform()
}

/// Rows with sets of all sizes.
fn rows() -> Vec<f32> {
    let mut rows: Vec<_> = (0..ROWS * INPUTS).map(|index| 2.0 * uniform(3, index) - 1.0).collect();
    for (index, row) in rows.chunks_exact_mut(INPUTS).enumerate() {
        for set in [SEEN, HIDDEN] {
            row[set.first + set.count() - 1] = (index % (set.capacity + 1)) as f32;
        }
    }
    rows
}

/// Changes every column for the critic alone.
fn other_secrets(rows: &[f32]) -> Vec<f32> {
    let mut rows = rows.to_vec();
    for row in rows.chunks_exact_mut(INPUTS) {
        row[0] += 1.0;
        row[HIDDEN.first..].iter_mut().for_each(|number| *number = 2.0 - *number);
    }
    rows
}

fn step(network: &Network, inputs: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (mut outputs, mut values) = (vec![0.0; ROWS * OUTPUTS], vec![0.0; ROWS]);
    let mut memory = vec![0.25; ROWS * network.layout().memory_width()];
    network.step(inputs, &mut memory, &mut Scratch::new(network.layout()), &mut outputs, &mut values);
    (outputs, values)
}

fn step_policy(network: &Network, inputs: &[f32]) -> Vec<f32> {
    let mut outputs = vec![0.0; ROWS * OUTPUTS];
    let mut memory = vec![0.25; ROWS * network.layout().policy_memory_width()];
    network.step_policy(inputs, &mut memory, &mut Scratch::new(network.layout()), &mut outputs);
    outputs
}

#[test]
fn the_policy_reads_nothing_that_is_for_the_critic_alone() {
    for network in configs().iter().map(network) {
        let (rows, others) = (rows(), other_secrets(&rows()));
        let ((outputs, values), (other_outputs, other_values)) = (step(&network, &rows), step(&network, &others));
        assert_eq!(outputs, other_outputs, "{:?}", network.layout().config());
        assert!(values.iter().zip(&other_values).all(|(one, other)| (one - other).abs() > 1e-6), "the critic reads it");
        assert_eq!(step_policy(&network, &rows), outputs);
        assert_eq!(step_policy(&network, &others), outputs);
    }
}

/// The policy's gradient has the same bits whatever the critic reads, and none of it reaches the critic's encoders.
#[test]
fn the_policy_s_loss_moves_nothing_of_the_critic() {
    for network in configs().iter().map(network) {
        let gradient = |inputs: &[f32]| {
            let layout = network.layout();
            let mut gradient = vec![0.0; layout.parameter_count()];
            let loss = |block: ludus_net::Block<'_>| {
                let derivative = |(index, derivative): (usize, &mut f32)| *derivative = uniform(4, index) - 0.5;
                block.d_outputs.iter_mut().enumerate().for_each(derivative);
            };
            if layout.memory_width() == 0 {
                network.gradient(inputs, &mut Scratch::new(layout), &mut gradient, loss);
            } else {
                let sequences = Sequences {
                    first_memory: &vec![0.0; 10 * layout.memory_width()],
                    after: &[AfterStep::Keep; ROWS],
                    actions: &vec![0.0; ROWS * layout.action_width()],
                };
                network.gradient_of_sequences(inputs, sequences, &mut Scratch::new(layout), &mut gradient, loss);
            }
            layout.export(&gradient)
        };
        let (one, other) = (gradient(&rows()), gradient(&other_secrets(&rows())));
        assert_eq!(one, other);
        for (name, _, derivatives) in one {
            let is_of_critic = name.starts_with("critic.") || name.starts_with("encoder.hidden.");
            let moves = derivatives.iter().any(|derivative| *derivative != 0.0);
            assert_eq!(moves, !is_of_critic && name != "log_std", "{name}");
        }
    }
}

#[test]
fn a_policy_without_its_critic_decides_the_same() {
    let spec = spec();
    for (config, network) in configs().iter().map(|config| (config, network(config))) {
        assert_eq!(Layout::of_agent(&spec, config).unwrap(), *network.layout());
        let small = config.without_critic(&spec);
        let shipped = spec.without_critic_fields();
        for (spec, rows_of_spec) in [(&spec, rows()), (&shipped, without_secrets(&rows()))] {
            let layout = Layout::of_agent(spec, &small).unwrap();
            let names = layout.tensors().map(|tensor| tensor.name).collect::<Vec<_>>();
            assert!(!names.iter().any(|name| name.starts_with("critic.") || name.starts_with("encoder.hidden.")));
            let mut tensors = network.layout().export(network.parameters());
            tensors.retain(|(name, ..)| names.contains(name));
            let mut policy = Network::new(layout, Seed::new(9));
            policy.set_parameters(&policy.layout().import(&tensors).unwrap()).unwrap();
            assert_eq!(policy.layout().memory_width(), network.layout().policy_memory_width());
            assert_eq!(step_policy(&policy, &rows_of_spec), step_policy(&network, &rows()), "{config:?}");
        }
    }
}

/// Rows of [`spec`] without the columns for the critic alone.
fn without_secrets(rows: &[f32]) -> Vec<f32> {
    rows.chunks_exact(INPUTS).flat_map(|row| row[1..HIDDEN.first].to_vec()).collect()
}

/// The spec of agents with these blocks.
fn spec() -> AgentSpec {
    let field = |name: &str, block, is_critic| ObservationField {
        name: name.to_owned(),
        doc: String::new(),
        block,
        range: None,
        kind: ObservationKind::Number,
        is_critic,
    };
    let set = |capacity, parts: &[&str]| {
        Block::Set(SetShape { capacity, element: vec![field("at", Block::values(parts.iter().copied()), false)] })
    };
    let action = |parts: &[&str], kind| ludus_spec::ActionField {
        name: String::new(),
        doc: String::new(),
        parts: parts.iter().map(|&part| part.to_owned()).collect(),
        kind,
    };
    AgentSpec {
        name: "Walker".to_owned(),
        observation: vec![
            field("wind", Block::values([""]), true),
            field("speed", Block::values(["x", "y"]), false),
            field("seen", set(2, &[""]), false),
            field("hidden", set(3, &["x", "y"]), true),
        ],
        action: vec![
            action(&["x", "y"], ludus_spec::ActionKind::Continuous { low: -1.0, high: 1.0 }),
            action(&["a", "b", "c"], ludus_spec::ActionKind::Discrete),
        ],
        ..AgentSpec::default()
    }
}

#[test]
fn tensors_of_the_critic_are_wider_and_its_encoders_last() {
    let network = network(&configs()[3]);
    let tensors = network.layout().tensors().map(|tensor| format!("{} {:?}", tensor.name, tensor.shape));
    let weights = tensors.filter(|tensor| tensor.contains("weight")).collect::<Vec<_>>();
    // Of the policy: 2 numbers, and mean, maximum and count of the set. Of the critic: 1 number and a set more.
    let expected = [
        "encoder.seen.embedding.weight [5, 1]",
        "encoder.hidden.embedding.weight [5, 2]",
        "actor.0.weight [9, 13]",
        "actor.1.weight [5, 9]",
        "critic.0.weight [9, 25]",
        "critic.1.weight [1, 9]",
    ];
    assert_eq!(weights, expected);
    assert_eq!(network.layout().dense_inputs(), 13);
}

#[test]
fn what_can_not_be_is_refused_with_the_remedy() {
    let check = |config: &NetworkConfig, expected: &str| {
        let message = Layout::of_agent(&spec(), config).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(layout(config).is_err());
    };
    let config = NetworkConfig::default();
    check(
        &NetworkConfig { shared: true, ..config.clone() },
        "with `shared: true` actor and critic read the same, and `wind` is for the critic alone; set `shared: false`, or \
         observe `wind` without `critic`",
    );
    let encoders = [("wind".to_owned(), Encoder::Stack(2))].into();
    check(
        &NetworkConfig { encoders, ..config.clone() },
        "`Stack(2)` keeps the last steps in what the policy remembers, and `wind` is for the critic alone; leave",
    );
    let encoders = [("hidden".to_owned(), Encoder::Pool(2))].into();
    check(&NetworkConfig { encoders, without_critic: true, ..config.clone() }, "the network has no critic");
    let mut blind = spec();
    blind.observation.iter_mut().for_each(|field| field.is_critic = true);
    let message = Layout::of_agent(&blind, &config).unwrap_err().to_string();
    assert!(message.contains("at least one field that is not for the critic alone"), "{message}");
}
