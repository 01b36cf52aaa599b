//! Compares the speed of networks in plain Rust with the same networks on libtorch, on one core.
//!
//! `taskset -c 0 cargo run --release -p ludus_torch --features libtorch --example network_speed -- [ROUNDS] [NAME]`
//!
//! Two things are measured in turn, for both learners: a forward pass of 64 rows, as in a decision, and a gradient step
//! of PPO on 2,048 samples, 16 steps of 128 rows, with loss and Adam. Each is the least time of `ROUNDS` rounds, 1,000 if
//! it is not given, of updates of an eighth of them: of a forward pass the time of a clock, of an update the processor
//! time. Both learners get the same network and the same numbers; libtorch gets one thread, and tensors that are made
//! already. Sets are full, so that both compute all elements.
#![expect(clippy::print_stdout, reason = "this is a command line")]

use std::hint::black_box;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use ludus_learn::{
    CollectedLane, Collector, Discount, Experience, LaneShape, LearnError, Learner, Machine, Minibatch, NativeLearner,
    Rollout, RolloutShape, SensedRows, Simulation, StepLanes, UpdateSettings,
};
use ludus_net::{
    Activation, Encoder, GridBlock, InputBlock, Layout, Memory, Network, NetworkConfig, Scratch, SetBlock,
};
use ludus_spec::{Head, Outcome, Seed};
use ludus_torch::{DeviceConfig, Parameter, TorchLearner, TorchNetwork, TorchSettings, described, tch};
use tch::Tensor;

/// Rows of a forward pass.
const ROWS: usize = 64;
/// Rows and steps of a rollout: 2,048 samples.
const PLAYERS: usize = 128;
const STEPS: usize = 16;
/// Numbers of an observation without a grid and a set.
const NUMBERS: usize = 16;
const HEADS: [Head; 1] = [Head::Categorical { choices: 4 }];
const SET: SetBlock = SetBlock { first: 0, capacity: 20, parts: 16 };
const GRID: GridBlock = GridBlock { first: 0, height: 20, width: 20, channels: 3 };
const SETTINGS: UpdateSettings = UpdateSettings {
    // So small that the networks stay the same.
    learning_rate: 1e-9,
    clip: 0.2,
    value_clip: None,
    entropy: 0.01,
    value_coefficient: 0.5,
    max_grad_norm: 0.5,
    normalize_advantages: true,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    tch::set_num_threads(1);
    let rounds = std::env::args().nth(1).map_or(Ok(1000), |rounds| rounds.parse())?;
    let wanted = std::env::args().nth(2).unwrap_or_default();
    println!("{:24} {:>42}   {:>42}", "", "forward of 64 rows [µs]", "update of 2,048 samples [ms]");
    println!("{:24} {:>14} {:>14} {:>12}   {:>14} {:>14} {:>12}", "", "Rust", "libtorch", "×", "Rust", "libtorch", "×");
    for (name, layout) in networks()?.into_iter().filter(|(name, _)| name.contains(&wanted)) {
        let network = Network::new(layout, Seed::new(1));
        let [native, torch] = forward_times(&network, rounds);
        let [native_update, torch_update] = update_times(&network, rounds.div_ceil(8))?;
        println!(
            "{name:24} {:14.1} {:14.1} {:12.2}   {:14.2} {:14.2} {:12.2}",
            native * 1e6,
            torch * 1e6,
            torch / native,
            native_update * 1e3,
            torch_update * 1e3,
            torch_update / native_update
        );
    }
    Ok(())
}

fn networks() -> Result<Vec<(&'static str, Layout)>, Failure> {
    let base = NetworkConfig { hidden: vec![64], ..NetworkConfig::default() };
    let remembering = |memory| Layout::new(NUMBERS, &HEADS, &NetworkConfig { memory: Some(memory), ..base.clone() });
    let encoded = |block: InputBlock, encoder, config: NetworkConfig| {
        let encoders = [(block.field.clone(), encoder)].into();
        let inputs = block.columns.range().end;
        Layout::with_blocks(inputs, &[block], &HEADS, &NetworkConfig { encoders, ..config })
    };
    let set = |encoder| encoded(InputBlock::set("enemies", SET), encoder, base.clone());
    let of_grid = NetworkConfig { activation: Activation::Relu, shared: true, ..base.clone() };
    let grid = encoded(InputBlock::grid("board", GRID), Encoder::Convolve(vec![16, 32]), of_grid);
    Ok(vec![
        ("2×64", Layout::new(NUMBERS, &HEADS, &NetworkConfig::default())?),
        ("MinGru(64)", remembering(Memory::MinGru(64))?),
        ("Gru(64)", remembering(Memory::Gru(64))?),
        ("Pool(32)", set(Encoder::Pool(32))?),
        ("Attend(32, 2)", set(Encoder::Attend { width: 32, heads: 2 })?),
        ("Convolve([16, 32])", grid?),
    ])
}

/// Returns the least times of a forward pass and a step of the memory, in plain Rust and on libtorch \[s\].
fn forward_times(network: &Network, rounds: usize) -> [f64; 2] {
    let layout = network.layout().clone();
    let inputs = observations(ROWS, layout.inputs(), Seed::new(2));
    let mut memory = vec![0.0; ROWS * layout.memory_width()];
    let (mut outputs, mut values) = (vec![0.0; ROWS * layout.output_width()], vec![0.0; ROWS]);
    let mut scratch = Scratch::new(&layout);

    let on_torch = described(network.clone());
    let parameters = tensors(&*on_torch);
    let rows = |numbers: &[f32]| Tensor::from_slice(numbers).view([ROWS as i64, -1]);
    let (observed, before) = (rows(&inputs), Tensor::zeros([ROWS as i64, memory.len() as i64 / ROWS as i64], KIND));
    let _guard = tch::no_grad_guard();
    let native = || network.step(black_box(&inputs), &mut memory, &mut scratch, &mut outputs, &mut values);
    let torch = || drop(black_box(on_torch.step(&parameters, &observed, &before)));
    least_of_pairs(rounds, clock, native, torch)
}

const KIND: (tch::Kind, tch::Device) = (tch::Kind::Float, tch::Device::Cpu);

/// Returns the tensors that a forward pass reads.
fn tensors(network: &dyn TorchNetwork) -> Vec<Tensor> {
    let tensor = |Parameter { shape, values, .. }: Parameter| {
        Tensor::from_slice(&values).view(&*shape.iter().map(|&size| size as i64).collect::<Vec<_>>())
    };
    network.parameters().into_iter().map(tensor).collect()
}

/// Returns the least times of a gradient step, in plain Rust and on libtorch \[s\].
fn update_times(network: &Network, rounds: usize) -> Result<[f64; 2], Failure> {
    let machine = Machine { pool: Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build()?), clock };
    let settings = TorchSettings { device: KIND.1, config: DeviceConfig::default(), machine: machine.clone() };
    let mut native = NativeLearner::new(network.clone(), None, machine)?;
    let mut torch = TorchLearner::new(described(network.clone()), None, settings)?;
    let mut native_update = Update::new(&mut native, network.layout())?;
    let mut torch_update = Update::new(&mut torch, network.layout())?;
    let (mut failed, mut failed_on_torch) = (None, None);
    let times = least_of_pairs(
        rounds,
        processor_clock,
        || failed = native_update.step(&mut native).err(),
        || failed_on_torch = torch_update.step(&mut torch).err(),
    );
    failed.or(failed_on_torch).map_or(Ok(times), |failure| Err(failure.into()))
}

/// A rollout, and its samples in the order of an update.
struct Update {
    rollout: Rollout,
    experience: Experience,
}

impl Update {
    fn new(learner: &mut impl Learner, layout: &Layout) -> Result<Self, LearnError> {
        let mut worlds = [Noise { inputs: layout.inputs(), step: 0 }];
        let shape = RolloutShape::of_lane(STEPS, &[worlds[0].lane(0)])?;
        let memory_width = learner.memory_width();
        let shape = RolloutShape { has_inputs: learner.keeps_inputs(), memory_width, ..shape };
        let mut rollout = Rollout::new(shape);
        let (collector, steps) = (Collector::new(learner.machine().clone()), rollout.missing_steps());
        let lane = CollectedLane { decider: learner.decider(), others: &[], rollout: &mut rollout, seed: Seed::new(3) };
        collector.collect(&mut worlds, &mut [lane], steps)?;
        rollout.estimate_advantages(&[Discount { gamma: 0.99, lambda: 0.95 }.into()]);
        let remembers = layout.memory_width() > 0;
        let shape = rollout.shape();
        let mut experience = if remembers { Experience::of_rows(shape) } else { Experience::new(shape) };
        experience.select(rollout.samples().outcomes);
        experience.shuffle(Seed::new(4));
        learner.begin_update(&rollout);
        Ok(Self { rollout, experience })
    }

    /// Takes a gradient step on all samples, and waits for its losses.
    fn step(&mut self, learner: &mut impl Learner) -> Result<(), LearnError> {
        for minibatch in self.experience.minibatches(1) {
            let minibatch: Minibatch<'_> = minibatch;
            learner.learn_minibatch(&self.rollout, minibatch, &SETTINGS)?;
        }
        black_box(learner.take_losses()?);
        Ok(())
    }
}

/// Rows that observe noise, with rewards that are noise.
struct Noise {
    inputs: usize,
    step: u64,
}

impl Simulation for Noise {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: PLAYERS, observation_width: self.inputs, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.copy_from_slice(&observations(PLAYERS, self.inputs, Seed::new(5).derive(self.step)));
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        self.step += 1;
        let rows = lanes.lane(0);
        rows.outcomes.fill(Outcome::Running);
        for (row, reward) in rows.rewards.iter_mut().enumerate() {
            *reward = Seed::new(6).derive(self.step).derive(row as u64).uniform();
        }
        self.observe(0, rows.next);
    }
}

/// Returns rows of noise; the last column is the count of a full set.
fn observations(rows: usize, inputs: usize, seed: Seed) -> Vec<f32> {
    let mut numbers: Vec<f32> =
        (0..rows * inputs).map(|index| 2.0 * seed.derive(index as u64).uniform() - 1.0).collect();
    if inputs == SET.count() {
        numbers.chunks_exact_mut(inputs).for_each(|row| row[SET.count_column()] = SET.capacity as f32);
    }
    numbers
}

/// Returns the least times of two pieces of work, which are done in turn \[s\]: other programs disturb only some rounds.
fn least_of_pairs(rounds: usize, clock: fn() -> u64, mut one: impl FnMut(), mut other: impl FnMut()) -> [f64; 2] {
    let time = |work: &mut dyn FnMut()| {
        let start = clock();
        work();
        (clock() - start) as f64 * 1e-9
    };
    (0..rounds).fold([f64::INFINITY; 2], |[least, least_other], _| {
        [least.min(time(&mut one)), least_other.min(time(&mut other))]
    })
}

static START: LazyLock<Instant> = LazyLock::new(now);

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}

/// Returns the time since the first call \[ns\].
fn clock() -> u64 {
    START.elapsed().as_nanos() as u64
}

/// Returns the processor time of all threads \[ns\], where the kernel says it: a gradient step lasts longer than others
/// leave a busy machine alone.
fn processor_clock() -> u64 {
    // The kernel counts the time of a thread that is running when the thread lets others run.
    std::thread::yield_now();
    processor_time().unwrap_or_else(clock)
}

#[expect(clippy::disallowed_methods, reason = "the kernel writes these files")]
fn processor_time() -> Option<u64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    threads.map(of_thread).sum()
}
