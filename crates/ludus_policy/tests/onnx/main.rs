//! onnxruntime computes the same from an exported policy. Needs a Python that has it; without one, says so and passes.
#![expect(clippy::expect_used, reason = "a test that can't go on fails")]

use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;

use ludus_net::{Activation, Layout, Network, NetworkConfig, Normalizer, Scratch, stage};
use ludus_policy::{ActionChoice, Origin, Policy, PolicyFile};
use ludus_spec::{ActionField, ActionKind, AgentSpec, ObservationField, ObservationKind, Seed};
use serde_json::json;

const ROWS: usize = 257;
const OBSERVED: usize = 5;

/// Names the Python to use, where `python3` is not the one that has onnxruntime.
const PYTHON: &str = "LUDUS_PYTHON";

#[test]
fn onnxruntime_agrees() {
    let python = std::env::var(PYTHON).unwrap_or_else(|_| "python3".to_owned());
    let has_onnxruntime = Command::new(&python).args(["-c", "import onnxruntime, numpy"]).output();
    if !has_onnxruntime.is_ok_and(|output| output.status.success()) {
        println!("skipped: `{python}` has no onnxruntime; `pip install onnxruntime`, or name a Python in {PYTHON}");
        return;
    }
    for network in networks() {
        for normalizer in [None, Some(normalizer())] {
            let told = check(&python, &policy(network.clone(), normalizer));
            println!("{network:?}: {told}");
        }
    }
}

fn networks() -> Vec<NetworkConfig> {
    let network = |hidden: &[usize], activation, shared| NetworkConfig { hidden: hidden.to_vec(), activation, shared };
    vec![
        network(&[64, 64], Activation::Tanh, false),
        network(&[17, 9], Activation::Relu, true),
        network(&[], Activation::Tanh, false),
    ]
}

fn normalizer() -> Normalizer {
    let means = vec![0.5, -3.0, 0.0, 100.0, 1e-3];
    let variances = vec![1.0, 4.0, 0.0, 900.0, 1e-4];
    Normalizer::from_parts(means, variances, 1e5, 10.0).expect("they are finite")
}

/// Numbers and choices in turns, with ranges of their own.
fn spec() -> AgentSpec {
    let strings = |parts: &[&str]| parts.iter().map(|&part| part.to_owned()).collect::<Vec<_>>();
    let action = |name: &str, parts: &[&str], kind| ActionField {
        name: name.to_owned(),
        doc: String::new(),
        parts: strings(parts),
        kind,
    };
    AgentSpec {
        name: "Driver".to_owned(),
        observation: vec![ObservationField {
            name: "eyes".to_owned(),
            doc: String::new(),
            parts: strings(&["a", "b", "c", "d", "e"]),
            range: None,
            grid: None,
            kind: ObservationKind::Number,
        }],
        action: vec![
            action("gear", &["back", "neutral", "forward"], ActionKind::Discrete),
            action("steer", &["x", "y"], ActionKind::Continuous { low: -1.0, high: 1.0 }),
            action("horn", &["no", "yes"], ActionKind::Discrete),
            action("throttle", &[""], ActionKind::Continuous { low: 0.0, high: 20.0 }),
        ],
        ..AgentSpec::default()
    }
}

/// A policy with weights large enough that no two logits are close and some means are beyond their range.
fn policy(network: NetworkConfig, normalizer: Option<Normalizer>) -> PolicyFile {
    let spec = spec();
    let layout = Layout::new(OBSERVED, &spec.heads(), &network).expect("there is such a network");
    let mut parameters = Network::new(layout.clone(), Seed::new(3)).parameters().to_vec();
    for tensor in layout.tensors() {
        for element in 0..tensor.element_count() {
            let place = tensor.position(element);
            parameters[place] = parameters[place] * 1.5 + (Seed::new(4).derive(place as u64).uniform() - 0.5) * 0.5;
        }
    }
    let decision_interval = NonZeroU32::new(5).expect("not zero");
    PolicyFile {
        foreign: Vec::new(),
        spec,
        network,
        parameters,
        normalizer,
        decision_interval,
        tick_rate_hz: 50.0,
        origin: Origin::default(),
    }
}

/// Rows, far from zero only where that is normalised; the first few have what is not a number.
fn observations(file: &PolicyFile) -> Vec<f32> {
    let draw = |index: usize| (Seed::new(9).derive(index as u64).uniform() - 0.5) * 8.0;
    let mut observations = (0..ROWS * OBSERVED).map(draw).collect::<Vec<_>>();
    for row in observations.chunks_exact_mut(OBSERVED) {
        row[3] *= if file.normalizer.is_some() { 50.0 } else { 1.0 };
        row[4] *= 0.01;
    }
    (observations[0], observations[6], observations[12]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    observations
}

/// Lets onnxruntime compare; what it says if it agrees.
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

/// Observations and what ought to come of them.
fn cases(file: &PolicyFile) -> serde_json::Value {
    let observations = observations(file);
    let policy = Policy::new(file).expect("it is whole");
    let mut actions = vec![0.0; ROWS * 5];
    policy.act(&observations, ActionChoice::Greedy, &mut policy.scratch(), &mut actions);
    for action in actions.chunks_exact_mut(5) {
        (action[1], action[2]) = (action[1].clamp(-1.0, 1.0), action[2].clamp(-1.0, 1.0));
        action[4] = 10.0 + 10.0 * action[4].clamp(-1.0, 1.0);
    }
    let texts = observations.iter().map(f32::to_string).collect::<Vec<_>>();
    json!({
        "observation": texts.chunks(OBSERVED).collect::<Vec<_>>(),
        "columns": ["eyes.a", "eyes.b", "eyes.c", "eyes.d", "eyes.e"],
        "outputs": {
            "action": actions.chunks(5).collect::<Vec<_>>(),
            "distribution": distribution(file, &observations).chunks(8).collect::<Vec<_>>(),
            "log_std": [log_std(file)],
        },
    })
}

fn distribution(file: &PolicyFile, observations: &[f32]) -> Vec<f32> {
    let layout = file.layout().expect("there is such a network");
    let mut network = Network::new(layout.clone(), Seed::default());
    network.set_parameters(&file.parameters).expect("they are its parameters");
    let (mut inputs, mut outputs) = (vec![0.0; observations.len()], vec![0.0; ROWS * layout.output_width()]);
    stage(file.normalizer.as_ref(), observations, &mut inputs);
    network.forward_policy(&inputs, &mut Scratch::new(&layout), &mut outputs);
    outputs
}

fn log_std(file: &PolicyFile) -> Vec<f32> {
    file.parameters[file.layout().expect("there is such a network").log_std()].to_vec()
}
