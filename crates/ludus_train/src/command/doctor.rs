//! `doctor`

use crate::report::Report;

use super::outlet::say;

/// Says what this machine has for learning.
pub(super) fn doctor() -> Report {
    for finding in ludus_libtorch::examine(None) {
        say(finding);
    }
    let built = if cfg!(feature = "torch") { "with" } else { "without" };
    say(format_args!("this program was built {built} the feature `torch`"));
    Report::default()
}
