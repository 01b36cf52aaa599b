//! Files that are kept in the repository: whole ones of every kind, and those that fuzzing found.

use std::fs;
use std::path::{Path, PathBuf};

use super::READERS;
use super::memory::most_while;

/// Limit on the memory of a reader, as a multiple of the file's length.
const TIMES: usize = 64;
/// Memory that a reader may take in addition, such as for the names of a config's fields [bytes].
const BESIDES: usize = 1 << 20;

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Every reader gets every file, whatever the file was made for.
#[test]
fn every_file_is_read_or_refused_with_little_memory() {
    let all = [files(&folder("../../fuzz/seeds")), files(&folder("tests/hostile/found"))].concat();
    for path in &all {
        let bytes = fs::read(path).unwrap();
        for (name, reader) in READERS {
            let (most, _) = most_while(|| reader(&bytes));
            assert!(most < TIMES * bytes.len() + BESIDES, "{}: {most} bytes for {name}", path.display());
        }
    }
}

#[test]
fn whole_files_are_read() {
    for (name, reader) in READERS {
        for path in files(&folder("../../fuzz/seeds").join(name)) {
            let is_of_another_agent = name == "config";
            assert!(reader(&fs::read(&path).unwrap()) || is_of_another_agent, "{}", path.display());
        }
    }
}

/// Every whole file, cut at every length and with bits flipped here and there.
#[test]
fn no_part_of_a_file_panics() {
    for (name, reader) in READERS {
        for path in files(&folder("../../fuzz/seeds").join(name)) {
            let bytes = fs::read(&path).unwrap();
            for place in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
                reader(&bytes[..place]);
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << (place % 8);
                reader(&flipped);
            }
        }
    }
}
