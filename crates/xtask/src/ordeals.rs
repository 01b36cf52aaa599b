//! Tests that take minutes to hours: long versions of those of `cargo xtask test`.

use crate::checks::{Check, Program};

/// The environment variable that selects the long versions of the tests.
const LONG: &[(&str, &str)] = &[("LUDUS_TORTURE", "1")];

/// The ordeals, the quickest first. `RELIABILITY.md` has their results.
pub fn all_ordeals() -> [Check; 5] {
    [
        Check {
            name: "panics",
            remedy: "a panic in one world cost another experience, or the run: see `ludus_train/src/group.rs`",
            arguments: vec!["test -p ludus_train --test commands -- --nocapture faults::a_thousand_panics".to_owned()],
            environment: LONG,
            builds: false,
            program: Program::Cargo,
        },
        Check {
            name: "disk",
            remedy: "a full disk cost what was saved before; it needs the right to mount a small one",
            arguments: vec![
                "test -p ludus_train --test commands -- --nocapture crash::a_run_on_a_full_disk".to_owned(),
            ],
            environment: LONG,
            builds: false,
            program: Program::Cargo,
        },
        Check {
            name: "kill",
            remedy: "a run that was killed did not go on from its last checkpoint: see `ludus_train/src/resume.rs`",
            arguments: vec![
                "test -p ludus_train --test commands -- --nocapture crash::a_run_that_is_killed".to_owned(),
            ],
            environment: LONG,
            builds: false,
            program: Program::Cargo,
        },
        Check {
            name: "profiles",
            remedy: "a run is another in another build: something depends on how sums are ordered or rounded",
            arguments: vec!["test -p ludus_examples --test games profiles -- --ignored --nocapture".to_owned()],
            environment: &[],
            builds: false,
            program: Program::Cargo,
        },
        Check {
            name: "memory",
            remedy: "training holds on to memory: something that is kept per iteration, episode or panic",
            arguments: vec!["test -p ludus_train --test commands -- --nocapture memory::an_hour".to_owned()],
            environment: LONG,
            builds: false,
            program: Program::Cargo,
        },
    ]
}
