//! Comparison of exported policies with onnxruntime. Needs a Python with onnxruntime; without it, the test prints a
//! message and passes.
#![expect(clippy::expect_used, reason = "a test that can't go on fails")]
#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;

use ludus_net::{Activation, Encoder, Layout, Memory, Network, NetworkConfig, Normalizer, Scratch, SetBlock, stage};
use ludus_policy::{ActionChoice, Origin, OwnNetwork, Policy, PolicyFile, PolicyNetwork, Sensed};
use ludus_spec::{
    ActionField, ActionKind, ActionValue, AgentSpec, Block, GridShape, ObservationField, ObservationKind, Seed,
    SetShape,
};
use serde_json::json;

const ROWS: usize = 257;
/// Steps of a policy with memory.
const STEPS: u64 = 5;

/// The environment variable with the Python to use, if `python3` has no onnxruntime.
const PYTHON: &str = "LUDUS_PYTHON";

/// The exported file has the version of the library that exports it; the version that trained the policy is in the
/// metadata.
#[test]
fn the_producer_is_the_library_that_writes() {
    let graph = policy(networks().remove(0), false, false).to_onnx().expect("it is a perceptron");
    let version = env!("CARGO_PKG_VERSION");
    // The expected bytes are field 2, the producer, then field 3, its version.
    let expected = [&[0x12, 10][..], b"bevy_ludus", &[0x1a, version.len() as u8], version.as_bytes()].concat();
    assert_eq!(graph[2..2 + expected.len()], expected);
}

#[test]
fn a_network_of_the_game_s_own_is_refused() {
    let parameters = vec![("kernel".to_owned(), vec![1])];
    let network = PolicyNetwork::Own(OwnNetwork { name: "driver::Net".to_owned(), parameters });
    let file = PolicyFile { network, parameters: vec![0.0], ..policy(networks().remove(0), false, false) };
    let error = file.to_onnx().expect_err("only libtorch knows it").to_string();
    assert!(error.contains("`driver::Net` is one of `driver`'s own"), "{error}");
}

#[test]
fn onnxruntime_agrees() {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let has_onnxruntime = Command::new(&python).args(["-c", "import onnxruntime, numpy"]).output();
    if !has_onnxruntime.is_ok_and(|output| output.status.success()) {
        println!("skipped: `{python}` has no onnxruntime; `pip install onnxruntime`, or name a Python in {PYTHON}");
        return;
    }
    for (blocks, network) in networks() {
        for normalized in [false, true] {
            for masked in [false, true] {
                let told = check(&python, &policy((blocks, network.clone()), normalized, masked));
                println!("{network:?}, {blocks:?}, masks: {masked}: {told}");
            }
        }
    }
}

/// The blocks that an agent observes, besides values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blocks {
    None,
    Grids,
    Sets,
}

fn networks() -> Vec<(Blocks, NetworkConfig)> {
    let network = |hidden: &[usize], activation, shared| NetworkConfig {
        hidden: hidden.to_vec(),
        activation,
        shared,
        ..NetworkConfig::default()
    };
    let convolutional = |convolutions: &[usize], hidden: &[usize], shared| NetworkConfig {
        encoders: ["board", "map"].map(|grid| (grid.to_owned(), Encoder::Convolve(convolutions.to_vec()))).into(),
        ..network(hidden, Activation::Relu, shared)
    };
    let with_sets = |encoders: &[(&str, Encoder)], hidden: &[usize], activation| NetworkConfig {
        encoders: encoders.iter().map(|(field, encoder)| ((*field).to_owned(), encoder.clone())).collect(),
        ..network(hidden, activation, false)
    };
    let remembering = |memory, network| NetworkConfig { memory: Some(memory), ..network };
    let attend = |width, heads| Encoder::Attend { width, heads };
    let both = [("foes", attend(12, 3)), ("items", Encoder::Pool(5))];
    vec![
        (Blocks::None, network(&[64, 64], Activation::Tanh, false)),
        (Blocks::None, network(&[17, 9], Activation::Relu, true)),
        (Blocks::None, network(&[], Activation::Tanh, false)),
        (Blocks::Grids, convolutional(&[6, 9], &[12], true)),
        (Blocks::Grids, convolutional(&[17], &[], false)),
        (Blocks::None, remembering(Memory::MinGru(17), network(&[12], Activation::Tanh, false))),
        (Blocks::None, remembering(Memory::Gru(9), network(&[12], Activation::Tanh, true))),
        (Blocks::None, remembering(Memory::Gru(16), network(&[], Activation::Tanh, false))),
        (Blocks::Grids, remembering(Memory::Gru(8), convolutional(&[6], &[12], true))),
        (Blocks::None, NetworkConfig { layer_norm: true, ..network(&[64, 17], Activation::Relu, false) }),
        (Blocks::Grids, NetworkConfig { layer_norm: true, ..convolutional(&[6], &[12], true) }),
        (Blocks::None, NetworkConfig { squashed: true, ..network(&[12], Activation::Tanh, true) }),
        (Blocks::None, stacking(2, network(&[12], Activation::Tanh, false))),
        (Blocks::None, stacking(5, network(&[], Activation::Tanh, true))),
        (Blocks::None, NetworkConfig { observe_last_action: true, ..network(&[12], Activation::Tanh, false) }),
        (
            Blocks::None,
            NetworkConfig {
                observe_last_action: true,
                ..remembering(Memory::Gru(8), stacking(3, network(&[9], Activation::Tanh, true)))
            },
        ),
        (Blocks::Grids, stacking(3, remembering(Memory::Gru(8), convolutional(&[6], &[12], true)))),
        (Blocks::Sets, network(&[12], Activation::Relu, false)),
        (Blocks::Sets, with_sets(&[("foes", Encoder::Pool(17))], &[9], Activation::Relu)),
        (Blocks::Sets, with_sets(&[("foes", attend(16, 1))], &[9], Activation::Tanh)),
        (Blocks::Sets, with_sets(&both, &[], Activation::Tanh)),
        (Blocks::Sets, remembering(Memory::Gru(6), with_sets(&both, &[8], Activation::Tanh))),
    ]
}

/// Adds an encoder of the last steps of the field `eyes`.
fn stacking(steps: usize, mut network: NetworkConfig) -> NetworkConfig {
    network.encoders.insert("eyes".to_owned(), Encoder::Stack(steps));
    network
}

/// Makes a normaliser of the field `eyes` and of the sets' elements. All further columns stay as they are.
fn normalizer(spec: &AgentSpec) -> Normalizer {
    let (mut means, mut variances) = (vec![0.5, -3.0, 0.0, 100.0, 1e-3], vec![1.0, 4.0, 0.0, 900.0, 1e-4]);
    means.resize(spec.observation_width(), 0.0);
    variances.resize(spec.observation_width(), 1.0);
    for set in SetBlock::of_agent(spec) {
        for (part, column) in set.element_columns(0).enumerate() {
            (means[column], variances[column]) = (0.5 - part as f64, 2.0 + part as f64);
        }
        means[set.count_column()] = 1.5;
    }
    Normalizer::from_parts(means, variances, 1e5, 10.0).expect("they are finite").with_sets(SetBlock::of_agent(spec))
}

/// Makes a spec with alternating numbers and choices of different ranges.
fn spec(masked: bool, blocks: Blocks) -> AgentSpec {
    let strings = |parts: &[&str]| parts.iter().map(|&part| part.to_owned()).collect::<Vec<_>>();
    let action = |name: &str, parts: &[&str], kind| ActionField {
        name: name.to_owned(),
        doc: String::new(),
        parts: strings(parts),
        kind,
    };
    let observed = |name: &str, block| ObservationField {
        name: name.to_owned(),
        doc: String::new(),
        block,
        range: None,
        kind: ObservationKind::Number,
        is_critic: false,
    };
    let grid = |height, width, channels| Block::Grid(GridShape { height, width, channels });
    let mut observation = vec![observed("eyes", Block::values(["a", "b", "c", "d", "e"]))];
    match blocks {
        Blocks::None => {}
        Blocks::Grids => observation.extend([
            observed("board", grid(5, 4, 3)),
            observed("speed", Block::values([""])),
            observed("map", grid(1, 2, 1)),
        ]),
        Blocks::Sets => {
            let foe = vec![observed("place", Block::values(["x", "y"])), observed("health", Block::values([""]))];
            let item = vec![observed("", Block::values([""]))];
            observation.extend([
                observed("foes", Block::Set(SetShape { capacity: 6, element: foe })),
                observed("speed", Block::values([""])),
                observed("items", Block::Set(SetShape { capacity: 3, element: item })),
            ]);
        }
    }
    AgentSpec {
        name: "Driver".to_owned(),
        observation,
        action: vec![
            action("gear", &["back", "neutral", "forward"], ActionKind::Discrete),
            action("steer", &["x", "y"], ActionKind::Continuous { low: -1.0, high: 1.0 }),
            action("horn", &["no", "yes"], ActionKind::Discrete),
            action("throttle", &[""], ActionKind::Continuous { low: 0.0, high: 20.0 }),
        ],
        masked,
        ..AgentSpec::default()
    }
}

/// Makes a policy with weights so large that no two logits are close and some means are beyond their range.
fn policy((blocks, network): (Blocks, NetworkConfig), normalized: bool, masked: bool) -> PolicyFile {
    let spec = spec(masked, blocks);
    let normalizer = normalized.then(|| normalizer(&spec));
    let layout = Layout::of_agent(&spec, &network).expect("there is such a network");
    let mut parameters = Network::new(layout.clone(), Seed::new(3)).parameters().to_vec();
    for tensor in layout.tensors() {
        for element in 0..tensor.element_count() {
            let place = tensor.position(element);
            parameters[place] = parameters[place] * 1.5 + (Seed::new(4).derive(place as u64).uniform() - 0.5) * 0.5;
        }
    }
    let decision_interval = NonZeroU32::new(5).expect("not zero");
    PolicyFile {
        spec,
        network: network.into(),
        parameters,
        normalizer,
        decision_interval,
        // The rate of a tick of 16,666,667 ns.
        tick_rate_hz: 1.0 / 0.016_666_667,
        origin: Origin { program: "driver".to_owned(), library: "0.0.9".to_owned(), seed: u64::MAX, steps: 12_345 },
    }
}

/// Makes the observations of a step. They are far from 0 only with a normaliser. The first few rows have NaN and
/// infinite numbers. Sets have all counts in turn, and zeros for absent elements.
fn observations(file: &PolicyFile, step: u64) -> Vec<f32> {
    let draw = |index: usize| (Seed::new(9 + step).derive(index as u64).uniform() - 0.5) * 8.0;
    let width = file.spec.observation_width();
    let mut observations = (0..ROWS * width).map(draw).collect::<Vec<_>>();
    for row in observations.chunks_exact_mut(width) {
        row[3] *= if file.normalizer.is_some() { 50.0 } else { 1.0 };
        row[4] *= 0.01;
    }
    for set in SetBlock::of_agent(&file.spec) {
        for (count, row) in observations.chunks_exact_mut(width).enumerate() {
            let count = count % (set.capacity + 1);
            row[set.count_column()] = count as f32;
            row[set.first + count * set.parts..set.count_column()].fill(0.0);
        }
    }
    (observations[0], observations[width + 1], observations[2 * width + 2]) =
        (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    observations
}

/// Makes a mask for each row: all combinations in turn, those that allow no choice included.
fn masks(file: &PolicyFile) -> Vec<bool> {
    let width = file.spec.mask_width();
    (0..ROWS * width).map(|index| (index / width.max(1)) >> (index % width.max(1)) & 1 == 1).collect()
}

/// Converts masks as the game does: a field without an allowed choice gets all choices allowed.
fn opened(masks: &[bool]) -> Vec<bool> {
    let mut masks = masks.to_vec();
    for row in masks.chunks_exact_mut(5) {
        let (gear, horn) = row.split_at_mut(3);
        for field in [gear, horn] {
            let is_free = field.iter().all(|&is_allowed| !is_allowed);
            field.iter_mut().for_each(|is_allowed| *is_allowed |= is_free);
        }
    }
    masks
}

/// Compares a policy with onnxruntime. Returns the output of the comparison if they agree.
fn check(python: &str, file: &PolicyFile) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    file.write_onnx(&folder.path().join("policy.onnx")).expect("it can be written to");
    fs::write(folder.path().join("cases.json"), cases(file).to_string()).expect("it can be written to");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/compare.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().expect("it could be run before");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{:?}: {}", file.network, text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

/// Returns observations and the expected outputs of each step. What is remembered is passed from step to step.
fn cases(file: &PolicyFile) -> serde_json::Value {
    let policy = Policy::new(file).expect("it is whole");
    let mut memory = vec![0.0; ROWS * policy.memory_width()];
    let steps = if memory.is_empty() { 1 } else { STEPS };
    json!({
        "steps": (0..steps).map(|step| case(file, &policy, step, &mut memory)).collect::<Vec<_>>(),
        "memory_width": policy.memory_width(),
        "sets": sets(&file.spec),
        "texts": expected_texts(file),
        "version": file.origin.steps,
    })
}

/// Returns the names and places of the sets.
fn sets(spec: &AgentSpec) -> Vec<serde_json::Value> {
    let names = spec.observation.iter().filter(|field| field.block.set().is_some()).map(|field| &field.name);
    let set = |(name, set): (&String, SetBlock)| json!({"name": name, "first": set.first, "capacity": set.capacity, "parts": set.parts});
    names.zip(SetBlock::of_agent(spec)).map(set).collect()
}

fn case(file: &PolicyFile, policy: &Policy, step: u64, memory: &mut [f32]) -> serde_json::Value {
    let (observations, masks) = (observations(file, step), masks(file));
    let allowed = opened(&masks);
    let distribution = distribution(file, &observations, &allowed, memory);
    let mut actions = vec![0.0; ROWS * 5];
    let sensed = Sensed { observations: &observations, masks: &allowed };
    policy.act_masked(sensed, memory, ActionChoice::Greedy, &mut policy.scratch(), &mut actions);
    let actions = actions.chunks_exact(5).map(|row| in_game_units(&file.spec, row)).collect::<Vec<_>>();
    let mut outputs = json!({
        "action": actions,
        "distribution": texts(&distribution).chunks(distribution.len() / ROWS).collect::<Vec<_>>(),
    });
    let log_std = log_std(file);
    if !log_std.is_empty() {
        outputs["log_std"] = json!([texts(&log_std)]);
    }
    if !memory.is_empty() {
        outputs["next_memory"] = texts(memory).chunks(policy.memory_width()).collect::<Vec<_>>().into();
    }
    json!({
        "observation": texts(&observations).chunks(file.spec.observation_width()).collect::<Vec<_>>(),
        "mask": masks.chunks(5).collect::<Vec<_>>(),
        "outputs": outputs,
    })
}

/// Converts numbers to texts, since JSON has no infinities and no NaN.
fn texts(numbers: &[f32]) -> Vec<String> {
    numbers.iter().map(f32::to_string).collect()
}

fn in_game_units(spec: &AgentSpec, row: &[f32]) -> Vec<f32> {
    let columns = |(_, value)| match value {
        ActionValue::Numbers(numbers) => numbers,
        ActionValue::Choice { index, .. } => vec![index as f32],
    };
    spec.action_values(row).into_iter().flat_map(columns).collect()
}

/// Returns the expected texts of the metadata.
fn expected_texts(file: &PolicyFile) -> serde_json::Value {
    let mut texts = json!({
        "observation": "eyes.a,eyes.b,eyes.c,eyes.d,eyes.e",
        "action": "gear,steer.x,steer.y,horn,throttle",
        "choices": r#"{"gear":["back","neutral","forward"],"horn":["no","yes"]}"#,
        "decision_interval": "5",
        "tick_rate_hz": "60",
        "program": "driver",
        "library": "0.0.9",
        "seed": "18446744073709551615",
        "steps": "12345",
    });
    let fields = file.spec.observation.iter().map(|field| &*field.name).collect::<Vec<_>>();
    if fields.contains(&"board") {
        let names = (0..file.spec.observation_width()).filter_map(|column| file.spec.observation_name(column));
        texts["observation"] = names.collect::<Vec<_>>().join(",").into();
    }
    if fields.contains(&"foes") {
        texts["observation"] = "eyes.a,eyes.b,eyes.c,eyes.d,eyes.e,speed".into();
        texts["sets"] = r#"{"foes":["place.x","place.y","health"],"items":[""]}"#.into();
    }
    if file.spec.masked {
        texts["mask"] = "gear.back,gear.neutral,gear.forward,horn.no,horn.yes".into();
    }
    texts
}

fn distribution(file: &PolicyFile, observations: &[f32], allowed: &[bool], memory: &[f32]) -> Vec<f32> {
    let layout = file.layout().expect("there is such a network");
    let mut network = Network::new(layout.clone(), Seed::default());
    network.set_parameters(&file.parameters).expect("they are its parameters");
    let (mut inputs, mut outputs) = (vec![0.0; observations.len()], vec![0.0; ROWS * layout.output_width()]);
    let normalizer = file.normalizer.clone().map(|normalizer| normalizer.with_sets(SetBlock::of_agent(&file.spec)));
    stage(normalizer.as_ref(), observations, &mut inputs);
    network.step_policy(&inputs, &mut memory.to_vec(), &mut Scratch::new(&layout), &mut outputs);
    // The columns are three gears, two numbers, two choices and a number; behind squashed numbers are their deviations.
    let is_squashed = layout.config().squashed;
    let (horn, deviations) = if is_squashed { (7, &[5, 6, 10][..]) } else { (5, &[][..]) };
    for (outputs, allowed) in outputs.chunks_exact_mut(layout.output_width()).zip(allowed.chunks_exact(5)) {
        for (place, flag) in [(0, 0), (1, 1), (2, 2), (horn, 3), (horn + 1, 4)] {
            outputs[place] = if allowed[flag] { outputs[place] } else { f32::NEG_INFINITY };
        }
    }
    for outputs in outputs.chunks_exact_mut(layout.output_width()) {
        for &place in deviations {
            outputs[place] = -1.5 + 3.5 * outputs[place].tanh();
        }
    }
    outputs
}

fn log_std(file: &PolicyFile) -> Vec<f32> {
    file.parameters[file.layout().expect("there is such a network").log_std()].to_vec()
}
