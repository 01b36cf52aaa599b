//! The command `doctor`.

use crate::report::{Diagnosis, Report};

use super::outlet::say;

/// Runs `doctor`: prints what this machine has for learning.
pub(super) fn doctor() -> Report {
    let findings = ludus_libtorch::examine(None).iter().map(ToString::to_string).collect::<Vec<_>>();
    findings.iter().for_each(say);
    let is_built_with_torch = cfg!(feature = "torch");
    let built = if is_built_with_torch { "with" } else { "without" };
    say(format_args!("this program was built {built} the feature `torch`"));
    Report { doctor: Some(Diagnosis { findings, is_built_with_torch }), ..Report::default() }
}
