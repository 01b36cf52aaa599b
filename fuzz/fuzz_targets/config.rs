//! Configs: any text is read, or refused with all its problems.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ludus_fuzz::{RunConfig, spec};

fuzz_target!(|text: &str| {
    match RunConfig::from_ron(text, &[spec().into()]) {
        Ok(config) => {
            let again = RunConfig::from_ron(&config.to_ron(), &[spec().into()]);
            assert_eq!(again.expect("what was written is read"), config);
        }
        Err(error) => assert!(!error.problems().is_empty()),
    }
});
