//! Nanoseconds per row of the passes that take a run's time.
//!
//! `cargo run --release -p ludus_net --example speed [LEVEL]`
#![expect(clippy::print_stdout, reason = "it is a command")]
#![expect(clippy::disallowed_methods, reason = "it reads the clock to time the kernels")]

use std::hint::black_box;
use std::time::Instant;

use ludus_net::{
    Activation, Adam, Block, Encoder, GridBlock, InputBlock, Layout, Network, NetworkConfig, Scratch, SimdLevel,
    Upstream,
};
use ludus_spec::{Head, Seed};

const ROWS: usize = 2048;
const ROUNDS: usize = 200;

fn main() {
    let categorical = [Head::Categorical { choices: 2 }];
    let gaussian = [Head::Gaussian { width: 6 }];
    let wanted = std::env::args().nth(1).unwrap_or_default();
    for level in SimdLevel::available().into_iter().filter(|level| level.name().contains(&wanted)) {
        println!("{}", level.name());
        let perceptron = |inputs: usize, heads: &[Head], hidden: &[usize]| {
            let config = NetworkConfig { hidden: hidden.to_vec(), ..NetworkConfig::default() };
            Layout::new(inputs, heads, &config).expect("the layout is valid")
        };
        measure("  4 → 2×64 → categorical of 2", level, perceptron(4, &categorical, &[64, 64]), ROUNDS);
        measure(" 17 → 2×64 → Gaussian of 6", level, perceptron(17, &gaussian, &[64, 64]), ROUNDS);
        measure(" 17 → 3×512 → Gaussian of 6", level, perceptron(17, &gaussian, &[512; 3]), 5);
        measure("20×20×3 → [16, 32] → 64 → of 2", level, convolutional(&categorical), 20);
    }
}

/// Convolutions over a grid, in front of a layer that actor and critic share.
fn convolutional(heads: &[Head]) -> Layout {
    let grid = GridBlock { first: 0, height: 20, width: 20, channels: 3 };
    let encoders = [("board".to_owned(), Encoder::Convolve(vec![16, 32]))].into();
    let (hidden, activation) = (vec![64], Activation::Relu);
    let config = NetworkConfig { encoders, hidden, activation, shared: true, ..NetworkConfig::default() };
    Layout::with_blocks(grid.count(), &[InputBlock::grid("board", grid)], heads, &config).expect("the layout is valid")
}

fn measure(name: &str, level: SimdLevel, layout: Layout, rounds: usize) {
    let mut bench = Bench::new(layout, level);
    let forward = fastest(rounds, || bench.forward(ROWS)) / ROWS as f64;
    let single = fastest(rounds, || bench.forward(1));
    let eight = fastest(rounds, || bench.forward(8)) / 8.0;
    let of_64 = fastest(rounds, || bench.forward(64)) / 64.0;
    let sample = fastest(rounds, || bench.sample()) / ROWS as f64;
    let loss = fastest(rounds, || bench.loss_only()) / ROWS as f64;
    let gradient = fastest(rounds, || bench.gradient()) / ROWS as f64;
    let update = fastest(rounds, || bench.update()) / ROWS as f64;
    println!(
        "{name:30} ns/row: forward {forward:7.1} (one row {single:7.1}, eight {eight:7.1}, 64 {of_64:7.1})  sample {sample:5.1}  \
         gradient {gradient:8.1} (loss {loss:5.1})  update {update:5.1}"
    );
}

/// Returns the least time of many rounds \[ns\]: other programs disturb only some of them.
fn fastest(rounds: usize, mut work: impl FnMut()) -> f64 {
    let mut round = || {
        let start = Instant::now();
        work();
        start.elapsed().as_nanos() as f64
    };
    (0..rounds).map(|_| round()).fold(f64::INFINITY, f64::min)
}

struct Bench {
    network: Network,
    scratch: Scratch,
    adam: Adam,
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    values: Vec<f32>,
    actions: Vec<f32>,
    log_probs: Vec<f32>,
    gradient: Vec<f32>,
}

impl Bench {
    fn new(layout: Layout, level: SimdLevel) -> Self {
        let uniform = |index: usize| Seed::new(1).derive(index as u64).uniform() - 0.5;
        let inputs = (0..ROWS * layout.inputs()).map(uniform).collect();
        let mut network = Network::new(layout.clone(), Seed::new(2));
        network.set_simd_level(level);
        let mut bench = Self {
            network,
            scratch: Scratch::new(&layout),
            adam: Adam::new(layout.parameter_count()),
            inputs,
            outputs: vec![0.0; ROWS * layout.output_width()],
            values: vec![0.0; ROWS],
            actions: vec![0.0; ROWS * layout.action_width()],
            log_probs: vec![0.0; ROWS],
            gradient: vec![0.0; layout.parameter_count()],
        };
        bench.forward(ROWS);
        bench.sample();
        bench
    }

    fn forward(&mut self, rows: usize) {
        let layout = self.network.layout();
        let outputs = &mut self.outputs[..rows * layout.output_width()];
        let inputs = black_box(&self.inputs[..rows * layout.inputs()]);
        self.network.forward(inputs, &mut self.scratch, outputs, &mut self.values[..rows]);
    }

    fn sample(&mut self) {
        let seed_of = |row| Seed::new(3).derive(row as u64);
        self.network.distribution().sample(&self.outputs, seed_of, &mut self.actions, &mut self.log_probs);
    }

    fn loss_only(&mut self) {
        let loss = Loss { network: &self.network, actions: &self.actions, old_log_probs: &self.log_probs };
        let mut d_outputs = vec![0.0; self.outputs.len()];
        let mut d_values = vec![0.0; ROWS];
        let mut d_log_std = vec![0.0; self.network.layout().log_std().len()];
        for first_row in (0..ROWS).step_by(64) {
            let width = self.network.layout().output_width();
            loss.write(Block {
                first_row,
                outputs: &self.outputs[first_row * width..][..64 * width],
                values: &self.values[first_row..][..64],
                d_outputs: &mut d_outputs[first_row * width..][..64 * width],
                d_values: &mut d_values[first_row..][..64],
                d_log_std: &mut d_log_std,
            });
        }
        black_box(d_outputs);
    }

    fn gradient(&mut self) {
        let loss = Loss { network: &self.network, actions: &self.actions, old_log_probs: &self.log_probs };
        self.network.gradient(&self.inputs, &mut self.scratch, &mut self.gradient, |block| loss.write(block));
    }

    fn update(&mut self) {
        let (adam, gradient) = (&mut self.adam, &self.gradient);
        self.network.update(|parameters| adam.step(parameters, gradient, 1e-9, 0.5));
    }
}

/// The loss of PPO, with every advantage 1 and every return 0.
struct Loss<'a> {
    network: &'a Network,
    actions: &'a [f32],
    old_log_probs: &'a [f32],
}

impl Loss<'_> {
    fn write(&self, block: Block<'_>) {
        const LIMIT: usize = 96;
        let (mut log_probs, mut entropies, mut d_log_probs) = ([0.0; LIMIT], [0.0; LIMIT], [0.0; LIMIT]);
        let count = block.values.len();
        let width = self.network.layout().action_width();
        let actions = &self.actions[block.first_row * width..][..count * width];
        let distribution = self.network.distribution();
        distribution.evaluate(block.outputs, actions, &mut log_probs[..count], &mut entropies[..count]);
        let old = &self.old_log_probs[block.first_row..][..count];
        let scale = 1.0 / ROWS as f32;
        for row in 0..count {
            let ratio = (log_probs[row] - old[row]).exp();
            d_log_probs[row] = if ratio <= 1.2 { -ratio * scale } else { 0.0 };
            block.d_values[row] = block.values[row] * scale;
        }
        let d_entropies = &[-0.01 * scale; LIMIT][..count];
        let upstream = Upstream { d_log_probs: &d_log_probs[..count], d_entropies };
        distribution.backward(block.outputs, actions, upstream, block.d_outputs, block.d_log_std);
    }
}
