//! Steps and minibatches don't allocate.

#![expect(unsafe_code, reason = "counting allocations takes a global allocator")]
#![expect(clippy::unwrap_used, reason = "what a test needs has to be there")]

#[path = "ppo/cart_pole.rs"]
mod cart_pole;

use std::alloc::{GlobalAlloc, Layout as Memory, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cart_pole::{CartPoles, WIDTH};
use ludus_learn::{LaneShape, Machine, NativeLearner, Ppo, PpoConfig, SensedRows, Simulation, StepLanes};
use ludus_net::{Encoder, InputBlock, Layout, Network, NetworkConfig, Normalizer, ValuesBlock};
use ludus_spec::{Head, Seed, stopped_clock};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, memory: Memory) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller upholds the contract of the system's allocator.
        unsafe { System.alloc(memory) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, memory: Memory) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, memory) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Cart-poles that may be pushed to the left only.
struct LeftOnly(CartPoles);

impl Simulation for LeftOnly {
    fn lane(&self, lane: usize) -> LaneShape {
        LaneShape { mask_width: 2, ..self.0.lane(lane) }
    }

    fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
        now.masks.as_chunks_mut().0.fill([true, false]);
        self.0.observe(lane, now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        assert!(rows.actions.iter().all(|&action| action == 0.0), "to the right is not allowed");
        rows.next.masks.as_chunks_mut().0.fill([true, false]);
        self.0.step(lanes);
    }
}

/// Steps with masks and without don't allocate.
#[test]
fn steps_and_minibatches_do_not_allocate() {
    let mut worlds = [CartPoles::new(0..20, Seed::new(2)), CartPoles::new(20..30, Seed::new(2))];
    let perceptron = NetworkConfig::default();
    check(&mut worlds, &perceptron, |world| world.finished.clear());
    let encoders = [("pole".to_owned(), Encoder::Stack(3))].into();
    let remembering = NetworkConfig {
        encoders,
        observe_last_action: true,
        layer_norm: true,
        memory: Some(ludus_net::Memory::MinGru(16)),
        ..NetworkConfig::default()
    };
    check(&mut worlds, &remembering, |world| world.finished.clear());
    check(&mut worlds.map(LeftOnly), &perceptron, |world| world.0.finished.clear());
}

/// Checks that, after the first iteration, an iteration allocates the lists of its lanes, slabs and simulations, and
/// nothing else.
fn check<S: Simulation>(worlds: &mut [S], network: &NetworkConfig, tidy_up: fn(&mut S)) {
    let config = PpoConfig { rollout_steps: 64, minibatch: 200, scale_rewards: true, ..PpoConfig::default() };
    let blocks = [InputBlock::values("pole", ValuesBlock { first: 2, width: 2 })];
    let layout = Layout::with_blocks(WIDTH, &blocks, &[Head::Categorical { choices: 2 }], network).unwrap();
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap());
    let machine = Machine { pool, clock: stopped_clock };
    let learner =
        NativeLearner::new(Network::new(layout, Seed::new(1)), Some(Normalizer::new(WIDTH, 10.0)), machine).unwrap();
    let lanes: Vec<LaneShape> = worlds.iter().map(|world| world.lane(0)).collect();
    let mut ppo = Ppo::new(config, learner, &lanes, Seed::new(3)).unwrap();
    ppo.iterate(worlds, 0.0).unwrap();
    for _ in 0..3 {
        worlds.iter_mut().for_each(tidy_up);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let iteration = ppo.iterate(worlds, 0.0).unwrap();
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert!(iteration.minibatches > 30);
        assert!(allocations <= 4, "{allocations}");
    }
}
