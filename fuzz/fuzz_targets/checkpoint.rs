//! Checkpoints: policy files with a learner's state in them, and a hash.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ludus_fuzz::Checkpoint;

fuzz_target!(|bytes: &[u8]| {
    let _ = Checkpoint::from_bytes(bytes);
});
