//! Demonstrations: any bytes are read or refused, and what was read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ludus_demonstrations::{DemonstrationFile, RowMatching};

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = DemonstrationFile::from_bytes(bytes) else { return };
    let again = DemonstrationFile::from_bytes(&file.to_bytes()).expect("what was written can be read");
    assert_eq!((&again.header, &again.episodes), (&file.header, &file.episodes));
    if !file.episodes.is_empty() {
        let matching = RowMatching::new(&file.header.agent, &file.header.agent).expect("a layout fits itself");
        file.episodes.iter().for_each(|episode| drop(matching.apply(episode)));
    }
});
