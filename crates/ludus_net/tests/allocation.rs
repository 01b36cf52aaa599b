//! After construction nothing allocates: no forward pass, no draw, no gradient step.
#![expect(unsafe_code, reason = "an allocator that counts has to implement `GlobalAlloc`")]

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::cell::Cell;

use ludus_net::{
    Adam, Encoder, GridBlock, InputBlock, Layout, Network, NetworkConfig, Normalizer, Scratch, Statistics, Upstream,
};
use ludus_spec::{Head, Seed};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller upholds the contract, which is the same.
        unsafe { System.alloc(memory) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, memory: Memory) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, memory) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn nothing_allocates_after_construction() {
    const ROWS: usize = 150;
    let heads = [Head::Gaussian { width: 2 }, Head::Categorical { choices: 3 }, Head::Categorical { choices: 12 }];
    // One choice of each categorical head is allowed.
    let mask: [bool; 15] = std::array::from_fn(|choice| choice == 1 || choice == 7);
    let masks = [Vec::new(), mask.repeat(ROWS)];
    for (shared, layer_norm, masks) in
        [(false, false, &masks[0]), (true, false, &masks[0]), (false, false, &masks[1]), (true, true, &masks[0])]
    {
        let config = NetworkConfig { shared, layer_norm, ..NetworkConfig::default() };
        let layout = Layout::new(6, &heads, &config).unwrap();
        let mut network = Network::new(layout.clone(), Seed::new(1));
        let mut scratch = Scratch::new(&layout);
        let mut adam = Adam::new(layout.parameter_count());
        let mut normalizer = Normalizer::new(6, 10.0);
        let mut statistics = Statistics::new(6);
        let raw = vec![0.5; ROWS * 6];
        let mut inputs = raw.clone();
        let mut outputs = vec![0.0; ROWS * layout.output_width()];
        let mut actions = vec![0.0; ROWS * layout.action_width()];
        let [mut values, mut log_probs, mut entropies] = [0, 1, 2].map(|_| vec![0.0; ROWS]);
        let mut gradient = vec![0.0; layout.parameter_count()];

        let before = ALLOCATIONS.get();
        statistics.observe(&raw, |row| row != 3);
        normalizer.merge(&statistics);
        normalizer.apply(&raw, &mut inputs);
        network.forward(&inputs, &mut scratch, &mut outputs, &mut values);
        let distribution = network.distribution().masked(masks);
        distribution.sample(&outputs, |row| Seed::new(2).derive(row as u64), &mut actions, &mut log_probs);
        distribution.mode(&outputs, &mut actions);
        network.gradient(&inputs, &mut scratch, &mut gradient, |block| {
            let count = block.values.len();
            let actions = &actions[block.first_row * 4..][..count * 4];
            let (log_probs, entropies) = (&mut log_probs[..count], &mut entropies[..count]);
            let of_block = if masks.is_empty() { &[] } else { &masks[block.first_row * 15..][..count * 15] };
            let distribution = network.distribution().masked(of_block);
            distribution.evaluate(block.outputs, actions, log_probs, entropies);
            let upstream = Upstream { d_log_probs: log_probs, d_entropies: entropies };
            distribution.backward(block.outputs, actions, upstream, block.d_outputs, block.d_log_std);
        });
        let norm = network.update(|parameters| adam.step(parameters, &gradient, 1e-3, 0.5));
        assert_eq!(ALLOCATIONS.get() - before, 0);
        assert!(norm > 0.0);
    }
}

#[test]
fn convolutions_allocate_nothing_after_construction() {
    let encoders = [("board".to_owned(), Encoder::Convolve(vec![8, 12]))].into();
    let config = NetworkConfig { encoders, hidden: vec![16], ..NetworkConfig::default() };
    let grid = GridBlock { first: 1, height: 9, width: 6, channels: 2 };
    let heads = [Head::Categorical { choices: 3 }];
    let layout = Layout::with_blocks(grid.count() + 1, &[InputBlock::grid("board", grid)], &heads, &config).unwrap();
    let (mut network, mut scratch) = (Network::new(layout.clone(), Seed::new(1)), Scratch::new(&layout));
    let mut adam = Adam::new(layout.parameter_count());
    let inputs = vec![0.5; 150 * layout.inputs()];
    let (mut outputs, mut values) = (vec![0.0; 150 * layout.output_width()], vec![0.0; 150]);
    let mut gradient = vec![0.0; layout.parameter_count()];
    let before = ALLOCATIONS.get();
    network.forward(&inputs, &mut scratch, &mut outputs, &mut values);
    network.gradient(&inputs, &mut scratch, &mut gradient, |block| block.d_values.fill(1.0));
    network.update(|parameters| adam.step(parameters, &gradient, 1e-3, 0.5));
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
