//! Deeply nested sections.

use super::{EPISODE_1, EPISODE_2, READERS, sealed_episode, tensors};

/// A stack smaller than that of any thread that reads files [bytes].
const SMALL_STACK: usize = 1 << 18;

/// Reads on a small stack. An overflow would abort the whole test.
#[test]
fn deep_nesting_is_refused() {
    let read = || {
        for opening in ["[", "{\"a\":", "(", "(a:", "Some(", "{\"a\":[", "/*"] {
            let deep = opening.repeat(200_000);
            let header = serde_json::json!({ "__metadata__": { "policy": deep, "checkpoint": deep } }).to_string();
            let episodes = [EPISODE_1, EPISODE_2].map(|version| sealed_episode(version, &deep, &[]));
            let tensors = [tensors(&deep, &[]), tensors(&header, &[])];
            for bytes in episodes.iter().chain(&tensors).map(|bytes| &bytes[..]).chain([deep.as_bytes()]) {
                for (name, reader) in READERS {
                    assert!(!reader(bytes), "{name}: {opening}");
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(read).unwrap().join().unwrap();
}
