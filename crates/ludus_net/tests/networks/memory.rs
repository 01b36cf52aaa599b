//! Memory: comparison with a naive network in double precision, and of steps with sequences.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::HashMap;

use ludus_net::{AfterStep, Layout, Memory, Network, NetworkConfig, Scratch, Sequences, SimdLevel};
use ludus_spec::{Head, Seed};

const INPUTS: usize = 3;
const HEADS: [Head; 1] = [Head::Categorical { choices: 9 }];
/// The rows and steps of a block: no multiple of any tile.
const ROWS: usize = 7;
const STEPS: usize = 6;

/// A network with memory, and sequences that end, begin and pause at every step.
struct Case {
    network: Network,
    inputs: Vec<f32>,
    first_memory: Vec<f32>,
    after: Vec<AfterStep>,
}

#[derive(Debug, PartialEq)]
struct Results {
    outputs: Vec<f32>,
    values: Vec<f32>,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for memory in [Memory::MinGru(5), Memory::Gru(5), Memory::MinGru(18), Memory::Gru(18)] {
        for (hidden, layer_norm) in [(&[][..], false), (&[4, 20], false), (&[18, 7], true)] {
            for shared in [false, true] {
                let (hidden, memory) = (hidden.to_vec(), Some(memory));
                let config = NetworkConfig { hidden, layer_norm, shared, memory, ..NetworkConfig::default() };
                cases.push(Case::new(config));
            }
        }
    }
    cases
}

impl Case {
    fn new(config: NetworkConfig) -> Self {
        let layout = Layout::new(INPUTS, &HEADS, &config).unwrap();
        let mut network = Network::new(layout.clone(), Seed::new(1));
        let mut tensors = layout.export(network.parameters());
        for (index, number) in tensors.iter_mut().flat_map(|(_, _, numbers)| numbers).enumerate() {
            *number += 0.6 * (uniform(2, index) - 0.5);
        }
        network.set_parameters(&layout.import(&tensors).unwrap()).unwrap();
        let change = |index: usize| match uniform(5, index) {
            0.0..0.2 => AfterStep::Reset,
            0.2..0.4 => AfterStep::Restore,
            _ => AfterStep::Keep,
        };
        Self {
            network,
            inputs: (0..STEPS * ROWS * INPUTS).map(|index| 4.0 * uniform(3, index) - 2.0).collect(),
            first_memory: (0..ROWS * layout.memory_width()).map(|index| uniform(4, index) - 0.3).collect(),
            after: (0..STEPS * ROWS).map(change).collect(),
        }
    }

    fn sequences(&self) -> Sequences<'_> {
        Sequences { first_memory: &self.first_memory, after: &self.after, actions: &[] }
    }

    /// Returns the results of all steps at once, and the gradient of Σ `weight·outputs² + weight·values²`.
    fn at_once(&self, scratch: &mut Scratch) -> (Results, Vec<f32>) {
        let layout = self.network.layout();
        let mut gradient = vec![0.0; layout.parameter_count()];
        let mut results = Results { outputs: Vec::new(), values: Vec::new() };
        self.network.gradient_of_sequences(&self.inputs, self.sequences(), scratch, &mut gradient, |block| {
            assert_eq!(block.first_row, 0);
            results.outputs.extend_from_slice(block.outputs);
            results.values.extend_from_slice(block.values);
            for (index, (d, output)) in block.d_outputs.iter_mut().zip(block.outputs).enumerate() {
                *d += 2.0 * weight(index) * output;
            }
            for (index, (d, value)) in block.d_values.iter_mut().zip(block.values).enumerate() {
                *d += 2.0 * weight(index) * value;
            }
        });
        (results, gradient)
    }

    /// Returns the results of one step after another, `group` rows at a time.
    fn step_by_step(&self, group: usize) -> Results {
        let layout = self.network.layout();
        let (width, memory_width) = (layout.output_width(), layout.memory_width());
        let mut scratch = Scratch::new(layout);
        let mut results = Results { outputs: vec![0.0; STEPS * ROWS * width], values: vec![0.0; STEPS * ROWS] };
        let mut memory = self.first_memory.clone();
        for step in 0..STEPS {
            let before = memory.clone();
            for first in (0..ROWS).step_by(group) {
                let rows = first..ROWS.min(first + group);
                let of_step = |width: usize| (step * ROWS + rows.start) * width..(step * ROWS + rows.end) * width;
                self.network.step(
                    &self.inputs[of_step(INPUTS)],
                    &mut memory[rows.start * memory_width..rows.end * memory_width],
                    &mut scratch,
                    &mut results.outputs[of_step(width)],
                    &mut results.values[of_step(1)],
                );
            }
            for row in 0..ROWS {
                let own = row * memory_width..(row + 1) * memory_width;
                match self.after[step * ROWS + row] {
                    AfterStep::Keep => {}
                    AfterStep::Reset => memory[own].fill(0.0),
                    AfterStep::Restore => memory[own.clone()].copy_from_slice(&before[own]),
                }
            }
        }
        results
    }
}

fn weight(index: usize) -> f32 {
    20.0 * (uniform(6, index) - 0.4)
}

fn uniform(stream: u64, index: usize) -> f32 {
    Seed::new(stream).derive(index as u64).uniform()
}

/// The bits of the same numbers are compared: an update recomputes what a rollout has computed.
#[test]
fn sequences_have_the_bits_of_their_steps() {
    for mut case in cases() {
        for level in SimdLevel::available() {
            case.network.set_simd_level(level);
            let (at_once, _) = case.at_once(&mut Scratch::new(case.network.layout()));
            for group in [1, 2, ROWS] {
                assert_eq!(at_once, case.step_by_step(group), "{:?}", case.network.layout().config());
            }
        }
    }
}

#[test]
fn a_policy_needs_no_memory_of_its_critic() {
    for case in cases() {
        let layout = case.network.layout();
        let (own, all) = (layout.policy_memory_width(), layout.memory_width());
        assert_eq!(all, if layout.config().shared { own } else { 2 * own });
        let mut memory: Vec<f32> = case.first_memory.chunks_exact(all).flat_map(|row| row[..own].to_vec()).collect();
        let mut outputs = vec![0.0; ROWS * layout.output_width()];
        let mut scratch = Scratch::new(layout);
        case.network.step_policy(&case.inputs[..ROWS * INPUTS], &mut memory, &mut scratch, &mut outputs);
        assert_eq!(outputs, case.step_by_step(ROWS).outputs[..outputs.len()]);
        assert_ne!(memory[0], case.first_memory[0], "it took a step");
    }
}

#[test]
fn values_depend_on_what_is_remembered() {
    for case in cases() {
        let mut values = [0.0; ROWS];
        let mut scratch = Scratch::new(case.network.layout());
        case.network.values_from(&case.inputs[..ROWS * INPUTS], &case.first_memory, &mut scratch, &mut values);
        assert_eq!(values, case.step_by_step(ROWS).values[..ROWS]);
    }
}

#[test]
fn a_gradient_does_not_depend_on_what_the_scratch_held() {
    for case in cases() {
        let mut used = Scratch::new(case.network.layout());
        let (_, first) = case.at_once(&mut used);
        assert_eq!(first, case.at_once(&mut used).1);
    }
}

/// A gradient is clipped by the length of the whole array.
#[test]
fn the_padding_has_no_gradient() {
    for case in cases() {
        let layout = case.network.layout();
        let (_, gradient) = case.at_once(&mut Scratch::new(layout));
        let plain = layout.import(&layout.export(&gradient)).unwrap();
        assert_eq!(gradient, plain, "{:?}", layout.config());
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for case in cases() {
        let layout = case.network.layout();
        let mut exact = Reference::new(&case);
        let (results, gradient) = case.at_once(&mut Scratch::new(layout));
        let what = format!("{:?}", layout.config());
        let (outputs, values) = exact.forward();
        assert_close(&format!("outputs of {what}"), &results.outputs, &outputs, 1e-5);
        assert_close(&format!("values of {what}"), &results.values, &values, 1e-5);
        for (name, _, derivatives) in layout.export(&gradient) {
            let chosen: Vec<_> = (0..derivatives.len()).step_by((derivatives.len() / 6) | 1).collect();
            let derivatives: Vec<_> = chosen.iter().map(|&element| derivatives[element]).collect();
            let numeric: Vec<_> = chosen.iter().map(|&element| exact.derivative(&name, element)).collect();
            assert!(numeric.iter().any(|derivative| derivative.abs() > 1e-3), "{name} of {what} matters");
            assert_close(&format!("gradient of {name} of {what}"), &derivatives, &numeric, 3e-4);
        }
    }
}

/// The units of a memory begin with time-scales from 1 to 50 steps: z = 1/(1 + t) of the state is replaced per step.
#[test]
fn first_biases_spread_the_times_of_memories() {
    for (memory, sign) in [(Memory::MinGru(64), -1.0), (Memory::Gru(64), 1.0)] {
        let config = NetworkConfig { memory: Some(memory), ..NetworkConfig::default() };
        let network = Network::new(Layout::new(INPUTS, &HEADS, &config).unwrap(), Seed::new(1));
        let tensors = network.layout().export(network.parameters());
        let bias = |name: &str| tensors.iter().find(|(found, ..)| found == name).unwrap().2.clone();
        let times: Vec<f32> = bias("actor.memory.update.input.bias").iter().map(|bias| (sign * bias).exp()).collect();
        assert!((times[0] - 1.03).abs() < 0.01 && (times[63] - 48.5).abs() < 0.1, "{} {}", times[0], times[63]);
        assert!(bias("actor.memory.candidate.input.bias").iter().all(|&bias| bias == 0.0));
    }
}

#[test]
fn a_memory_of_no_width_is_refused() {
    let config = NetworkConfig { memory: Some(Memory::Gru(0)), ..NetworkConfig::default() };
    let refused = Layout::new(INPUTS, &HEADS, &config).unwrap_err().to_string();
    assert_eq!(refused, "`memory: Gru(0)` remembers nothing; give it a width of at least 1, or leave it out");
}

#[track_caller]
fn assert_close(what: &str, actual: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.1_f64, |scale, number| scale.max(number.abs()));
    for (index, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(actual) - expected).abs();
        assert!(error <= tolerance * scale, "{what}: {actual} instead of {expected} at {index}");
    }
}

/// The same network in the simplest possible code.
struct Reference<'a> {
    case: &'a Case,
    tensors: HashMap<String, (Vec<usize>, Vec<f64>)>,
}

impl<'a> Reference<'a> {
    fn new(case: &'a Case) -> Self {
        let tensors = case.network.layout().export(case.network.parameters()).into_iter();
        let tensors = tensors.map(|(name, shape, numbers)| (name, (shape, to_f64(&numbers))));
        Self { case, tensors: tensors.collect() }
    }

    fn derivative(&mut self, name: &str, element: usize) -> f64 {
        const STEP: f64 = 1e-6;
        let mut loss_after = |offset: f64| {
            self.tensors.get_mut(name).unwrap().1[element] += offset;
            let (outputs, values) = self.forward();
            let sum = |numbers: Vec<f64>| {
                numbers
                    .iter()
                    .enumerate()
                    .map(|(index, number)| f64::from(weight(index)) * number * number)
                    .sum::<f64>()
            };
            sum(outputs) + sum(values)
        };
        let (above, below) = (loss_after(STEP), loss_after(-2.0 * STEP));
        loss_after(STEP);
        (above - below) / (2.0 * STEP)
    }

    fn forward(&self) -> (Vec<f64>, Vec<f64>) {
        let config = self.case.network.layout().config();
        let width = config.memory.unwrap().width();
        let memory_width = self.case.network.layout().memory_width();
        let mut memory: Vec<Vec<f64>> = self.case.first_memory.chunks_exact(memory_width).map(to_f64).collect();
        let (mut outputs, mut values) = (Vec::new(), Vec::new());
        for (index, input) in self.case.inputs.chunks_exact(INPUTS).enumerate() {
            let row = index % ROWS;
            let before = memory[row].clone();
            let mut parts = before.chunks_exact(width).map(<[f64]>::to_vec);
            let mut after = Vec::new();
            let mut remember = |chain: &str, input: &[f64]| {
                let state = self.remember(chain, input, &parts.next().unwrap());
                after.extend_from_slice(&state);
                match config.memory.unwrap() {
                    Memory::MinGru(_) => {
                        let sums = self.dense(&format!("{chain}.memory.output"), &state);
                        sums.iter().map(|sum| sum.tanh()).collect()
                    }
                    Memory::Gru(_) => state,
                }
            };
            let mut features = self.hidden("trunk", to_f64(input));
            if config.shared {
                features = remember("trunk", &features);
            }
            let mut chain = |name: &str| {
                let mut features = self.hidden(name, features.clone());
                if !config.shared {
                    features = remember(name, &features);
                }
                let head = if config.shared { 0 } else { config.hidden.len() };
                self.dense(&format!("{name}.{head}"), &features)
            };
            outputs.extend(chain("actor"));
            values.extend(chain("critic"));
            memory[row] = match self.case.after[index] {
                AfterStep::Keep => after,
                AfterStep::Reset => vec![0.0; memory_width],
                AfterStep::Restore => before,
            };
        }
        (outputs, values)
    }

    fn hidden(&self, chain: &str, mut features: Vec<f64>) -> Vec<f64> {
        let config = self.case.network.layout().config();
        if (chain == "trunk") == config.shared {
            for layer in 0..config.hidden.len() {
                let sums = self.dense(&format!("{chain}.{layer}"), &features);
                let sums = self.normalized(&format!("{chain}.{layer}.norm"), &sums);
                features = sums.into_iter().map(f64::tanh).collect();
            }
        }
        features
    }

    /// Returns the sums, or their layer normalisation if there is one with this name.
    fn normalized(&self, name: &str, sums: &[f64]) -> Vec<f64> {
        let parameters = |part: &str| self.tensors.get(&format!("{name}.{part}")).map(|(_, numbers)| numbers);
        let Some((gains, biases)) = parameters("weight").zip(parameters("bias")) else { return sums.to_vec() };
        let mean = sums.iter().sum::<f64>() / sums.len() as f64;
        let variance = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / sums.len() as f64;
        let normalized = sums.iter().map(|sum| (sum - mean) / (variance + 1e-5).sqrt());
        normalized.zip(gains.iter().zip(biases)).map(|(number, (gain, bias))| gain * number + bias).collect()
    }

    fn remember(&self, chain: &str, input: &[f64], state: &[f64]) -> Vec<f64> {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let of_input = |gate: &str| self.dense(&format!("{chain}.memory.{gate}.input"), input);
        let of_state = |gate: &str| self.dense(&format!("{chain}.memory.{gate}.state"), state);
        let sum = |gate: &str, unit: usize| of_input(gate)[unit] + of_state(gate)[unit];
        let unit = |unit: usize| match self.case.network.layout().config().memory.unwrap() {
            Memory::MinGru(_) => {
                let z = sigmoid(of_input("update")[unit]);
                let candidate = of_input("candidate")[unit];
                let candidate = if candidate >= 0.0 { candidate + 0.5 } else { sigmoid(candidate) };
                (1.0 - z) * state[unit] + z * candidate
            }
            Memory::Gru(_) => {
                let (r, z) = (sigmoid(sum("reset", unit)), sigmoid(sum("update", unit)));
                let candidate = (of_input("candidate")[unit] + r * of_state("candidate")[unit]).tanh();
                (1.0 - z) * candidate + z * state[unit]
            }
        };
        (0..state.len()).map(unit).collect()
    }

    fn dense(&self, name: &str, input: &[f64]) -> Vec<f64> {
        let (shape, weight) = &self.tensors[&format!("{name}.weight")];
        let bias = &self.tensors[&format!("{name}.bias")].1;
        let sum = |output: usize| {
            let weights = &weight[output * shape[1]..][..shape[1]];
            bias[output] + weights.iter().zip(input).map(|(weight, input)| weight * input).sum::<f64>()
        };
        (0..shape[0]).map(sum).collect()
    }
}

fn to_f64(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().copied().map(f64::from).collect()
}
