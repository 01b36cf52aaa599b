//! Episodes: any bytes are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ludus_fuzz::EpisodeLog;

fuzz_target!(|bytes: &[u8]| {
    let _ = EpisodeLog::from_bytes(bytes);
});
