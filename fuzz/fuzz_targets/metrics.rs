//! Tables of metrics: whatever is in one, it is gone on with or set aside.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &[u8])| {
    let (step, table) = input;
    if let Some(length) = ludus_fuzz::metrics_up_to(table, step) {
        assert!(length <= table.len() as u64);
        // What was cut off once is a table from there on.
        let again = ludus_fuzz::metrics_up_to(&table[..length as usize], step);
        assert_eq!(again, Some(length).filter(|&length| length > 0));
    }
});
