//! The number of copies between the host and the device. On a GPU, every copy to the host waits.

use std::ffi::{CStr, c_char};

use ludus_learn::{Algorithm, Learner, PpoConfig};
use ludus_net::{Layout, Memory, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed};
use ludus_torch::{TorchLearner, Transfers};

use crate::cart_pole::WIDTH;
use crate::{PLAIN, Setup, cart_pole_network, cart_poles, collect, ppo, rollout_of, torch};

const STEPS: usize = 6;

/// Returns the software GPU's counts of these operations, for the whole program; `None` without a software GPU.
#[expect(unsafe_code, reason = "it is a function of a library that is loaded before the program")]
fn counted<const N: usize>(whats: [&CStr; N]) -> Option<[u64; N]> {
    type Count = unsafe extern "C" fn(*const c_char) -> u64;
    let program = libloading::os::unix::Library::this();
    // SAFETY: the function has this type, and the texts outlive the calls.
    unsafe { program.get::<Count>(b"software_gpu_count").ok().map(|count| whats.map(|what| count(what.as_ptr()))) }
}

fn since(learner: &TorchLearner, before: Transfers) -> Transfers {
    let now = learner.transfers();
    Transfers { up: now.up - before.up, down: now.down - before.down }
}

/// With two splits, each has its own copies. The last observations, which only the critic reads, count as a step.
#[test]
fn a_step_goes_up_once_and_comes_down_once() {
    for splits in [1, 2] {
        let mut learner = torch(cart_pole_network(1), Some(Normalizer::new(WIDTH, 10.0)), Setup { splits, ..PLAIN });
        let mut worlds = cart_poles(&[8, 8], 2);
        let mut rollout = rollout_of(STEPS, &worlds);
        for iteration in 0..2 {
            let before = learner.transfers();
            collect(&mut learner, &mut worlds, &mut rollout, iteration).unwrap();
            let once = ((STEPS + 1) * splits) as u64;
            assert_eq!(since(&learner, before), Transfers { up: once, down: once }, "{splits} splits");
        }
    }
}

/// The counts of [`Transfers`] equal the calls of CUDA. Checked on the software GPU, if no other test runs at the same
/// time.
#[test]
fn nothing_else_waits() {
    let remembering = |memory| NetworkConfig { memory: Some(memory), hidden: vec![32], ..NetworkConfig::default() };
    let layout = |config| Layout::new(WIDTH, &[Head::Categorical { choices: 2 }], &config).unwrap();
    let network = |memory| Network::new(layout(remembering(memory)), Seed::new(1));
    for network in [cart_pole_network(1), network(Memory::MinGru(16)), network(Memory::Gru(16))] {
        check_waits(network);
    }
}

fn check_waits(network: Network) {
    const WHATS: [&CStr; 5] = [c"pinned copies up", c"other copies up", c"pinned copies down", c"waits", c"recordings"];
    const ITERATIONS: usize = 3;
    let config = PpoConfig { rollout_steps: STEPS, epochs: 3, minibatch: 24, ..PpoConfig::default() };
    let mut worlds = cart_poles(&[16], 2);
    let learner = torch(network, Some(Normalizer::new(WIDTH, 10.0)), PLAIN);
    let mut ppo = ppo(&config, learner, &worlds, 3);
    let Some(before) = counted(WHATS) else { return };
    let counted_before = ppo.learner().transfers();
    for _ in 0..ITERATIONS {
        ppo.mark().unwrap();
        ppo.iterate(&mut worlds, 0.0).unwrap();
    }
    let now = counted(WHATS).unwrap();
    let [pinned_up, other_up, pinned_down, waits, recordings] = std::array::from_fn(|index| now[index] - before[index]);
    let Transfers { up, down } = since(ppo.learner(), counted_before);
    assert_eq!([pinned_up, other_up], [up, 0]);
    assert_eq!(pinned_down, ((STEPS + 1) * ITERATIONS) as u64, "all that is played; losses come once");
    assert_eq!(waits, down + recordings, "before a recording everything has to be over");
    assert!(recordings > 0);
    assert_eq!(ppo.learner().obstacle(), None);
}

#[test]
fn an_update_comes_down_once() {
    let config = PpoConfig { rollout_steps: STEPS, epochs: 3, minibatch: 24, ..PpoConfig::default() };
    let mut worlds = cart_poles(&[16], 2);
    let learner = torch(cart_pole_network(1), Some(Normalizer::new(WIDTH, 10.0)), PLAIN);
    let mut ppo = ppo(&config, learner, &worlds, 3);
    for _ in 0..3 {
        let before = ppo.learner().transfers();
        // A run marks the state in each iteration.
        ppo.mark().unwrap();
        let minibatches = ppo.iterate(&mut worlds, 0.0).unwrap().minibatches as u64;
        assert!(minibatches > 8);
        let played = STEPS as u64 + 1;
        // Copies of an update: advantages with returns, the normaliser's two arrays, and per minibatch its samples and
        // settings.
        let up = played + 1 + 2 + 2 * minibatches;
        assert_eq!(since(ppo.learner(), before), Transfers { up, down: played + 1 });
    }
}

/// After a rewind, the same draws lead to the same weights.
#[test]
fn what_was_marked_comes_back_without_coming_down() {
    let config = PpoConfig { rollout_steps: STEPS, minibatch: 24, ..PpoConfig::default() };
    let mut worlds = cart_poles(&[16], 2);
    let learner = torch(cart_pole_network(1), Some(Normalizer::new(WIDTH, 10.0)), PLAIN);
    let mut ppo = ppo(&config, learner, &worlds, 3);
    ppo.iterate(&mut worlds, 0.0).unwrap();
    let (good, worlds_then) = (ppo.state(), worlds.clone());
    ppo.mark().unwrap();
    ppo.iterate(&mut worlds, 0.0).unwrap();
    let once = ppo.state();
    assert!(once.learner != good.learner);
    let before = ppo.learner().transfers();
    ppo.rewind();
    assert_eq!(since(ppo.learner(), before).down, 0);
    assert_eq!(ppo.state(), good);
    worlds = worlds_then;
    ppo.iterate(&mut worlds, 0.0).unwrap();
    assert_eq!(ppo.state(), once);
}
