//! Files that come with a game.

use std::path::{Path, PathBuf};

/// A file or a folder that comes with the game: in the current folder, or in that of the package that cargo runs.
pub(crate) fn shipped(file: &Path) -> Option<PathBuf> {
    let of_package = package().map(|package| package.join(file));
    std::iter::once(file.to_owned()).chain(of_package).find(|file| file.exists())
}

/// The folder of the package that cargo runs the program from.
pub(crate) fn package() -> Option<PathBuf> {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)
}
