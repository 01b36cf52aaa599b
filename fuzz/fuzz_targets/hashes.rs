//! Files of state hashes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = ludus_fuzz::read_hashes(text);
});
