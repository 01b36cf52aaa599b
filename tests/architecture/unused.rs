//! Every dependency is used.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::dependencies::metadata;

/// Dependencies that no source file names, with the reason for each: crate, dependency.
const EXCEPTIONS: [(&str, &str); 2] = [
    // Its build script passes the folder of libtorch on to this crate's.
    ("ludus_torch", "torch_sys"),
    // Its build script passes the folder of libtorch on to the examples'.
    ("ludus_examples", "ludus_torch"),
];

#[test]
fn every_dependency_is_named_in_a_source_file() {
    let metadata = metadata();
    let mut unused = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        let sources = Sources::of(folder);
        for dependency in package["dependencies"].as_array().unwrap() {
            let known_as = dependency["rename"].as_str().or(dependency["name"].as_str()).unwrap().replace('-', "_");
            if !sources.name(dependency["kind"].as_str(), &known_as) {
                unused.push((name.to_owned(), known_as));
            }
        }
    }
    let exceptions = EXCEPTIONS.map(|(package, dependency)| (package.to_owned(), dependency.to_owned()));
    let found: BTreeSet<_> = unused.into_iter().collect();
    assert_eq!(found, BTreeSet::from(exceptions), "remove unused dependencies from `Cargo.toml` (left)");
}

#[test]
fn a_dependency_that_only_tests_name_is_no_dependency_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [("src/lib.rs", "use one::One;"), ("tests/a.rs", "use two::Two;"), ("build.rs", "three!();")] {
        let file = folder.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let sources = Sources::of(folder.path());
    let check = |kind, expected: [bool; 4]| {
        assert_eq!(["one", "two", "three", "on"].map(|name| sources.name(kind, name)), expected, "{kind:?}");
    };
    check(None, [true, false, false, false]);
    check(Some("dev"), [true, true, false, false]);
    check(Some("build"), [false, false, true, false]);
}

/// The names in a crate's source files.
struct Sources {
    library: BTreeSet<String>,
    /// Names in tests, examples and benchmarks.
    tests: BTreeSet<String>,
    build: BTreeSet<String>,
}

impl Sources {
    fn of(folder: &Path) -> Self {
        let mut sources = Self { library: BTreeSet::new(), tests: BTreeSet::new(), build: BTreeSet::new() };
        collect(&folder.join("src"), &mut sources.library);
        ["tests", "examples", "benches"].iter().for_each(|tests| collect(&folder.join(tests), &mut sources.tests));
        collect(&folder.join("build.rs"), &mut sources.build);
        sources
    }

    /// True if a dependency of this kind is named where it can be used.
    fn name(&self, kind: Option<&str>, dependency: &str) -> bool {
        match kind {
            Some("build") => self.build.contains(dependency),
            Some("dev") => self.library.contains(dependency) || self.tests.contains(dependency),
            _ => self.library.contains(dependency),
        }
    }
}

/// Adds the names in a source file, or in all source files of a folder.
fn collect(path: &Path, names: &mut BTreeSet<String>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| collect(&entry.unwrap().path(), names));
    } else if path.extension().is_some_and(|end| end == "rs") && path.is_file() {
        let text = fs::read_to_string(path).unwrap();
        let is_in_name = |letter: char| letter.is_alphanumeric() || letter == '_';
        names.extend(text.split(|letter| !is_in_name(letter)).map(str::to_owned));
    }
}
