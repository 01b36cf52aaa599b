//! The architecture of the project: dependencies, public API, documents.
#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]
#![expect(clippy::unwrap_used, reason = "all of this is tests, where a panic is the report")]

mod circles;
mod dependencies;
mod documents;
mod packages;
mod public_api;
mod syntax;
mod unused;

use std::path::{Path, PathBuf};

/// Returns a path in the repository.
fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns the text of a file, by its path from the root of the repository.
fn text_of(path: &str) -> String {
    std::fs::read_to_string(in_repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
