//! Tables of metrics: any table is continued or set aside.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &[u8])| {
    let (step, table) = input;
    if let Some(length) = ludus_fuzz::metrics_up_to(table, step) {
        assert!(length <= table.len() as u64);
        // A table that was cut off once stays as it is.
        let again = ludus_fuzz::metrics_up_to(&table[..length as usize], step);
        assert_eq!(again, Some(length).filter(|&length| length > 0));
    }
});
