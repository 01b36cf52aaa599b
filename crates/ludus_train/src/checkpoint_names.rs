//! The names of checkpoint files: `best.safetensors`, and `step-` with the number of steps.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const START: &str = "step-";
const END: &str = ".safetensors";

/// The name of the best checkpoint.
pub(crate) const BEST: &str = "best.safetensors";

/// A checkpoint's path, with the number of steps in its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberedCheckpoint {
    /// Steps after which the checkpoint was saved, as its name says.
    pub steps: u64,
    /// The path of the file.
    pub path: PathBuf,
}

/// Returns the name of the checkpoint after this many steps.
pub(crate) fn numbered_name(steps: u64) -> String {
    format!("{START}{steps:012}{END}")
}

/// Returns all files in a folder that have the name of a checkpoint with its steps, the fewest steps first.
pub(crate) fn numbered(folder: &Path) -> io::Result<Vec<NumberedCheckpoint>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let steps = entry.file_name().to_str().and_then(steps_of);
        found.extend(steps.map(|steps| NumberedCheckpoint { steps, path: entry.path() }));
    }
    found.sort();
    Ok(found)
}

/// Returns the number of steps in a checkpoint's name; `None` for every other name.
fn steps_of(name: &str) -> Option<u64> {
    name.strip_prefix(START)?.strip_suffix(END)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_number_of_steps() {
        assert_eq!(numbered_name(12_000), "step-000000012000.safetensors");
        assert_eq!(steps_of(&numbered_name(u64::MAX)), Some(u64::MAX));
        assert_eq!(steps_of("step-3.safetensors"), Some(3));
        for other in [BEST, "step-.safetensors", "step-3.safetensors.part", "refused-step-3.safetensors"] {
            assert_eq!(steps_of(other), None, "{other}");
        }
    }
}
